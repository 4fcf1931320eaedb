/** `kubesim logs`: what a cluster's server says. */
import { closeSync, existsSync, openSync, readFileSync, readSync, watchFile } from "node:fs";
import { ClusterDirectory } from "../cluster-directory.ts";
import { commandOn } from "../cluster-name.ts";
import { CliError } from "../errors.ts";

/** How often a followed log is looked at, in real milliseconds. */
const pollMs = 200;

/** Prints the log; with `follow`, what is added to it, until the user has seen enough. */
export function logs(options: { readonly name: string; readonly follow?: boolean; readonly tail?: number }): void {
	const file = ClusterDirectory.existing(options.name).logFile;
	if (!existsSync(file)) throw new CliError(`cluster ${options.name} has no log yet`, { hint: commandOn(options.name, "start") });
	printFile(file, options);
}

/** Prints a file of lines; with `follow`, what is added to it, until the user has seen enough. */
export function printFile(file: string, options: { readonly follow?: boolean; readonly tail?: number }): void {
	const text = readFileSync(file);
	process.stdout.write(options.tail === undefined ? text : lastLines(text.toString("utf8"), options.tail));
	if (options.follow !== true) return;
	let offset = text.length;
	watchFile(file, { interval: pollMs }, ({ size }) => {
		// A new log has begun.
		if (size < offset) offset = 0;
		if (size > offset) process.stdout.write(readRange(file, offset, size));
		offset = size;
	});
}

function lastLines(text: string, count: number): string {
	const lines = text.split(/(?<=\n)/);
	return lines.slice(Math.max(0, lines.length - count)).join("");
}

function readRange(file: string, start: number, end: number): Buffer {
	const handle = openSync(file, "r");
	try {
		const buffer = Buffer.alloc(end - start);
		return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, start));
	} finally {
		closeSync(handle);
	}
}

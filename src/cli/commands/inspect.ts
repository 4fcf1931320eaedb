/** `kubesim status`, `list`, `logs` and `kubeconfig`: what there is to know of clusters. */
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, watchFile } from "node:fs";
import { ClusterDirectory, contextName, listClusters } from "../cluster-directory.ts";
import { CliError } from "../errors.ts";

export interface OutputOptions {
	readonly output?: "json";
}

interface ClusterStatus {
	readonly name: string;
	readonly state: "running" | "stopped";
	readonly nodes: number;
	readonly server?: string;
	readonly pid?: number;
	readonly startedAt?: string;
	/** Resident memory of the server; absent where the system does not tell. */
	readonly memoryBytes?: number;
	readonly context: string;
	readonly directory: string;
}

function existing(name: string): ClusterDirectory {
	const directory = new ClusterDirectory(name);
	if (!directory.exists())
		throw new CliError(`there is no cluster ${name}`, { hint: "kubesim list shows the ones there are; kubesim start makes one." });
	return directory;
}

function statusOf(directory: ClusterDirectory): ClusterStatus {
	const record = directory.runningServer();
	const memoryBytes = record === undefined ? undefined : residentBytes(record.pid);
	return {
		name: directory.name,
		state: record === undefined ? "stopped" : "running",
		nodes: directory.config()?.nodes ?? 0,
		...(record === undefined ? {} : { server: record.url, pid: record.pid, startedAt: record.startedAt }),
		...(memoryBytes === undefined ? {} : { memoryBytes }),
		context: contextName(directory.name),
		directory: directory.path,
	};
}

/** From /proc; undefined on systems without it. */
function residentBytes(pid: number): number | undefined {
	try {
		const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
		return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
	} catch {
		// No /proc, or the process just ended: there is nothing to tell.
		return undefined;
	}
}

/** Exit code 0 when it runs, 3 when it is stopped, as `systemctl status` has it. */
export function status(options: { readonly name: string } & OutputOptions): void {
	const found = statusOf(existing(options.name));
	if (found.state === "stopped") process.exitCode = 3;
	if (options.output === "json") {
		process.stdout.write(`${JSON.stringify(found)}\n`);
		return;
	}
	const rows: [string, string | undefined][] = [
		["name", found.name],
		["state", found.state],
		["server", found.server],
		["nodes", String(found.nodes)],
		["pid", found.pid?.toString()],
		["since", found.startedAt],
		["memory", found.memoryBytes === undefined ? undefined : `${Math.round(found.memoryBytes / 2 ** 20)} MiB`],
		["context", found.context],
		["directory", found.directory],
	];
	for (const [key, value] of rows) if (value !== undefined) process.stdout.write(`${key.padEnd(10)} ${value}\n`);
}

export function list(options: OutputOptions): void {
	const clusters = listClusters().map((name) => statusOf(new ClusterDirectory(name)));
	if (options.output === "json") {
		process.stdout.write(`${JSON.stringify(clusters)}\n`);
		return;
	}
	if (clusters.length === 0) {
		process.stderr.write("There are no clusters. kubesim start makes one.\n");
		return;
	}
	const rows = [
		["NAME", "STATE", "NODES", "SERVER"],
		...clusters.map((found) => [found.name, found.state, String(found.nodes), found.server ?? "-"]),
	];
	const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
	for (const row of rows)
		process.stdout.write(
			`${row
				.map((cell, column) => cell.padEnd(widths[column] ?? 0))
				.join("   ")
				.trimEnd()}\n`,
		);
}

export function kubeconfig(options: { readonly name: string }): void {
	const directory = existing(options.name);
	if (!existsSync(directory.kubeconfigFile)) {
		throw new CliError(`cluster ${options.name} has never been started`, { hint: `kubesim start --name ${options.name}` });
	}
	process.stdout.write(readFileSync(directory.kubeconfigFile));
}

/** Prints the server's log; with `follow`, what is added to it until the user has seen enough. */
export function logs(options: { readonly name: string; readonly follow?: boolean; readonly tail?: number }): void {
	const directory = existing(options.name);
	const file = directory.logFile;
	if (!existsSync(file)) throw new CliError(`cluster ${options.name} has no log yet`, { hint: `kubesim start --name ${options.name}` });
	const text = readFileSync(file, "utf8");
	const lines = text.split("\n");
	process.stdout.write(options.tail === undefined ? text : lines.slice(-options.tail - 1).join("\n"));
	if (options.follow !== true) return;
	let offset = statSync(file).size;
	watchFile(file, { interval: 200 }, ({ size }) => {
		if (size < offset) offset = 0;
		process.stdout.write(readFrom(file, offset, size));
		offset = size;
	});
}

function readFrom(file: string, start: number, end: number): Buffer {
	const handle = openSync(file, "r");
	try {
		const buffer = Buffer.alloc(end - start);
		return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, start));
	} finally {
		closeSync(handle);
	}
}

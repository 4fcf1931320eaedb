/** `df` and `du`: how full file systems are, and of what. Source: df(1), du(1) of coreutils 9.7 */
import { diskUsageOf } from "../disk-usage.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { joinPath, resolvePath } from "../vfs/path.ts";
import { parseOptions } from "./options.ts";

const blockBytes = 4096;

/** `1.5K`, `20G`: rounded up, with one digit below ten. */
export function humanSize(bytes: number, step = 1024): string {
	const units = ["", "K", "M", "G", "T", "P"];
	let value = bytes;
	let unit = 0;
	for (; value >= step && unit < units.length - 1; unit++) value /= step;
	if (unit === 0) return String(Math.ceil(value));
	const rounded = value < 10 ? Math.ceil(value * 10) / 10 : Math.ceil(value);
	return `${value < 10 && rounded < 10 ? rounded.toFixed(1) : Math.ceil(rounded)}${units[unit]}`;
}

/** Rounded up. */
function percentUsed(used: number, available: number): string {
	return used + available === 0 ? "-" : `${Math.ceil((used * 100) / (used + available))}%`;
}

export const df: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "hHiTakmPlt:x:B:", [
		"human-readable",
		"inodes",
		"print-type",
		"all",
		"type:",
		"exclude-type:",
		"si",
	]);
	const { files, machine } = context;
	const isHuman = flags.has("h") || flags.has("human-readable") || flags.has("H");
	const ofInodes = flags.has("i") || flags.has("inodes");
	const withType = flags.has("T") || flags.has("print-type");
	let mounts = files.mounts();
	if (operands.length > 0) {
		const found = [];
		for (const operand of operands) {
			const path = resolvePath(context.cwd, operand);
			if (!files.exists(path)) {
				await writeText(context.stderr, `df: ${operand}: No such file or directory\n`);
				return 1;
			}
			found.push(files.mountOf(path));
		}
		mounts = found;
	} else {
		const type = values.get("t") ?? values.get("type");
		const excluded = values.get("x") ?? values.get("exclude-type");
		const seen = new Set<string>();
		mounts = mounts.filter((mount) => {
			if ((type !== undefined && mount.type !== type) || mount.type === excluded) return false;
			if (flags.has("a") || flags.has("all")) return true;
			// A file system that is there twice is shown once, and those of no size not at all.
			const key = mount.type === "tmpfs" ? mount.path : mount.source;
			if (seen.has(key) || diskUsageOf(machine, mount).sizeBytes === 0 || files.stat(mount.path).type !== "directory") return false;
			seen.add(key);
			return true;
		});
	}
	const unit = flags.has("m") ? 1024 ** 2 : 1024;
	const size = (bytes: number) => (isHuman ? humanSize(bytes, flags.has("H") ? 1000 : 1024) : String(Math.ceil(bytes / unit)));
	const count = (number: number) => (isHuman ? humanSize(number) : String(number));
	const rows = mounts.map((mount) => {
		const usage = diskUsageOf(machine, mount);
		const { sizeBytes, usedBytes, availableBytes, inodes, usedInodes } = usage;
		const numbers = ofInodes
			? [count(inodes), count(usedInodes), count(inodes - usedInodes), percentUsed(usedInodes, inodes - usedInodes)]
			: [size(sizeBytes), size(usedBytes), size(availableBytes), percentUsed(usedBytes, availableBytes)];
		return [mount.source, ...(withType ? [mount.type] : []), ...numbers, mount.path];
	});
	const sizes = isHuman
		? ["Size", "Used", "Avail", "Use%"]
		: [
				flags.has("P") ? "1024-blocks" : flags.has("m") ? "1M-blocks" : "1K-blocks",
				"Used",
				"Available",
				flags.has("P") ? "Capacity" : "Use%",
			];
	const head = ["Filesystem", ...(withType ? ["Type"] : []), ...(ofInodes ? ["Inodes", "IUsed", "IFree", "IUse%"] : sizes), "Mounted on"];
	const texts = withType ? 2 : 1;
	const least = (index: number) => (index === 0 ? 14 : index >= texts && index < texts + 3 ? 5 : 0);
	const widths = head.map((title, index) => Math.max(least(index), title.length, ...rows.map((row) => row[index]?.length ?? 0)));
	const line = (row: readonly string[]) =>
		row
			.map((text, index) =>
				index === row.length - 1 ? text : index < texts ? text.padEnd(widths[index] ?? 0) : text.padStart(widths[index] ?? 0),
			)
			.join(" ");
	await writeText(context.stdout, `${[head, ...rows].map(line).join("\n")}\n`);
	return 0;
};

interface DuOptions {
	readonly isApparent: boolean;
	readonly staysInFileSystem: boolean;
	/** How deep lines are printed. */
	readonly depth: number;
	readonly withFiles: boolean;
	/** Told of each line, in du's order: below before above. */
	line(bytes: number, shown: string): void;
}

/** Bytes of a file or of all below a directory; a file with several names counts once. */
function measure(
	files: ProcessContext["files"],
	path: string,
	shown: string,
	level: number,
	seen: Set<string>,
	options: DuOptions,
): number {
	const stat = files.lstat(path);
	const mount = files.mountOf(path);
	const key = `${mount.source} ${stat.ino}`;
	if (stat.links > 1 && stat.type !== "directory") {
		if (seen.has(key)) return 0;
		seen.add(key);
	}
	const taken = stat.type === "file" || stat.type === "directory" ? Math.ceil(stat.diskBytes / blockBytes) * blockBytes : 0;
	let bytes = options.isApparent ? stat.sizeBytes : taken;
	if (stat.type === "directory") {
		for (const name of files.readdir(path)) {
			const below = joinPath(path, name);
			if (options.staysInFileSystem && files.mountTable.has(below)) continue;
			bytes += measure(files, below, joinPath(shown, name), level + 1, seen, options);
		}
	}
	if (level <= options.depth && (level === 0 || stat.type === "directory" || options.withFiles)) options.line(bytes, shown);
	return bytes;
}

export const du: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "shaxbkmclLd:", [
		"summarize",
		"human-readable",
		"all",
		"one-file-system",
		"apparent-size",
		"bytes",
		"total",
		"max-depth:",
	]);
	const has = (letter: string, name: string) => flags.has(letter) || flags.has(name);
	const inBytes = has("b", "bytes");
	const unit = inBytes ? 1 : flags.has("m") ? 1024 ** 2 : 1024;
	const size = (bytes: number) => (has("h", "human-readable") ? humanSize(bytes) : String(Math.ceil(bytes / unit)));
	const depth = has("s", "summarize") ? 0 : Number(values.get("d") ?? values.get("max-depth") ?? Number.POSITIVE_INFINITY);
	const lines: string[] = [];
	const seen = new Set<string>();
	let status = 0;
	let total = 0;
	for (const operand of operands.length === 0 ? ["."] : operands) {
		try {
			total += measure(context.files, resolvePath(context.cwd, operand), operand, 0, seen, {
				isApparent: inBytes || flags.has("apparent-size"),
				staysInFileSystem: has("x", "one-file-system"),
				depth,
				withFiles: has("a", "all"),
				line: (bytes, shown) => lines.push(`${size(bytes)}\t${shown}\n`),
			});
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			await writeText(
				context.stderr,
				`du: cannot ${error.code === "EACCES" ? "read directory" : "access"} '${operand}': ${error.shellText}\n`,
			);
			status = 1;
		}
	}
	if (has("c", "total")) lines.push(`${size(total)}\ttotal\n`);
	await writeText(context.stdout, lines.join(""));
	return status;
};

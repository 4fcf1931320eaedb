/** `cat`, `ls`, `tail`, `tee`, `touch`, `which`: the commands on files that stream, follow or show times. */
import { sleep } from "../../apimachinery/clock/clock.ts";
import { nameOfId } from "../credentials.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { openInput } from "../shell/redirection.ts";
import { type InputStream, type OutputStream, readAll, writeText } from "../stream.ts";
import type { FileStat } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { joinPath, resolvePath } from "../vfs/path.ts";
import { parseOptions, parseSize } from "./options.ts";
import { modeText } from "./stat.ts";

/** Of a terminal that does not say how wide it is. */
const defaultColumns = 80;
/** How often `tail -f` looks. */
const tailPollMs = 1_000;

/** Opens an operand: `-` is stdin. Prints the failure and returns undefined. */
export async function openOperand(context: ProcessContext, name: string, operand: string): Promise<InputStream | undefined> {
	if (operand === "-") return context.stdin;
	const path = resolvePath(context.cwd, operand);
	const { files } = context;
	try {
		if (files.stat(path).type === "directory") throw new FsError("EISDIR", "read", path);
		files.checkAccess(path, "r");
		return openInput(files, path, () => context.machine.cpu);
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		await writeText(
			context.stderr,
			`${name}: ${error.code === "EISDIR" ? `${operand}: ` : `can't open '${operand}': `}${error.shellText}\n`,
		);
		return undefined;
	}
}

export const cat: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "nAevTtub");
	let status = 0;
	let lineNumber = 1;
	for (const operand of operands.length === 0 ? ["-"] : operands) {
		const input = await openOperand(context, "cat", operand);
		if (input === undefined) {
			status = 1;
			continue;
		}
		for (let chunk = await input.read(); chunk !== undefined; chunk = await input.read()) {
			if (context.process.exit !== undefined) return 1;
			if (!flags.has("n")) {
				await context.stdout.write(chunk);
				continue;
			}
			const lines = Buffer.from(chunk).toString().replace(/\n$/, "").split("\n");
			await writeText(context.stdout, lines.map((line) => `${String(lineNumber++).padStart(6)}\t${line}\n`).join(""));
		}
	}
	return status;
};

export const tee: Program = async ({ argv, stdin, stdout, files, cwd }) => {
	const { flags, operands } = parseOptions(argv.slice(1), "ai");
	const paths = operands.map((operand) => resolvePath(cwd, operand));
	if (!flags.has("a")) for (const path of paths) files.writeFile(path, "");
	for (let chunk = await stdin.read(); chunk !== undefined; chunk = await stdin.read()) {
		await stdout.write(chunk);
		for (const path of paths) files.appendFile(path, chunk);
	}
	return 0;
};

export const touch: Program = ({ argv, cwd, machine, files }) => {
	const { flags, operands } = parseOptions(argv.slice(1), "acmd:t:r:");
	for (const operand of operands) {
		const path = resolvePath(cwd, operand);
		if (files.exists(path)) files.setModifiedTime(path, machine.clock.now());
		else if (!flags.has("c")) files.writeFile(path, "");
	}
	return 0;
};

export const which: Program = async ({ argv, env, cwd, machine, stdout }) => {
	let status = 0;
	for (const name of argv.slice(1).filter((arg) => !arg.startsWith("-"))) {
		const path = machine.which(name, env, cwd);
		if (path === undefined) status = 1;
		else await writeText(stdout, `${path}\n`);
	}
	return status;
};

export const head: Program = async (context) => {
	const args = context.argv.slice(1).flatMap((arg) => (/^-\d+$/.test(arg) ? ["-n", arg.slice(1)] : [arg]));
	const { flags, values, operands } = parseOptions(args, "qvn:c:", ["lines:", "bytes:"]);
	const lines = amountOf(values.get("n") ?? values.get("lines") ?? "10");
	const byteCount = values.get("c") ?? values.get("bytes");
	const wrong = [values.get("n") ?? values.get("lines"), byteCount].find((text) => text !== undefined && Number.isNaN(amountOf(text)));
	if (wrong !== undefined) {
		await writeText(context.stderr, `head: invalid number '${wrong}'\n`);
		return 1;
	}
	let status = 0;
	const targets = operands.length === 0 ? ["-"] : operands;
	for (const [index, operand] of targets.entries()) {
		const input = await openOperand(context, "head", operand);
		if (input === undefined) {
			status = 1;
			continue;
		}
		if (targets.length > 1 && !flags.has("q")) await writeText(context.stdout, `${index > 0 ? "\n" : ""}==> ${operand} <==\n`);
		await copyFirst(input, context.stdout, byteCount === undefined ? { lines } : { bytes: amountOf(byteCount) });
	}
	return status;
};

/** Not a number for what is no size. */
const amountOf = (text: string): number => parseSize(text) ?? Number.NaN;

/** Copies no more than so many lines or bytes, and reads no more than it must. */
async function copyFirst(
	input: InputStream,
	output: OutputStream,
	limit: { readonly lines?: number; readonly bytes?: number },
): Promise<void> {
	let { lines = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY } = limit;
	while (lines > 0 && bytes > 0) {
		const chunk = await input.read();
		if (chunk === undefined) return;
		let end = 0;
		if (lines === Number.POSITIVE_INFINITY) {
			end = Math.min(chunk.byteLength, bytes);
			bytes -= end;
		} else for (; end < chunk.byteLength && lines > 0 && bytes > 0; end++, bytes--) if (chunk[end] === 10) lines--;
		await output.write(chunk.subarray(0, end));
	}
}

export const tail: Program = async (context) => {
	const args = context.argv.slice(1).flatMap((arg) => (/^-\d+$/.test(arg) ? ["-n", arg.slice(1)] : [arg]));
	const { flags, values, operands } = parseOptions(args, "fFqvn:c:s:", ["follow", "lines:", "retry"]);
	const count = values.get("n") ?? values.get("lines") ?? "10";
	let status = 0;
	const targets = operands.length === 0 ? ["-"] : operands;
	const opened: string[] = [];
	for (const [index, operand] of targets.entries()) {
		const input = await openOperand(context, "tail", operand);
		if (input === undefined) {
			status = 1;
			continue;
		}
		opened.push(operand);
		if (targets.length > 1) await writeText(context.stdout, `${index > 0 ? "\n" : ""}==> ${operand} <==\n`);
		await context.stdout.write(lastPart(await readAll(input), count, values.get("c")));
	}
	const doesRetry = flags.has("F") || flags.has("retry");
	if (!doesRetry && !flags.has("f") && !flags.has("follow")) return status;
	const followed = doesRetry ? targets : opened;
	if (followed.length === 0) {
		await writeText(context.stderr, "tail: no files\n");
		return 1;
	}
	await follow(
		context,
		followed.filter((target) => target !== "-"),
	);
	return status;
};

function lastPart(bytes: Uint8Array, lines: string, byteCount: string | undefined): Uint8Array {
	if (byteCount !== undefined)
		return byteCount.startsWith("+") ? bytes.subarray(Number(byteCount) - 1) : bytes.subarray(-Number(byteCount) || bytes.length);
	const all = Buffer.from(bytes)
		.toString("latin1")
		.split(/(?<=\n)/);
	const kept = lines.startsWith("+") ? all.slice(Number(lines) - 1) : Number(lines) === 0 ? [] : all.slice(-Math.abs(Number(lines)));
	return Buffer.from(kept.join(""), "latin1");
}

/** Prints what is added to the files, until the process is killed. */
async function follow({ machine, files, cwd, stdout, process }: ProcessContext, operands: readonly string[]): Promise<void> {
	const paths = operands.map((operand) => resolvePath(cwd, operand)).filter((path) => !isDevice(files, path));
	const size = (path: string) => (files.exists(path) ? files.stat(path).sizeBytes : 0);
	const seen = new Map(paths.map((path) => [path, size(path)]));
	while (process.exit === undefined) {
		// Nothing left to look at (/dev/null): wait for a signal, without a timer.
		if (paths.length === 0) {
			await process.exited;
			return;
		}
		await sleep(machine.clock, tailPollMs, process.ended).catch(() => undefined);
		for (const path of paths) {
			const now = size(path);
			const before = seen.get(path) ?? 0;
			if (now > before) await stdout.write(files.readBytes(path).subarray(before));
			seen.set(path, now);
		}
	}
}

function isDevice(files: ProcessContext["files"], path: string): boolean {
	return files.exists(path) && files.stat(path).type === "device";
}

interface Entry {
	readonly name: string;
	readonly path: string;
	readonly stat: FileStat;
}

export const ls: Program = async (context) => {
	const { flags, operands, unknown } = parseOptions(context.argv.slice(1), "laA1hdrtSRFinkLgo", [
		"color:",
		"color",
		"all",
		"human-readable",
	]);
	if (unknown[0] !== undefined) {
		await writeText(context.stderr, `ls: unrecognized option: ${unknown[0].replace(/^-+/, "")}\n`);
		return 1;
	}
	const lister = new Lister(context, flags);
	let status = 0;
	const found: Entry[] = [];
	for (const operand of operands.length === 0 ? ["."] : operands) {
		const path = resolvePath(context.cwd, operand);
		try {
			const { files } = context;
			const isLong = flags.has("l");
			found.push({ name: operand, path, stat: isLong && !operand.endsWith("/") ? files.lstat(path) : files.stat(path) });
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			await writeText(context.stderr, `ls: ${operand}: ${error.shellText}\n`);
			status = 1;
		}
	}
	const directories = flags.has("d") ? [] : found.filter(({ stat }) => stat.type === "directory");
	const others = found.filter((entry) => !directories.includes(entry));
	if (others.length > 0) await lister.print(lister.sort(others));
	for (const [index, directory] of directories.entries()) {
		try {
			await lister.printDirectory(directory, directories.length + others.length > 1 || flags.has("R"), index > 0 || others.length > 0);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			await writeText(context.stderr, `ls: can't open '${directory.name}': ${error.shellText}\n`);
			status = 1;
		}
	}
	return status;
};

class Lister {
	readonly #context: ProcessContext;
	readonly #flags: ReadonlySet<string>;

	constructor(context: ProcessContext, flags: ReadonlySet<string>) {
		this.#context = context;
		this.#flags = flags;
	}

	async printDirectory(directory: Entry, titled: boolean, spaced: boolean): Promise<void> {
		const { files } = this.#context;
		const all = this.#flags.has("a") || this.#flags.has("all");
		const names = files.readdir(directory.path).filter((name) => all || this.#flags.has("A") || !name.startsWith("."));
		const entries = (all ? [".", "..", ...names] : names).map((name): Entry => {
			const path = resolvePath(directory.path, name);
			return { name, path, stat: files.lstat(path) };
		});
		let text = spaced ? "\n" : "";
		if (titled) text += `${directory.name}:\n`;
		if (this.#flags.has("l")) text += `total ${entries.reduce((sum, { stat }) => sum + Math.ceil(stat.sizeBytes / 4096) * 4, 0)}\n`;
		await writeText(this.#context.stdout, text);
		const sorted = this.sort(entries);
		await this.print(sorted);
		if (!this.#flags.has("R")) return;
		for (const entry of sorted) {
			if (entry.stat.type === "directory" && entry.name !== "." && entry.name !== "..") {
				await this.printDirectory({ ...entry, name: joinPath(directory.name, entry.name) }, true, true);
			}
		}
	}

	sort(entries: readonly Entry[]): Entry[] {
		const order = this.#flags.has("t")
			? (a: Entry, b: Entry) => b.stat.mtimeMs - a.stat.mtimeMs || compare(a.name, b.name)
			: this.#flags.has("S")
				? (a: Entry, b: Entry) => b.stat.sizeBytes - a.stat.sizeBytes || compare(a.name, b.name)
				: (a: Entry, b: Entry) => compare(a.name, b.name);
		const sorted = [...entries].sort(order);
		return this.#flags.has("r") ? sorted.reverse() : sorted;
	}

	async print(entries: readonly Entry[]): Promise<void> {
		const isLong = this.#flags.has("l");
		const names = entries.map((entry) => `${isLong ? "" : this.#inode(entry)}${this.#label(entry)}`);
		if (isLong) await writeText(this.#context.stdout, this.#long(entries, names));
		else if (this.#context.terminal !== undefined && !this.#flags.has("1"))
			await writeText(this.#context.stdout, columns(names, this.#context.terminal.columns || defaultColumns));
		else await writeText(this.#context.stdout, names.map((name) => `${name}\n`).join(""));
	}

	#label({ name, stat, path }: Entry): string {
		const mark = !this.#flags.has("F")
			? ""
			: stat.type === "directory"
				? "/"
				: stat.type === "symlink"
					? "@"
					: (stat.mode & 0o111) !== 0
						? "*"
						: "";
		const link = this.#flags.has("l") && stat.type === "symlink" ? ` -> ${this.#context.files.readlink(path)}` : "";
		return `${name}${mark}${link}`;
	}

	/** First of all columns, with -i. */
	#inode({ stat }: Entry): string {
		return this.#flags.has("i") ? `${stat.ino} ` : "";
	}

	#long(entries: readonly Entry[], names: readonly string[]): string {
		const sizes = entries.map(({ stat }) =>
			this.#flags.has("h") || this.#flags.has("human-readable") ? humanSize(stat.sizeBytes) : String(stat.sizeBytes),
		);
		const width = Math.max(...sizes.map((size) => size.length), 5);
		const { files } = this.#context;
		const text = (path: string) => (files.exists(path) ? files.readText(path) : "");
		const [passwd, groups] = [text("/etc/passwd"), text("/etc/group")];
		return entries
			.map((entry, index) => {
				const { stat } = entry;
				const isNumeric = this.#flags.has("n");
				const user = isNumeric ? String(stat.uid) : nameOfId(passwd, stat.uid);
				const group = isNumeric ? String(stat.gid) : nameOfId(groups, stat.gid);
				const owner = `${user.padEnd(8)} ${group.padEnd(8)}`;
				const date = listDate(stat.mtimeMs, this.#context.machine.clock.now());
				return `${this.#inode(entry)}${modeText(stat)} ${String(stat.links).padStart(4)} ${owner} ${(sizes[index] ?? "").padStart(width + 4)} ${date} ${names[index]}\n`;
			})
			.join("");
	}
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const halfYearMs = 15_768_000_000;

/** `Jan  1 12:00`, or with the year when it is half a year away. */
function listDate(timeMs: number, nowMs: number): string {
	const date = new Date(timeMs);
	const day = `${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}`;
	const time = `${String(date.getUTCHours()).padStart(2, "0")}:${String(date.getUTCMinutes()).padStart(2, "0")}`;
	return Math.abs(nowMs - timeMs) > halfYearMs ? `${day}  ${date.getUTCFullYear()}` : `${day} ${time}`;
}

function humanSize(bytes: number): string {
	const units = ["", "K", "M", "G", "T"];
	let value = bytes;
	let unit = 0;
	for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
	return unit === 0 ? String(bytes) : `${value.toFixed(1)}${units[unit]}`;
}

/** Down the columns, as many as the terminal's width holds. */
function columns(names: readonly string[], terminalColumns: number): string {
	if (names.length === 0) return "";
	const width = Math.max(...names.map((name) => name.length)) + 2;
	const perRow = Math.max(1, Math.floor(terminalColumns / width));
	const rows = Math.ceil(names.length / perRow);
	const lines = Array.from({ length: rows }, (_, row) =>
		names
			.filter((__, index) => index % rows === row)
			.map((name) => name.padEnd(width))
			.join("")
			.trimEnd(),
	);
	return `${lines.join("\n")}\n`;
}

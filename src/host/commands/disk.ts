/**
 * Commands that make files of a size: dd, truncate, fallocate. What comes out of /dev/zero is not carried through memory: a gigabyte costs
 * as much as a block. Texts are busybox's; a disk writes 500 MB a second.
 */
import { sleep } from "../../apimachinery/clock/clock.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { IoLimit } from "../cgroup/settings.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { openInput } from "../shell/redirection.ts";
import { type InputStream, writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { resolvePath } from "../vfs/path.ts";
import { parseOptions, parseSize } from "./options.ts";

const diskBytesPerSecond = 500_000_000;
const ddOperands = new Set(["if", "of", "bs", "count", "skip", "seek", "conv", "iflag", "oflag", "status", "ibs", "obs"]);

async function fail({ stderr }: ProcessContext, message: string): Promise<number> {
	await writeText(stderr, `${message}\n`);
	return 1;
}

export const dd: Program = async (context) => {
	const { argv, cwd, files, machine, process, stderr, stdout } = context;
	const operands = new Map<string, string>();
	for (const argument of argv.slice(1)) {
		const [name = "", ...value] = argument.split("=");
		if (!ddOperands.has(name) || value.length === 0) return fail(context, `dd: unrecognized operand '${argument}'`);
		operands.set(name, value.join("="));
	}
	const size = (name: string, byDefault: number) => (operands.has(name) ? parseSize(operands.get(name) ?? "") : byDefault);
	const [blockBytes, count, skip] = [size("bs", 512), size("count", Number.POSITIVE_INFINITY), size("skip", 0)];
	if (blockBytes === undefined || blockBytes === 0 || count === undefined || skip === undefined) {
		const wrong = ["bs", "count", "skip"].find((name) => operands.has(name) && !((parseSize(operands.get(name) ?? "") ?? 0) > 0));
		return fail(context, `dd: invalid number '${operands.get(wrong ?? "bs")}'`);
	}
	if (operands.has("seek")) return fail(context, "dd: seek is not simulated");
	const startMs = machine.clock.now();
	const [from, to] = [operands.get("if"), operands.get("of")];
	const path = to === undefined ? undefined : resolvePath(cwd, to);
	let copied = 0;
	let problem: string | undefined;
	try {
		const input = from === undefined ? context.stdin : openInput(files, resolvePath(cwd, from), () => machine.cpu);
		if (path !== undefined && !(operands.get("conv") ?? "").includes("notrunc")) files.writeFile(path, "");
		const write = (bytes: Uint8Array) => (path === undefined ? stdout.write(bytes) : files.appendFile(path, bytes));
		await drop(input, skip * blockBytes);
		copied = await copy(
			input,
			write,
			count * blockBytes,
			() => process.exit !== undefined,
			(bytes) => {
				copied = bytes;
			},
		);
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		problem =
			error.code === "ENOSPC"
				? `error writing '${to ?? "standard output"}': ${error.shellText}`
				: `can't open '${from ?? to}': ${error.shellText}`;
	}
	const isFile = (operand: string | undefined) => operand !== undefined && !operand.startsWith("/dev/");
	const counted = {
		readBytes: isFile(from) ? copied : 0,
		writtenBytes: isFile(to) ? copied : 0,
		reads: isFile(from) ? Math.ceil(copied / blockBytes) : 0,
		writes: isFile(to) ? Math.ceil(copied / blockBytes) : 0,
	};
	const isPastCache = {
		read: (operands.get("iflag") ?? "").includes("direct"),
		write: /direct|sync/.test(operands.get("oflag") ?? "") || /sync/.test(operands.get("conv") ?? ""),
	};
	await sleep(machine.clock, diskMs(context, counted, isPastCache), process.ended).catch(() => undefined);
	if (problem !== undefined) await writeText(stderr, `dd: ${problem}\n`);
	if (problem?.startsWith("can't") === true) return 1;
	const seconds = Math.max(0.000_001, (machine.clock.now() - startMs) / 1000);
	const [whole, part] = [Math.floor(copied / blockBytes), copied % blockBytes === 0 ? 0 : 1];
	if (operands.get("status") !== "none") {
		const records = `${whole}+${part} records in\n${whole}+${part} records out\n`;
		const rate =
			operands.get("status") === "noxfer"
				? ""
				: `${copied} bytes (${human(copied)}B) copied, ${seconds.toFixed(6)} seconds, ${human(copied / seconds)}B/s\n`;
		await writeText(stderr, `${records}${rate}`);
	}
	return problem === undefined ? 0 : 1;
};

/**
 * For how long the disk is at it. What goes through the cache the limits of cgroups do not hold up, as long as there is room in it: that
 * there always is.
 */
function diskMs(
	{ machine, process }: ProcessContext,
	counted: Cgroup["io"],
	isPastCache: { readonly read: boolean; readonly write: boolean },
) {
	const { cgroups } = machine.kernel;
	cgroups?.countIo(process, counted);
	const { readBytes, writtenBytes, reads, writes } = counted;
	const atLimit = (isLimited: boolean, amount: number, limit: IoLimit) =>
		isLimited && cgroups !== undefined && amount > 0 ? (amount / cgroups.ioLimit(process, limit)) * 1000 : 0;
	return Math.max(
		(Math.max(readBytes, writtenBytes) / diskBytesPerSecond) * 1000,
		atLimit(isPastCache.read, readBytes, "rbps"),
		atLimit(isPastCache.read, reads, "riops"),
		atLimit(isPastCache.write, writtenBytes, "wbps"),
		atLimit(isPastCache.write, writes, "wiops"),
	);
}

async function drop(input: InputStream, bytes: number): Promise<void> {
	for (let left = bytes; left > 0; ) {
		const chunk = await input.read();
		if (chunk === undefined) return;
		left -= chunk.byteLength;
	}
}

/** Resolves to how many bytes were copied; `onCopied` hears of each step, also where the next one fails. */
async function copy(
	input: InputStream,
	write: (bytes: Uint8Array) => Promise<void> | void,
	limitBytes: number,
	isOver: () => boolean,
	onCopied: (bytes: number) => void,
): Promise<number> {
	let copied = 0;
	while (copied < limitBytes && !isOver()) {
		const chunk = await input.read();
		if (chunk === undefined) break;
		const part = chunk.byteLength > limitBytes - copied ? chunk.subarray(0, limitBytes - copied) : chunk;
		await write(part);
		copied += part.byteLength;
		onCopied(copied);
	}
	return copied;
}

/** `1.0G`, as busybox rounds. */
function human(bytes: number): string {
	let value = bytes;
	let unit = 0;
	for (; value >= 1024 && unit < 4; unit++) value /= 1024;
	return unit === 0 ? String(Math.round(value)) : `${value.toFixed(1)}${" KMGT"[unit]}`;
}

export const truncate: Program = async (context) => {
	const { argv, cwd, files } = context;
	const { flags, values, operands } = parseOptions(argv.slice(1), "cs:", ["size:", "no-create"]);
	const text = values.get("s") ?? values.get("size");
	if (text === undefined) return fail(context, "truncate: you must specify a size");
	const [, sign = "", digits = ""] = /^([+-]?)(.+)$/.exec(text) ?? [];
	const size = parseSize(digits);
	if (size === undefined) return fail(context, `truncate: invalid number '${text}'`);
	let status = 0;
	for (const operand of operands) {
		const path = resolvePath(cwd, operand);
		try {
			if (!files.exists(path) && (flags.has("c") || flags.has("no-create"))) continue;
			const before = files.exists(path) ? files.stat(path).sizeBytes : 0;
			files.resize(path, Math.max(0, sign === "+" ? before + size : sign === "-" ? before - size : size), true);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			status = await fail(context, `truncate: ${operand}: open: ${error.shellText}`);
		}
	}
	return status;
};

export const fallocate: Program = async (context) => {
	const { argv, cwd, files } = context;
	const { values, operands } = parseOptions(argv.slice(1), "l:o:n", ["length:", "offset:"]);
	const length = parseSize(values.get("l") ?? values.get("length") ?? "");
	const offset = parseSize(values.get("o") ?? values.get("offset") ?? "0");
	const [operand] = operands;
	if (length === undefined || length === 0 || offset === undefined) return fail(context, "fallocate: invalid length value specified");
	if (operand === undefined) return fail(context, "fallocate: no filename specified");
	const path = resolvePath(cwd, operand);
	try {
		const before = files.exists(path) ? files.stat(path).sizeBytes : 0;
		files.resize(path, Math.max(before, offset + length), false);
		return 0;
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		return fail(context, `fallocate: fallocate '${operand}': ${error.shellText}`);
	}
};

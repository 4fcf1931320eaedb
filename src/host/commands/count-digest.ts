/** `wc`, `md5sum`, `sha1sum`, `sha256sum`, `sha512sum` and `seq`: what reads or prints any number of bytes and keeps none. */
import { createHash } from "node:crypto";
import type { ProcessContext, Program } from "../machine.ts";
import { type InputStream, readAll, writeText } from "../stream.ts";
import { openOperand } from "./files.ts";
import { parseOptions } from "./options.ts";

interface Counts {
	lines: number;
	words: number;
	chars: number;
	bytes: number;
}

export const wc: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "lwcmL", ["lines", "words", "bytes", "chars"]);
	const wanted = (["lines", "words", "chars", "bytes"] as const).filter(
		(name) => flags.has({ lines: "l", words: "w", chars: "m", bytes: "c" }[name]) || flags.has(name),
	);
	const columns = wanted.length === 0 ? (["lines", "words", "bytes"] as const) : wanted;
	const rows: { counts: Counts; name: string }[] = [];
	let status = 0;
	for (const operand of operands.length === 0 ? [undefined] : operands) {
		const input = operand === undefined ? context.stdin : await openOperand(context, "wc", operand);
		if (input === undefined) status = 1;
		else rows.push({ counts: await count(input, context.process, columns.length === 1 && columns[0] === "bytes"), name: operand ?? "" });
	}
	if (rows.length > 1) {
		const sum = (name: keyof Counts) => rows.reduce((total, { counts }) => total + counts[name], 0);
		rows.push({ counts: { lines: sum("lines"), words: sum("words"), chars: sum("chars"), bytes: sum("bytes") }, name: "total" });
	}
	// One number of one input stands alone; several are set in columns.
	const isPlain = columns.length === 1 && rows.length <= 1;
	const width = isPlain ? 0 : operands.length === 0 ? 7 : Math.max(1, ...rows.map(({ counts }) => String(counts.bytes).length));
	for (const { counts, name } of rows) {
		const numbers = columns.map((column) => String(counts[column]).padStart(width)).join(" ");
		await writeText(context.stdout, `${numbers}${name === "" ? "" : ` ${name}`}\n`);
	}
	return status;
};

async function count(input: InputStream, process: ProcessContext["process"], areBytesEnough: boolean): Promise<Counts> {
	const counts: Counts = { lines: 0, words: 0, chars: 0, bytes: 0 };
	let isInWord = false;
	for (let chunk = await input.read(); chunk !== undefined && process.exit === undefined; chunk = await input.read()) {
		counts.bytes += chunk.byteLength;
		if (areBytesEnough) continue;
		for (const byte of chunk) {
			if (byte === 10) counts.lines++;
			// What continues a character of UTF-8 is none of its own.
			if ((byte & 0xc0) !== 0x80) counts.chars++;
			const isBlank = byte === 32 || (byte >= 9 && byte <= 13);
			if (isInWord && isBlank) isInWord = false;
			else if (!isInWord && !isBlank) {
				isInWord = true;
				counts.words++;
			}
		}
	}
	return counts;
}

/** @param algorithm of node:crypto */
function digest(name: string, algorithm: string): Program {
	return async (context) => {
		const { flags, operands } = parseOptions(context.argv.slice(1), "bctsw", [
			"check",
			"quiet",
			"status",
			"strict",
			"warn",
			"tag",
			"binary",
			"text",
		]);
		const inputs = operands.length === 0 ? ["-"] : operands;
		if (flags.has("c") || flags.has("check")) return check(context, name, algorithm, inputs);
		let status = 0;
		for (const operand of inputs) {
			const input = await openOperand(context, name, operand);
			if (input === undefined) status = 1;
			else await writeText(context.stdout, `${await digestOf(input, algorithm)}  ${operand}\n`);
		}
		return status;
	};
}

export const md5sum = digest("md5sum", "md5");
export const sha1sum = digest("sha1sum", "sha1");
export const sha256sum = digest("sha256sum", "sha256");
export const sha512sum = digest("sha512sum", "sha512");

async function digestOf(input: InputStream, algorithm: string): Promise<string> {
	const hash = createHash(algorithm);
	for (let chunk = await input.read(); chunk !== undefined; chunk = await input.read()) hash.update(chunk);
	return hash.digest("hex");
}

/** `-c`: lines of `DIGEST  FILE`. */
async function check(context: ProcessContext, name: string, algorithm: string, lists: readonly string[]): Promise<number> {
	let failed = 0;
	let unread = 0;
	for (const list of lists) {
		const input = await openOperand(context, name, list);
		if (input === undefined) return 1;
		for (const line of Buffer.from(await readAll(input))
			.toString()
			.split("\n")) {
			const [, expected = "", file = ""] = /^([0-9a-fA-F]+) [ *](.+)$/.exec(line) ?? [];
			if (file === "") continue;
			const content = await openOperand(context, name, file);
			const isRight = content !== undefined && (await digestOf(content, algorithm)) === expected.toLowerCase();
			if (content === undefined) unread++;
			else if (!isRight) failed++;
			await writeText(context.stdout, `${file}: ${isRight ? "OK" : content === undefined ? "FAILED open or read" : "FAILED"}\n`);
		}
	}
	const warn = (many: number, what: string) => (many === 0 ? "" : `${name}: WARNING: ${many} ${what}\n`);
	await writeText(context.stderr, warn(unread, `listed file${unread === 1 ? "" : "s"} could not be read`));
	await writeText(context.stderr, warn(failed, `computed checksum${failed === 1 ? "" : "s"} did NOT match`));
	return failed + unread > 0 ? 1 : 0;
}

/** Numbers that are printed at once, and what they take of the processor. */
const seqBlock = 4_096;
const seqBlockCpuMs = 1;

export const seq: Program = async ({ argv, stdout, stderr, process, machine }) => {
	// A negative number is no option.
	const args = argv.slice(1);
	const split = args.findIndex((arg) => /^-\.?\d/.test(arg));
	const options = parseOptions(split === -1 ? args : args.slice(0, split), "ws:f:", ["equal-width", "separator:"], true);
	const operands = [...options.operands, ...(split === -1 ? [] : args.slice(split))];
	const wrong = operands.find((operand) => operand.trim() === "" || !Number.isFinite(Number(operand)));
	if (operands.length === 0 || operands.length > 3 || wrong !== undefined) {
		const text =
			wrong !== undefined
				? `invalid floating point argument: '${wrong}'`
				: operands.length === 0
					? "missing operand"
					: `extra operand '${operands[3]}'`;
		await writeText(stderr, `seq: ${text}\nTry 'seq --help' for more information.\n`);
		return 1;
	}
	const [first, step, last] =
		operands.length === 1 ? ["1", "1", operands[0]] : operands.length === 2 ? [operands[0], "1", operands[1]] : operands;
	const increment = Number(step);
	if (increment === 0) {
		await writeText(stderr, `seq: invalid Zero increment value: '${step}'\nTry 'seq --help' for more information.\n`);
		return 1;
	}
	const decimals = Math.max(...[first, step].map((text) => (text ?? "").split(".")[1]?.length ?? 0));
	const total = Math.floor((Number(last) - Number(first)) / increment + 1e-9) + 1;
	const separator = options.values.get("s") ?? options.values.get("separator") ?? "\n";
	const text = (index: number) => (Number(first) + index * increment).toFixed(decimals);
	const width = options.flags.has("w") || options.flags.has("equal-width") ? Math.max(text(0).length, text(total - 1).length) : 0;
	const padded = (number: string) =>
		number.startsWith("-") ? `-${number.slice(1).padStart(width - 1, "0")}` : number.padStart(width, "0");
	for (let from = 0; from < total && process.exit === undefined; from += seqBlock) {
		const block = Array.from({ length: Math.min(seqBlock, total - from) }, (_, index) => padded(text(from + index)));
		if (from > 0) await machine.cpu.run(seqBlockCpuMs, process.ended);
		await writeText(stdout, `${from === 0 ? "" : separator}${block.join(separator)}`);
	}
	if (total > 0) await writeText(stdout, "\n");
	return 0;
};

/** The open files of a command: what its numbers 0, 1, 2 … stand for, and how redirections change that. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Cpu } from "../cpu.ts";
import { BufferedInput, emptyInput, type InputStream, inputOf, nullOutput, type OutputStream } from "../stream.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { resolvePath } from "../vfs/path.ts";
import { zeros } from "../vfs/sparse-bytes.ts";
import { type ExpansionContext, expandToText } from "./expansion.ts";
import { ShellError } from "./state.ts";
import type { Redirection } from "./syntax.ts";

interface Descriptor {
	readonly input?: BufferedInput;
	readonly output?: OutputStream;
	/** Stands for the terminal the shell was started on. */
	readonly isTerminal?: boolean;
}

export type DescriptorTable = ReadonlyMap<number, Descriptor>;

export function descriptorsOf(stdin: InputStream, stdout: OutputStream, stderr: OutputStream, isTerminal = false): DescriptorTable {
	return new Map<number, Descriptor>([
		[0, { input: stdin instanceof BufferedInput ? stdin : new BufferedInput(stdin), isTerminal }],
		[1, { output: stdout, isTerminal }],
		[2, { output: stderr, isTerminal }],
	]);
}

export function inputAt(descriptors: DescriptorTable, number: number): BufferedInput {
	return descriptors.get(number)?.input ?? new BufferedInput(emptyInput);
}

export function outputAt(descriptors: DescriptorTable, number: number): OutputStream {
	return descriptors.get(number)?.output ?? nullOutput;
}

/** Where files are opened. */
export interface RedirectionPlace {
	readonly files: () => FileSystem;
	readonly cpu: () => Cpu;
	readonly cwd: string;
	readonly clock: Clock;
	readonly expansion: ExpansionContext;
}

/** Applies redirections from left to right to a copy of the table. Throws `ShellError` if a file cannot be opened. */
export async function redirect(
	descriptors: DescriptorTable,
	redirections: readonly Redirection[],
	place: RedirectionPlace,
): Promise<DescriptorTable> {
	if (redirections.length === 0) return descriptors;
	const table = new Map(descriptors);
	for (const redirection of redirections) {
		try {
			await apply(table, redirection, place);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			const target = redirection.target.type === "HereDoc" ? "" : await expandToText(redirection.target, place.expansion);
			const opening = redirection.operator === "<" ? "can't open" : "can't create";
			throw new ShellError(
				`${opening} ${target}: ${error.shellText.replace("No such file or directory", opening === "can't open" ? "no such file" : "nonexistent directory")}`,
				1,
			);
		}
	}
	return table;
}

async function apply(table: Map<number, Descriptor>, redirection: Redirection, place: RedirectionPlace): Promise<void> {
	const { operator, target } = redirection;
	if (target.type === "HereDoc") {
		const text = await expandToText(target.content, place.expansion);
		table.set(redirection.fd ?? 0, { input: new BufferedInput(inputOf(Buffer.from(text))) });
		return;
	}
	const text = await expandToText(target, place.expansion);
	const path = resolvePath(place.cwd, text);
	switch (operator) {
		case "<":
		case "<>":
			table.set(redirection.fd ?? 0, { input: new BufferedInput(openInput(place.files(), path, place.cpu)) });
			return;
		case "<<<":
			table.set(redirection.fd ?? 0, { input: new BufferedInput(inputOf(Buffer.from(`${text}\n`))) });
			return;
		case ">":
		case ">|":
			table.set(redirection.fd ?? 1, { output: openOutput(place.files(), path, false, table) });
			return;
		case ">>":
			table.set(redirection.fd ?? 1, { output: openOutput(place.files(), path, true, table) });
			return;
		case "&>":
		case "&>>": {
			const output = openOutput(place.files(), path, operator === "&>>", table);
			table.set(1, { output });
			table.set(2, { output });
			return;
		}
		case ">&":
		case "<&":
			duplicate(table, redirection.fd ?? (operator === ">&" ? 1 : 0), text);
			return;
		default:
			throw new ShellError(`redirection ${operator} is not supported`);
	}
}

function duplicate(table: Map<number, Descriptor>, number: number, source: string): void {
	if (source === "-") {
		table.delete(number);
		return;
	}
	const descriptor = table.get(Number(source));
	if (descriptor === undefined) throw new ShellError(`${source}: Bad file descriptor`, 1);
	table.set(number, descriptor);
}

/** @param cpu on which a device without end makes its bytes */
export function openInput(files: FileSystem, path: string, cpu: () => Cpu): InputStream {
	const inode = files.inode(path);
	if (inode.type === "directory") return inputOf(files.readBytes(path));
	if (inode.type !== "device") return pieces(files.readPieces(path));
	return inode.device === "zero" || inode.device === "urandom" ? endlessZeros(cpu) : emptyInput;
}

function pieces(of: Iterator<Uint8Array>): InputStream {
	const next = (): Uint8Array | undefined => {
		const { done, value } = of.next();
		return done === true ? undefined : value.byteLength === 0 ? next() : value;
	};
	return { read: async () => next() };
}

/** Blocks that are made at once, and what they take of the processor. */
const blocksPerSlice = 16;
const sliceCpuMs = 1;

function endlessZeros(cpu: () => Cpu): InputStream {
	let blocks = 0;
	return {
		read: async () => {
			// Whoever reads them all must not keep everybody else waiting.
			if (++blocks % blocksPerSlice === 0) await cpu().run(sliceCpuMs);
			return zeros;
		},
	};
}

function openOutput(files: FileSystem, path: string, append: boolean, table: ReadonlyMap<number, Descriptor>): OutputStream {
	if (files.exists(path)) {
		const inode = files.inode(path);
		if (inode.type === "device") return inode.output ?? outputOf(inode.device, table) ?? nullOutput;
	}
	if (!append || !files.exists(path)) files.writeFile(path, "");
	return { write: (chunk) => files.appendFile(path, chunk) };
}

/** /dev/stdout and /dev/stderr are those of the writer. */
function outputOf(device: string, table: ReadonlyMap<number, Descriptor>): OutputStream | undefined {
	const descriptor = device === "stdout" ? 1 : device === "stderr" ? 2 : undefined;
	return descriptor === undefined ? undefined : table.get(descriptor)?.output;
}

/** Writes small WebAssembly modules by hand: for tests. Source: https://webassembly.github.io/spec/core/binary/ */

const i32 = 0x7f;
const i64 = 0x7e;

/** What a module may import of WASI, with the types of its parameters. */
const imports = {
	fd_write: [i32, i32, i32, i32],
	fd_read: [i32, i32, i32, i32],
	args_get: [i32, i32],
	path_open: [i32, i32, i32, i32, i32, i64, i64, i32, i32],
	poll_oneoff: [i32, i32, i32, i32],
	proc_exit: [i32],
} as const;

export type WasiImport = keyof typeof imports;

function unsigned(value: number): number[] {
	const bytes: number[] = [];
	let rest = value;
	do {
		bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
		rest >>>= 7;
	} while (rest > 0);
	return bytes;
}

function signed(value: number): number[] {
	const bytes: number[] = [];
	let rest = value;
	for (;;) {
		const byte = rest & 0x7f;
		rest >>= 7;
		const isLast = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
		bytes.push(isLast ? byte : byte | 0x80);
		if (isLast) return bytes;
	}
}

const vector = (items: readonly (readonly number[])[]) => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: readonly number[]) => [...unsigned(bytes.length), ...bytes];
const section = (id: number, bytes: readonly number[]) => [id, ...sized(bytes)];
const name = (text: string) => sized([...Buffer.from(text)]);

/** A call with constant arguments, whose result is dropped, unless it is one of proc_exit, which has none. */
export interface WasiCall {
	readonly call: WasiImport;
	readonly args: readonly number[];
}

/** `trap`: an unreachable instruction; `spin`: a loop without end. */
export type Step = WasiCall | "trap" | "spin";

/** @param data by address; an iovec and the like is bytes as well */
export function wasmModule(steps: readonly Step[], data: Readonly<Record<number, readonly number[] | string>>, pages = 1): Uint8Array {
	const used = [...new Set(steps.flatMap((step) => (typeof step === "string" ? [] : step.call)))];
	const types = used.map((each) => [0x60, ...vector(imports[each].map((type) => [type])), ...(each === "proc_exit" ? [0] : [1, i32])]);
	const code = steps.flatMap((step) => {
		if (step === "trap") return [0x00];
		if (step === "spin") return [0x03, 0x40, 0x0c, 0x00, 0x0b];
		const types = imports[step.call];
		const args = step.args.flatMap((value, index) => [types[index] === i64 ? 0x42 : 0x41, ...signed(value)]);
		return [...args, 0x10, used.indexOf(step.call), ...(step.call === "proc_exit" ? [] : [0x1a])];
	});
	const bytes = [
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, vector([...types, [0x60, 0, 0]])),
		...section(2, vector(used.map((each, index) => [...name("wasi_snapshot_preview1"), ...name(each), 0, index]))),
		...section(3, vector([[used.length]])),
		...section(5, vector([[0, ...unsigned(pages)]])),
		...section(
			7,
			vector([
				[...name("memory"), 2, 0],
				[...name("_start"), 0, used.length],
			]),
		),
		...section(10, vector([sized([0, ...code, 0x0b])])),
		...section(
			11,
			vector(
				Object.entries(data).map(([at, content]) => [
					0,
					0x41,
					...signed(Number(at)),
					0x0b,
					...sized(typeof content === "string" ? [...Buffer.from(content)] : content),
				]),
			),
		),
	];
	return Uint8Array.from(bytes);
}

/** Numbers of 32 bits, as a module's memory has them. */
export function words(...values: readonly number[]): number[] {
	return values.flatMap((value) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff]);
}

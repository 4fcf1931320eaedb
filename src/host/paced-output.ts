/** What a process writes: nothing once it has ended, and slowly when it has written much. Who writes without end works for it, and lets others run. */
import type { Cpu } from "./cpu.ts";
import type { Process } from "./process.ts";
import type { OutputStream } from "./stream.ts";

/** Bytes that a process writes without further ado (at first four times as many), and what it takes of the processor to go on. */
const freeWriteBytes = 1024 * 1024;
const writeCpuMs = 1;

export class PacedOutput implements OutputStream {
	readonly #stream: OutputStream;
	readonly #process: Process;
	readonly #cpu: () => Cpu;
	/** Bytes that it may write until it has to wait. */
	#freeBytes = 4 * freeWriteBytes;

	/** @param cpu on which the process works */
	constructor(stream: OutputStream, process: Process, cpu: () => Cpu) {
		this.#stream = stream;
		this.#process = process;
		this.#cpu = cpu;
	}

	write(chunk: Uint8Array): Promise<void> | void {
		if (this.#process.exit !== undefined) return undefined;
		this.#freeBytes -= chunk.byteLength;
		if (this.#freeBytes > 0) return this.#stream.write(chunk);
		this.#freeBytes = freeWriteBytes;
		return this.#writeSlowly(chunk);
	}

	async #writeSlowly(chunk: Uint8Array): Promise<void> {
		await this.#stream.write(chunk);
		await this.#cpu().run(writeCpuMs, this.#process.ended);
	}
}

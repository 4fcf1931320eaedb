/**
 * just-bash's utilities await file operations that are done at once, and so would never let anybody else run: after every few of them
 * they work for a while on the machine's processor, and a process that has been killed ends there.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Cpu } from "../cpu.ts";

const operationsPerTurn = 512;
const turnCpuMs = 2;

class Killed extends Error {
	constructor() {
		super("Killed");
		this.name = "Killed";
	}
}

export class Turns {
	readonly #ended = new AsyncLocalStorage<AbortSignal>();
	readonly #cpu: () => Cpu;
	#operations = 0;

	constructor(cpu: () => Cpu) {
		this.#cpu = cpu;
	}

	/** @param ended aborts when the process ends on whose behalf this runs */
	run<T>(ended: AbortSignal, body: () => Promise<T>): Promise<T> {
		return this.#ended.run(ended, body);
	}

	/** Before each operation. Rejects when the process has been killed. */
	async next(): Promise<void> {
		this.#operations++;
		const ended = this.#ended.getStore();
		if (this.#operations % operationsPerTurn === 0) await this.#cpu().run(turnCpuMs, ended);
		if (ended?.aborted === true) throw new Killed();
	}
}

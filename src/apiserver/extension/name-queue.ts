/** Names that somebody looks at one after the other, oldest first; what failed is looked at again a while later. */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";

/** After a failure. */
const retryMs = 1_000;

export interface NameQueueOptions {
	readonly clock: Clock;
	readonly reconcile: (name: string) => Promise<void>;
	/** Told of what `reconcile` rejects with, unless the queue has stopped by then. */
	readonly failed: (name: string, error: unknown) => void;
}

export class NameQueue {
	readonly #options: NameQueueOptions;
	readonly #stopped = new AbortController();
	/** Oldest first. */
	readonly #pending = new Set<string>();
	#isRunning = false;

	constructor(options: NameQueueOptions) {
		this.#options = options;
	}

	/** Looks at them soon: those that wait already once. */
	add(names: readonly string[]): void {
		for (const name of names) this.#pending.add(name);
		if (this.#isRunning || this.#pending.size === 0) return;
		this.#isRunning = true;
		void this.#run();
	}

	/** Nothing is begun any more. */
	stop(): void {
		this.#stopped.abort();
	}

	async #run(): Promise<void> {
		for (const name of this.#pending) {
			if (this.#stopped.signal.aborted) break;
			this.#pending.delete(name);
			try {
				await this.#options.reconcile(name);
			} catch (error) {
				if (this.#stopped.signal.aborted) break;
				this.#options.failed(name, error);
				void this.#addLater(name);
			}
		}
		this.#isRunning = false;
	}

	async #addLater(name: string): Promise<void> {
		await sleep(this.#options.clock, retryMs, this.#stopped.signal).catch(() => undefined);
		if (!this.#stopped.signal.aborted) this.add([name]);
	}
}

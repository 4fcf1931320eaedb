/**
 * What all logs of a cluster may take of the memory together. A real node has a disk for them; here a thousand programs that print
 * without end would fill the process. Beyond the limit the longest logs lose their oldest lines; nobody loses anything before.
 */
import type { ContainerLog } from "./container-log.ts";

const defaultLimitBytes = 256 * 1024 * 1024;
/** Of the limit, so that it is not reached again with the next line. */
const keptShare = 0.75;

export class LogBudget {
	readonly #logs: () => Iterable<ContainerLog>;
	readonly #limitBytes: number;
	/** At least what they hold: logs that are gone are noticed when it reaches the limit. */
	#heldBytes = 0;

	/** @param logs all that there are */
	constructor(logs: () => Iterable<ContainerLog>, limitBytes = defaultLimitBytes) {
		this.#logs = logs;
		this.#limitBytes = limitBytes;
	}

	/** A log takes so many bytes more. */
	grew(bytes: number): void {
		this.#heldBytes += bytes;
		if (this.#heldBytes <= this.#limitBytes) return;
		const logs = [...this.#logs()].filter(({ heldBytes }) => heldBytes > 0);
		this.#heldBytes = sum(logs);
		if (this.#heldBytes <= this.#limitBytes) return;
		for (const log of logs) log.trim((this.#limitBytes * keptShare) / logs.length);
		this.#heldBytes = sum(logs);
	}
}

function sum(logs: readonly ContainerLog[]): number {
	return logs.reduce((bytes, { heldBytes }) => bytes + heldBytes, 0);
}

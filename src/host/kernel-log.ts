/** The kernel's ring buffer: what `dmesg` and `journalctl -k` show. Bounded, as the kernel's is. */

/** Lines that are kept; the oldest go first. */
const maxLines = 2_000;

export interface KernelLogLine {
	/** Unix ms. */
	readonly timeMs: number;
	/** 0 (emerg) to 7 (debug). */
	readonly level: number;
	readonly text: string;
}

export class KernelLog {
	readonly #lines: KernelLogLine[] = [];
	#follower: ((line: KernelLogLine) => void) | undefined;

	/** Tells of what is there and of each new line: the journal. */
	follow(follower: (line: KernelLogLine) => void): void {
		this.#follower = follower;
		for (const line of this.#lines) follower(line);
	}

	write(timeMs: number, level: number, ...texts: readonly string[]): void {
		for (const text of texts) {
			const line = { timeMs, level, text };
			this.#lines.push(line);
			this.#follower?.(line);
		}
		if (this.#lines.length > maxLines) this.#lines.splice(0, this.#lines.length - maxLines);
	}

	/** Oldest first. */
	lines(): readonly KernelLogLine[] {
		return this.#lines;
	}
}

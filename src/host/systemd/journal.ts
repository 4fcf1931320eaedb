/**
 * The journal of a machine: what its services, systemd and the kernel said. It holds the last entries only; the oldest are forgotten.
 * Source: systemd-journald(8), systemd.journal-fields(7)
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { OutputStream } from "../stream.ts";

/** What a journal holds; real ones are bounded by the disk. */
export const maxJournalEntries = 2_000;
const maxLineChars = 48 * 1024;

export interface JournalEntry {
	/** Unix ms. */
	readonly atMs: number;
	/** Of the boot that it is of, from the first one: 0, 1 … */
	readonly boot: number;
	/** Of whose service it is; "" for the kernel, `init.scope` for systemd. */
	readonly unit: string;
	/** `kubelet`, `systemd`, `kernel`. */
	readonly identifier: string;
	/** Absent for the kernel. */
	readonly pid?: number;
	/** 0 emergency to 7 debug. */
	readonly priority: number;
	readonly message: string;
}

export type NewJournalEntry = Omit<JournalEntry, "atMs" | "boot" | "priority"> & { readonly atMs?: number; readonly priority?: number };

export class Journal {
	readonly #clock: Clock;
	readonly #others: () => readonly JournalEntry[];
	#entries: JournalEntry[] = [];
	readonly #followers = new Set<(entry: JournalEntry) => void>();
	#boot = 0;

	/** @param others that are made when somebody reads: entries of theirs, the oldest first */
	constructor(clock: Clock, others: () => readonly JournalEntry[] = () => []) {
		this.#clock = clock;
		this.#others = others;
	}

	get boot(): number {
		return this.#boot;
	}

	/** The machine has come up again. */
	nextBoot(): void {
		this.#boot++;
	}

	/** The oldest first. */
	entries(): readonly JournalEntry[] {
		const others = this.#others();
		if (others.length === 0) return this.#entries;
		return [...this.#entries, ...others].sort((a, b) => a.atMs - b.atMs);
	}

	append(entry: NewJournalEntry): void {
		const { message, ...rest } = entry;
		const full = { atMs: this.#clock.now(), boot: this.#boot, priority: 6, ...rest, message: message.slice(0, maxLineChars) };
		this.#entries.push(full);
		if (this.#entries.length > maxJournalEntries) this.#entries = this.#entries.slice(-maxJournalEntries / 2);
		for (const follower of this.#followers) follower(full);
	}

	/** Tells of each new entry until the returned function is called. */
	follow(follower: (entry: JournalEntry) => void): () => void {
		this.#followers.add(follower);
		return () => this.#followers.delete(follower);
	}

	/** Tells followers of an entry that is not kept here. */
	tell(entry: JournalEntry): void {
		for (const follower of this.#followers) follower(entry);
	}

	/** Takes a process's output by the line. */
	writer(entry: Omit<NewJournalEntry, "message">): OutputStream & { flush(): void } {
		let open = "";
		return {
			write: (chunk) => {
				const lines = (open + Buffer.from(chunk).toString()).split("\n");
				open = (lines.pop() ?? "").slice(0, maxLineChars);
				for (const message of lines) this.append({ ...entry, message });
			},
			flush: () => {
				if (open !== "") this.append({ ...entry, message: open });
				open = "";
			},
		};
	}
}

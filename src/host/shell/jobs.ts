/** The background commands of a shell. */
import type { Process } from "../process.ts";

export interface Job {
	readonly id: number;
	readonly pid: number;
	readonly text: string;
	/** Its exit code. */
	readonly done: Promise<number>;
	readonly finished: boolean;
}

export class JobTable {
	readonly #interactive: boolean;
	#jobs: readonly Job[] = [];

	/** @param interactive finished jobs stay in the list: somebody may look at it */
	constructor(interactive: boolean) {
		this.#interactive = interactive;
	}

	/** In the order in which they were started. */
	get all(): readonly Job[] {
		return this.#jobs;
	}

	/** @param text the command, as `jobs` shows it */
	add(process: Process, text: string): Job {
		const kept = this.#jobs.filter(({ finished }) => !finished || this.#interactive);
		const done = process.exited.then(({ exitCode }) => exitCode);
		const job = { id: (kept.at(-1)?.id ?? 0) + 1, pid: process.pid, text, finished: false, done };
		void process.exited.then(() => {
			job.finished = true;
		});
		this.#jobs = [...kept, job];
		return job;
	}
}

/**
 * What is kept of a lesson between two sittings, in a folder of its own: how far the learner is, and the cluster as it was when the
 * present step began.
 *
 *   <state>/3.3.1/progress.json   steps, answers, hints
 *                /moment          the store's snapshot at the beginning of the present step
 *                /lock            the process that has the lesson open
 *                /work            the learner's directory; work-kept as it was then
 *                /kubeconfig, /pki
 *                /terminal        what a shell reads to be in the lesson
 *
 * Each file is replaced as a whole: a terminal that is closed at any moment leaves the old or the new one.
 */
import {
	closeSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { isAlive, ownIdentity, type ProcessIdentity } from "../../cluster/process-identity.ts";
import type { Moment } from "./cluster-run.ts";

/** How a step ended: by oneself, by looking on while the solution was typed, or by leaving it out. */
export type StepOutcome = "done" | "shown" | "skipped";

export interface Progress {
	readonly version: 1;
	readonly section: string;
	/** The step that the learner is at; undefined once the lesson is over. */
	readonly step: string | undefined;
	readonly outcomes: Readonly<Record<string, StepOutcome>>;
	/** Of predict steps: the option that was chosen first. */
	readonly answers: Readonly<Record<string, number>>;
	/** How many hints were asked for. */
	readonly hints: Readonly<Record<string, number>>;
	/** The cluster's port, to be found again by a second terminal. */
	readonly port: number;
	/** Cluster time of the moment that is kept, Unix ms; undefined: there is none. */
	readonly momentMs: number | undefined;
	/** Whether it was ever gone through to its end. */
	readonly isFinished: boolean;
}

/** Somebody else has the lesson open, or its folder cannot be written to. */
export class ProgressError extends Error {
	override readonly name = "ProgressError";
}

export class ProgressStore {
	readonly directory: string;
	#isLocked = false;

	/** @param state where all lessons' folders are */
	constructor(state: string, section: string) {
		this.directory = join(state, section);
	}

	/** Where the learner's files are. */
	get workDirectory(): string {
		return join(this.directory, "work");
	}

	/** What a second terminal reads. */
	get terminalFile(): string {
		return join(this.directory, "terminal");
	}

	/** The same as they were when the step began. */
	get keptWorkDirectory(): string {
		return join(this.directory, "work-kept");
	}

	/** Keeps others from opening the lesson until `unlock`, or the end of this process. Throws ProgressError. */
	lock(): void {
		mkdirSync(this.directory, { recursive: true, mode: 0o700 });
		const path = this.#path("lock");
		for (let attempt = 0; ; attempt++) {
			try {
				const file = openSync(path, "wx", 0o600);
				writeSync(file, JSON.stringify(ownIdentity()));
				closeSync(file);
				this.#isLocked = true;
				return;
			} catch (error) {
				if (!isExisting(error)) throw new ProgressError(`can't write to ${this.directory}: ${String(error)}`);
				const holder = this.#holder();
				if (attempt > 1 || (holder !== undefined && isAlive(holder)))
					throw new ProgressError(`this lesson is open in another terminal (process ${holder?.pid ?? "unknown"})`);
				rmSync(path, { force: true });
			}
		}
	}

	unlock(): void {
		if (this.#isLocked) rmSync(this.#path("lock"), { force: true });
		this.#isLocked = false;
	}

	/** Undefined if there is none, or none that can be read: then the lesson begins anew. */
	read(): Progress | undefined {
		try {
			const read = JSON.parse(readFileSync(this.#path("progress.json"), "utf8")) as Progress;
			return read.version === 1 ? read : undefined;
		} catch {
			return undefined;
		}
	}

	write(progress: Progress): void {
		this.#replace("progress.json", `${JSON.stringify(progress, null, 2)}\n`);
	}

	writeMoment({ store }: Moment): void {
		this.#replace("moment", store);
	}

	readMoment({ momentMs }: Progress): Moment | undefined {
		const path = this.#path("moment");
		return momentMs === undefined || !existsSync(path) ? undefined : { store: readFileSync(path), atMs: momentMs };
	}

	/** Forgets everything of the lesson. Throws ProgressError while it is open. */
	remove(): void {
		if (!existsSync(this.directory)) return;
		if (!this.#isLocked) {
			this.lock();
			this.unlock();
		}
		rmSync(this.directory, { recursive: true, force: true });
	}

	#holder(): ProcessIdentity | undefined {
		try {
			return JSON.parse(readFileSync(this.#path("lock"), "utf8")) as ProcessIdentity;
		} catch {
			return undefined;
		}
	}

	#path(name: string): string {
		return join(this.directory, name);
	}

	#replace(name: string, content: string | Uint8Array): void {
		const path = this.#path(name);
		writeFileSync(`${path}.tmp`, content, { mode: 0o600 });
		renameSync(`${path}.tmp`, path);
	}
}

/** Sections of which something is kept. */
export function startedSections(state: string): readonly string[] {
	if (!existsSync(state)) return [];
	return readdirSync(state).filter((name) => existsSync(join(state, name, "progress.json")));
}

function isExisting(error: unknown): boolean {
	return error instanceof Error && "code" in error && error.code === "EEXIST";
}

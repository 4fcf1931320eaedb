/**
 * What a cluster in virtual time needs besides its store to be opened again: what time it was, so that time never goes back, and how often
 * it was started, so that one seed does not give two objects one id. Both lie in `virtual-time.json` in the data directory.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Saved {
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
	/** > 0. */
	readonly starts: number;
}

export class Resumption {
	/** Where time goes on; undefined in a directory that is new. */
	readonly startMs: number | undefined;
	/** Which start this is, from 1. */
	readonly starts: number;
	readonly #path: string;
	#savedMs: number | undefined;

	private constructor(path: string, saved: Saved | undefined) {
		this.#path = path;
		this.startMs = saved?.nowMs;
		this.starts = (saved?.starts ?? 0) + 1;
	}

	/** The start counts once `save` is called. @throws Error if the directory cannot be made, or the file is none of kubesim's */
	static begin(dataDir: string): Resumption {
		mkdirSync(dataDir, { recursive: true });
		const path = join(dataDir, "virtual-time.json");
		return new Resumption(path, read(path));
	}

	/** The seed of this start. */
	seedOf(seed: string | number): string | number {
		return this.starts === 1 ? seed : `${seed} start ${this.starts}`;
	}

	/** To be called before anything happens, and whenever time has passed. */
	save(nowMs: number): void {
		if (nowMs === this.#savedMs) return;
		const saved: Saved = { nowMs, starts: this.starts };
		writeFileSync(`${this.#path}.tmp`, JSON.stringify(saved));
		renameSync(`${this.#path}.tmp`, this.#path);
		this.#savedMs = nowMs;
	}
}

function read(path: string): Saved | undefined {
	let text: string;
	try {
		text = readFileSync(path, "utf8");
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
		throw error;
	}
	const { nowMs, starts } = JSON.parse(text) as Partial<Saved>;
	if (typeof nowMs !== "number" || typeof starts !== "number") throw new Error(`${path} does not say what time it was`);
	return { nowMs, starts };
}

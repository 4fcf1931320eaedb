/**
 * The time that a cluster had reached when it was last seen, in `<data>/clock.json`: a cluster that runs faster than the
 * machine's clock is ahead of it, and must not go back when it is started again, however it ended.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { systemErrorCode } from "./errors.ts";

/** How often the time is written down, in real milliseconds: that much cluster time can be lost by a kill -9. */
const periodMs = 1000;

export class ClockFile {
	readonly #path: string;

	constructor(dataDir: string) {
		this.#path = join(dataDir, "clock.json");
	}

	/** The cluster time to start from, Unix ms: the last one on record, or the machine's if that is later. */
	startMs(machine: Clock): number {
		return Math.max(machine.now(), this.#lastMs() ?? 0);
	}

	#lastMs(): number | undefined {
		try {
			const { clusterTimeMs } = JSON.parse(readFileSync(this.#path, "utf8")) as { readonly clusterTimeMs?: unknown };
			return typeof clusterTimeMs === "number" ? clusterTimeMs + periodMs : undefined;
		} catch (error) {
			// A record that was cut off tells nothing, nor does a directory that is none, of which others speak.
			if (error instanceof SyntaxError || ["ENOENT", "ENOTDIR"].includes(systemErrorCode(error) ?? "")) return undefined;
			throw error;
		}
	}

	/** Writes the cluster's time down from now on, and once more when the returned function ends it. */
	follow(cluster: Clock, machine: Clock): () => void {
		const write = () => {
			writeFileSync(`${this.#path}.tmp`, JSON.stringify({ clusterTimeMs: cluster.now() }), { mode: 0o600 });
			renameSync(`${this.#path}.tmp`, this.#path);
		};
		write();
		const timer = machine.setInterval(write, periodMs);
		return () => {
			timer.cancel();
			write();
		};
	}
}

/** The server's half of a benchmark of servers: a process of its own that says where it listens and what it uses. */
import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Endpoint } from "./keep-alive-client.ts";

/** What the benchmark asks for; each is answered with a `Usage`. */
export type Question = "usage" | "restart peak";

export interface Usage {
	/** User and system time so far. */
	readonly cpuMs: number;
	/** Resident memory, now and at most since the peak was restarted. Not a number where there is no /proc. */
	readonly rssBytes: number;
	readonly peakBytes: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function usage(): Usage {
	const { user, system } = process.cpuUsage();
	return { cpuMs: (user + system) / 1000, rssBytes: statusBytes("VmRSS"), peakBytes: statusBytes("VmHWM") };
}

function statusBytes(field: string): number {
	try {
		const [, kib = ""] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8")) ?? [];
		return Number(kib) * 1024;
	} catch {
		return Number.NaN;
	}
}

/** From here on the peak is what comes. Linux; elsewhere there is none. */
function restartPeak(): void {
	collectGarbage();
	try {
		writeFileSync("/proc/self/clear_refs", "5");
	} catch {
		// Without /proc there is no peak to restart.
	}
}

/** Tells the benchmark where this process listens, answers its questions, and ends with it. */
export function report(endpoint: Endpoint): void {
	process.on("message", (question: Question) => {
		if (question === "restart peak") restartPeak();
		process.send?.(usage());
	});
	process.on("disconnect", () => process.exit());
	process.send?.(endpoint);
}

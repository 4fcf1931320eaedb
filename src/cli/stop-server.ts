/** Ends a cluster's server from another process. */
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import type { ClusterDirectory } from "./cluster-directory.ts";
import { CliError, systemErrorCode } from "./errors.ts";

/** How long a server may take to end in order, and then to be gone after a kill, in real milliseconds. */
const stopLimitMs = 10_000;
const pollMs = 10;

/** Asks the server to end and waits until it is gone; the data stay. @returns whether one was running. */
export async function stopServer(directory: ClusterDirectory, clock: Clock): Promise<boolean> {
	const record = directory.runningServer();
	for (const signal of ["SIGTERM", "SIGKILL"] as const) {
		if (record !== undefined) send(signal, record.pid);
		const limitMs = clock.now() + stopLimitMs;
		while (clock.now() < limitMs) {
			if (directory.runningServer() === undefined) {
				directory.removeServer();
				return record !== undefined;
			}
			await sleep(clock, pollMs);
		}
	}
	throw new CliError(`process ${record?.pid} of cluster ${directory.name} does not end`, { hint: `Its log: ${directory.logFile}` });
}

function send(signal: NodeJS.Signals, pid: number): void {
	try {
		process.kill(pid, signal);
	} catch (error) {
		// It has ended meanwhile.
		if (systemErrorCode(error) !== "ESRCH") throw error;
	}
}

/** How a cluster is: what is on disk about it, whether its process lives, and whether its API answers. */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import type { ClusterDirectory } from "./cluster-directory.ts";
import { contextName } from "./cluster-name.ts";

export interface ClusterStatus {
	readonly name: string;
	/** `not ready`: its process lives, but /readyz does not answer "ok". */
	readonly state: "running" | "not ready" | "stopped";
	/** How many it was started with. */
	readonly nodes: number;
	readonly server?: string;
	readonly pid?: number;
	readonly startedAt?: string;
	/** Resident memory of the server; absent where the system does not tell. */
	readonly memoryBytes?: number;
	readonly context: string;
	readonly directory: string;
	readonly dataDir: string;
}

/** How long an API server may take to answer, in real milliseconds. */
const answerLimitMs = 3000;

export async function statusOf(directory: ClusterDirectory): Promise<ClusterStatus> {
	const server = directory.runningServer();
	const config = directory.config();
	const common = {
		name: directory.name,
		nodes: config?.nodes ?? 0,
		context: contextName(directory.name),
		directory: directory.path,
		dataDir: config?.dataDir ?? directory.path,
	};
	if (server === undefined) return { ...common, state: "stopped" };
	const memoryBytes = residentBytes(server.pid);
	return {
		...common,
		state: (await isReady(server.url)) ? "running" : "not ready",
		server: server.url,
		pid: server.pid,
		startedAt: server.startedAt,
		...(memoryBytes === undefined ? {} : { memoryBytes }),
	};
}

/** Asks without credentials and tells no secrets, so it need not know whom it asks. */
function isReady(url: string): Promise<boolean> {
	return new Promise((resolve) => {
		const call = request(`${url}/readyz`, { rejectUnauthorized: false, timeout: answerLimitMs, agent: false }, (response) => {
			response.resume();
			resolve(response.statusCode === 200);
		});
		call.on("timeout", () => call.destroy(new Error("no answer in time")));
		call.on("error", () => resolve(false));
		call.end();
	});
}

/** From /proc; undefined on systems without it. */
function residentBytes(pid: number): number | undefined {
	try {
		const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
		return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
	} catch {
		// No /proc, or the process just ended: there is nothing to tell.
		return undefined;
	}
}

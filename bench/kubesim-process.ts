/** `kubesim` as a user runs it, for benchmarks: the built bin, processes of their own, a home that is thrown away. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

const bin = join(import.meta.dirname, "../dist/kubesim.js");
const port = 26443;

export interface Home {
	readonly directory: string;
	readonly env: NodeJS.ProcessEnv;
}

export function makeHome(): Home {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-bench-"));
	return { directory, env: { ...process.env, KUBESIM_HOME: join(directory, "home"), KUBECONFIG: join(directory, "kubeconfig") } };
}

export function kubesim(home: Home, ...args: string[]): string {
	return execFileSync(process.execPath, [bin, ...args], { env: home.env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

/**
 * Asks until the API answers this path; real milliseconds since `start`. Before the roles are there, and for what they do not open to
 * everybody, the answer is 403: an answer all the same.
 */
export async function untilAnswering(path: string, start: number, codes: readonly number[] = [200]): Promise<number> {
	for (;;) {
		const isReady = await new Promise<boolean>((resolve) => {
			const call = request({ host: "127.0.0.1", port, path, rejectUnauthorized: false, agent: false }, (response) => {
				response.resume();
				resolve(codes.includes(response.statusCode ?? 0));
			});
			call.on("error", () => resolve(false));
			call.end();
		});
		if (isReady) return performance.now() - start;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

export async function startServer(home: Home, ...args: string[]): Promise<void> {
	const child = spawn(process.execPath, [bin, "start", "--port", String(port), ...args], {
		env: home.env,
		stdio: ["ignore", "ignore", "pipe"],
	});
	let stderr = "";
	child.stderr.on("data", (chunk: Buffer) => {
		stderr += chunk.toString("utf8");
	});
	const code = await new Promise<number | null>((resolve, reject) => {
		child.on("error", reject);
		child.on("exit", resolve);
	});
	if (code !== 0) throw new Error(`kubesim start exited with ${code}: ${stderr}`);
}

function pidOf(home: Home): number {
	return (JSON.parse(kubesim(home, "status", "--output", "json")) as { pid: number }).pid;
}

export function residentMiB(home: Home): number {
	return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pidOf(home)}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

/** Processor time of the server since its start, all threads, ms: Linux counts it in hundredths of a second. */
export function cpuMsOf(home: Home): number {
	const fields = readFileSync(`/proc/${pidOf(home)}/stat`, "utf8")
		.replace(/^.*\) /, "")
		.split(" ");
	return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** A server of a benchmark as a process of its own, which answers what it has used (reported-server.ts). */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint } from "./keep-alive-client.ts";
import type { Question, Usage } from "./reported-server.ts";

export class ChildServer {
	readonly endpoint: Endpoint;
	readonly #ask: (question: Question) => Promise<Usage>;
	readonly #stop: () => Promise<void>;

	private constructor(endpoint: Endpoint, ask: (question: Question) => Promise<Usage>, stop: () => Promise<void>) {
		this.endpoint = endpoint;
		this.#ask = ask;
		this.#stop = stop;
	}

	/** @param file the server's own module, beside this one; it gets a directory that is thrown away */
	static async start(file: string): Promise<ChildServer> {
		const dataDir = mkdtempSync(join(tmpdir(), "kubesim-bench-"));
		const child = fork(new URL(file, import.meta.url), [dataDir]);
		const [endpoint] = (await once(child, "message")) as [Endpoint];
		const ask = async (question: Question): Promise<Usage> => {
			const answer = once(child, "message");
			child.send(question);
			return ((await answer) as [Usage])[0];
		};
		const stop = async () => {
			child.disconnect();
			await once(child, "exit");
			rmSync(dataDir, { recursive: true, force: true });
		};
		return new ChildServer(endpoint, ask, stop);
	}

	usage(): Promise<Usage> {
		return this.#ask("usage");
	}

	restartPeak(): Promise<Usage> {
		return this.#ask("restart peak");
	}

	stop(): Promise<void> {
		return this.#stop();
	}
}

/** A kubectl that goes on: `-w`, `-f`, `port-forward`. Gathers what it prints, and waits for what it should print. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { eventually } from "./eventually.ts";
import type { Tool } from "./kubectl.ts";

export class RunningTool implements AsyncDisposable {
	readonly child: ChildProcessWithoutNullStreams;
	readonly #ended: Promise<number>;
	#stdout = "";
	#stderr = "";

	constructor(tool: Tool, args: string | readonly string[]) {
		this.child = tool.spawn(typeof args === "string" ? args.split(" ") : args);
		this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
			this.#stdout += text;
		});
		this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
			this.#stderr += text;
		});
		this.#ended = new Promise((resolve) => this.child.on("close", (code) => resolve(code ?? -1)));
	}

	/** A kubectl with `-w` whose watch the server has begun, so that it misses nothing of what comes now. */
	static async watching(tool: Tool, args: string | readonly string[]): Promise<RunningTool> {
		const running = new RunningTool(tool, [...(typeof args === "string" ? args.split(" ") : args), "-v=6"]);
		await eventually(() => (/watch=true.*200 OK/.test(running.stderr) ? true : undefined), { what: () => running.stderr });
		return running;
	}

	get stdout(): string {
		return this.#stdout;
	}

	get stderr(): string {
		return this.#stderr;
	}

	/** Resolves to the match once stdout has it. */
	async sees(pattern: RegExp): Promise<RegExpExecArray> {
		return await eventually(() => pattern.exec(this.#stdout) ?? undefined, {
			what: () => `${pattern} in ${this.#stdout}${this.#stderr}`,
		});
	}

	/** Waits until it ends by itself; resolves to its exit code. */
	ended(): Promise<number> {
		return this.#ended;
	}

	/** Ends it, as Ctrl-C would. */
	async [Symbol.asyncDispose](): Promise<void> {
		if (this.child.exitCode === null) this.child.kill("SIGINT");
		await this.#ended;
	}
}

/**
 * The built `kubesim` as a user runs it, in a home of its own: clusters, kubeconfig and HOME are in one directory, which
 * goes away with every server started from it.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { kubectlPath, Tool, type ToolResult } from "./kubectl.ts";
import { RunningTool } from "./running-tool.ts";

const root = join(import.meta.dirname, "../..");

let bin: string | undefined;

/** dist/kubesim.js, or another build that KUBESIM_BIN names. Throws if it is not built from what is in src/, which is looked at once. */
export function kubesimBin(): string {
	bin ??= process.env.KUBESIM_BIN ?? builtBin(join(root, "dist/kubesim.js"));
	return bin;
}

function builtBin(path: string): string {
	const builtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
	const newer = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).find(
		(file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && statSync(join(root, "src", file)).mtimeMs > builtMs,
	);
	if (newer !== undefined) throw new Error(`dist/ is older than src/${newer}: npm run build`);
	return path;
}

/** What `kubesim status --output json` tells of a running cluster. */
export interface Status {
	readonly state: string;
	readonly nodes: number;
	readonly server: string;
	readonly pid: number;
}

export class KubesimHome implements AsyncDisposable {
	/** A directory of this home's own. */
	readonly directory = mkdtempSync(join(tmpdir(), "kubesim-cli-"));
	readonly clusters = join(this.directory, "clusters");
	readonly kubeconfig = join(this.directory, "kubeconfig");
	readonly env: NodeJS.ProcessEnv;

	constructor(env: NodeJS.ProcessEnv = {}) {
		this.env = {
			HOME: this.directory,
			KUBESIM_HOME: this.clusters,
			KUBECONFIG: this.kubeconfig,
			// The tests' kubectl is the one on the PATH, and Node is the one that runs the tests.
			PATH: [dirname(kubectlPath()), dirname(process.execPath), "/usr/local/bin:/usr/bin:/bin"].join(":"),
			...env,
		};
	}

	get #tool(): Tool {
		return new Tool(process.execPath, this.env);
	}

	/** A shell's word list: split at blanks. */
	#words(args: string | readonly string[]): readonly string[] {
		return [kubesimBin(), ...(typeof args === "string" ? args.split(" ").filter((word) => word !== "") : args)];
	}

	/** Runs it to its end, whatever the exit code. */
	try(args: string | readonly string[], input = ""): Promise<ToolResult> {
		return this.#tool.try(this.#words(args), input);
	}

	/** Runs it and gives its stdout; rejects if it fails. */
	run(args: string | readonly string[]): Promise<string> {
		return this.#tool.run(this.#words(args));
	}

	/** Starts it and leaves it running. */
	spawn(args: string | readonly string[]): RunningTool {
		return new RunningTool(this.#tool, this.#words(args));
	}

	/** kubectl against the current context of this home's kubeconfig. */
	kubectl(args: string | readonly string[], input = ""): Promise<string> {
		return new Tool(kubectlPath(), this.env).run(args, input);
	}

	async status(name = "kubesim"): Promise<Status> {
		return JSON.parse((await this.try(`status --name ${name} -o json`)).stdout) as Status;
	}

	/** Writes below the home's directory and gives the path. */
	makeDirectory(name: string): string {
		const path = join(this.directory, name);
		mkdirSync(path, { recursive: true });
		return path;
	}

	/** Ids of the servers that this home's clusters say they have. */
	#serverPids(): number[] {
		if (!existsSync(this.clusters)) return [];
		const records = readdirSync(this.clusters).map((name) => join(this.clusters, name, "server.json"));
		return records.filter((path) => existsSync(path)).map((path) => (JSON.parse(readFileSync(path, "utf8")) as { pid: number }).pid);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const pid of this.#serverPids()) kill(pid);
		rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
	}
}

/** SIGKILL; a process that is gone already is fine. */
export function kill(pid: number): void {
	try {
		process.kill(pid, "SIGKILL");
	} catch (error) {
		if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
	}
}

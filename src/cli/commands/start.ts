/**
 * `kubesim start`: a cluster in the background (or, with --foreground, in this process), its context in the user's
 * kubeconfig, and what to type next.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { type ClusterConfig, ClusterDirectory, contextName } from "../cluster-directory.ts";
import { CliError } from "../errors.ts";
import { addToKubeconfig, checkKubeconfig, type KubeconfigEntry, userKubeconfigPath } from "../kubeconfig-file.ts";
import { Progress } from "../progress.ts";
import { isServerMessage, type ServerMessage } from "../server-messages.ts";

export interface StartOptions {
	readonly name: string;
	readonly nodes?: number;
	readonly port?: number;
	readonly dataDir?: string;
	readonly ephemeral?: boolean;
	readonly foreground?: boolean;
	readonly speed?: number;
	readonly output?: "json";
}

const defaultNodes = 3;

export async function start(options: StartOptions): Promise<void> {
	const directory = new ClusterDirectory(options.name);
	const running = directory.runningServer();
	const kubeconfig = userKubeconfigPath();
	checkKubeconfig(kubeconfig);
	if (running !== undefined) {
		refuseChanges(options, directory);
		addContext(kubeconfig, directory, running.url);
		printResult(options, { directory, url: running.url, kubeconfig, nodes: directory.config()?.nodes ?? 0, state: "already running" });
		return;
	}
	const config = planConfig(options, directory);
	directory.create();
	directory.writeConfig(config);
	const progress = new Progress(new WallClock());
	const onMessage = (message: ServerMessage) => {
		if (message.type === "progress") progress.show(message.text);
		if (message.type === "listening") {
			progress.show("waiting for the nodes");
			addContext(kubeconfig, directory, message.url);
		}
	};
	if (options.foreground === true) {
		await runInForeground(options, directory, config, kubeconfig, onMessage).finally(() => progress.clear());
		return;
	}
	const url = await startInBackground(directory, config, onMessage).finally(() => progress.clear());
	printResult(options, { directory, url, kubeconfig, nodes: config.nodes, state: "ready" });
}

/** The configuration of this start: what is asked for, else what the cluster was made with, else the defaults. */
function planConfig(options: StartOptions, directory: ClusterDirectory): ClusterConfig {
	const known = directory.config();
	const dataDir = options.dataDir === undefined ? (known?.dataDir ?? directory.path) : resolve(options.dataDir);
	return {
		name: options.name,
		dataDir,
		nodes: options.nodes ?? known?.nodes ?? defaultNodes,
		port: options.port ?? known?.port ?? 0,
		speed: options.speed ?? known?.speed ?? 1,
		ephemeral: options.ephemeral ?? false,
	};
}

/** A running cluster keeps what it was started with; options that ask for something else would be lost silently. */
function refuseChanges(options: StartOptions, directory: ClusterDirectory): void {
	const config = directory.config();
	const asked = { nodes: options.nodes, port: options.port, speed: options.speed };
	const differing = Object.entries(asked).filter(([key, value]) => value !== undefined && value !== config?.[key as keyof typeof asked]);
	if (differing.length === 0) return;
	const flags = differing.map(([key]) => `--${key}`).join(", ");
	throw new CliError(`cluster ${directory.name} is already running, and ${flags} can't be changed while it does`, {
		hint: `Stop it first: kubesim stop --name ${directory.name}`,
	});
}

function addContext(path: string, directory: ClusterDirectory, url: string): void {
	addToKubeconfig(path, readEntry(directory, url));
}

/** Credentials come from the certificates on disk, or (ephemeral) from the kubeconfig that the server wrote. */
function readEntry(directory: ClusterDirectory, url: string): KubeconfigEntry {
	const text = readFileSync(directory.kubeconfigFile, "utf8");
	const data = (key: string) => Buffer.from(new RegExp(`${key}: (\\S+)`).exec(text)?.[1] ?? "", "base64").toString("utf8");
	return {
		name: contextName(directory.name),
		server: url,
		ca: data("certificate-authority-data"),
		clientCertificate: data("client-certificate-data"),
		clientKey: data("client-key-data"),
	};
}

async function runInForeground(
	options: StartOptions,
	directory: ClusterDirectory,
	config: ClusterConfig,
	kubeconfig: string,
	onMessage: (message: ServerMessage) => void,
): Promise<void> {
	const { runServer } = await import("../server.ts");
	const server = await runServer(directory, config, onMessage);
	for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.stop());
	printResult(options, { directory, url: server.url, kubeconfig, nodes: config.nodes, state: "ready" });
	await server.ended;
}

/** Resolves to the server's URL once all nodes are Ready. Rejects with a CliError with what the server said. */
async function startInBackground(
	directory: ClusterDirectory,
	config: ClusterConfig,
	onMessage: (message: ServerMessage) => void,
): Promise<string> {
	const log = openSync(directory.logFile, "a", 0o600);
	const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", "serve", "--name", config.name], {
		detached: true,
		stdio: ["ignore", log, log, "ipc"],
		env: { ...process.env, KUBESIM_SERVE: JSON.stringify(config) },
	});
	closeSync(log);
	try {
		return await untilReady(child, directory, onMessage);
	} finally {
		if (child.connected) child.disconnect();
		child.unref();
	}
}

function untilReady(child: ChildProcess, directory: ClusterDirectory, onMessage: (message: ServerMessage) => void): Promise<string> {
	return new Promise((resolveUrl, reject) => {
		let url = "";
		child.on("message", (message) => {
			if (!isServerMessage(message)) return;
			if (message.type === "listening") url = message.url;
			if (message.type === "failed") reject(new CliError(message.message, { hint: message.hint }));
			else if (message.type === "ready") resolveUrl(url);
			else {
				try {
					onMessage(message);
				} catch (error) {
					reject(error);
				}
			}
		});
		child.on("error", reject);
		child.on("exit", (code, signal) => {
			reject(
				new CliError(`the server ended before it was ready (${signal ?? `exit code ${code}`})`, { hint: `Its log: ${directory.logFile}` }),
			);
		});
	});
}

interface Result {
	readonly directory: ClusterDirectory;
	readonly url: string;
	readonly kubeconfig: string;
	readonly nodes: number;
	readonly state: "ready" | "already running";
}

function printResult(options: StartOptions, { directory, url, kubeconfig, nodes, state }: Result): void {
	const context = contextName(directory.name);
	if (options.output === "json") {
		process.stdout.write(
			`${JSON.stringify({ name: directory.name, state, server: url, nodes, context, kubeconfig, directory: directory.path })}\n`,
		);
		return;
	}
	const line =
		state === "ready" ? `is ready: ${nodes} ${nodes === 1 ? "node" : "nodes"}, Kubernetes API at ${url}` : `is already running at ${url}`;
	const flag = directory.name === "kubesim" ? "" : ` --name ${directory.name}`;
	process.stdout.write(`Cluster ${directory.name} ${line}
Context "${context}" is now the current one in ${kubeconfig}

Next:
  kubectl get nodes
  kubectl create deployment web --image=nginx --replicas=3
  kubesim stop${flag}
`);
}

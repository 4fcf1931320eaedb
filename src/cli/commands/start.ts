/**
 * `kubesim start`: a cluster in the background (or, with --foreground, in this process), its context in the user's
 * kubeconfig, and what to type next.
 */
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { parse } from "yaml";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { KubeconfigEntry } from "../../cluster/kubeconfig-entry.ts";
import { ServerCrashError, startInBackground } from "../background-server.ts";
import { type ClusterConfig, ClusterDirectory } from "../cluster-directory.ts";
import { commandOn, contextName } from "../cluster-name.ts";
import { CommandLock } from "../command-lock.ts";
import { CliError } from "../errors.ts";
import { addToKubeconfig, checkKubeconfig, removeFromKubeconfigs, userKubeconfigPath } from "../kubeconfig-file.ts";
import { Progress } from "../progress.ts";
import { planStart, refuseChanges, type StartOptions } from "../start-plan.ts";
import { passwordVariable } from "../store-config.ts";

/** What a start has to do with. */
interface Context {
	readonly options: StartOptions;
	readonly directory: ClusterDirectory;
	/** Real time. */
	readonly clock: Clock;
	readonly progress: Progress;
	/** Path of the user's kubeconfig. */
	readonly kubeconfig: string;
	readonly lock: CommandLock;
}

export async function start(options: StartOptions): Promise<void> {
	const directory = new ClusterDirectory(options.name);
	const clock = new WallClock();
	const progress = new Progress(clock);
	try {
		const kubeconfig = userKubeconfigPath();
		await checkKubeconfig(kubeconfig, clock);
		const onWait = () => progress.show(`waiting for another kubesim command on cluster ${options.name}`);
		const lock = await CommandLock.acquire(directory.lockFile, { clock, onWait });
		try {
			await startLocked({ options, directory, clock, progress, kubeconfig, lock });
		} finally {
			lock.release();
		}
	} finally {
		progress.clear();
	}
}

async function startLocked(context: Context): Promise<void> {
	const { options, directory } = context;
	const running = directory.runningServer();
	if (running !== undefined) {
		refuseChanges(options, directory);
		await addContext(context, running.url);
		printResult(context, running.url, directory.config()?.nodes ?? 0, "already running");
		return;
	}
	const config = planStart(options, directory);
	// The server is this process or inherits from it.
	if (options.etcdPassword !== undefined) process.env[passwordVariable] = options.etcdPassword;
	const isNew = directory.create();
	try {
		await (options.foreground === true ? runInForeground(context, config) : runInBackground(context, config));
	} catch (error) {
		// A first start that failed leaves nothing behind, unless there is more to read in the log.
		if (isNew && error instanceof CliError && !(error instanceof ServerCrashError))
			rmSync(directory.path, { recursive: true, force: true });
		throw error;
	}
}

async function runInBackground(context: Context, config: ClusterConfig): Promise<void> {
	const { directory, progress } = context;
	let url = "";
	const nodes = await startInBackground(directory, config, async (message) => {
		if (message.type === "progress") progress.show(message.text);
		if (message.type === "listening") {
			progress.show("waiting for the nodes");
			url = message.url;
		}
		if (message.type === "ready") await addContext(context, url);
	});
	printResult(context, url, nodes, "ready");
}

/** The server's log goes to stderr and, for `kubesim logs`, to its file. */
async function runInForeground(context: Context, config: ClusterConfig): Promise<void> {
	const { directory, progress, clock, lock } = context;
	const { startServer, stopOnSignals } = await import("../server.ts");
	const { createServerLog } = await import("../server-log.ts");
	const log = createServerLog(clock, (line) => {
		progress.clear();
		process.stderr.write(line);
		appendFileSync(directory.logFile, line, { mode: 0o600 });
	});
	const server = await startServer(directory, config, { log, onProgress: (text) => progress.show(text) });
	stopOnSignals(server, ["SIGINT", "SIGTERM", "SIGHUP"]);
	try {
		progress.show("waiting for the nodes");
		const nodes = await Promise.race([server.whenReady(), server.ended]);
		if (nodes !== undefined) await addContext(context, server.url);
		lock.release();
		if (nodes !== undefined) printResult(context, server.url, nodes, "ready");
		await server.ended;
	} finally {
		await server.stop();
		if (config.ephemeral) await removeFromKubeconfigs(contextName(config.name), clock);
	}
}

async function addContext({ directory, kubeconfig, clock }: Context, url: string): Promise<void> {
	await addToKubeconfig(kubeconfig, { ...readCredentials(directory), server: url }, clock);
}

/** From the kubeconfig that the server wrote for this cluster alone. */
function readCredentials(directory: ClusterDirectory): Omit<KubeconfigEntry, "server"> {
	const { clusters, users } = parse(readFileSync(directory.kubeconfigFile, "utf8")) as {
		readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
		readonly users: readonly [{ readonly user: Readonly<Record<string, string>> }];
	};
	const pem = (text = "") => Buffer.from(text, "base64").toString("utf8");
	return {
		name: contextName(directory.name),
		ca: pem(clusters[0].cluster["certificate-authority-data"]),
		clientCertificate: pem(users[0].user["client-certificate-data"]),
		clientKey: pem(users[0].user["client-key-data"]),
	};
}

function printResult({ options, directory, progress, kubeconfig }: Context, server: string, nodes: number, state: string): void {
	progress.clear();
	const { name, path } = directory;
	const context = contextName(name);
	if (options.output === "json") {
		process.stdout.write(`${JSON.stringify({ name, state, server, nodes, context, kubeconfig, directory: path })}\n`);
		return;
	}
	const count = `${nodes} ${nodes === 1 ? "node" : "nodes"}`;
	process.stdout.write(`Cluster ${name} is ${state}: ${count}, Kubernetes API at ${server}
Context "${context}" is now the current one in ${kubeconfig}

Next:
  kubectl get nodes
  kubectl create deployment web --image=nginx --replicas=3
${options.foreground === true ? "  Ctrl-C stops the cluster" : `  ${commandOn(name, "stop")}`}
`);
}

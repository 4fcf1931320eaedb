/**
 * A cluster's server process: the cluster, its HTTPS port, the record that other commands find it by, and an orderly
 * end on SIGTERM or SIGINT.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import { formatTime } from "../apimachinery/time.ts";
import { type Cluster, openCluster, PortInUseError, StoreCorruptError, StoreLockedError } from "../cluster/index.ts";
import type { ClusterConfig, ClusterDirectory } from "./cluster-directory.ts";
import { contextName } from "./cluster-directory.ts";
import { CliError } from "./errors.ts";
import { standaloneKubeconfig } from "./kubeconfig-file.ts";
import { createServerLog } from "./server-log.ts";
import type { ServerMessage } from "./server-messages.ts";

/** How long an orderly end may take, in real milliseconds, before the process ends anyway. */
const stopLimitMs = 5000;
/** The port of a real API server; another one is taken if somebody has it. */
const usualPort = 6443;

export interface RunningServer {
	readonly cluster: Cluster;
	readonly url: string;
	/** Resolves when the server has ended. */
	readonly ended: Promise<void>;
	stop(): Promise<void>;
}

/** Starts the server in this process. Rejects with a CliError if it can't start. */
export async function runServer(
	directory: ClusterDirectory,
	config: ClusterConfig,
	report: (message: ServerMessage) => void,
): Promise<RunningServer> {
	const machine = new WallClock();
	const log = createServerLog(machine);
	const cluster = await open(config, report, log);
	const { url } = await listen(cluster, config);
	const { promise: ended, resolve: end } = Promise.withResolvers<void>();
	let stopping: Promise<void> | undefined;
	const stop = () => {
		stopping ??= (async () => {
			log.info("stopping");
			const limit = machine.setTimeout(() => process.exit(1), stopLimitMs);
			await cluster.close();
			limit.cancel();
			directory.removeServer();
			if (config.ephemeral) rmSync(directory.path, { recursive: true, force: true });
			end();
		})();
		return stopping;
	};
	const port = Number(new URL(url).port);
	directory.writeConfig({ ...config, port: config.port === 0 ? port : config.port });
	directory.writeServer({ pid: process.pid, url, startedAt: formatTime(machine.now()) });
	const entry = { name: contextName(config.name), server: url, ...cluster.adminCredentials() };
	writeFileSync(directory.kubeconfigFile, standaloneKubeconfig(entry), { mode: 0o600 });
	report({ type: "listening", url });
	await cluster.start();
	await cluster.whenNodesReady();
	report({ type: "ready", nodes: config.nodes });
	log.info("ready", { url, nodes: config.nodes });
	return { cluster, url, ended, stop };
}

async function open(
	config: ClusterConfig,
	report: (message: ServerMessage) => void,
	log: ReturnType<typeof createServerLog>,
): Promise<Cluster> {
	try {
		return await openCluster({
			nodes: config.nodes,
			...(config.ephemeral ? {} : { dataDir: config.dataDir }),
			clock: new WallClock({ speed: config.speed }),
			log,
			onProgress: (text) => report({ type: "progress", text }),
		});
	} catch (error) {
		if (error instanceof StoreLockedError) {
			throw new CliError(error.message, {
				hint: "Another kubesim runs on this data: kubesim list shows it, kubesim stop ends it.",
				cause: error,
			});
		}
		if (error instanceof StoreCorruptError) {
			const hint = `Restore ${join(config.dataDir, "store")} from a copy, or start over: kubesim delete --name ${config.name}`;
			throw new CliError(error.message, { hint, cause: error });
		}
		throw error;
	}
}

/** The port that was asked for, else the one a real API server has, else any that is free. */
async function listen(cluster: Cluster, config: ClusterConfig): Promise<{ url: string }> {
	try {
		return await cluster.listen({ port: config.port === 0 ? usualPort : config.port });
	} catch (error) {
		if (error instanceof PortInUseError && config.port === 0) return await cluster.listen({ port: 0 });
		await cluster.close();
		if (!(error instanceof PortInUseError)) throw error;
		throw new CliError(`port ${config.port} is in use by another program`, {
			hint: "Choose another with --port N, or --port 0 for any free one.",
			cause: error,
		});
	}
}

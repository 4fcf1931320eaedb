/**
 * A cluster's server process: the cluster, its HTTPS port, the record that other commands find it by, and an orderly
 * end.
 */
import { rmSync, writeFileSync } from "node:fs";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { formatTime } from "../apimachinery/time.ts";
import {
	AddressPoolError,
	AdmissionSwitchError,
	type AuditOptions,
	AuditPolicyError,
	AuthorizationConfigError,
	type Cluster,
	ControllerNameError,
	EncryptionConfigError,
	KubeconfigError,
	OidcOptionsError,
	openCluster,
	PkiError,
	PortInUseError,
	ProfileError,
	SchedulerConfigurationError,
	StoreAccessError,
	StoreCorruptError,
	StoreFormatError,
	StoreLockedError,
	StoreOpenError,
	StoreUnavailableError,
	TokenFileError,
} from "../cluster/index.ts";
import { standaloneKubeconfig } from "../cluster/kubeconfig-entry.ts";
import { ownIdentity } from "../cluster/process-identity.ts";
import { openAuthenticationConfig } from "./authentication-config.ts";
import { ClockFile } from "./clock-file.ts";
import type { ClusterConfig, ClusterDirectory } from "./cluster-directory.ts";
import { commandOn, contextName } from "./cluster-name.ts";
import { serveControl } from "./control/control-server.ts";
import { controlSocketIn } from "./control/control-socket.ts";
import { controllerMethods } from "./control/controller-methods.ts";
import { imageMethods } from "./control/image-methods.ts";
import { nodeMethods } from "./control/node-methods.ts";
import { schedulerMethods } from "./control/scheduler-methods.ts";
import { CliError, messageOf, systemErrorCode } from "./errors.ts";
import { readFlagYaml } from "./flag-file.ts";
import { keptImageFiles } from "./image-files.ts";
import { makeDirectory } from "./make-directory.ts";
import { StoreAccess } from "./store-access.ts";
import { openStoreConfig, passwordVariable } from "./store-config.ts";

/** How long an orderly end may take, in real milliseconds, before the process ends anyway. */
const stopLimitMs = 5000;
/** The port of a real API server; another one is taken if somebody has it. */
const usualPort = 6443;

export interface RunningServer {
	readonly cluster: Cluster;
	readonly url: string;
	readonly port: number;
	/** Resolves to the number of nodes once every one is Ready. */
	whenReady(): Promise<number>;
	/** Resolves when the server has ended. */
	readonly ended: Promise<void>;
	/** Ends it in order; what is on disk is complete at any moment, with or without this. */
	stop(): Promise<void>;
}

export interface ServerOptions {
	readonly log: Logger;
	/** Told in a few words what is being done. */
	readonly onProgress: (text: string) => void;
	/** Default: time passes by itself, as fast as is configured. @param startMs the time that the cluster has reached, Unix ms */
	readonly clockAt?: (startMs: number) => Clock;
	/** In place of what is configured. */
	readonly audit?: AuditOptions;
	/** Called when the cluster is open, before anything happens in it. */
	readonly onOpen?: (cluster: Cluster) => Promise<void>;
}

/** Starts the server in this process; resolves when its API answers. Rejects with a CliError for what the user can mend. */
export async function startServer(directory: ClusterDirectory, config: ClusterConfig, options: ServerOptions): Promise<RunningServer> {
	const machine = new WallClock();
	const clockFile = clockFileOf(config, options, machine);
	const cluster = await open(config, clockFile?.startMs(machine), options);
	await options.onOpen?.(cluster).catch(async (error: unknown) => {
		await cluster.close();
		throw error;
	});
	const { url, port } = await listen(cluster, config);
	directory.writeConfig({ ...config, lastPort: port });
	const entry = { name: contextName(config.name), server: url, ...cluster.adminCredentials() };
	writeFileSync(directory.kubeconfigFile, standaloneKubeconfig(entry), { mode: 0o600 });
	directory.writeServer({ ...ownIdentity(), url, startedAt: formatTime(machine.now()) });
	options.log.info("listening", { url });
	const etcdApi = new StoreAccess(cluster, directory, config);
	const methods = {
		...etcdApi.methods,
		...controllerMethods(cluster),
		...imageMethods(cluster),
		...nodeMethods(cluster),
		...schedulerMethods(cluster),
	};
	const control = await serveControl(controlSocketIn(directory.path), methods, (request, streams, signal) =>
		cluster.nodes.exec(request.node, request, streams, signal),
	);
	await loadKeptImages(cluster, directory, options.log);
	if (config.nodePorts === true) await cluster.listenNodePorts();
	const started = cluster.start().then(() => etcdApi.open());
	// Whoever waits for the nodes is told; nobody else may be left with an unhandled rejection.
	started.catch(() => undefined);
	const stopClockFile = clockFile?.follow(cluster.clock, machine) ?? (() => undefined);

	const { promise: ended, resolve: end } = Promise.withResolvers<void>();
	let stopping: Promise<void> | undefined;
	const close = async () => {
		options.log.info("stopping");
		const limit = machine.setTimeout(() => process.exit(1), stopLimitMs);
		stopClockFile();
		await control.close();
		await cluster.close();
		limit.cancel();
		if (config.ephemeral) rmSync(directory.path, { recursive: true, force: true });
		else directory.removeServer();
		end();
	};
	return {
		cluster,
		url,
		port,
		ended,
		whenReady: async () => {
			await started;
			return cluster.whenNodesReady();
		},
		stop: () => {
			stopping ??= close();
			return stopping;
		},
	};
}

/** A file that is no longer right does not keep a cluster from starting: its images are as if nobody had described them. */
async function loadKeptImages(cluster: Cluster, directory: ClusterDirectory, log: Logger): Promise<void> {
	for (const { path, text } of keptImageFiles(directory.path)) {
		await cluster.loadImages(text).catch((error: unknown) => log.error("could not load images", { path, error: messageOf(error) }));
	}
}

/** Ends the server in order at the first of these signals, and the process at once at the second. */
export function stopOnSignals(server: RunningServer, signals: readonly NodeJS.Signals[]): void {
	let isAsked = false;
	const onSignal = () => {
		if (isAsked) process.exit(130);
		isAsked = true;
		void server.stop();
	};
	for (const signal of signals) process.on(signal, onSignal);
}

/** For a cluster whose time may differ from the machine's, or does since it once ran faster. */
function clockFileOf({ ephemeral, dataDir, speed }: ClusterConfig, { clockAt }: ServerOptions, machine: Clock): ClockFile | undefined {
	if (ephemeral) return undefined;
	const file = new ClockFile(dataDir);
	return speed !== 1 || clockAt !== undefined || file.startMs(machine) > machine.now() ? file : undefined;
}

async function open(config: ClusterConfig, startMs: number | undefined, options: ServerOptions): Promise<Cluster> {
	const { log, onProgress, clockAt, audit = config.audit } = options;
	try {
		if (!config.ephemeral) makeDirectory(config.dataDir);
		return await openCluster({
			nodes: config.nodes,
			...(config.ephemeral ? {} : { dataDir: config.dataDir }),
			...(config.pkiDir === undefined ? {} : { pkiDir: config.pkiDir }),
			...(config.store === undefined ? {} : { store: openStoreConfig(config.store) }),
			...(config.members === undefined ? {} : { storeMembers: config.members }),
			...(config.authentication === undefined ? {} : { authentication: openAuthenticationConfig(config.authentication) }),
			admission: { enable: config.enableAdmissionPlugins ?? [], disable: config.disableAdmissionPlugins ?? [] },
			...(config.controllers === undefined ? {} : { controllers: config.controllers }),
			...(config.schedulerConfig === undefined
				? {}
				: { scheduler: { configuration: readFlagYaml(config.schedulerConfig, "--scheduler-config") } }),
			...(config.featureGates === undefined ? {} : { featureGates: config.featureGates }),
			...(config.addons === undefined ? {} : { addons: config.addons }),
			...(config.loadBalancerPool === undefined ? {} : { loadBalancerPool: config.loadBalancerPool }),
			...(config.admissionControlConfigFile === undefined ? {} : { admissionControlConfigFile: config.admissionControlConfigFile }),
			...(config.authorization === undefined ? {} : { authorization: config.authorization }),
			...(config.encryptionProviderConfig === undefined ? {} : { encryptionProviderConfig: config.encryptionProviderConfig }),
			encryptionProviderConfigAutomaticReload: config.encryptionProviderConfigAutomaticReload ?? false,
			kubeletCertificates:
				(config.kubeletCertificates ?? "none") === "none" ? false : { serving: config.kubeletCertificates === "serving" },
			...(audit === undefined ? {} : { audit }),
			clock:
				clockAt?.(startMs ?? new WallClock().now()) ??
				new WallClock({ speed: config.speed, ...(startMs === undefined ? {} : { startMs }) }),
			log,
			onProgress,
		});
	} catch (error) {
		throw explain(error, config);
	}
}

/** What keeps a cluster from opening, with the way out; anything else passes. */
function explain(error: unknown, { name, dataDir }: ClusterConfig): unknown {
	if (error instanceof StoreLockedError) {
		return new CliError(`the data in ${dataDir} are in use by another process`, {
			hint: "kubesim list shows the clusters that run, kubesim stop ends one. Or choose another --data-dir.",
			cause: error,
		});
	}
	if (error instanceof AuditPolicyError || error instanceof KubeconfigError || error instanceof EncryptionConfigError)
		return new CliError(error.message, { cause: error });
	if (error instanceof AdmissionSwitchError) {
		return new CliError(error.message, {
			hint: "--enable-admission-plugins and --disable-admission-plugins take Kubernetes' names, separated by commas.",
			cause: error,
		});
	}
	if (error instanceof ControllerNameError) {
		return new CliError(`--controllers: ${error.message}`, {
			hint: "kubesim controllers list, on a cluster that runs, shows the names.",
			cause: error,
		});
	}
	if (error instanceof AddressPoolError) return new CliError(`--load-balancer-pool: ${error.message}`, { cause: error });
	if (error instanceof TokenFileError || error instanceof OidcOptionsError) {
		return new CliError(error.message, { hint: "kubesim start --help names the flags of authentication.", cause: error });
	}
	if (error instanceof SchedulerConfigurationError || error instanceof ProfileError) {
		return new CliError(`the scheduler's configuration: ${error.message}`, { hint: "See docs/scheduler.md.", cause: error });
	}
	if (error instanceof AuthorizationConfigError) {
		return new CliError(error.message, {
			hint: "See --authorization-mode and --authorization-config in kubesim start --help.",
			cause: error,
		});
	}
	if (error instanceof StoreUnavailableError) {
		return new CliError(error.message, {
			hint: "Is etcd running there, and does it want TLS (https, --etcd-cafile, --etcd-certfile and --etcd-keyfile)?",
			cause: error,
		});
	}
	if (error instanceof StoreAccessError) {
		return new CliError(`etcd does not let kubesim in: ${error.message}`, {
			hint: `--etcd-username and ${passwordVariable} say who asks; the user needs a role for all keys, or root.`,
			cause: error,
		});
	}
	if (error instanceof StoreCorruptError) {
		return new CliError(error.message, { hint: `To throw the data away and start over: ${commandOn(name, "delete")}`, cause: error });
	}
	if (error instanceof StoreFormatError || error instanceof PkiError) return new CliError(error.message, { cause: error });
	if (error instanceof StoreOpenError || systemErrorCode(error) !== undefined) {
		const why = error instanceof StoreOpenError ? error.cause : error;
		return new CliError(`can't use the data directory ${dataDir}: ${messageOf(why)}`, {
			hint: "Make room there, or choose one that you can write to with --data-dir.",
			cause: error,
		});
	}
	return error;
}

/** The port that was asked for, else the one it had last or a real API server has, else any that is free. */
async function listen(cluster: Cluster, config: ClusterConfig): Promise<{ url: string; port: number }> {
	const mayChoose = config.port === 0;
	const port = mayChoose ? (config.lastPort ?? usualPort) : config.port;
	try {
		return await cluster.listen({ port });
	} catch (error) {
		if (error instanceof PortInUseError && mayChoose) return await cluster.listen({ port: 0 });
		await cluster.close();
		const why = error instanceof PortInUseError ? "in use by another program" : messageOf(error);
		throw new CliError(`can't listen on port ${port}: ${why}`, {
			hint: "Choose another with --port N, or --port 0 for any free one.",
			cause: error,
		});
	}
}

/**
 * Where a cluster lives on disk, and what is known of it while it does not run.
 *
 *   <home>/NAME/cluster.json   how it was started, so that the next start finds the same cluster; there once a start worked
 *              /server.json    written by the running server: process and address; absent when it is stopped in order
 *              /kubeconfig     administrator access to this cluster alone
 *              /server.log     what the server says
 *   <home>/NAME.lock           held by the command that is changing the cluster (command-lock.ts)
 *   <data>/pki, <data>/store   certificates and the store; <data> is <home>/NAME unless --data-dir says otherwise, and
 *                              --pki-dir and --store etcd have them elsewhere
 *
 * <home> is $KUBESIM_HOME, else $XDG_DATA_HOME/kubesim, else ~/.local/share/kubesim.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { AuditOptions, AuthorizationOptions } from "../cluster/index.ts";
import { isAlive, type ProcessIdentity } from "../cluster/process-identity.ts";
import type { AuthenticationConfig } from "./authentication-config.ts";
import { checkClusterName } from "./cluster-name.ts";
import { CliError, messageOf, systemErrorCode } from "./errors.ts";
import { makeDirectory } from "./make-directory.ts";
import type { StoreConfig } from "./store-config.ts";

/** Whether nodes have certificates: none, those of clients, or those of servers, too. */
export type KubeletCertificates = "none" | "client" | "serving";

/** What a start asked for and the next one reuses. */
export interface ClusterConfig {
	readonly name: string;
	/** Absolute. */
	readonly dataDir: string;
	readonly nodes: number;
	/** TCP port that was asked for; 0 lets the server choose one. */
	readonly port: number;
	/** The port that the server had last: the one to choose again, if it is free. */
	readonly lastPort?: number;
	/** Cluster seconds per real second, > 0. */
	readonly speed: number;
	/** How many members the store had when it was made; absent in files of versions that knew one only. */
	readonly members?: number;
	/** TCP port of the store's etcd API that was asked for; 0 is none, absent is 2379 or the next that is free. */
	readonly etcdPort?: number;
	/** Nothing of it outlives its server. */
	readonly ephemeral: boolean;
	/** Admission plugins that were turned on and off, by name; absent: none. */
	readonly enableAdmissionPlugins?: readonly string[];
	readonly disableAdmissionPlugins?: readonly string[];
	/** Which controllers run, as kube-controller-manager's --controllers takes them; absent: all. */
	readonly controllers?: readonly string[];
	/** Addresses for load balancers, as `ClusterOptions` has them; absent: the usual ones. */
	readonly loadBalancerPool?: string;
	/** Whether Services' node ports are open on this machine; absent: no. */
	readonly nodePorts?: boolean;
	/** What runs beside the control plane; absent: nothing. */
	readonly addons?: readonly string[];
	/** The file of a KubeSchedulerConfiguration; absent: kube-scheduler's own. */
	readonly schedulerConfig?: string;
	/** Feature gates that were switched, by name; absent: none. */
	readonly featureGates?: Readonly<Record<string, boolean>>;
	/** The AdmissionConfiguration's path, absolute; absent: none. */
	readonly admissionControlConfigFile?: string;
	/** Who decides what users may do; files by their absolute paths. Absent: Node and RBAC. */
	readonly authorization?: AuthorizationOptions;
	/** The EncryptionConfiguration's path, absolute; absent: nothing is encrypted in the store. */
	readonly encryptionProviderConfig?: string;
	/** Whether changes of that file are followed. */
	readonly encryptionProviderConfigAutomaticReload?: boolean;
	/** Absent: none. */
	readonly kubeletCertificates?: KubeletCertificates;
	/** What is recorded of requests, and where; absent: nothing. Paths are absolute. */
	readonly audit?: AuditOptions;
	/** Absent: kubesim's own, in `dataDir`. */
	readonly store?: StoreConfig;
	/** Who else may come in; absent: nobody. */
	readonly authentication?: AuthenticationConfig;
	/** Absolute; absent: in `dataDir`. A directory of the user's own, which a delete leaves alone. */
	readonly pkiDir?: string;
}

/** The process that runs a cluster. */
export interface ServerRecord extends ProcessIdentity {
	/** `https://127.0.0.1:6443`. */
	readonly url: string;
	/** Machine time, ISO 8601. */
	readonly startedAt: string;
}

/** A server.log larger than this, in bytes, is put aside (server.log.old) by the next start. */
const logLimitBytes = 8 << 20;

export function kubesimHome(env: NodeJS.ProcessEnv = process.env): string {
	if (env.KUBESIM_HOME) return resolve(env.KUBESIM_HOME);
	if (env.XDG_DATA_HOME) return join(env.XDG_DATA_HOME, "kubesim");
	return join(homedir(), ".local/share/kubesim");
}

export class ClusterDirectory {
	readonly name: string;
	readonly path: string;

	/** Throws a CliError for a name that is none. */
	constructor(name: string, home: string = kubesimHome()) {
		checkClusterName(name);
		this.name = name;
		this.path = join(home, name);
	}

	/** The directory of a cluster that there is. Throws a CliError otherwise. */
	static existing(name: string): ClusterDirectory {
		const directory = new ClusterDirectory(name);
		if (directory.exists()) return directory;
		throw new CliError(`there is no cluster ${name}`, { hint: "kubesim list shows the ones there are; kubesim start makes one." });
	}

	get lockFile(): string {
		return `${this.path}.lock`;
	}

	get logFile(): string {
		return join(this.path, "server.log");
	}

	get kubeconfigFile(): string {
		return join(this.path, "kubeconfig");
	}

	/** An ephemeral cluster is gone with its server, even if that was killed and left files behind. */
	exists(): boolean {
		if (!existsSync(join(this.path, "cluster.json"))) return false;
		return this.config()?.ephemeral !== true || this.runningServer() !== undefined;
	}

	/** Makes the directory, readable by its owner only, or finds it there. @returns whether it is new. */
	create(): boolean {
		try {
			const isNew = makeDirectory(this.path);
			const log = statSync(this.logFile, { throwIfNoEntry: false });
			if (log !== undefined && log.size > logLimitBytes) renameSync(this.logFile, `${this.logFile}.old`);
			return isNew;
		} catch (error) {
			throw new CliError(`can't make ${this.path}: ${messageOf(error)}`, {
				hint: "Set KUBESIM_HOME to a directory that you can write to.",
				cause: error,
			});
		}
	}

	config(): ClusterConfig | undefined {
		return this.#read<ClusterConfig>("cluster.json");
	}

	writeConfig(config: ClusterConfig): void {
		this.#write("cluster.json", config);
	}

	/** The server that runs this cluster; undefined if none does (a record that a killed server left behind does not count). */
	runningServer(): ServerRecord | undefined {
		const record = this.#read<ServerRecord>("server.json");
		return record !== undefined && isAlive(record) ? record : undefined;
	}

	writeServer(record: ServerRecord): void {
		this.#write("server.json", record);
	}

	removeServer(): void {
		rmSync(join(this.path, "server.json"), { force: true });
	}

	/** Deletes the cluster for good, with its data; a data directory of the user's own stays if anything else is in it. */
	remove(): void {
		const { dataDir } = this.config() ?? { dataDir: this.path };
		for (const part of ["store", "pki"]) rmSync(join(dataDir, part), { recursive: true, force: true });
		rmSync(this.path, { recursive: true, force: true });
		try {
			rmdirSync(dataDir);
		} catch (error) {
			if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(systemErrorCode(error) ?? "")) throw error;
		}
	}

	#read<T>(file: string): T | undefined {
		const path = join(this.path, file);
		try {
			return JSON.parse(readFileSync(path, "utf8")) as T;
		} catch (error) {
			if (systemErrorCode(error) === "ENOENT") return undefined;
			throw new CliError(`can't read ${path}: ${messageOf(error)}`, {
				hint: `Mend the file; or remove ${this.path}, with all the cluster's data.`,
				cause: error,
			});
		}
	}

	#write(file: string, value: object): void {
		const path = join(this.path, file);
		writeFileSync(`${path}.tmp`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
		renameSync(`${path}.tmp`, path);
	}
}

/** All clusters, running or not, by name. */
export function listClusters(home: string = kubesimHome()): readonly ClusterDirectory[] {
	if (!existsSync(home)) return [];
	return readdirSync(home)
		.filter((name) => existsSync(join(home, name, "cluster.json")))
		.sort()
		.map((name) => new ClusterDirectory(name, home))
		.filter((directory) => directory.exists());
}

/**
 * Where a cluster lives on disk, and what is known of it while it does not run.
 *
 *   <home>/NAME/cluster.json   how it was started, so that the next start finds the same cluster
 *              /server.json    written by the running server: pid and address; absent when it is stopped in order
 *              /kubeconfig     administrator access to this cluster alone
 *              /server.log     what the server says
 *   <data>/pki, <data>/store   certificates and the store; <data> is <home>/NAME unless --data-dir says otherwise
 *
 * <home> is $KUBESIM_HOME, else $XDG_DATA_HOME/kubesim, else ~/.local/share/kubesim.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { CliError, systemErrorCode } from "./errors.ts";

export const defaultClusterName = "kubesim";

/** What a start asked for and the next one reuses. */
export interface ClusterConfig {
	readonly name: string;
	readonly dataDir: string;
	readonly nodes: number;
	/** TCP port that was asked for; 0 lets the system choose one, which is then kept. */
	readonly port: number;
	/** Cluster seconds per real second, > 0. */
	readonly speed: number;
	readonly ephemeral: boolean;
}

export interface ServerRecord {
	readonly pid: number;
	/** `https://127.0.0.1:6443`. */
	readonly url: string;
	/** Machine time, ISO 8601. */
	readonly startedAt: string;
}

export function kubesimHome(env: NodeJS.ProcessEnv = process.env): string {
	if (env.KUBESIM_HOME) return resolve(env.KUBESIM_HOME);
	if (env.XDG_DATA_HOME) return join(env.XDG_DATA_HOME, "kubesim");
	return join(homedir(), ".local/share/kubesim");
}

/** `kubesim` for the default cluster, `kubesim-NAME` for another. */
export function contextName(name: string): string {
	return name === defaultClusterName ? name : `kubesim-${name}`;
}

export class ClusterDirectory {
	readonly name: string;
	readonly path: string;

	/** Throws a CliError for a name that can't be a directory and a kubeconfig context. */
	constructor(name: string, home: string = kubesimHome()) {
		if (!/^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$/.test(name)) {
			throw new CliError(`"${name}" is not a cluster name`, {
				hint: "A name has at most 53 lower-case letters, digits and '-', and starts and ends with a letter or digit.",
				exitCode: 2,
			});
		}
		this.name = name;
		this.path = join(home, name);
	}

	get logFile(): string {
		return join(this.path, "server.log");
	}

	get kubeconfigFile(): string {
		return join(this.path, "kubeconfig");
	}

	exists(): boolean {
		return existsSync(join(this.path, "cluster.json"));
	}

	/** Makes the directory, readable by its owner only. Throws a CliError if that is not possible. */
	create(): void {
		try {
			mkdirSync(this.path, { recursive: true, mode: 0o700 });
		} catch (error) {
			throw new CliError(`can't make ${this.path}: ${error instanceof Error ? error.message : error}`, {
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
		return record !== undefined && isAlive(record.pid) ? record : undefined;
	}

	writeServer(record: ServerRecord): void {
		this.#write("server.json", record);
	}

	removeServer(): void {
		rmSync(join(this.path, "server.json"), { force: true });
	}

	/** Deletes the cluster for good, with its data. */
	remove(): void {
		const dataDir = this.config()?.dataDir ?? this.path;
		for (const part of ["store", "pki"]) rmSync(join(dataDir, part), { recursive: true, force: true });
		rmSync(this.path, { recursive: true, force: true });
	}

	#read<T>(file: string): T | undefined {
		const path = join(this.path, file);
		try {
			return JSON.parse(readFileSync(path, "utf8")) as T;
		} catch (error) {
			if (systemErrorCode(error) === "ENOENT") return undefined;
			throw new CliError(`can't read ${path}: ${error instanceof Error ? error.message : error}`, {
				hint: `kubesim delete --name ${this.name} removes the cluster with all its data.`,
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

/** Names of all clusters, running or not. */
export function listClusters(home: string = kubesimHome()): readonly string[] {
	if (!existsSync(home)) return [];
	return readdirSync(home)
		.filter((name) => existsSync(join(home, name, "cluster.json")))
		.sort();
}

/** Whether a process of this id lives and is a kubesim server: an id may have been given to another program since. */
function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
	} catch (error) {
		return systemErrorCode(error) === "EPERM";
	}
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("kubesim");
	} catch {
		// Not Linux, or not ours to look at: the id has to do.
		return true;
	}
}

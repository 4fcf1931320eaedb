/**
 * The store that a cluster was started with, if it is not kubesim's own, and reading what is needed for it.
 *
 * Remembered in cluster.json are paths and names. The password is not: it comes from the environment
 * (KUBESIM_ETCD_PASSWORD), or from --etcd-password, which does no more than set that for the server it starts.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { EtcdStoreOption } from "../cluster/index.ts";
import { CliError, messageOf } from "./errors.ts";

export interface StoreConfig {
	readonly endpoints: readonly string[];
	/** Absolute paths of PEM files. */
	readonly caFile?: string;
	readonly certFile?: string;
	readonly keyFile?: string;
	readonly username?: string;
}

/** As commander names them. */
export interface StoreOptions {
	readonly store?: "local" | "etcd";
	readonly etcdEndpoints?: readonly string[];
	readonly etcdCafile?: string;
	readonly etcdCertfile?: string;
	readonly etcdKeyfile?: string;
	readonly etcdUsername?: string;
	readonly etcdPassword?: string;
}

/** The environment variable with the password of --etcd-username. */
export const passwordVariable = "KUBESIM_ETCD_PASSWORD";

/**
 * What is asked for, else what the cluster had before; undefined for kubesim's own store. Throws a CliError for options
 * that make no sense together.
 */
export function planStore(options: StoreOptions, known: StoreConfig | undefined): StoreConfig | undefined {
	const given = [
		options.etcdEndpoints,
		options.etcdCafile,
		options.etcdCertfile,
		options.etcdKeyfile,
		options.etcdUsername,
		options.etcdPassword,
	];
	const isEtcd = options.store === "etcd" || (options.store === undefined && known !== undefined);
	if (!isEtcd) {
		if (given.some((value) => value !== undefined)) throw usage("the --etcd-… options are for --store etcd", "Add --store etcd.");
		return undefined;
	}
	const config: StoreConfig = {
		endpoints: options.etcdEndpoints ?? known?.endpoints ?? [],
		...optional("caFile", path(options.etcdCafile) ?? known?.caFile),
		...optional("certFile", path(options.etcdCertfile) ?? known?.certFile),
		...optional("keyFile", path(options.etcdKeyfile) ?? known?.keyFile),
		...optional("username", options.etcdUsername ?? known?.username),
	};
	if (config.endpoints.length === 0) throw usage("--store etcd needs to know where etcd is", "Add --etcd-endpoints http://HOST:2379[,…].");
	if ((config.certFile === undefined) !== (config.keyFile === undefined))
		throw usage("a client certificate is two files", "Give both --etcd-certfile and --etcd-keyfile.");
	if (options.etcdPassword !== undefined && config.username === undefined)
		throw usage("a password is somebody's", "Add --etcd-username NAME.");
	return config;
}

/** Reads the files. Throws a CliError for one that can't be read, or if the user's password is missing. */
export function openStoreConfig(config: StoreConfig, env: NodeJS.ProcessEnv = process.env): EtcdStoreOption {
	const { endpoints, username } = config;
	const tls = {
		...optional("ca", read(config.caFile, "--etcd-cafile")),
		...optional("cert", read(config.certFile, "--etcd-certfile")),
		...optional("key", read(config.keyFile, "--etcd-keyfile")),
	};
	const hasTls = Object.keys(tls).length > 0;
	const password = env[passwordVariable];
	if (username !== undefined && password === undefined) {
		throw new CliError(`the password of etcd's user ${username} is not known`, {
			hint: `Set ${passwordVariable}: it is not kept between two starts.`,
		});
	}
	return {
		type: "etcd",
		endpoints,
		...(hasTls ? { tls } : {}),
		...(username === undefined || password === undefined ? {} : { credentials: { username, password } }),
	};
}

function read(file: string | undefined, flag: string): string | undefined {
	if (file === undefined) return undefined;
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		throw new CliError(`can't read ${file}: ${messageOf(error)}`, { hint: `${flag} names a PEM file.`, cause: error });
	}
}

function path(file: string | undefined): string | undefined {
	return file === undefined ? undefined : resolve(file);
}

/** A property that is there only if it has a value. */
export function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
	return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}

function usage(message: string, hint: string): CliError {
	return new CliError(message, { hint, exitCode: 2 });
}

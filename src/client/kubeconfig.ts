/**
 * Reads from a kubeconfig how to reach a cluster, for `HttpTransport`. Certificates and keys may stand in the file or
 * beside it. Exec plugins and auth providers are not supported and say so.
 * Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { HttpTransportOptions } from "./http-transport.ts";

type Entry = Readonly<Record<string, unknown>>;

export interface KubeconfigAccess extends HttpTransportOptions {
	/** That the context is in; absent: `default`. */
	readonly namespace?: string | undefined;
}

/**
 * @param path the file, for messages and for the paths in it
 * @param contextName default: the current context
 * @param userName default: the context's
 * @throws Error that says what is missing
 */
export function loadKubeconfig(path: string, contextName?: string, userName?: string): KubeconfigAccess {
	const config = entryOf(parse(readFileSync(path, "utf8"))) ?? {};
	const wanted = contextName ?? textOf(config["current-context"]);
	if (wanted === undefined || wanted === "") throw new Error(`${path}: no current-context is set`);
	const context = named(config, "contexts", "context", wanted, path);
	const cluster = named(config, "clusters", "cluster", textOf(context.cluster) ?? "", path);
	const user = named(config, "users", "user", userName ?? textOf(context.user) ?? "", path);
	for (const unsupported of ["exec", "auth-provider"]) {
		if (user[unsupported] !== undefined) throw new Error(`${path}: users with "${unsupported}" are not supported`);
	}
	const server = textOf(cluster.server);
	if (server === undefined) throw new Error(`${path}: cluster of context "${wanted}" has no server`);
	const file = (name: string) => readFileSync(resolve(dirname(path), name), "utf8");
	const tokenFile = textOf(user.tokenFile);
	return {
		server,
		namespace: textOf(context.namespace),
		certificateAuthority: pemOf(cluster, "certificate-authority", file),
		clientCertificate: pemOf(user, "client-certificate", file),
		clientKey: pemOf(user, "client-key", file),
		token: textOf(user.token) ?? (tokenFile === undefined ? undefined : file(tokenFile).trim()),
		tlsServerName: textOf(cluster["tls-server-name"]),
		insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"] === true,
	};
}

function named(config: Entry, list: string, field: string, name: string, path: string): Entry {
	const entries = config[list];
	const found = Array.isArray(entries) ? entries.map(entryOf).find((entry) => entry?.name === name) : undefined;
	const value = entryOf(found?.[field]);
	if (value === undefined) throw new Error(`${path}: ${field} "${name}" does not exist`);
	return value;
}

/** `<field>-data` in base64 wins over the file named by `<field>`, as in kubectl. */
function pemOf(entry: Entry, field: string, file: (name: string) => string): string | undefined {
	const data = textOf(entry[`${field}-data`]);
	if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
	const name = textOf(entry[field]);
	return name === undefined ? undefined : file(name);
}

function entryOf(value: unknown): Entry | undefined {
	return typeof value === "object" && value !== null ? (value as Entry) : undefined;
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

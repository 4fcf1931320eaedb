/**
 * A server outside that a kubeconfig names: how audit back ends, and other webhooks of kube-apiserver's flags, are told.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/webhook/#configuration-file-format
 */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isJsonObject, type JsonObject, type JsonValue } from "../../apimachinery/json.ts";
import type { WebhookEndpoint } from "./endpoint-agent.ts";

/** A kubeconfig that names no server that can be asked. */
export class KubeconfigError extends Error {
	override readonly name = "KubeconfigError";
}

/** The server of the file's current context; files that it names are relative to it. Rejects with `KubeconfigError` or the system's error. */
export async function readKubeconfigEndpoint(path: string): Promise<WebhookEndpoint> {
	const { parse } = await import("yaml");
	const fail = (why: string) => new KubeconfigError(`${path}: ${why}`);
	let config: unknown;
	try {
		config = parse(await readFile(path, "utf8"));
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") throw error;
		throw fail(error instanceof Error ? error.message : String(error));
	}
	if (!isJsonObject(config)) throw fail("it is no kubeconfig");
	const context = named(config.contexts, textOf(config["current-context"]), "context");
	const cluster = named(config.clusters, textOf(context?.cluster), "cluster");
	const user = named(config.users, textOf(context?.user), "user") ?? {};
	const url = textOf(cluster?.server);
	if (cluster === undefined || !/^https?:\/\//.test(url)) throw fail("its current context names no cluster with a server");
	const from = (owner: JsonObject, key: string) => readData(owner, key, dirname(path));
	const ca = await from(cluster, "certificate-authority");
	const [cert, key] = [await from(user, "client-certificate"), await from(user, "client-key")];
	const token = textOf(user.token) || (await readText(textOf(user.tokenFile), dirname(path)))?.trim() || "";
	return {
		url,
		...(ca === undefined ? {} : { caBundle: Buffer.from(ca).toString("base64") }),
		...(cluster["insecure-skip-tls-verify"] === true ? { insecureSkipTlsVerify: true } : {}),
		...(cert === undefined || key === undefined ? {} : { certificate: { cert, key } }),
		...(token === "" ? {} : { headers: { Authorization: `Bearer ${token}` } }),
	};
}

const textOf = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");

/** `[{name: N, context: {…}}]` → the object of N. */
function named(list: JsonValue | undefined, name: string, key: string): JsonObject | undefined {
	const entries = Array.isArray(list) ? list.filter(isJsonObject) : [];
	const entry = entries.find((each) => each.name === name);
	const value = entry?.[key];
	return isJsonObject(value) ? value : undefined;
}

/** PEM from `KEY-data`, in base64, or from the file that `KEY` names. */
async function readData(owner: JsonObject, key: string, directory: string): Promise<string | undefined> {
	const data = textOf(owner[`${key}-data`]);
	return data === "" ? readText(textOf(owner[key]), directory) : Buffer.from(data, "base64").toString("utf8");
}

async function readText(path: string, directory: string): Promise<string | undefined> {
	return path === "" ? undefined : readFile(resolve(directory, path), "utf8");
}

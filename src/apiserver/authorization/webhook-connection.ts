/**
 * The way to an authorization webhook, from a kubeconfig file: its current context's cluster is the service, its user is who
 * this server shows itself as. Source: https://kubernetes.io/docs/reference/access-authn-authz/webhook/#configuration-file-format
 */
import { readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { WebhookPost } from "./webhook-retries.ts";

interface Kubeconfig {
	readonly "current-context"?: string;
	readonly contexts?: readonly { readonly name: string; readonly context?: { readonly cluster?: string; readonly user?: string } }[];
	readonly clusters?: readonly { readonly name: string; readonly cluster?: ClusterEntry }[];
	readonly users?: readonly { readonly name: string; readonly user?: UserEntry }[];
}

interface ClusterEntry {
	readonly server?: string;
	readonly "certificate-authority"?: string;
	readonly "certificate-authority-data"?: string;
	readonly "insecure-skip-tls-verify"?: boolean;
	readonly "tls-server-name"?: string;
}

interface UserEntry {
	readonly "client-certificate"?: string;
	readonly "client-certificate-data"?: string;
	readonly "client-key"?: string;
	readonly "client-key-data"?: string;
	readonly token?: string;
	readonly username?: string;
	readonly password?: string;
}

/**
 * Sends a body to the service that a kubeconfig names. Throws if the file can't be read or names none.
 * @param clock the machine's: sockets know no other
 */
export function connectWebhook(kubeconfigFile: string, timeoutMs: number, clock: Clock): WebhookPost {
	const { cluster, user } = readKubeconfig(kubeconfigFile);
	const url = new URL(cluster.server ?? "");
	const at = (file: string | undefined, data: string | undefined) =>
		data !== undefined
			? Buffer.from(data, "base64")
			: file === undefined
				? undefined
				: readFileSync(resolve(dirname(kubeconfigFile), file));
	const tls: AgentOptions = {
		...optional("ca", at(cluster["certificate-authority"], cluster["certificate-authority-data"])),
		...optional("cert", at(user["client-certificate"], user["client-certificate-data"])),
		...optional("key", at(user["client-key"], user["client-key-data"])),
		...optional("servername", cluster["tls-server-name"]),
		rejectUnauthorized: cluster["insecure-skip-tls-verify"] !== true,
	};
	const isSecure = url.protocol === "https:";
	const agent = isSecure ? new HttpsAgent({ ...tls, keepAlive: true }) : new HttpAgent({ keepAlive: true });
	const send = isSecure ? httpsRequest : httpRequest;
	const headers = { "content-type": "application/json", accept: "application/json", ...authorization(user) };
	return (body) =>
		new Promise((done, fail) => {
			const failed = (error: Error) => fail(new Error(`Post ${JSON.stringify(String(url))}: ${error.message}`));
			const call = send(url, { method: "POST", headers, agent }, (message) => {
				readText(message).then((text) => done({ code: message.statusCode ?? 0, text }), failed);
			});
			const limit = clock.setTimeout(() => call.destroy(new Error("context deadline exceeded")), timeoutMs);
			call.on("close", () => limit.cancel());
			call.on("error", failed);
			call.end(body);
		});
}

function readKubeconfig(file: string): { readonly cluster: ClusterEntry; readonly user: UserEntry } {
	const config = parse(readFileSync(file, "utf8")) as Kubeconfig | null;
	const contextName = config?.["current-context"] ?? "";
	const context = config?.contexts?.find(({ name }) => name === contextName)?.context;
	// A file with a single cluster needs no context.
	const cluster = config?.clusters?.find(({ name }) => name === (context?.cluster ?? name))?.cluster;
	const user = config?.users?.find(({ name }) => name === (context?.user ?? name))?.user ?? {};
	if (cluster?.server === undefined || !URL.canParse(cluster.server)) throw new Error(`${file} names no cluster with a server`);
	return { cluster, user };
}

function authorization({ token, username, password = "" }: UserEntry): { readonly authorization?: string } {
	if (token !== undefined) return { authorization: `Bearer ${token}` };
	return username === undefined ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

async function readText(message: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of message) chunks.push(Buffer.from(chunk));
	return Buffer.concat(chunks).toString("utf8");
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } {
	return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]?: V });
}

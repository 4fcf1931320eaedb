/** Requests without a client's help: whatever method, headers and bytes a test wants to send to a cluster. */
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import type { AdminCredentials } from "../../src/cluster/index.ts";
import type { TestCluster } from "./cluster.ts";

export interface RawRequest {
	readonly method?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | Buffer;
	/** Default: the cluster's administrator. "none" sends no client certificate. */
	readonly credentials?: Pick<AdminCredentials, "clientCertificate" | "clientKey"> | "none";
}

export interface RawAnswer {
	readonly code: number;
	readonly headers: IncomingHttpHeaders;
	readonly text: string;
}

/** What a Status says, without what is the same in all of them. */
export interface Refusal {
	readonly code: number;
	readonly reason: string | undefined;
	readonly message: string;
}

/** Sends one request on a connection of its own and reads the whole answer. */
export function send(cluster: TestCluster, path: string, options: RawRequest = {}): Promise<RawAnswer> {
	const { method = "GET", headers = {}, body, credentials } = options;
	const { ca, clientCertificate, clientKey } = { ...cluster.cluster.adminCredentials(), ...(credentials === "none" ? {} : credentials) };
	const identity = credentials === "none" ? {} : { cert: clientCertificate, key: clientKey };
	return new Promise((resolve, reject) => {
		const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
		const outgoing = request(
			`${cluster.url}${path}`,
			{ method, ca, ...identity, agent: false, headers: { ...length, ...headers } },
			async (answer) => {
				const chunks: Buffer[] = [];
				for await (const chunk of answer) chunks.push(Buffer.from(chunk));
				resolve({ code: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString("utf8") });
			},
		);
		outgoing.on("error", reject);
		outgoing.end(body);
	});
}

/** Sends a request that must be refused with a Status, and checks that code and body agree. */
export async function refusal(cluster: TestCluster, path: string, options: RawRequest = {}): Promise<Refusal> {
	const { code, text } = await send(cluster, path, options);
	const status: unknown = JSON.parse(text);
	if (!isFailure(status) || status.code !== code) throw new Error(`not a Status of code ${code}: ${text.slice(0, 500)}`);
	return { code, reason: status.reason, message: status.message };
}

/** A POST of JSON. */
export function post(body: unknown): RawRequest {
	return { method: "POST", headers: { "content-type": "application/json" }, body: typeof body === "string" ? body : JSON.stringify(body) };
}

function isFailure(value: unknown): value is { readonly code: number; readonly reason?: string; readonly message: string } {
	return typeof value === "object" && value !== null && "kind" in value && value.kind === "Status" && "message" in value;
}

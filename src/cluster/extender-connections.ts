/**
 * How the scheduler reaches extenders: with the control plane's client for servers outside, on the machine's time. Virtual time stands
 * still while one is asked, so that a run waits for its answer and not for its speed.
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { WebhookEndpoint } from "../apiserver/webhooks/endpoint-agent.ts";
import type { LazyWebhookClient } from "../apiserver/webhooks/lazy-client.ts";
import type { ConnectExtender, ExtenderTls } from "../scheduler/index.ts";

/** @param options.clock the cluster's */
export function extenderConnections({ client, clock }: { readonly client: LazyWebhookClient; readonly clock: Clock }): ConnectExtender {
	return ({ timeoutMs, tls }) => {
		const endpoint = tls === undefined ? {} : readTls(tls);
		return {
			post: async (url, body) => {
				if (!/^https?:\/\//i.test(url))
					throw new Error(`Post ${JSON.stringify(url)}: unsupported protocol scheme ${JSON.stringify(schemeOf(url))}`);
				if (!URL.canParse(url)) throw new Error(`parse ${JSON.stringify(url)}: invalid URL`);
				const answered = clock instanceof VirtualClock ? clock.attend({ steps: 0, isPending: true }) : undefined;
				try {
					const outside = await client.get();
					const answer = await outside.post({ ...endpoint, url }, Buffer.from(body), { timeoutMs, isTimeoutTold: false, isPlain: true });
					return { status: answer.status, body: answer.body.toString("utf8") };
				} finally {
					answered?.();
				}
			},
		};
	};
}

function schemeOf(url: string): string {
	return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
}

/** What client-go makes of it (rest.TLSConfigFor). Throws an Error: files that cannot be read, contradictions. */
function readTls({ insecure, serverName, ...pem }: ExtenderTls): Omit<WebhookEndpoint, "url" | "service"> {
	const ca = pemOf(pem.caData, pem.caFile);
	const cert = pemOf(pem.certData, pem.certFile);
	const key = pemOf(pem.keyData, pem.keyFile);
	if (insecure && ca !== undefined) throw new Error("specifying a root certificates file with the insecure flag is not allowed");
	return {
		insecureSkipTlsVerify: insecure,
		...(serverName === undefined || serverName === "" ? {} : { serverName }),
		...(ca === undefined ? {} : { caBundle: Buffer.from(ca).toString("base64") }),
		...(cert === undefined || key === undefined ? {} : { certificate: { cert, key } }),
	};
}

/** Data takes precedence over a file. */
function pemOf(data: string | undefined, file: string | undefined): string | undefined {
	if (data !== undefined && data !== "") return Buffer.from(data, "base64").toString("utf8");
	return file === undefined || file === "" ? undefined : readFileSync(file, "utf8");
}

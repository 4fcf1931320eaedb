/**
 * The kubelet's HTTP client, for probes and hooks. It follows redirects that stay on the host, and no others.
 * Source: pkg/probe/http (redirectChecker, NewRequestForHTTPGetAction, formatURL); texts of errors are Go's.
 */
import type { HTTPGetAction } from "../../apimachinery/schema/generated/types.ts";
import { type ClientResponse, HttpError, httpRequest, NetworkError } from "../../host/index.ts";
import { type ActionTarget, dialError, portOf, within } from "./action-target.ts";

const maxRedirects = 10;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** A request that got no answer; the message is what an event says of it. */
export class ProbeError extends Error {
	/** The server speaks no TLS, and answered without. */
	readonly isPlainAnswer: boolean;

	constructor(message: string, isPlainAnswer: boolean) {
		super(message);
		this.isPlainAnswer = isPlainAnswer;
	}
}

/** Go's text for an answer without TLS. */
class PlainAnswerError extends HttpError {
	constructor() {
		super("http: server gave HTTP response to HTTPS client");
	}
}

/** Rejects with `ProbeError`, or with `PortError` where the port is a name that the container lacks. */
export async function getOverHttp(action: HTTPGetAction, target: ActionTarget, limitMs: number): Promise<ClientResponse> {
	const { container, spec, podIp, clock } = target;
	const host = action.host === undefined || action.host === "" ? podIp : action.host;
	const first = urlOf(action, host, portOf(action.port, spec));
	const headers = headersOf(action);
	let url = first;
	return within(clock, limitMs, async () => {
		for (let followed = 0; ; followed++) {
			const response = await httpRequest(container.machine.network, {
				host: url.hostname,
				port: Number(url.port === "" ? 80 : url.port),
				target: `${url.pathname}${url.search}`,
				headers,
			});
			if (url.protocol === "https:") throw new PlainAnswerError();
			const next = redirects.has(response.status) ? response.headers.get("location") : undefined;
			if (next === undefined) return response;
			const there = new URL(next, url);
			if (there.hostname !== first.hostname) return response;
			if (followed + 1 >= maxRedirects) throw new HttpError(`stopped after ${maxRedirects} redirects`);
			url = there;
		}
	}).catch((error: unknown) => {
		throw new ProbeError(`Get ${JSON.stringify(textOf(url))}: ${reasonOf(error, url)}`, error instanceof PlainAnswerError);
	});
}

function reasonOf(error: unknown, url: URL): string {
	if (error === "expired") return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
	if (error instanceof NetworkError) return dialError(error, url.hostname, Number(url.port === "" ? 80 : url.port));
	if (error instanceof HttpError) return error.message;
	throw error;
}

function urlOf({ scheme = "HTTP", path = "" }: HTTPGetAction, host: string, port: number): URL {
	const url = new URL(`${scheme.toLowerCase()}://${host}:${port}`);
	const query = path.indexOf("?");
	const name = query === -1 ? path : path.slice(0, query);
	url.pathname = name.startsWith("/") ? name : `/${name}`;
	if (query !== -1) url.search = path.slice(query);
	return url;
}

/** With the port, also where it is the scheme's usual one. */
function textOf(url: URL): string {
	const usual = url.protocol === "https:" ? "443" : "80";
	return `${url.protocol}//${url.hostname}:${url.port === "" ? usual : url.port}${url.pathname}${url.search}`;
}

/** An empty Accept or User-Agent takes the usual one away. */
function headersOf({ httpHeaders = [] }: HTTPGetAction): Readonly<Record<string, string>> {
	const headers = new Map<string, readonly [name: string, value: string]>([
		["user-agent", ["User-Agent", "kube-probe/1.36"]],
		["accept", ["Accept", "*/*"]],
	]);
	const own = new Set<string>();
	for (const { name, value } of httpHeaders) {
		const key = name.toLowerCase();
		const before = own.has(key) ? headers.get(key)?.[1] : undefined;
		headers.set(key, [key === "host" ? "Host" : name, before === undefined ? value : `${before}, ${value}`]);
		own.add(key);
	}
	return Object.fromEntries([...headers.values()].filter(([, value]) => value !== ""));
}

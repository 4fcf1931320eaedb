/**
 * The kubelet's own HTTP API on port 10250 of its node, as far as it is simulated: health, pods, logs, configuration and usage.
 * What is missing (exec, run, checkpoint, queries of logs …) answers 404. Without TLS and without asking who calls: only the control
 * plane reaches it, through nodes/proxy.
 * Source: pkg/kubelet/server/server.go and https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { NodeConnector } from "../apimachinery/node-connector.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { type FileSystem, type HttpRequest, type HttpResponse, httpServer } from "../host/index.ts";
import { type KubeletState, kubeletMetrics, probeMetrics } from "./usage/kubelet-metrics.ts";
import { cadvisorMetrics, type ObservedNode, resourceMetrics, statsSummary } from "./usage/stats-pages.ts";

export const kubeletPort = 10250;

const plain = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };
const json = { "Content-Type": "application/json" };

/** A pod with those of its containers that run. */
export interface RunningPod {
	readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
	readonly containers: readonly { readonly name: string; readonly image: string }[];
}

export interface KubeletServerOptions {
	readonly node: string;
	/** Pods bound to the node. */
	readonly pods: () => readonly Pod[];
	readonly connector: Pick<NodeConnector, "logs">;
	/** KubeletConfiguration: what this kubelet works with. */
	readonly configuration: () => object;
	readonly usage: () => ObservedNode;
	/** For its own metrics. */
	readonly state: () => KubeletState;
	readonly runningPods: () => readonly RunningPod[];
	/** The machine's. */
	readonly files: () => FileSystem;
	readonly clock: Clock;
}

export function kubeletServer(options: KubeletServerOptions) {
	return httpServer((request) => answer(options, request));
}

async function answer(options: KubeletServerOptions, { method, target }: HttpRequest): Promise<HttpResponse> {
	const url = new URL(target, "http://kubelet");
	const [first = "", ...rest] = url.pathname.split("/").slice(1).map(decodeURIComponent);
	if (first === "healthz") return health(rest.join("/"));
	if (first === "containerLogs" && rest.length === 3) return containerLog(options, rest, url.searchParams);
	const isUsage = usagePaths.has(url.pathname);
	const isLogs = first === "logs";
	if (!isUsage && !isLogs && (!pagePaths.has(first) || rest.join("") !== "")) return notFound;
	if (method !== "GET") return { status: 405, headers: plain, body: "405: Method Not Allowed" };
	if (url.pathname === "/metrics/probes")
		return { status: 200, headers: metricsHeaders, body: probeMetrics(options.state().pods, options.clock.now()) };
	if (isUsage) return usagePage(options, url.pathname);
	if (isLogs) return nodeLog(options.files(), `/var/log/${rest.join("/")}`, target);
	if (first === "metrics") return { status: 200, headers: metricsHeaders, body: kubeletMetrics(options.state(), options.clock.now()) };
	if (first === "runningpods") return podList(options.runningPods().map(runningPod));
	if (first === "configz") return { status: 200, headers: json, body: JSON.stringify({ kubeletconfig: options.configuration() }) };
	return podList(options.pods().map(({ kind: _, apiVersion: __, ...pod }) => pod));
}

function podList(items: readonly object[]): HttpResponse {
	return { status: 200, headers: json, body: `${JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: {}, items })}\n` };
}

/** What the runtime tells of a pod: no more than names. */
function runningPod({ metadata, containers }: RunningPod): object {
	return { metadata, spec: { containers: containers.map((container) => ({ ...container, resources: {} })) }, status: {} };
}

/** Files below /var/log, and lists of them, as Go serves a directory. */
function nodeLog(files: FileSystem, path: string, target: string): HttpResponse {
	if (!files.exists(path)) return notFound;
	const { type } = files.stat(path);
	if (type !== "directory") return { status: 200, headers: plain, body: files.readBytes(path) };
	if (!target.split("?")[0]?.endsWith("/")) return { status: 301, headers: { Location: `${path.split("/").at(-1)}/` }, body: "" };
	const names = files.readdir(path).map((name) => (files.stat(`${path}/${name}`).type === "directory" ? `${name}/` : name));
	const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&#34;");
	const lines = names.map((name) => `<a href="${encodeURI(name)}">${escaped(name)}</a>\n`);
	const head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n';
	return { status: 200, headers: { "Content-Type": "text/html; charset=utf-8" }, body: `${head}<pre>\n${lines.join("")}</pre>\n` };
}

const pagePaths: ReadonlySet<string> = new Set(["pods", "runningpods", "configz", "metrics"]);
const metricsHeaders = { "Content-Type": "text/plain; version=0.0.4; charset=utf-8; escaping=underscores" };
const usagePaths: ReadonlySet<string> = new Set(["/stats/summary", "/metrics/resource", "/metrics/cadvisor", "/metrics/probes"]);

function usagePage({ usage, clock }: KubeletServerOptions, path: string): HttpResponse {
	const nowMs = clock.now();
	if (path === "/stats/summary") return { status: 200, headers: json, body: JSON.stringify(statsSummary(usage(), nowMs), null, 1) };
	const body = path === "/metrics/resource" ? resourceMetrics(usage(), nowMs) : cadvisorMetrics(usage(), nowMs);
	return { status: 200, headers: metricsHeaders, body };
}

const notFound: HttpResponse = { status: 404, headers: plain, body: "404 page not found\n" };

function health(check: string): HttpResponse {
	return ["", "ping", "log", "syncloop"].includes(check) ? { status: 200, headers: plain, body: "ok" } : notFound;
}

async function containerLog(
	{ node, connector }: KubeletServerOptions,
	[namespace = "", pod = "", container = ""]: readonly string[],
	query: URLSearchParams,
): Promise<HttpResponse> {
	const isSet = (name: string) => ["1", "true"].includes(query.get(name) ?? "");
	const tail = query.get("tailLines");
	const chunks: Uint8Array[] = [];
	try {
		await connector.logs(
			{ namespace, pod, container, node },
			// The simulated server answers in one piece, so nothing is followed.
			{
				follow: false,
				previous: isSet("previous"),
				timestamps: isSet("timestamps"),
				...(tail === null ? {} : { tailLines: Number(tail) }),
			},
			async (chunk) => {
				chunks.push(chunk);
			},
			new AbortController().signal,
		);
	} catch (error) {
		if (!isStatusError(error)) throw error;
		return { status: error.code, headers: plain, body: `${error.message}\n` };
	}
	return { status: 200, headers: { "Content-Type": "text/plain" }, body: Buffer.concat(chunks) };
}

/**
 * The aggregation layer: group versions that other servers answer for, one APIService each. As long as there is none, this is
 * one look at an empty map a request; the rest is loaded with the first.
 *
 *   /apis/GROUP/VERSION/… ─▶ an APIService with a Service? ─▶ authorize ─▶ available? ─▶ pass on (api-proxy.ts)
 *   discovery and OpenAPI's index: this server's own, and the others'
 *
 * Source: k8s.io/kube-aggregator; https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiRequest, ApiResponse } from "../../apimachinery/api-request.ts";
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { isJsonObject, type JsonObject, jsonEqual } from "../../apimachinery/json.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeList, KubeObject } from "../../apimachinery/meta.ts";
import type { APIGroup, APIService, Service, Status } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError, newPathNotFound, newServiceUnavailable, StatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AdmissionLookup } from "../admission/admission.ts";
import { apiserverUser } from "../authentication/apiserver-user.ts";
import type { RemoteApis } from "../http/api-handler.ts";
import type { WatchCache } from "../storage/watch-cache.ts";
import type { Network, WebhookEndpoint } from "../webhooks/endpoint-agent.ts";
import type { ApiProxy } from "./api-proxy.ts";
import { checkAnswer, checkService, isAvailable, withVerdict } from "./availability.ts";
import { refuse } from "./refuse.ts";
import { aggregateGroups, describeGroups, type RemoteVersion } from "./remote-discovery.ts";

export interface AggregationOptions {
	readonly services: WatchCache;
	/** Whose changes may change what an APIService's condition says. */
	readonly concerned: readonly WatchCache[];
	readonly lookup: AdmissionLookup;
	readonly handle: (user: UserInfo, request: ApiRequest) => Promise<ApiResponse>;
	/** The way to other servers, and real time. */
	readonly outside: () => Promise<{ readonly network: Network; readonly clock: Clock }>;
	/** The cluster's time. */
	readonly clock: Clock;
	readonly log: Logger;
	/** What is shown to other servers: that this one may speak for users. PEM. */
	readonly certificate?: { readonly cert: string; readonly key: string };
}

/** How often a server that nothing was heard of is asked again. */
const checkPeriodMs = 30_000;
/** How long it may take to answer, in real time. */
const checkTimeoutMs = 5_000;
/** … for a component of this process. */
const readTimeoutMs = 30_000;
const pathOfVersion = /^\/apis\/(?<group>[^/]+)\/(?<version>[^/?]+)/;

export class Aggregation implements RemoteApis {
	readonly #options: AggregationOptions;
	/** By name, `v1beta1.metrics.k8s.io`. */
	readonly #remote = new Map<string, APIService>();
	/** What each last said of its resources. */
	readonly #resources = new Map<string, JsonObject>();
	#proxy: Promise<ApiProxy> | undefined;
	#timer: Timer | undefined;
	/** The round of checks that is under way, and whether there is reason for another one. */
	#checking: Promise<void> | undefined;
	#isCheckDue = false;
	#isStopped = false;

	constructor(options: AggregationOptions) {
		this.#options = options;
	}

	/** From now on, follows the APIServices that there are. */
	start(): void {
		const { services, concerned } = this.#options;
		for (const { object } of services.list()) this.#learn(object as APIService);
		services.subscribe(({ type, object }) => {
			if (type === "DELETED") this.#forget(object.metadata?.name ?? "");
			else this.#learn(object as APIService);
		});
		for (const cache of concerned) cache.subscribe(() => this.#check());
	}

	stop(): void {
		this.#isStopped = true;
		this.#timer?.cancel();
		void this.#proxy?.then((proxy) => proxy.close());
	}

	#learn(service: APIService): void {
		const name = service.metadata?.name ?? "";
		if (service.spec?.service === undefined) {
			this.#forget(name);
			return;
		}
		const before = this.#remote.get(name);
		this.#remote.set(name, service);
		this.#timer ??= this.#options.clock.setInterval(() => this.#check(), checkPeriodMs);
		if (before === undefined || !jsonEqual(before.spec, service.spec)) this.#check();
	}

	#forget(name: string): void {
		this.#remote.delete(name);
		this.#resources.delete(name);
		if (this.#remote.size > 0) return;
		this.#timer?.cancel();
		this.#timer = undefined;
	}

	/** Whether another server answers for this path. */
	serves(path: string): boolean {
		return this.#remote.size > 0 && this.#serviceOf(path) !== undefined;
	}

	#serviceOf(path: string): APIService | undefined {
		const { group = "", version = "" } = pathOfVersion.exec(path)?.groups ?? {};
		return this.#remote.get(`${version}.${group}`);
	}

	/**
	 * Answers a component of this process that reads from another server; the caller has authorized it. Rejects with what that
	 * one answers, as a StatusError.
	 */
	async read(user: UserInfo, path: string): Promise<KubeObject | KubeList> {
		const service = this.#serviceOf(path);
		if (service === undefined || !isAvailable(service)) throw newServiceUnavailable("service unavailable");
		const { status, body } = await (await this.#loaded())
			.get(this.#endpointOf(service), path, readTimeoutMs, user)
			.catch((error: unknown) => {
				throw newServiceUnavailable(`error trying to reach service: ${error instanceof Error ? error.message : String(error)}`);
			});
		const answer = parsed(body);
		if (isJsonObject(answer) && answer.kind === "Status" && status >= 400) throw new StatusError(answer as unknown as Status);
		if (status === 404) throw newPathNotFound();
		if (status >= 400 || !isJsonObject(answer)) throw newServiceUnavailable(`the server behind ${path} answers ${status}`);
		return answer as KubeObject;
	}

	/** Passes a request on; the caller has authorized it. */
	async proxy(user: UserInfo, path: string, message: IncomingMessage, response: ServerResponse): Promise<void> {
		const service = this.#serviceOf(path);
		if (service === undefined || !isAvailable(service)) {
			refuse(response, 503, "service unavailable");
			return;
		}
		await (await this.#loaded()).pass(this.#endpointOf(service), user, message, response);
	}

	/** The same for a request that asks for another protocol. Rejects with ServiceUnavailable. */
	async proxyUpgrade(user: UserInfo, path: string, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
		const service = this.#serviceOf(path);
		if (service === undefined || !isAvailable(service)) throw newServiceUnavailable("service unavailable");
		try {
			await (await this.#loaded()).passUpgrade(this.#endpointOf(service), user, message, socket, head);
		} catch (error) {
			throw newServiceUnavailable(`error trying to reach service: ${error instanceof Error ? error.message : String(error)}`);
		}
	}

	/** Groups of other servers, for `/apis` and `/apis/GROUP`. */
	groups(): readonly APIGroup[] {
		return describeGroups(this.#versions());
	}

	/** The same for the aggregated document. */
	aggregatedGroups(): readonly object[] {
		return aggregateGroups(this.#versions());
	}

	get isEmpty(): boolean {
		return this.#remote.size === 0;
	}

	#versions(): readonly RemoteVersion[] {
		return [...this.#remote].flatMap(([name, service]) =>
			service.spec === undefined ? [] : [{ spec: service.spec, resources: this.#resources.get(name), isAvailable: isAvailable(service) }],
		);
	}

	#endpointOf({ spec }: APIService): WebhookEndpoint {
		const { service, caBundle, insecureSkipTLSVerify } = spec ?? {};
		const { namespace = "", name = "", port = 443 } = service ?? {};
		const { certificate } = this.#options;
		return {
			service: { namespace, name, port },
			...(caBundle === undefined ? {} : { caBundle }),
			...(insecureSkipTLSVerify === true ? { insecureSkipTlsVerify: true } : {}),
			...(certificate === undefined ? {} : { certificate }),
		};
	}

	#loaded(): Promise<ApiProxy> {
		this.#proxy ??= Promise.all([import("./api-proxy.ts"), this.#options.outside()]).then(
			([{ ApiProxy }, { network, clock }]) => new ApiProxy({ network, clock }),
		);
		return this.#proxy;
	}

	/** Looks at every server, after whatever is under way. */
	#check(): void {
		if (this.#remote.size === 0 || this.#isStopped) return;
		this.#isCheckDue = true;
		this.#checking ??= this.#checkAll().finally(() => {
			this.#checking = undefined;
		});
	}

	async #checkAll(): Promise<void> {
		while (this.#isCheckDue && !this.#isStopped) {
			this.#isCheckDue = false;
			await Promise.all([...this.#remote.keys()].map((name) => this.#checkOne(name)));
		}
	}

	async #checkOne(name: string): Promise<void> {
		const { clock, log, lookup, handle } = this.#options;
		try {
			const service = this.#remote.get(name);
			if (service?.spec === undefined) return;
			const verdict = checkService(service.spec, lookup) ?? (await this.#ask(name, service));
			// It may have changed meanwhile.
			const current = this.#remote.get(name);
			if (current === undefined || this.#isStopped) return;
			const next = withVerdict(current, verdict, clock.now());
			if (next === current) return;
			const resource = { group: "apiregistration.k8s.io", version: "v1", resource: "apiservices", subresource: "status" };
			await handle(apiserverUser, { verb: "update", ...resource, name, body: next });
		} catch (error) {
			// Somebody else wrote it, or it is gone: its next change brings the next check.
			if (!isStatusError(error, "Conflict", "NotFound")) log.warn("could not check an APIService", { name, error: String(error) });
			else this.#isCheckDue = this.#remote.has(name);
		}
	}

	async #ask(name: string, service: APIService) {
		const { group = "", version = "", service: target } = service.spec ?? {};
		const { namespace = "", name: serviceName = "", port = 443 } = target ?? {};
		const found = this.#options.lookup.find("", "services", namespace, serviceName) as Service | undefined;
		const { type, clusterIP = "", externalName = "" } = found?.spec ?? {};
		const path = `/apis/${group}/${version}`;
		const url = `https://${type === "ExternalName" ? externalName : clusterIP}:${port}${path}`;
		try {
			// Whether it is there, not whether it is who it says: certificates are looked at when requests are passed on.
			const endpoint = { ...this.#endpointOf(service), insecureSkipTlsVerify: true };
			const { status, body } = await (await this.#loaded()).get(endpoint, path, checkTimeoutMs);
			// Those who forbid are there.
			if ((status < 200 || status >= 300) && status !== 403) return checkAnswer(url, `bad status from ${url}: ${status}`);
			const list: unknown = parsed(body);
			if (isJsonObject(list) && list.kind === "APIResourceList") this.#resources.set(name, list);
			return checkAnswer(url, undefined);
		} catch (error) {
			return checkAnswer(url, `Get ${JSON.stringify(url)}: ${error instanceof Error ? error.message : String(error)}`);
		}
	}
}

function parsed(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString("utf8"));
	} catch {
		return undefined;
	}
}

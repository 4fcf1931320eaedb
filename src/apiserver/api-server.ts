/**
 * kube-apiserver without its sockets: the one pipeline that every request goes through, whether it came over HTTP or
 * from a component in this process.
 *
 *   request ─▶ find the resource ─▶ authorize ─▶ read:  watch cache ─▶ answer
 *                                            └─▶ write: writer / deleter (admission, validation) ─▶ store ─▶ watch cache ─▶ answer
 *
 * Authentication is the transport's part: it says who the user is.
 */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { defaultFeatureGates, type FeatureGates } from "../apimachinery/feature-gates.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { KubeList, KubeObject } from "../apimachinery/meta.ts";
import type { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { Random } from "../apimachinery/random.ts";
import type { IPAddress, Service, Status } from "../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../apimachinery/schema/resources.ts";
import { newBadRequest, newMethodNotAllowed, newPathNotFound } from "../apimachinery/status-error.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { Store } from "../store/store.ts";
import type { AdmissionChain, AdmissionLookup } from "./admission/admission.ts";
import type { AdmissionOptions } from "./admission/plugins.ts";
import { createServerAdmission } from "./admission/server-admission.ts";
import { Aggregation } from "./aggregation/aggregation.ts";
import { parseAddressRange } from "./allocation/address-range.ts";
import { repairAddresses } from "./allocation/ip-addresses.ts";
import { ServiceAddresses } from "./allocation/service-addresses.ts";
import { decisionAnnotations } from "./audit/decision.ts";
import { apiserverUser } from "./authentication/apiserver-user.ts";
import { ServerTokens, type TokenChoices } from "./authentication/server-tokens.ts";
import type { ServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import type { PathQuestion, ResourceQuestion } from "./authorization/question.ts";
import { type AuthorizerChoice, attributesOf, defaultAuthorizers, ServerAuthorization } from "./authorization/server-authorization.ts";
import { whenPrepared } from "./extension/prepared.ts";
import { checkCustom } from "./extension/request-checks.ts";
import { type NamedKind, ServedKinds } from "./extension/served-kinds.ts";
import { ServerExtension } from "./extension/server-extension.ts";
import type { ConversionCaller } from "./extension/webhook-converter.ts";
import type { ComponentCheck } from "./pipeline/component-statuses.ts";
import { Deleter } from "./pipeline/deleter.ts";
import { Dispatcher } from "./pipeline/dispatcher.ts";
import { Reader } from "./pipeline/reader.ts";
import type { RequestContext } from "./pipeline/request-context.ts";
import { startWatch } from "./pipeline/watcher.ts";
import { Writer } from "./pipeline/writer.ts";
import { kindsFor } from "./registry/gated-kinds.ts";
import type { KindDefinition } from "./registry/kind.ts";
import type { ServedResource } from "./registry/resource-table.ts";
import { MetricsApi, type MetricsApiOptions } from "./resource-metrics/metrics-api.ts";
import { Cacher } from "./storage/cacher.ts";
import { startCompactor } from "./storage/compactor.ts";
import type { ObjectStorage } from "./storage/object-storage.ts";
import { StorageMetrics } from "./storage/storage-metrics.ts";
import { StorageTable } from "./storage/storage-table.ts";
import { StoreAccess } from "./storage/store-access.ts";
import type { CacheChange } from "./storage/watch-cache.ts";
import { LazyWebhookClient, type OutsideOptions } from "./webhooks/lazy-client.ts";

const rbacGroup = "rbac.authorization.k8s.io";

export interface ApiServerOptions extends TokenChoices {
	readonly store: Store;
	readonly clock: Clock;
	readonly random: Random;
	/** Where uids and generated names come from; default a fork of `random`. */
	readonly ids?: Random;
	readonly log: Logger;
	/** Which admission plugins run; default those of kube-apiserver, and NodeRestriction. */
	readonly admission?: AdmissionOptions;
	/** CIDR that cluster IPs come from; default 10.96.0.0/12, as kubeadm's. */
	readonly serviceCidr?: string;
	/** Inclusive; default 30000-32767. */
	readonly nodePorts?: { readonly first: number; readonly last: number };
	/** How the conversion webhooks of custom resources are reached; default: as other webhooks are. */
	readonly conversion?: ConversionCaller;
	/** Who decides what users may do, in the order in which they are asked; default Node, RBAC. */
	readonly authorizers?: readonly AuthorizerChoice[];
	/** What `kubectl get componentstatuses` lists; default nothing. */
	readonly components?: readonly ComponentCheck[];
	/** What pods and nodes use: where it comes from, metrics.k8s.io is served. */
	readonly usage?: MetricsApiOptions["usage"];
	/** Which of Kubernetes' feature gates are on; default as in 1.36. */
	readonly featureGates?: FeatureGates;
	/** How webhooks are reached; default: over the machine's network alone. */
	readonly outside?: OutsideOptions;
	/** The store failed: nothing can be read or written any more. */
	readonly onStoreLost?: (error: Error) => void;
}

/** Who looks on: it sees what everybody does, and changes nothing. */
export interface ServerObserver {
	/** An object of this kind changed, whoever wrote it. */
	changed(kind: KindDefinition, change: CacheChange): void;
	/** A request that is no watch is answered; the changes that it made have been told before. */
	carriedOut(user: UserInfo, request: ApiRequest, answer: KubeObject | KubeList | Status): void;
}

export class ApiServer {
	readonly #options: ApiServerOptions;
	readonly #served: ServedKinds;
	readonly #extension: ServerExtension;
	readonly #cacher: Cacher;
	readonly #access: StoreAccess;
	readonly #storages: StorageTable;
	/** Decides what users may do: asked for every request, by reviews, and for impersonation. */
	readonly authorization: ServerAuthorization;
	readonly #admission: AdmissionChain;
	readonly #writer: Writer;
	readonly #dispatcher: Dispatcher;
	readonly #tokens: ServerTokens;
	readonly #metrics: StorageMetrics;
	readonly #observers: ServerObserver[] = [];
	readonly #webhooks: LazyWebhookClient;
	#stopCompactor: () => void = () => undefined;

	constructor(options: ApiServerOptions) {
		this.#options = options;
		const { store, clock, log, random } = options;
		const ownKinds = kindsFor(options.featureGates ?? defaultFeatureGates);
		const onLost = (error: Error) => {
			this.#access.lose(error);
			options.onStoreLost?.(error);
		};
		const cacher = new Cacher({ store, clock, log, onLost });
		this.#cacher = cacher;
		this.#access = new StoreAccess({ store, cacher, opening: () => this.#extension.resources.opening });
		const metrics = new StorageMetrics(
			clock,
			() => this.#storages.counts(),
			() => store.status().dbSizeBytes,
		);
		this.#metrics = metrics;
		const storages = new StorageTable(ownKinds, { store, cacher, clock, metrics, custom: () => this.#extension.resources });
		this.#storages = storages;
		const { lookup } = storages;
		const handle = (request: ApiRequest) => this.handle(apiserverUser, request);
		this.#webhooks = new LazyWebhookClient({
			...options.outside,
			lookup,
			random: random.fork("webhooks"),
			userAgent: "kube-apiserver-admission",
		});
		const webhooks = () => this.#webhooks.get();
		this.#extension = new ServerExtension({
			store,
			cacher,
			clock,
			log,
			random: random.fork("conversion"),
			metrics,
			storages,
			builtin: ownKinds,
			conversion: options.conversion,
			webhooks,
			handle,
			deleteAll: async (served) => {
				const { group, version, resource } = served.resource;
				const request: ApiRequest = { verb: "deletecollection", group, version, resource };
				await this.#dispatcher.deleteCollection(this.#context(apiserverUser, request, served, served.resource));
			},
		});
		const usageMetrics = options.usage === undefined ? undefined : metricsApi(options.usage, lookup);
		this.#served = new ServedKinds(ownKinds, this.#extension.resources, usageMetrics);
		const cache = (group: string, resource: string) => storages.get(group, resource).cache;
		this.authorization = new ServerAuthorization(options.authorizers ?? defaultAuthorizers, {
			roles: cache(rbacGroup, "roles"),
			roleBindings: cache(rbacGroup, "rolebindings"),
			clusterRoles: cache(rbacGroup, "clusterroles"),
			clusterRoleBindings: cache(rbacGroup, "clusterrolebindings"),
			pods: cache("", "pods"),
			persistentVolumes: cache("", "persistentvolumes"),
			volumeAttachments: cache("storage.k8s.io", "volumeattachments"),
			resourceSlices: cache("resource.k8s.io", "resourceslices"),
		});
		this.#admission = createServerAdmission(
			{
				storages,
				served: this.#served,
				authorizer: this.authorization,
				authorize: (user, request) => this.authorize(user, request),
				handle,
				webhooks,
				log,
			},
			options.admission,
		);
		this.#writer = new Writer({
			admission: this.#admission,
			lookup,
			random: options.ids ?? idsOf(random),
			resources: this.#served,
			authorizeCreate: ({ user, request }) => this.authorize(user, { ...request, verb: "create" }),
			escalation: this.authorization.escalation,
			addresses: new ServiceAddresses({
				addresses: parseAddressRange(options.serviceCidr ?? "10.96.0.0/12"),
				ports: options.nodePorts ?? { first: 30000, last: 32767 },
				random: random.fork("service-addresses"),
				services: () => storages.list<Service>("", "services"),
				recorded: () => storages.list("networking.k8s.io", "ipaddresses").map(({ metadata }) => metadata?.name ?? ""),
				handle,
			}),
		});
		this.#tokens = new ServerTokens(options, {
			clock,
			random: random.fork("tokens"),
			log,
			find: (resource, namespace, name) => storages.find("", resource, namespace, name),
			handle,
		});
		this.#dispatcher = new Dispatcher({
			reader: new Reader({ store, cacher, metrics }),
			writer: this.#writer,
			deleter: new Deleter({ admission: this.#admission, writer: this.#writer }),
			resources: this.#served,
			storage: (group, resource) => storages.get(group, resource),
			find: lookup.find,
			authorization: this.authorization,
			tokens: this.#tokens.serviceAccounts,
			tokenChain: this.#tokens.chain,
			audiences: this.#tokens.audiences,
			components: options.components ?? [],
		});
	}

	/** The APIs that other servers answer for; it follows the APIServices once it is started. */
	aggregation(certificate?: { readonly cert: string; readonly key: string }): Aggregation {
		const cache = (group: string, resource: string) => this.storage(group, resource).cache;
		return new Aggregation({
			services: cache("apiregistration.k8s.io", "apiservices"),
			concerned: [cache("", "services"), cache("", "endpoints"), cache("discovery.k8s.io", "endpointslices")],
			lookup: this.lookup,
			handle: (user, request) => this.handle(user, request),
			outside: () => this.#webhooks.network(),
			clock: this.#options.clock,
			log: this.#options.log,
			...(certificate === undefined ? {} : { certificate }),
		});
	}

	/** Loads the caches from the store; requests are served from then on. */
	async start(): Promise<void> {
		await this.#cacher.start(() => this.#extension.load());
		this.#extension.start();
		this.authorization.start();
		this.#stopCompactor = startCompactor(this.#options);
	}

	/** Every kind that is served now, in discovery order. A change of the set makes a new array. */
	get kinds(): readonly KindDefinition[] {
		return this.#served.kinds;
	}

	/** Every endpoint that is served now. A change of the set makes a new array. */
	get resources(): readonly GeneratedResource[] {
		return this.#served.resources;
	}

	/** Does what a lost process left undone: the objects of cluster IPs are made and removed with their Services. */
	repair(): Promise<void> {
		const services = this.#storages.list<Service>("", "services");
		const addresses = this.#storages.list<IPAddress>("networking.k8s.io", "ipaddresses");
		return repairAddresses(services, addresses, (request) => this.handle(apiserverUser, request));
	}

	/** What kinds are called, and whether they are in namespaces. */
	namedKinds(): readonly NamedKind[] {
		return this.#served.named;
	}

	/** Ends what follows the store. The store itself is the caller's to close. */
	stop(): void {
		this.#extension.stop();
		this.#webhooks.close();
		this.#stopCompactor();
		this.#cacher.stop();
	}

	/** What is counted about the store. */
	get metrics(): MetricRegistry {
		return this.#metrics.registry;
	}

	/** Resource version that reads are served at. */
	get revision(): number {
		return this.#cacher.revision;
	}

	/** Carries out one request that is not a watch. Rejects with a `StatusError`. */
	async handle(user: UserInfo, request: ApiRequest): Promise<ApiResponse> {
		if (this.#access.asksStore) await this.#access.catchUp(request);
		const admitting = this.#admit(user, request);
		const context = admitting instanceof Promise ? await admitting : admitting;
		const { read } = context.served;
		const { object, code = 200 } =
			read === undefined ? await whenPrepared(context, () => this.#dispatcher.dispatch(context)) : { object: read(context) };
		for (const observer of this.#observers) observer.carriedOut(user, request, object);
		return { object, code, warnings: context.warnings };
	}

	/** From now on, for as long as the server runs. */
	observe(observer: ServerObserver): void {
		this.#observers.push(observer);
		this.#cacher.observe((prefix, change) => {
			const definition = this.#storages.kindAt(prefix);
			if (definition !== undefined) observer.changed(definition, change);
		});
	}

	/** Starts a watch; events come through `sink`, some possibly before this resolves. Rejects with a `StatusError`. */
	async watch(user: UserInfo, request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		if (this.#access.asksStore) await this.#access.catchUp(request);
		const context = await this.#admit(user, request);
		const options = { store: this.#options.store, cacher: this.#cacher, clock: this.#options.clock };
		return whenPrepared(context, () => startWatch(options, context, sink));
	}

	/** How many objects of a resource there are, in all namespaces. */
	objectCount(group: string, resource: string): number {
		return this.#storages.at(group, resource)?.cache.size ?? 0;
	}

	/** An object as the cache has it, for the server's own needs (streams look up their pod). Undefined if there is none. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined {
		return this.#storages.find(group, resource, namespace, name);
	}

	/** Throws ServiceUnavailable if the store is lost. */
	checkStore(): void {
		this.#access.check();
	}

	/** Rejects if the store does not answer, for health checks. */
	pingStore(): Promise<void> {
		return this.#access.ping();
	}

	/** Who bears this token; undefined if it is nobody's. */
	authenticateToken(token: string): Promise<UserInfo | undefined> {
		return this.#tokens.authenticate(token);
	}

	/** Throws, or rejects with, Forbidden if the user may not do this. */
	require(question: ResourceQuestion | PathQuestion): void | Promise<void> {
		return this.authorization.require(question);
	}

	/** Signs and checks service account tokens. */
	get serviceAccountTokens(): ServiceAccountTokens {
		return this.#tokens.serviceAccounts;
	}

	/** Whether this user may do this; throws, or rejects with, Forbidden if not. */
	authorize(user: UserInfo, request: ApiRequest): void | Promise<void> {
		const attributes = attributesOf(user, request);
		const { auditAnnotations } = request;
		if (auditAnnotations === undefined) return this.authorization.require(attributes);
		return this.authorization.require(attributes, (isAllowed, reason) => {
			Object.assign(auditAnnotations, decisionAnnotations(isAllowed, reason));
		});
	}

	/** The same for a path that is no resource. */
	async authorizePath(user: UserInfo, verb: string, path: string): Promise<void> {
		await this.authorization.require({ user, verb, path });
	}

	/**
	 * Admission of a CONNECT: exec, attach, portforward and proxy, whose options are an object of their own.
	 * @param kind `PodExecOptions`
	 * Rejects with a `StatusError`. The caller has authorized the request.
	 */
	async admitConnect(user: UserInfo, request: ApiRequest, kind: string, options: Readonly<Record<string, unknown>>): Promise<KubeObject> {
		const { served, endpoint } = this.#endpoint(request);
		const context = this.#context(user, request, served, { ...endpoint, kind });
		return this.#writer.admit(context, "CONNECT", { apiVersion: "v1", kind, ...options } as KubeObject);
	}

	storage(group: string, resource: string): ObjectStorage {
		return this.#storages.get(group, resource);
	}

	/** Finds what serves the request and checks that the user may make it. */
	#admit(user: UserInfo, request: ApiRequest): RequestContext | Promise<RequestContext> {
		this.#access.check();
		const found = this.#endpoint(request);
		const authorizing = this.authorize(user, request);
		if (authorizing instanceof Promise) return authorizing.then(() => this.#accept(user, request, found));
		return this.#accept(user, request, found);
	}

	/** What the user may do, if it can be done at all. */
	#accept(
		user: UserInfo,
		request: ApiRequest,
		{ served, endpoint }: { readonly served: ServedResource; readonly endpoint: GeneratedResource },
	): RequestContext {
		if (!endpoint.verbs.includes(request.verb)) throw newMethodNotAllowed();
		checkCustom(served.definition, request);
		return this.#context(user, request, served, endpoint);
	}

	/** What serves the request. Throws NotFound. */
	#endpoint(request: ApiRequest): { served: ServedResource; endpoint: GeneratedResource } {
		const served = this.#served.find(request.group, request.version, request.resource);
		const endpoint = request.subresource === undefined ? served?.resource : served?.subresources.get(request.subresource);
		if (served === undefined || endpoint === undefined) throw newPathNotFound();
		return { served, endpoint };
	}

	#context(user: UserInfo, request: ApiRequest, served: ServedResource, endpoint: GeneratedResource): RequestContext {
		const { definition, resource } = served;
		const namespace = resource.namespaced ? (request.namespace ?? "") : "";
		const needsNamespace = resource.namespaced && !["list", "watch", "deletecollection"].includes(request.verb);
		if (needsNamespace && namespace === "") throw newBadRequest("an empty namespace may not be set during creation");
		return {
			user,
			request,
			options: request.options ?? {},
			served,
			endpoint,
			definition,
			storage: served.storage ?? this.#storages.at(definition.group, definition.resource) ?? this.#unstored(),
			namespace,
			name: request.name ?? "",
			nowMs: this.#options.clock.now(),
			warnings: definition.deprecated === undefined ? [] : [definition.deprecated],
			auditAnnotations: request.auditAnnotations ?? {},
		};
	}

	/** Reviews have no storage; the pipeline never asks for it. Any storage does. */
	#unstored(): ObjectStorage {
		return this.#storages.get("", "configmaps");
	}

	/** The objects as the caches have them. */
	get lookup(): AdmissionLookup {
		return this.#storages.lookup;
	}
}

function metricsApi(usage: MetricsApiOptions["usage"], { find, list }: AdmissionLookup): MetricsApi {
	return new MetricsApi({
		usage,
		apiService: (name) => find("apiregistration.k8s.io", "apiservices", "", name),
		pods: (namespace) => list("", "pods", namespace === "" ? undefined : namespace),
		pod: (namespace, name) => find("", "pods", namespace, name),
		nodes: () => list("", "nodes"),
		node: (name) => find("", "nodes", "", name),
	});
}

/** What a server draws uids and generated names from, if it is not told. */
export function idsOf(random: Random): Random {
	return random.fork("apiserver");
}

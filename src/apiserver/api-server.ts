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
import type { Logger } from "../apimachinery/log.ts";
import type { KubeList, KubeObject } from "../apimachinery/meta.ts";
import type { Random } from "../apimachinery/random.ts";
import type { IPAddress, Service, Status } from "../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../apimachinery/schema/resources.ts";
import {
	isStatusError,
	newBadRequest,
	newForbidden,
	newInvalid,
	newMethodNotAllowed,
	newNotImplemented,
	newPathNotFound,
	newServiceUnavailable,
} from "../apimachinery/status-error.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { Store } from "../store/store.ts";
import type { AdmissionChain, AdmissionLookup, AdmissionPlugin } from "./admission/admission.ts";
import type { AdmissionSwitches } from "./admission/plugin-order.ts";
import { createAdmission } from "./admission/plugins.ts";
import { policyAuthorizer } from "./admission/policy/policy-authorizer.ts";
import { createPolicyPlugins } from "./admission/policy/policy-plugins.ts";
import { createWebhookPlugins } from "./admission/webhook/webhook-plugins.ts";
import { Aggregation } from "./aggregation/aggregation.ts";
import { parseAddressRange } from "./allocation/address-range.ts";
import { repairAddresses } from "./allocation/ip-addresses.ts";
import { ServiceAddresses } from "./allocation/service-addresses.ts";
import { decisionAnnotations } from "./audit/decision.ts";
import { apiserverUser } from "./authentication/apiserver-user.ts";
import { ServiceAccountTokens, type TokenKeys } from "./authentication/service-account-tokens.ts";
import { type Authorizer, forbiddenText, trustedOnlyAuthorizer } from "./authorization/authorizer.ts";
import type { MetricRegistry } from "./metrics/registry.ts";
import { type ComponentCheck, readComponentStatuses } from "./pipeline/component-statuses.ts";
import { Deleter } from "./pipeline/deleter.ts";
import { Reader } from "./pipeline/reader.ts";
import { type RequestContext, toServedVersion } from "./pipeline/request-context.ts";
import { parseSelection } from "./pipeline/selection.ts";
import { approvalStrategy, finalizeStrategy, statusStrategy, type UpdateStrategy } from "./pipeline/strategy.ts";
import { startWatch } from "./pipeline/watcher.ts";
import { Writer } from "./pipeline/writer.ts";
import { bindingKind } from "./registry/core/binding.ts";
import { componentStatusKind } from "./registry/core/component-status.ts";
import type { KindDefinition } from "./registry/kind.ts";
import { builtinKinds } from "./registry/kinds.ts";
import { ResourceTable, type ServedResource } from "./registry/resource-table.ts";
import { Cacher } from "./storage/cacher.ts";
import { startCompactor } from "./storage/compactor.ts";
import { ObjectStorage } from "./storage/object-storage.ts";
import { StorageMetrics } from "./storage/storage-metrics.ts";
import type { CacheChange } from "./storage/watch-cache.ts";
import { bindPod } from "./subresources/binding.ts";
import { ephemeralContainersStrategy } from "./subresources/ephemeral-containers.ts";
import { evictPod } from "./subresources/eviction.ts";
import { resizeStrategy } from "./subresources/resize.ts";
import { answerReview } from "./subresources/reviews.ts";
import { scaleOf, writeScale } from "./subresources/scale.ts";
import { requestToken } from "./subresources/token.ts";
import { LazyWebhookClient, type OutsideOptions } from "./webhooks/lazy-client.ts";

export interface ApiServerOptions {
	readonly store: Store;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** Which admission plugins run; default those of kube-apiserver, and NodeRestriction. */
	readonly admission?: AdmissionSwitches;
	/** CIDR that cluster IPs come from; default 10.96.0.0/12, as kubeadm's. */
	readonly serviceCidr?: string;
	/** Inclusive; default 30000-32767. */
	readonly nodePorts?: { readonly first: number; readonly last: number };
	/** Sign and check service account tokens. */
	readonly tokenKeys: TokenKeys;
	/** What `kubectl get componentstatuses` lists; default nothing. */
	readonly components?: readonly ComponentCheck[];
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
	/** Every kind that this server knows, in discovery order. */
	readonly kinds: readonly KindDefinition[] = builtinKinds;
	readonly #options: ApiServerOptions;
	readonly #resources: ResourceTable;
	readonly #cacher: Cacher;
	readonly #storages = new Map<string, ObjectStorage>();
	readonly #authorizer: Authorizer = trustedOnlyAuthorizer;
	readonly #admission: AdmissionChain;
	readonly #reader: Reader;
	readonly #writer: Writer;
	readonly #deleter: Deleter;
	readonly #tokens: ServiceAccountTokens;
	readonly #metrics: StorageMetrics;
	readonly #observers: ServerObserver[] = [];
	readonly #webhooks: LazyWebhookClient;
	#storeError: Error | undefined;
	#stopCompactor: () => void = () => undefined;

	constructor(options: ApiServerOptions) {
		this.#options = options;
		this.#resources = new ResourceTable(this.kinds);
		const { store, clock, log, random } = options;
		const onLost = (error: Error) => {
			this.#storeError = error;
			options.onStoreLost?.(error);
		};
		this.#cacher = new Cacher({ store, clock, log, onLost });
		this.#metrics = new StorageMetrics(
			clock,
			() => [...this.#storages.values()].map(({ definition: { group, resource }, cache }) => ({ group, resource, count: cache.size })),
			() => store.status().dbSizeBytes,
		);
		const metrics = this.#metrics;
		for (const definition of this.kinds) {
			if (definition.ephemeral === true) continue;
			this.#storages.set(storageName(definition), new ObjectStorage({ store, cacher: this.#cacher, definition, clock, metrics }));
		}
		const { lookup } = this;
		this.#webhooks = new LazyWebhookClient({
			...options.outside,
			lookup,
			random: random.fork("webhooks"),
			userAgent: "kube-apiserver-admission",
		});
		const webhookPlugins = createWebhookPlugins({
			mutating: this.storage("admissionregistration.k8s.io", "mutatingwebhookconfigurations").cache,
			validating: this.storage("admissionregistration.k8s.io", "validatingwebhookconfigurations").cache,
			resources: this.#resources,
			log,
			client: () => this.#webhooks.get(),
		});
		this.#admission = createAdmission([...this.#policyPlugins(), ...webhookPlugins], options.admission);
		this.#reader = new Reader({ store, cacher: this.#cacher, metrics });
		this.#writer = new Writer({
			admission: this.#admission,
			lookup,
			random: random.fork("apiserver"),
			resources: this.#resources,
			authorizeCreate: ({ user, request }) => this.authorize(user, { ...request, verb: "create" }),
			addresses: new ServiceAddresses({
				addresses: parseAddressRange(options.serviceCidr ?? "10.96.0.0/12"),
				ports: options.nodePorts ?? { first: 30000, last: 32767 },
				random: random.fork("service-addresses"),
				services: () => this.#objects<Service>("", "services"),
				recorded: () => this.#objects("networking.k8s.io", "ipaddresses").map(({ metadata }) => metadata?.name ?? ""),
				handle: (request) => this.handle(apiserverUser, request),
			}),
		});
		this.#tokens = new ServiceAccountTokens({
			keys: options.tokenKeys,
			clock,
			random: random.fork("tokens"),
			find: (resource, namespace, name) => this.find("", resource, namespace, name),
		});
		this.#deleter = new Deleter({ admission: this.#admission, writer: this.#writer });
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
		await this.#cacher.start();
		this.#stopCompactor = startCompactor(this.#options);
	}

	/** Does what a lost process left undone: the objects of cluster IPs are made and removed with their Services. */
	repair(): Promise<void> {
		const addresses = this.#objects<IPAddress>("networking.k8s.io", "ipaddresses");
		return repairAddresses(this.#objects<Service>("", "services"), addresses, (request) => this.handle(apiserverUser, request));
	}

	/** All objects of a kind, from the cache. */
	#objects<T extends KubeObject = KubeObject>(group: string, resource: string): readonly T[] {
		return this.storage(group, resource)
			.cache.list()
			.map((entry) => entry.object as T);
	}

	/** What kinds are called, and whether they are in namespaces. */
	namedKinds(): readonly (KindDefinition & { readonly namespaced: boolean })[] {
		return this.kinds.flatMap((definition) => {
			const served = this.#resources.find(definition.group, definition.versions[0], definition.resource);
			return served === undefined ? [] : [{ ...definition, namespaced: served.resource.namespaced }];
		});
	}

	/** Ends what follows the store. The store itself is the caller's to close. */
	stop(): void {
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
		if (this.#options.store.isShared === true) await this.#catchUp(request);
		const context = this.#admit(user, request);
		const { object, code = 200 } = await this.#dispatch(context);
		for (const observer of this.#observers) observer.carriedOut(user, request, object);
		return { object, code, warnings: context.warnings };
	}

	/** From now on, for as long as the server runs. */
	observe(observer: ServerObserver): void {
		this.#observers.push(observer);
		const definitions = new Map<string, KindDefinition>();
		this.#cacher.observe((prefix, change) => {
			const definition = definitions.get(prefix) ?? [...this.#storages.values()].find((storage) => storage.prefix === prefix)?.definition;
			if (definition === undefined) return;
			definitions.set(prefix, definition);
			observer.changed(definition, change);
		});
	}

	/** Starts a watch; events come through `sink`, some possibly before this resolves. Rejects with a `StatusError`. */
	async watch(user: UserInfo, request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		if (this.#options.store.isShared === true) await this.#catchUp(request);
		const context = this.#admit(user, request);
		return startWatch({ store: this.#options.store, cacher: this.#cacher, clock: this.#options.clock }, context, sink);
	}

	/** How many objects of a resource there are, in all namespaces. */
	objectCount(group: string, resource: string): number {
		return this.#storages.get(`${group}/${resource}`)?.cache.size ?? 0;
	}

	/** An object as the cache has it, for the server's own needs (streams look up their pod). Undefined if there is none. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined {
		return this.#storages.get(`${group}/${resource}`)?.find(namespace, name);
	}

	/** Throws ServiceUnavailable if the store is lost. */
	checkStore(): void {
		if (this.#storeError !== undefined) throw newServiceUnavailable(`the store is not available: ${this.#storeError.message}`);
	}

	/** Rejects if the store does not answer, for health checks. */
	async pingStore(): Promise<void> {
		this.checkStore();
		if (this.#options.store.isShared === true) await this.#cacher.ping();
	}

	/**
	 * Before a request to one of several servers of a store: what others have written counts. Reads that are content with what
	 * is in the cache, or name what they have seen, wait for no more than that.
	 */
	async #catchUp({ verb, options = {} }: ApiRequest): Promise<void> {
		this.checkStore();
		const { resourceVersion = "" } = options;
		const isRead = verb === "get" || verb === "list" || verb === "watch";
		if (!isRead || resourceVersion === "") await this.#cacher.catchUp();
		// A watch tells nothing before its revision anyway.
		else if (verb !== "watch" && /^[1-9]\d*$/.test(resourceVersion)) await this.#cacher.reach(Number(resourceVersion));
	}

	/** Who bears this token; undefined if it is nobody's. */
	async authenticateToken(token: string): Promise<UserInfo | undefined> {
		return this.#tokens.authenticate(token);
	}

	/** Whether this user may do this; throws Forbidden if not. */
	authorize(user: UserInfo, request: ApiRequest): void {
		const attributes = {
			user,
			verb: request.verb,
			group: request.group,
			resource: request.resource,
			subresource: request.subresource ?? "",
			namespace: request.namespace ?? "",
			name: request.name ?? "",
		};
		const { allowed, reason } = this.#authorizer.authorize(attributes);
		if (request.auditAnnotations !== undefined) Object.assign(request.auditAnnotations, decisionAnnotations(allowed, reason));
		if (!allowed) throw newForbidden(request, request.name ?? "", forbiddenText(attributes));
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
		const storage = this.#storages.get(`${group}/${resource}`);
		if (storage === undefined) throw new Error(`no storage for ${group}/${resource}`);
		return storage;
	}

	/** Finds what serves the request and checks that the user may make it. */
	#admit(user: UserInfo, request: ApiRequest): RequestContext {
		this.checkStore();
		const { served, endpoint } = this.#endpoint(request);
		this.authorize(user, request);
		if (!endpoint.verbs.includes(request.verb)) throw newMethodNotAllowed();
		return this.#context(user, request, served, endpoint);
	}

	/** What serves the request. Throws NotFound. */
	#endpoint(request: ApiRequest): { served: ServedResource; endpoint: GeneratedResource } {
		const served = this.#resources.find(request.group, request.version, request.resource);
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
			storage: this.#storages.get(storageName(definition)) ?? this.#unstored(),
			namespace,
			name: request.name ?? "",
			nowMs: this.#options.clock.now(),
			warnings: definition.deprecated === undefined ? [] : [definition.deprecated],
			auditAnnotations: request.auditAnnotations ?? {},
		};
	}

	/** Reviews have no storage; the pipeline never asks for it. Any storage does. */
	#unstored(): ObjectStorage {
		return this.storage("", "configmaps");
	}

	async #dispatch(context: RequestContext): Promise<{ object: KubeObject | KubeList | Status; code?: number }> {
		const { request, definition } = context;
		if (definition.ephemeral === true) return this.#review(context);
		if (request.subresource !== undefined) return this.#subresource(context);
		if (definition === bindingKind) return this.#bindByCollection(context);
		if (definition === componentStatusKind) return { object: readComponentStatuses(context, this.#options.components ?? []) };
		switch (request.verb) {
			case "get":
				return { object: await this.#reader.get(context) };
			case "list":
				return { object: await this.#reader.list(context) };
			case "create":
				return { object: await this.#writer.create(context, request.body), code: 201 };
			case "update":
				return answerOfWrite(await this.#writer.update(context, request.body));
			case "patch":
				return answerOfWrite(await this.#writer.patch(context));
			case "delete":
				return this.#deleter.delete(context);
			case "deletecollection":
				return { object: await this.#deleteCollection(context) };
			default:
				throw newMethodNotAllowed();
		}
	}

	async #review(context: RequestContext) {
		const sent = this.#writer.decode(context, context.request.body, context.endpoint.type);
		const { namespace } = context;
		const review = context.endpoint.namespaced ? { ...sent, metadata: { ...sent.metadata, namespace } } : sent;
		const errors = context.definition.validate?.(review) ?? [];
		if (errors.length > 0) throw newInvalid(context.definition, "", errors);
		const admitted = await this.#writer.admit(context, "CREATE", review);
		return { object: answerReview(context, admitted, this.#authorizer), code: 201 };
	}

	async #subresource(context: RequestContext): Promise<{ object: KubeObject | Status; code?: number }> {
		const { request, endpoint, definition } = context;
		const { subresource, resource } = endpoint;
		if (subresource === "scale") {
			if (request.verb === "get") return { object: scaleOf(context, context.storage.get(context.namespace, context.name)) };
			return { object: await writeScale(context, this.#writer) };
		}
		if (resource === "pods" && subresource === "binding") return this.#bind(context);
		if (resource === "pods" && subresource === "eviction") {
			const budgets = this.storage("policy", "poddisruptionbudgets");
			return { object: await evictPod(context, { writer: this.#writer, deleter: this.#deleter, budgets }), code: 201 };
		}
		if (resource === "serviceaccounts" && subresource === "token") {
			const services = { writer: this.#writer, tokens: this.#tokens, find: this.find.bind(this) };
			return { object: await requestToken(context, services), code: 201 };
		}
		if (resource === "pods" && subresource === "ephemeralcontainers") {
			return { object: await this.#readOrWrite(context, ephemeralContainersStrategy(definition)) };
		}
		if (resource === "pods" && subresource === "resize") {
			return { object: await this.#readOrWrite(context, resizeStrategy(definition)) };
		}
		if (subresource === "status") return { object: await this.#readOrWrite(context, statusStrategy(definition)) };
		if (subresource === "approval") return { object: await this.#readOrWrite(context, approvalStrategy(definition)) };
		if (subresource === "finalize") return { object: await this.#readOrWrite(context, finalizeStrategy) };
		throw newNotImplemented(`subresource ${resource}/${subresource}`);
	}

	async #bind(context: RequestContext): Promise<{ object: Status; code: number }> {
		const findNode = (name: string) => this.find("", "nodes", "", name);
		return { object: await bindPod(context, { writer: this.#writer, findNode }), code: 201 };
	}

	/** A Binding that is posted to its collection names the pod itself: the way of old. */
	#bindByCollection(context: RequestContext): Promise<{ object: Status; code: number }> {
		const { metadata } = this.#writer.decode(context, context.request.body, context.endpoint.type);
		const served = this.#resources.find("", "v1", "pods");
		const endpoint = served?.subresources.get("binding");
		if (served === undefined || endpoint === undefined) throw newPathNotFound();
		const name = metadata?.name ?? "";
		return this.#bind({ ...context, served, endpoint, definition: served.definition, storage: this.storage("", "pods"), name });
	}

	async #readOrWrite(context: RequestContext, strategy: UpdateStrategy): Promise<KubeObject> {
		const { verb, body } = context.request;
		if (verb === "get") return this.#reader.get(context);
		if (verb === "patch") return (await this.#writer.patch(context, strategy)).object;
		return (await this.#writer.update(context, body, strategy)).object;
	}

	async #deleteCollection(context: RequestContext): Promise<KubeList> {
		const list = await this.#reader.list(context);
		const selection = parseSelection(context.definition, context.namespace, context.options);
		const deletions = list.items.map(async (item) => {
			const { namespace = "", name = "" } = item.metadata ?? {};
			const current = context.storage.find(namespace, name);
			if (current === undefined || !selection.matches(current)) return;
			try {
				await this.#deleter.delete({ ...context, namespace, name });
			} catch (error) {
				// Somebody else deleted it meanwhile: what was asked for is done.
				if (!isStatusError(error, "NotFound")) throw error;
			}
		});
		await Promise.all(deletions);
		return { ...list, items: list.items.map((item) => toServedVersion(context, item)) };
	}

	#policyPlugins(): readonly AdmissionPlugin[] {
		return createPolicyPlugins({
			authorize: policyAuthorizer(this.#authorizer),
			findKind: (group, version, kind) => {
				for (const { definition, resource } of this.#resources.all()) {
					if (definition.group !== group || definition.kind !== kind || resource.version !== version) continue;
					return {
						resource: definition.resource,
						isNamespaced: resource.namespaced,
						type: resource.type,
						setDefaults: (object) => definition.setDefaults?.(object) ?? object,
					};
				}
				return undefined;
			},
		});
	}

	/** The objects as the caches have them. */
	get lookup(): AdmissionLookup {
		return {
			find: (group, resource, namespace, name) => this.find(group, resource, namespace, name),
			list: (group, resource, namespace) =>
				this.storage(group, resource)
					.cache.list(namespace)
					.map((entry) => entry.object),
		};
	}
}

function answerOfWrite({ object, created }: { readonly object: KubeObject; readonly created: boolean }) {
	return { object, code: created ? 201 : 200 };
}

function storageName({ group, resource }: KindDefinition): string {
	return `${group}/${resource}`;
}

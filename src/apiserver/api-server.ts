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
import type { JsonObject } from "../apimachinery/json.ts";
import type { Logger } from "../apimachinery/log.ts";
import { type KubeList, type KubeObject, parseApiVersion } from "../apimachinery/meta.ts";
import type { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { Random } from "../apimachinery/random.ts";
import type {
	ApiextensionsWebhookClientConfig,
	CustomResourceDefinition,
	IPAddress,
	Secret,
	Service,
	Status,
} from "../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../apimachinery/schema/resources.ts";
import { isStatusError, newBadRequest, newMethodNotAllowed, newPathNotFound, newServiceUnavailable } from "../apimachinery/status-error.ts";
import { formatTime } from "../apimachinery/time.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { Store } from "../store/store.ts";
import type { AdmissionChain, AdmissionLookup, AdmissionPlugin } from "./admission/admission.ts";
import { certificateAdmission } from "./admission/certificates.ts";
import { deviceClaimRules } from "./admission/device-claims.ts";
import { namespaceAutoProvision } from "./admission/namespace-existence.ts";
import { ownerReferencesPermissionEnforcement } from "./admission/owner-references.ts";
import { type AdmissionOptions, createAdmission } from "./admission/plugins.ts";
import { policyAuthorizer } from "./admission/policy/policy-authorizer.ts";
import { createPolicyPlugins } from "./admission/policy/policy-plugins.ts";
import { resourceQuotaAdmission } from "./admission/quota/resource-quota.ts";
import { createWebhookPlugins } from "./admission/webhook/webhook-plugins.ts";
import { Aggregation } from "./aggregation/aggregation.ts";
import { parseAddressRange } from "./allocation/address-range.ts";
import { repairAddresses } from "./allocation/ip-addresses.ts";
import { ServiceAddresses } from "./allocation/service-addresses.ts";
import { decisionAnnotations } from "./audit/decision.ts";
import { apiserverUser } from "./authentication/apiserver-user.ts";
import { isAuthenticated, type TokenAuthenticator } from "./authentication/authenticator.ts";
import { bootstrapTokenAuthenticator } from "./authentication/bootstrap-tokens.ts";
import { lastUsedLabel } from "./authentication/legacy-tokens.ts";
import { ServiceAccountTokens, type TokenKeys, tokenIssuer } from "./authentication/service-account-tokens.ts";
import { forApiAudiences, TokenChain } from "./authentication/token-chain.ts";
import type { PathQuestion, ResourceQuestion } from "./authorization/question.ts";
import { type AuthorizerChoice, attributesOf, defaultAuthorizers, ServerAuthorization } from "./authorization/server-authorization.ts";
import { ApiServiceRegistration } from "./extension/api-service-registration.ts";
import { CustomResources } from "./extension/custom-resources.ts";
import { DefinitionController, type Instances } from "./extension/definition-controller.ts";
import { whenPrepared } from "./extension/prepared.ts";
import { checkCustom } from "./extension/request-checks.ts";
import { ServedKinds } from "./extension/served-kinds.ts";
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
import { builtinKinds } from "./registry/kinds.ts";
import { type ResourceFinder, ResourceTable, type ServedResource } from "./registry/resource-table.ts";
import { MetricsApi, type MetricsApiOptions } from "./resource-metrics/metrics-api.ts";
import { Cacher } from "./storage/cacher.ts";
import { startCompactor } from "./storage/compactor.ts";
import { ObjectStorage } from "./storage/object-storage.ts";
import { StorageMetrics } from "./storage/storage-metrics.ts";
import type { CacheChange } from "./storage/watch-cache.ts";
import { LazyWebhookClient, type OutsideOptions } from "./webhooks/lazy-client.ts";

/** --api-audiences: by default who issues service account tokens. */
const apiAudiences: readonly string[] = [tokenIssuer];
const secrets = { group: "", version: "v1", resource: "secrets" } as const;

/** As apiextensions-apiserver waits for a conversion. */
const conversionTimeoutMs = 30_000;

const rbacGroup = "rbac.authorization.k8s.io";

export interface ApiServerOptions {
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
	/** Sign and check service account tokens. */
	readonly tokenKeys: TokenKeys;
	/** How the conversion webhooks of custom resources are reached; default: as other webhooks are. */
	readonly conversion?: ConversionCaller;
	/** Tokens out of a file: asked before all others. */
	readonly staticTokens?: TokenAuthenticator;
	/** Whoever else knows whose a token is (OpenID Connect): asked last. */
	readonly identityProviders?: readonly TokenAuthenticator[];
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

/** The same for all servers without a feature gate: what comes from the schema alone. */
const builtinTable = new ResourceTable(builtinKinds);

export class ApiServer {
	readonly #options: ApiServerOptions;
	/** What `namedKinds` says as long as the kinds are these. */
	#named:
		| { readonly of: readonly KindDefinition[]; readonly named: readonly (KindDefinition & { readonly namespaced: boolean })[] }
		| undefined;
	readonly #builtin: ResourceTable;
	readonly #resources: ResourceFinder;
	readonly #custom: CustomResources;
	readonly #definitions: DefinitionController;
	readonly #registration: ApiServiceRegistration;
	readonly #served: ServedKinds;
	readonly #cacher: Cacher;
	readonly #storages = new Map<string, ObjectStorage>();
	/** The same by group and resource: admission looks for some with every write. */
	readonly #storagesOfGroups = new Map<string, Map<string, ObjectStorage>>();
	/** Decides what users may do: asked for every request, by reviews, and for impersonation. */
	readonly authorization: ServerAuthorization;
	readonly #admission: AdmissionChain;
	readonly #writer: Writer;
	readonly #dispatcher: Dispatcher;
	readonly #tokens: ServiceAccountTokens;
	readonly #tokenChain: TokenChain;
	/** Secrets, by namespace/name, whose last use is being written. */
	readonly #recording = new Set<string>();
	readonly #metrics: StorageMetrics;
	readonly #observers: ServerObserver[] = [];
	readonly #webhooks: LazyWebhookClient;
	#storeError: Error | undefined;
	#stopCompactor: () => void = () => undefined;

	constructor(options: ApiServerOptions) {
		this.#options = options;
		const { store, clock, log, random } = options;
		const ownKinds = kindsFor(options.featureGates ?? defaultFeatureGates);
		this.#builtin = ownKinds === builtinKinds ? builtinTable : new ResourceTable(ownKinds);
		const onLost = (error: Error) => {
			this.#storeError = error;
			options.onStoreLost?.(error);
		};
		this.#cacher = new Cacher({ store, clock, log, onLost });
		this.#metrics = new StorageMetrics(
			clock,
			() =>
				[...this.#storages.values(), ...[...this.#custom.allStored()].map(({ storage }) => storage)].map(
					({ definition: { group, resource }, cache }) => ({
						group,
						resource,
						count: cache.size,
					}),
				),
			() => store.status().dbSizeBytes,
		);
		const metrics = this.#metrics;
		for (const definition of ownKinds) {
			if (definition.ephemeral === true) continue;
			const storage = new ObjectStorage({ store, cacher: this.#cacher, definition, clock, metrics });
			this.#storages.set(storageName(definition), storage);
			const { group, resource } = definition;
			this.#storagesOfGroups.set(group, (this.#storagesOfGroups.get(group) ?? new Map()).set(resource, storage));
		}
		const { lookup } = this;
		this.#webhooks = new LazyWebhookClient({
			...options.outside,
			lookup,
			random: random.fork("webhooks"),
			userAgent: "kube-apiserver-admission",
		});
		const definitions = this.storage("apiextensions.k8s.io", "customresourcedefinitions");
		this.#custom = new CustomResources({
			store,
			cacher: this.#cacher,
			clock,
			log,
			metrics,
			definitions,
			builtin: new Set(ownKinds.map(storageName)),
			conversion: options.conversion ?? { call: (endpoint, review) => this.#convert(endpoint, review) },
			random: random.fork("conversion"),
			onOpen: (name) => this.#definitions.queue(name),
		});
		this.#definitions = new DefinitionController({
			clock,
			log,
			definitions,
			canServe: (definition) => this.#custom.isOpen(definition),
			updateStatus: (definition) => this.#updateDefinition(definition),
			instancesOf: (definition) => this.#instancesOf(definition),
		});
		const builtinVersions = new Set(ownKinds.flatMap(({ group, versions }) => versions.map((version) => `${version}.${group}`)));
		this.#registration = new ApiServiceRegistration({
			definitions,
			services: this.storage("apiregistration.k8s.io", "apiservices"),
			isBuiltin: ({ group, version }) => builtinVersions.has(`${version}.${group}`),
			handle: (request) => this.handle(apiserverUser, request),
			clock,
			log,
		});
		const usageMetrics = options.usage === undefined ? undefined : this.#metricsApi(options.usage);
		this.#served = new ServedKinds(ownKinds, this.#custom, usageMetrics);
		this.#resources = {
			find: (group, version, resource) =>
				this.#builtin.find(group, version, resource) ??
				usageMetrics?.find(group, version, resource) ??
				this.#custom.find(group, version, resource),
		};
		const cache = (group: string, resource: string) => this.storage(group, resource).cache;
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
		const webhookPlugins = createWebhookPlugins({
			mutating: this.storage("admissionregistration.k8s.io", "mutatingwebhookconfigurations").cache,
			validating: this.storage("admissionregistration.k8s.io", "validatingwebhookconfigurations").cache,
			resources: { find: this.#resources.find, all: () => this.#allServed() },
			log,
			client: () => this.#webhooks.get(),
			authorize: policyAuthorizer(() => this.authorization),
		});
		const quotas = this.storage("", "resourcequotas");
		this.#admission = createAdmission(
			[
				...this.#policyPlugins(),
				...webhookPlugins,
				...certificateAdmission((question) => this.require(question)),
				resourceQuotaAdmission((namespace, name) => quotas.key(namespace, name)),
				namespaceAutoProvision((name) => this.#provideNamespace(name)),
				ownerReferencesPermissionEnforcement({
					authorize: (user, request) => this.authorize(user, request),
					resourceOf: (apiVersion, kind) => this.#resourceOf(apiVersion, kind),
				}),
			],
			options.admission,
			deviceClaimRules((question) => this.require(question)),
		);
		this.#writer = new Writer({
			admission: this.#admission,
			lookup,
			random: options.ids ?? idsOf(random),
			resources: this.#resources,
			authorizeCreate: ({ user, request }) => this.authorize(user, { ...request, verb: "create" }),
			escalation: this.authorization.escalation,
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
			onLegacyTokenUsed: (namespace, name) => this.#recordLegacyTokenUse(namespace, name),
		});
		const findSecret = (name: string) => this.find("", "secrets", "kube-system", name) as Secret | undefined;
		this.#tokenChain = new TokenChain([
			...(options.staticTokens === undefined ? [] : [forApiAudiences(apiAudiences, options.staticTokens)]),
			this.#tokens,
			forApiAudiences(apiAudiences, bootstrapTokenAuthenticator({ clock, findSecret })),
			...(options.identityProviders ?? []).map((provider) => forApiAudiences(apiAudiences, provider)),
		]);
		this.#dispatcher = new Dispatcher({
			reader: new Reader({ store, cacher: this.#cacher, metrics }),
			writer: this.#writer,
			deleter: new Deleter({ admission: this.#admission, writer: this.#writer }),
			resources: this.#resources,
			storage: (group, resource) => this.storage(group, resource),
			find: (group, resource, namespace, name) => this.find(group, resource, namespace, name),
			authorization: this.authorization,
			tokens: this.#tokens,
			tokenChain: this.#tokenChain,
			audiences: apiAudiences,
			components: options.components ?? [],
		});
	}

	#metricsApi(usage: MetricsApiOptions["usage"]): MetricsApi {
		const { lookup } = this;
		return new MetricsApi({
			usage,
			apiService: (name) => lookup.find("apiregistration.k8s.io", "apiservices", "", name),
			pods: (namespace) => lookup.list("", "pods", namespace === "" ? undefined : namespace),
			pod: (namespace, name) => lookup.find("", "pods", namespace, name),
			nodes: () => lookup.list("", "nodes"),
			node: (name) => lookup.find("", "nodes", "", name),
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
		await this.#cacher.start(() => this.#custom.load());
		this.#custom.follow();
		this.#definitions.start();
		this.#registration.start();
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
		const addresses = this.#objects<IPAddress>("networking.k8s.io", "ipaddresses");
		return repairAddresses(this.#objects<Service>("", "services"), addresses, (request) => this.handle(apiserverUser, request));
	}

	/** Makes a namespace, unless it is there by then. */
	async #provideNamespace(name: string): Promise<void> {
		try {
			const body = { metadata: { name } };
			await this.handle(apiserverUser, { verb: "create", group: "", version: "v1", resource: "namespaces", body });
		} catch (error) {
			if (!isStatusError(error, "AlreadyExists")) throw error;
		}
	}

	#resourceOf(apiVersion: string, kind: string): GeneratedResource | undefined {
		const { group, version } = parseApiVersion(apiVersion);
		const definition = this.kinds.find((each) => each.group === group && each.kind === kind);
		return definition === undefined ? undefined : this.#resources.find(group, version, definition.resource)?.resource;
	}

	/** All objects of a kind, from the cache. */
	#objects<T extends KubeObject = KubeObject>(group: string, resource: string): readonly T[] {
		return this.storage(group, resource)
			.cache.list()
			.map((entry) => entry.object as T);
	}

	/** What kinds are called, and whether they are in namespaces. */
	namedKinds(): readonly (KindDefinition & { readonly namespaced: boolean })[] {
		const { kinds } = this;
		if (this.#named?.of !== kinds) {
			const named = kinds.flatMap((definition) => {
				const served = this.#resources.find(definition.group, definition.versions[0], definition.resource);
				return served === undefined ? [] : [{ ...definition, namespaced: served.resource.namespaced }];
			});
			this.#named = { of: kinds, named };
		}
		return this.#named.named;
	}

	/** Ends what follows the store. The store itself is the caller's to close. */
	stop(): void {
		this.#definitions.stop();
		this.#registration.stop();
		this.#custom.stop();
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
		if (this.#asksStore) await this.#catchUp(request);
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
		const definitions = new Map([...this.#storages.values()].map(({ prefix, definition }) => [prefix, definition]));
		this.#cacher.observe((prefix, change) => {
			// Custom resources come and go.
			const definition =
				definitions.get(prefix) ?? [...this.#custom.allStored()].find(({ storage }) => storage.prefix === prefix)?.definition;
			if (definition !== undefined) observer.changed(definition, change);
		});
	}

	/** Starts a watch; events come through `sink`, some possibly before this resolves. Rejects with a `StatusError`. */
	async watch(user: UserInfo, request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		if (this.#asksStore) await this.#catchUp(request);
		const context = await this.#admit(user, request);
		const options = { store: this.#options.store, cacher: this.#cacher, clock: this.#options.clock };
		return whenPrepared(context, () => startWatch(options, context, sink));
	}

	/** How many objects of a resource there are, in all namespaces. */
	objectCount(group: string, resource: string): number {
		return this.#storageOf(group, resource)?.cache.size ?? 0;
	}

	/** An object as the cache has it, for the server's own needs (streams look up their pod). Undefined if there is none. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined {
		return this.#storageOf(group, resource)?.find(namespace, name);
	}

	/** Throws ServiceUnavailable if the store is lost. */
	checkStore(): void {
		if (this.#storeError !== undefined) throw newServiceUnavailable(`the store is not available: ${this.#storeError.message}`);
	}

	/** Rejects if the store does not answer, for health checks. */
	async pingStore(): Promise<void> {
		this.checkStore();
		if (this.#asksStore) await this.#cacher.ping();
	}

	/** Others write to the store, or a majority of its members has to confirm that nothing newer is there. */
	get #asksStore(): boolean {
		const { store } = this.#options;
		return store.isShared === true || store.isReplicated === true;
	}

	/**
	 * Before a request to one of several servers of a store: what others have written counts; and before a read from a store of several
	 * members. Reads that are content with what is in the cache, or name what they have seen, wait for no more than that.
	 */
	async #catchUp({ verb, options = {} }: ApiRequest): Promise<void> {
		this.checkStore();
		const { resourceVersion = "" } = options;
		const isRead = verb === "get" || verb === "list" || verb === "watch";
		// A write asks the members itself.
		if (isRead ? resourceVersion === "" : this.#options.store.isShared === true) await this.#cacher.catchUp();
		// A watch tells nothing before its revision anyway.
		else if (isRead && verb !== "watch" && /^[1-9]\d*$/.test(resourceVersion)) await this.#cacher.reach(Number(resourceVersion));
		// A definition that another server has established may have been seen a moment ago.
		await this.#custom.opening;
	}

	/** Who bears this token; undefined if it is nobody's. */
	async authenticateToken(token: string): Promise<UserInfo | undefined> {
		const verdict = await this.#tokenChain.authenticateToken(token, apiAudiences);
		return isAuthenticated(verdict) ? verdict.user : undefined;
	}

	/** Throws, or rejects with, Forbidden if the user may not do this. */
	require(question: ResourceQuestion | PathQuestion): void | Promise<void> {
		return this.authorization.require(question);
	}

	/** Signs and checks service account tokens. */
	get serviceAccountTokens(): ServiceAccountTokens {
		return this.#tokens;
	}

	/** The token of a Secret was used: the Secret gets the day. Whether that succeeds is nobody's business who asked. */
	#recordLegacyTokenUse(namespace: string, name: string): void {
		const { metadata } = this.find("", "secrets", namespace, name) ?? {};
		const today = formatTime(this.#options.clock.now()).slice(0, 10);
		if (metadata === undefined || metadata.labels?.[lastUsedLabel] === today || this.#recording.has(`${namespace}/${name}`)) return;
		this.#recording.add(`${namespace}/${name}`);
		const body = { metadata: { uid: metadata.uid ?? "", labels: { [lastUsedLabel]: today } } };
		const patchType = "application/merge-patch+json";
		this.handle(apiserverUser, { ...secrets, verb: "patch", namespace, name, patchType, body })
			.catch((error: unknown) => this.#options.log.debug("the use of a token was not recorded", { namespace, name, error: String(error) }))
			.finally(() => this.#recording.delete(`${namespace}/${name}`));
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

	/** Of custom resources, that which shows them in their storage version. */
	#storageOf(group: string, resource: string): ObjectStorage | undefined {
		return this.#storagesOfGroups.get(group)?.get(resource) ?? this.#custom.stored(group, resource)?.storage;
	}

	storage(group: string, resource: string): ObjectStorage {
		const storage = this.#storageOf(group, resource);
		if (storage === undefined) throw new Error(`no storage for ${group}/${resource}`);
		return storage;
	}

	/** Finds what serves the request and checks that the user may make it. */
	#admit(user: UserInfo, request: ApiRequest): RequestContext | Promise<RequestContext> {
		this.checkStore();
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
			storage: served.storage ?? this.#storages.get(storageName(definition)) ?? this.#unstored(),
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

	// ── Custom resources ──

	async #updateDefinition(definition: CustomResourceDefinition): Promise<void> {
		const place = { group: "apiextensions.k8s.io", version: "v1", resource: "customresourcedefinitions", subresource: "status" };
		await this.handle(apiserverUser, { ...place, verb: "update", name: definition.metadata?.name ?? "", body: definition });
	}

	/** Whatever versions are served: in the one that they are stored in. */
	#instancesOf({ spec }: CustomResourceDefinition): Instances | undefined {
		const served = this.#custom.stored(spec?.group ?? "", spec?.names.plural ?? "");
		if (served === undefined) return undefined;
		const { group, version, resource } = served.resource;
		const request: ApiRequest = { verb: "deletecollection", group, version, resource };
		const deleteAll = async () => {
			await this.#dispatcher.deleteCollection(this.#context(apiserverUser, request, served, served.resource));
		};
		return { storage: served.storage, deleteAll };
	}

	/** Every version of every kind. */
	#allServed(): readonly ServedResource[] {
		return this.kinds.flatMap(({ group, resource, versions }) =>
			versions.flatMap((version) => this.#resources.find(group, version, resource) ?? []),
		);
	}

	async #convert(endpoint: ApiextensionsWebhookClientConfig, review: JsonObject): Promise<JsonObject> {
		const client = await this.#webhooks.get();
		return client.call(endpoint, review, { timeoutMs: conversionTimeoutMs });
	}

	#policyPlugins(): readonly AdmissionPlugin[] {
		return createPolicyPlugins({
			authorize: policyAuthorizer(() => this.authorization),
			findKind: (group, version, kind) => {
				const endpoint = this.resources.find(
					(each) => each.group === group && each.version === version && each.kind === kind && each.subresource === "",
				);
				const served = endpoint === undefined ? undefined : this.#resources.find(group, version, endpoint.resource);
				if (served === undefined) return undefined;
				const { definition, resource, customType } = served;
				return {
					resource: definition.resource,
					isNamespaced: resource.namespaced,
					type: resource.type,
					customType,
					setDefaults: (object) => definition.setDefaults?.(object) ?? object,
				};
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

/** What a server draws uids and generated names from, if it is not told. */
export function idsOf(random: Random): Random {
	return random.fork("apiserver");
}

function storageName({ group, resource }: KindDefinition): string {
	return `${group}/${resource}`;
}

/**
 * The composition root: wires store, API server, controllers, scheduler and simulated nodes (components.ts) into a cluster.
 *
 *   store ◀─ API server ◀─ in process: controllers, scheduler, kubelets, the user's own client
 *                       ◀─ HTTPS (after `listen`): kubectl, helm, any client
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import type { ApiRequest, ApiResponse } from "../apimachinery/api-request.ts";
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import { type FeatureGates, readFeatureGates } from "../apimachinery/feature-gates.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { NodeConnector } from "../apimachinery/node-connector.ts";
import { createEntropyRandom, type Random, SeededRandom } from "../apimachinery/random.ts";
import type { ConfigMap, Node } from "../apimachinery/schema/generated/types.ts";
import { newMethodNotAllowed } from "../apimachinery/status-error.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { AdmissionOptions } from "../apiserver/admission/plugins.ts";
import type { Aggregation } from "../apiserver/aggregation/aggregation.ts";
import { ApiServer, idsOf } from "../apiserver/api-server.ts";
import type { AuditOptions, Auditor } from "../apiserver/audit/auditor.ts";
import type { RequestHandler } from "../apiserver/audit/in-process-audit.ts";
import {
	type AuthenticationOptions,
	type OpenedAuthentication,
	openAuthentication,
} from "../apiserver/authentication/authentication-options.ts";
import { tokenIssuer } from "../apiserver/authentication/service-account-tokens.ts";
import type { LoadedAuthorizers } from "../apiserver/authorization/authorization-config.ts";
import type { AuthorizationOptions } from "../apiserver/authorization/authorization-error.ts";
import { publishAuthenticationTrust } from "../apiserver/bootstrap/authentication-trust.ts";
import { bootstrap, keepKubernetesService } from "../apiserver/bootstrap/bootstrap.ts";
import type { FlowController } from "../apiserver/flowcontrol/flow-controller.ts";
import type { HealthCheck, StreamingEndpoint } from "../apiserver/http/api-handler.ts";
import type { InProcessDispatcher } from "../apiserver/http/in-process-dispatcher.ts";
import type { HttpServer } from "../apiserver/http/server.ts";
import type { ComponentCheck } from "../apiserver/pipeline/component-statuses.ts";
import { frontProxyName, loadOrCreatePki, type Pki } from "../apiserver/pki/pki.ts";
import { signRequest } from "../apiserver/pki/request-signing.ts";
import type { ConfigReload, FollowedFile } from "../apiserver/reload/config-reload.ts";
import { registerMetricsApi } from "../apiserver/resource-metrics/registration.ts";
import { LazyWebhookClient, type OutsideOptions } from "../apiserver/webhooks/lazy-client.ts";
import { Client } from "../client/client.ts";
import { pathOf } from "../client/http-path.ts";
import { QueueMetrics } from "../client/queue-metrics.ts";
import { nodes, pods } from "../client/resources.ts";
import type { Transport } from "../client/transport.ts";
import {
	type CertificateOptions,
	type Fleet,
	type Image,
	ImageCatalog,
	type LatencyOption,
	type NodeOptions,
	type RegistryOptions,
} from "../kubelet-sim/index.ts";
import { type PluginFactories, type PodExplanation, readSchedulerConfiguration, type Scheduler } from "../scheduler/index.ts";
import type { LocalGroup, MaintainedStore, Store } from "../store/index.ts";
import { type Addon, readAddons } from "./addons/addon-names.ts";
import { ImagedStore } from "./bootstrap-image.ts";
import type { ClusterControllers } from "./cluster-controllers.ts";
import { ClusterNodes } from "./cluster-nodes.ts";
import { type ComponentOptions, type Components, nodeUser } from "./components.ts";
import { ElectedComponents } from "./elected-components.ts";
import { ElectedNodes } from "./elected-nodes.ts";
import type { EtcdListeners } from "./etcd-listeners.ts";
import { extenderConnections } from "./extender-connections.ts";
import { InProcessTransport } from "./in-process-transport.ts";
import { NetworkDoor } from "./network-door.ts";
import { createNodeCredentials } from "./node-credentials.ts";
import type { NodePortListeners } from "./node-port-listeners.ts";
import { isReady } from "./node-readiness.ts";
import { OwnComponents } from "./own-components.ts";
import { type EtcdStoreOption, isInMemory, type OpenedStore, openStore } from "./store-option.ts";
import { StreamingRelay } from "./streaming-relay.ts";

export interface ClusterOptions {
	/** How many nodes to make, named node-1, node-2 …; default 3. Those of an earlier run are kept. */
	readonly nodes?: number;
	/** What the nodes are like; default 4 CPUs, 8 GiB, 110 pods. */
	readonly nodeTemplate?: Omit<NodeOptions, "name">;
	/**
	 * Whether nodes join by a bootstrap token, have certificates of their own and renew them; default false. Keys cost, and no
	 * seed decides them. For single nodes there is `certificates` of `fleet.addNode`.
	 */
	readonly kubeletCertificates?: boolean | CertificateOptions;
	/** Where certificates and store live; absent: everything in memory. */
	readonly dataDir?: string;
	/** For a store in memory: what it begins with, a snapshot as `ownStore.snapshot()` gives it. Default nothing. */
	readonly storeSnapshot?: Uint8Array;
	/** How many members kubesim's own store has when it is made: 1, 3 or 5. Default 1. */
	readonly storeMembers?: number;
	/** A real etcd cluster instead of kubesim's own store. Several servers may share it: see elected-components.ts. */
	readonly store?: EtcdStoreOption;
	/** Where the certificates are, if not in `dataDir`: servers that share a store share them, too. */
	readonly pkiDir?: string;
	/** Certificates to use instead of making new ones: keys are the one thing that no seed decides. */
	readonly pki?: Pki;
	/** Who else may come in, besides certificates and tokens of this cluster's own. */
	readonly authentication?: AuthenticationOptions;
	/** The cluster's time; default real time. */
	readonly clock?: Clock;
	/** Seed of everything random; default real entropy. With a `VirtualClock`, the same seed is the same run. */
	readonly seed?: string | number;
	/** "none" makes image pulls, container starts and the like take no time; default "usual": a good connection. */
	readonly latency?: LatencyOption;
	/** Images besides kubesim's own: in code, where `loadImages` takes descriptions. */
	readonly images?: readonly Image[];
	/** Registries that are not as usual: private ones, slow ones, those that speak plain HTTP. */
	readonly registries?: readonly RegistryOptions[];
	/** Admission plugins to turn on and off, by Kubernetes' names, and to set up. Default: those of kube-apiserver, and NodeRestriction. */
	readonly admission?: AdmissionOptions;
	/** An AdmissionConfiguration of apiserver.config.k8s.io/v1, for ImagePolicyWebhook; default none. */
	readonly admissionControlConfigFile?: string;
	/** An EncryptionConfiguration of apiserver.config.k8s.io/v1: which objects are encrypted in the store; default none. */
	readonly encryptionProviderConfig?: string;
	/** Whether changes of that file are followed; default false. */
	readonly encryptionProviderConfigAutomaticReload?: boolean;
	/** What is recorded of requests, and where; default nothing. */
	readonly audit?: AuditOptions;
	readonly log?: Logger;
	/** Who decides what users may do, as kube-apiserver's --authorization-… flags say; default Node and RBAC. */
	readonly authorization?: AuthorizationOptions;
	/** Which controllers run, as kube-controller-manager's --controllers takes them; default all: see controllers/chosen.ts. */
	readonly controllers?: readonly string[];
	/**
	 * The addresses that Services of type LoadBalancer are given, `FIRST-LAST`, networks in CIDR notation or single ones, separated by
	 * commas; "none" for nobody who makes load balancers. Default 172.18.255.200-172.18.255.250.
	 */
	readonly loadBalancerPool?: string;
	/** What runs beside the control plane: `coredns`. Default nothing: kubesim answers for names itself. */
	readonly addons?: readonly string[];
	/** How pods are scheduled; default as kube-scheduler does without a configuration file. */
	readonly scheduler?: SchedulerChoice;
	/** Kubernetes' feature gates to switch, by their names: GenericWorkload, GangScheduling. Default: as in 1.36. */
	readonly featureGates?: Readonly<Record<string, boolean>>;
	/** Puts something on the way of the cluster's own components to the API server: what a test makes go wrong. Default nothing. */
	readonly wayOf?: (user: UserInfo, way: Transport) => Transport;
	/** Told in a few words what is being done while the cluster comes up. */
	readonly onProgress?: (text: string) => void;
}

export interface SchedulerChoice {
	/** A KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1, parsed. */
	readonly configuration?: unknown;
	/** Plugins of your own, by name: the configuration enables them as it does any other. See docs/scheduler.md. */
	readonly plugins?: PluginFactories;
}

export interface AdminCredentials {
	/** PEM texts. */
	readonly ca: string;
	readonly clientCertificate: string;
	readonly clientKey: string;
}

/** Where the store's etcd API is, and what a client has to show there: PEM texts. */
export interface EtcdEndpoint {
	/** The first member's. */
	readonly url: string;
	readonly port: number;
	/** Of every member, by name, at the time of the call. */
	readonly urls: () => ReadonlyMap<string, string>;
	readonly ca: string;
	readonly clientCertificate: string;
	readonly clientKey: string;
}

const adminUser: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
const serviceCidr = "10.96.0.0/12";
const serviceIp = "10.96.0.1";
/** The control plane's own place in the simulated network: what the `kubernetes` Service points at. Nodes are in 172.18.0.0/16. */
const controlPlane = { address: "172.19.0.2", port: 6443 };
const defaultNodes = 3;

/** Makes a cluster, or brings back the one in `dataDir`, with everything in it running. See `whenNodesReady`. */
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
	const cluster = await open(options, true);
	try {
		await cluster.start();
		return cluster;
	} catch (error) {
		await cluster.close();
		throw error;
	}
}

/**
 * The first half of `createCluster`: opens the store and makes the API server. It can `listen` already; what it serves
 * comes with `start`. Rejects with the errors of the store's door, `PkiError`, `AdmissionSwitchError`, `FeatureGateError`, `SchedulerConfigurationError`
 * and `ProfileError`.
 */
export function openCluster(options: ClusterOptions): Promise<Cluster> {
	return open(options, false);
}

/** @param starts whether `start` follows at once, so that nobody sees whether the store was empty */
async function open(options: ClusterOptions, starts: boolean): Promise<Cluster> {
	const clock = options.clock ?? new WallClock();
	const random = options.seed === undefined ? createEntropyRandom() : new SeededRandom(options.seed);
	const log = options.log ?? silentLog;
	const gates = readFeatureGates(options.featureGates ?? {});
	const installed = readAddons(options.addons ?? []);
	const authorizers = await makeAuthorizers(options, { clock, random });
	const admission = await configuredAdmission(options, { clock, random });
	const identities = await openAuthentication(options.authentication ?? {}, { clock, log });
	options.onProgress?.("opening the store");
	const imaged = starts && canUseImage(options, clock) ? await ImagedStore.open(() => idsOf(random), clock.now(), serviceCidr) : undefined;
	const opening = openStore({ ...options, clock, log, random, ...(imaged === undefined ? {} : { backend: imaged.backend }) });
	const [opened, pki] = await Promise.all([opening, openPki(options, clock.now())]).catch(async (error: unknown) => {
		await opening.then(
			({ store }) => store.close(),
			() => undefined,
		);
		throw error;
	});
	try {
		const encryption = await encrypted(opened.store, options);
		const cluster = new Cluster({
			...options,
			...opened,
			...admission,
			authorizers,
			identities,
			...encryption,
			gates,
			installed,
			clock,
			random,
			log,
			pki,
			imaged,
		});
		await cluster.followFiles();
		if (options.audit !== undefined) await cluster.openAudit(options.audit);
		await cluster.apiServer.start();
		return cluster;
	} catch (error) {
		await opened.store.close();
		throw error;
	}
}

/**
 * Whether a bootstrap may be taken from an earlier cluster's: of a store in memory in virtual time, in which nobody looks on, and nobody
 * has a say in what is made.
 */
function canUseImage(
	{ seed, admission, authorization, encryptionProviderConfig, audit, featureGates, storeSnapshot, ...options }: ClusterOptions,
	clock: Clock,
): boolean {
	const isPlain = [admission, authorization, encryptionProviderConfig, audit, featureGates, storeSnapshot].every(
		(option) => option === undefined,
	);
	return isPlain && seed !== undefined && clock instanceof VirtualClock && isInMemory(options);
}

/** Undefined: the usual ones. Rejects with AuthorizationConfigError. */
async function makeAuthorizers(
	{ authorization }: ClusterOptions,
	environment: { readonly clock: Clock; readonly random: Random },
): Promise<LoadedAuthorizers | undefined> {
	if (authorization === undefined) return undefined;
	const { loadAuthorizers } = await import("../apiserver/authorization/authorization-config.ts");
	return loadAuthorizers(authorization, environment);
}

/** What is asked for, with what the file sets up. Rejects with `AdmissionSwitchError`. */
async function configuredAdmission(
	{ admission, admissionControlConfigFile: file }: ClusterOptions,
	environment: { readonly clock: Clock; readonly random: Random },
): Promise<Pick<ClusterOptions, "admission">> {
	if (file === undefined) return {};
	const { loadAdmissionConfiguration } = await import("../apiserver/admission/admission-configuration.ts");
	const random = environment.random.fork("admission configuration");
	return { admission: { ...admission, configured: loadAdmissionConfiguration(file, { ...environment, random }) } };
}

/** The store as the API server sees it, and the file that decides it if that is to be followed. Rejects with `EncryptionConfigError`. */
async function encrypted(
	store: Store,
	options: Pick<ClusterOptions, "encryptionProviderConfig" | "encryptionProviderConfigAutomaticReload" | "featureGates">,
): Promise<Pick<Parts, "store" | "encryptionFile">> {
	const { encryptionProviderConfig: path, encryptionProviderConfigAutomaticReload: isFollowed = false } = options;
	if (path === undefined) return { store };
	const { loadEncryptionConfig, parseEncryptionConfig } = await import("../apiserver/storage/encryption/configuration.ts");
	const { EncryptedStore } = await import("../apiserver/storage/encryption/encrypted-store.ts");
	const { kindsFor } = await import("../apiserver/registry/gated-kinds.ts");
	const { text, transformerFor } = await loadEncryptionConfig(path);
	const encryptedStore = new EncryptedStore(store, transformerFor, kindsFor(readFeatureGates(options.featureGates ?? {})));
	if (!isFollowed) return { store: encryptedStore };
	const apply = async (next: string) => encryptedStore.replace(await parseEncryptionConfig(next, path));
	return { store: encryptedStore, encryptionFile: { kind: "encryption", path, text, apply } };
}

async function openPki({ pki, ...options }: ClusterOptions, nowMs: number): Promise<Pki> {
	return pki ?? (await loadOrCreatePki(pkiDirectory(options), { nowMs }));
}

/** Undefined: in memory. */
function pkiDirectory({ pkiDir, dataDir }: Pick<ClusterOptions, "pkiDir" | "dataDir">): string | undefined {
	return pkiDir ?? (dataDir === undefined ? undefined : join(dataDir, "pki"));
}

interface Parts extends Omit<ClusterOptions, "store">, OpenedStore {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly pki: Pki;
	readonly gates: FeatureGates;
	readonly installed: readonly Addon[];
	readonly authorizers: LoadedAuthorizers | undefined;
	readonly identities: OpenedAuthentication;
	readonly encryptionFile?: FollowedFile;
	/** The engine of the store, if a bootstrap may come from an image, or go into one. */
	readonly imaged: ImagedStore | undefined;
}

export class Cluster {
	readonly clock: Clock;
	readonly apiServer: ApiServer;
	/** An administrator's client, in process. */
	readonly client: Client;
	readonly #options: Parts;
	readonly #runners: Components;
	readonly #nodes: NodeConnector;
	readonly #abort = new AbortController();
	/** Where requests of this process go: to the server, past the audit if there is one. */
	#frontDoor: RequestHandler;
	/** Of all that ask in this process: past the audit, if there is one by the time of a request. */
	readonly #door: RequestHandler = {
		handle: (asker, request) => (this.#isElsewhere(request) ? this.#readElsewhere(asker, request) : this.#frontDoor.handle(asker, request)),
		watch: (asker, request, sink) => this.#frontDoor.watch(asker, request, sink),
	};
	#auditor: Auditor | undefined;
	/** Made when it first has somebody to serve. */
	#http: Promise<HttpServer> | undefined;
	/** Where it listens. */
	#url: string | undefined;
	#etcd: EtcdListeners | undefined;
	#nodePorts: NodePortListeners | undefined;
	/** Of configuration files; undefined where there are none to follow. */
	#reload: ConfigReload | undefined;
	#isBootstrapped = false;
	readonly #aggregation: Aggregation;
	/** Of controllers and scheduler; /metrics shows them beside the API server's own. */
	readonly metrics = new MetricRegistry();
	/** What nodes can pull. */
	readonly images: ImageCatalog;
	/** The way to servers that requests concern: webhooks. */
	readonly #outside: OutsideOptions = { dial: (address, port) => this.#nodes.dial(address, port) };

	/** The way to the scheduler's extenders. */
	readonly #extenders: LazyWebhookClient;

	constructor(options: Parts) {
		const { clock, random, log, store } = options;
		this.#options = options;
		this.clock = clock;
		const onStoreLost = (error: Error) => {
			if (!this.#abort.signal.aborted) log.error("the store is lost", { error: error.message });
		};
		this.apiServer = new ApiServer({
			store,
			clock,
			random,
			...(options.imaged === undefined ? {} : { ids: options.imaged.ids }),
			log,
			serviceCidr,
			...(options.admission === undefined ? {} : { admission: options.admission }),
			onStoreLost,
			tokenKeys: options.pki.serviceAccount,
			identityProviders: options.identities.identityProviders,
			...(options.identities.staticTokens === undefined ? {} : { staticTokens: options.identities.staticTokens }),
			components: this.#components(),
			featureGates: options.gates,
			...(options.authorizers === undefined ? {} : { authorizers: options.authorizers.choices }),
			outside: this.#outside,
			usage: () => this.#runners.fleet?.usage,
		});
		this.#frontDoor = this.apiServer;
		this.#aggregation = this.apiServer.aggregation(options.pki.frontProxy.client);
		this.client = this.clientFor(adminUser);
		this.#extenders = new LazyWebhookClient({
			...this.#outside,
			lookup: this.apiServer.lookup,
			random: random.fork("extenders"),
			userAgent: "Go-http-client/1.1",
		});
		this.images = new ImageCatalog(options);
		const runnerOptions: ComponentOptions = {
			clock,
			random,
			log,
			latency: options.latency ?? "usual",
			images: this.images,
			metrics: { registry: this.metrics, queues: new QueueMetrics(this.metrics, clock) },
			clientFor: (user) => new Client(this.wayFor(user)),
			...(options.controllers === undefined ? {} : { controllers: options.controllers }),
			...(options.loadBalancerPool === undefined ? {} : { loadBalancerPool: options.loadBalancerPool }),
			scheduler: { ...readChoice(options.scheduler), connectExtender: extenderConnections({ client: this.#extenders, clock }) },
			featureGates: options.gates,
			hasOwnDns: !options.installed.includes("coredns"),
			rootCa: () => options.pki.ca.cert,
			signers: {
				signCertificate: (request, content) => signRequest(options.pki.ca, request, content),
				signServiceAccountToken: (account, secretName) => this.apiServer.serviceAccountTokens.issueLegacy(account, secretName),
			},
			nodes: options.nodes ?? defaultNodes,
			nodeTemplate: templateOf(options),
			clusterCa: options.pki.ca.cert,
			apiServer: new NetworkDoor({ certificates: options.pki.apiServer.cert, clock, http: () => this.#httpServer() }),
			credentials: createNodeCredentials({
				clock,
				random: random.fork("bootstrap tokens"),
				clientCa: options.pki.ca.cert,
				administrator: this.client,
				authenticateToken: (token) => this.apiServer.authenticateToken(token),
				wayFor: (user) => this.wayFor(user),
			}),
		};
		if (store.isShared === true) {
			const elected = new ElectedComponents({ ...runnerOptions, url: () => this.#url });
			this.#runners = elected;
			this.#nodes = new ElectedNodes(elected);
		} else {
			const own = new OwnComponents(runnerOptions);
			this.#runners = own;
			this.#nodes = own.fleet.connector;
		}
	}

	/**
	 * Images and registries of a YAML file, as docs/images.md describes them, count from now on; nodes keep what they have pulled.
	 * @returns the repositories and hosts that the file describes. Rejects with ImageFileError; then nothing changes.
	 */
	async loadImages(file: string): Promise<readonly string[]> {
		const { readImageFile } = await import("../kubelet-sim/images/image-file.ts");
		const { images, registries } = await readImageFile(file);
		for (const image of images) this.images.load(image);
		for (const registry of registries) this.images.setRegistry(registry);
		return [...images.flatMap(({ repositories }) => repositories), ...registries.map(({ host }) => host)];
	}

	/** Looks at controllers, stops and starts them. */
	get controllers(): ClusterControllers {
		return this.#runners.controllers;
	}

	/** Throws while another server of the same store runs it. */
	get scheduler(): Scheduler {
		return here(this.#runners.scheduler);
	}

	/** Why a pod is where it is, or nowhere. Rejects with NotFound. */
	async explainPod(namespace: string, name: string): Promise<PodExplanation> {
		return this.scheduler.explain(await this.client.resource(pods).get({ namespace, name }));
	}

	/** Goes on scheduling by another configuration, parsed from a file. Throws SchedulerConfigurationError and ProfileError; then nothing changes. */
	configureScheduler(configuration: unknown): void {
		this.scheduler.reconfigure(readSchedulerConfiguration(configuration));
	}

	/** Adds nodes, takes them away, lists them. */
	get nodes(): ClusterNodes {
		return new ClusterNodes({
			fleet: () => this.fleet,
			informers: this.#runners.informers,
			client: this.client,
			clientFor: (node) => this.clientFor(nodeUser(node)),
		});
	}

	/** Throws while another server of the same store runs the nodes. */
	get fleet(): Fleet {
		return here(this.#runners.fleet);
	}

	/** A client with any identity: what it may do is decided as for anybody else. */
	clientFor(user: UserInfo): Client {
		return new Client(this.#ownWay(user));
	}

	#ownWay(user: UserInfo): InProcessTransport {
		return new InProcessTransport(this.#door, user);
	}

	/** Begins to follow the configuration files that can change. Called once. */
	async followFiles(): Promise<void> {
		const { authorizers, identities, encryptionFile, clock, log } = this.#options;
		const { authorization } = this.apiServer;
		const files: FollowedFile[] = [];
		if (identities.file !== undefined) files.push({ kind: "authentication", ...identities.file });
		if (authorizers?.file !== undefined) {
			const { path, text, reload } = authorizers.file;
			files.push({ kind: "authorization", path, text, apply: async (next) => authorization.replace(await reload(next)) });
		}
		if (encryptionFile !== undefined) files.push(encryptionFile);
		if (files.length === 0) return;
		const { ConfigReload } = await import("../apiserver/reload/config-reload.ts");
		this.#reload = new ConfigReload(files, { clock, log });
		this.#reload.start(this.#abort.signal);
	}

	/** Whether another server answers for it, behind an APIService. */
	#isElsewhere(request: ApiRequest): boolean {
		return !this.#aggregation.isEmpty && request.group !== "" && this.#aggregation.serves(pathOf(request));
	}

	/** Components read metrics there, and nothing else. */
	async #readElsewhere(user: UserInfo, request: ApiRequest): Promise<ApiResponse> {
		await this.apiServer.authorize(user, request);
		if (request.verb !== "get" && request.verb !== "list") throw newMethodNotAllowed();
		return { object: await this.#aggregation.read(user, pathOf(request)), code: 200, warnings: [] };
	}

	/** Begins to record requests. Called once, before anybody asks. Rejects with `AuditPolicyError`, `KubeconfigError` or the system's error. */
	async openAudit(options: AuditOptions): Promise<void> {
		const { openAuditor } = await import("../apiserver/audit/auditor.ts");
		const { AuditedHandler } = await import("../apiserver/audit/in-process-audit.ts");
		const { clock, random, log } = this.#options;
		const own = random.fork("audit");
		this.#auditor = await openAuditor(options, { clock, random: own, log, lookup: this.apiServer.lookup, outside: this.#outside });
		this.#frontDoor = new AuditedHandler({
			server: this.apiServer,
			auditor: this.#auditor,
			clock,
			random: own,
			sourceIp: controlPlane.address,
		});
	}

	/** The way of one of the cluster's own components, or of a controller that is run like one. */
	wayFor(user: UserInfo): Transport {
		const way = this.#ownWay(user);
		return this.#options.wayOf?.(user, way) ?? way;
	}

	/**
	 * HTTP without a socket, for clients that speak it through undici.
	 * @param way who asks, and what goes wrong
	 */
	async dispatcherFor(way: Transport): Promise<InProcessDispatcher> {
		const { clock, random } = this.#options;
		const isVirtual = clock instanceof VirtualClock;
		// Loading it is real I/O, which takes longer the first time: it is there at the clock's next turn, whatever else happens until then.
		const loaded = isVirtual ? clock.attend({ steps: 0, isPending: true }) : undefined;
		const loading = import("../apiserver/http/in-process-dispatcher.ts").finally(loaded);
		const [{ InProcessDispatcher }] = await Promise.all([loading, sleep(clock, 0)]);
		const dispatcher = new InProcessDispatcher({
			door: way,
			handler: this.apiServer,
			clock,
			machineClock: new WallClock(),
			random: random.fork("in-process HTTP"),
		});
		if (isVirtual) {
			const leave = clock.attend(dispatcher.activity);
			this.#abort.signal.addEventListener("abort", leave, { once: true });
		}
		return dispatcher;
	}

	/** Fills an empty store with what every cluster has, and starts controllers, scheduler and nodes. Called once. */
	async start(): Promise<void> {
		const { clock, log, onProgress } = this.#options;
		const { signal } = this.#abort;
		onProgress?.("bootstrapping the API");
		const target = {
			server: this.apiServer,
			...controlPlane,
			nowMs: clock.now(),
			serviceCidr,
			serviceIp,
			featureGates: this.#options.gates,
		};
		const { imaged } = this.#options;
		if (imaged?.isFilled !== true) await bootstrap(target);
		imaged?.remember();
		this.#aggregation.start();
		keepKubernetesService(target, { clock, log, signal });
		const { ca, frontProxy } = this.#options.pki;
		const trust = { clientCa: ca.cert, frontProxyCa: frontProxy.ca.cert, allowedNames: [frontProxyName] };
		await Promise.all([publishAuthenticationTrust(this.apiServer, trust), registerMetricsApi(this.apiServer, clock.now())]);
		this.#isBootstrapped = true;
		this.#checkAuthority();
		await this.#installAddons();
		onProgress?.("starting controllers, scheduler and nodes");
		await this.#runners.start(signal);
	}

	async #installAddons(): Promise<void> {
		const { installed } = this.#options;
		if (installed.length === 0) return;
		const { installAddons } = await import("./addons/addons.ts");
		await installAddons(installed, this.client);
	}

	/** Instead of `start`: the scheduler comes to know everything that there is, and nobody acts. Called once. */
	async observe(): Promise<void> {
		const { signal } = this.#abort;
		this.#runners.scheduler?.observe(signal);
		await this.#runners.informers.start(signal);
	}

	/** What one server of a store signs, others accept only if they have the same certificates and keys. */
	#checkAuthority(): void {
		const { pki, log } = this.#options;
		const published = this.apiServer.find("", "configmaps", "kube-system", "kube-root-ca.crt") as ConfigMap | undefined;
		const authority = published?.data?.["ca.crt"];
		if (authority === undefined || authority === pki.ca.cert) return;
		log.warn("this cluster's objects are from a server with another certificate authority: let the servers share one PKI directory");
	}

	/**
	 * Resolves to the number of nodes once as many as were asked for are there and every one reports Ready. Where another
	 * server runs the nodes, how many there are is for that one to say.
	 */
	async whenNodesReady(): Promise<number> {
		const count = this.#options.nodes ?? defaultNodes;
		const { promise, resolve } = Promise.withResolvers<number>();
		const all = new Set<string>();
		const ready = new Set<string>();
		const see = (node: Node) => {
			const name = node.metadata?.name ?? "";
			all.add(name);
			if (isReady(node)) ready.add(name);
			else ready.delete(name);
			check();
		};
		const forget = (node: Node) => {
			all.delete(node.metadata?.name ?? "");
			ready.delete(node.metadata?.name ?? "");
			check();
		};
		let isListed = false;
		const check = () => {
			if (isListed && all.size >= (this.#runners.areNodesElsewhere ? Math.min(1, count) : count) && ready.size === all.size)
				resolve(all.size);
		};
		const stop = this.#runners.informers.informer(nodes).onChange({ added: see, updated: (_old, node) => see(node), deleted: forget });
		isListed = true;
		check();
		return promise.finally(stop);
	}

	/** What the administrator's kubeconfig needs. */
	adminCredentials(): AdminCredentials {
		const { ca, admin } = this.#options.pki;
		return { ca: ca.cert, clientCertificate: admin.cert, clientKey: admin.key };
	}

	/**
	 * Opens the API to other processes over HTTPS. Rejects with `PortInUseError`.
	 * @param address host defaults to 127.0.0.1; port 0 takes any free one.
	 */
	async listen({
		host = "127.0.0.1",
		port = 0,
	}: {
		readonly host?: string;
		readonly port?: number;
	} = {}): Promise<{ url: string; port: number }> {
		const http = await this.#httpServer();
		const bound = await http.listen({ host, port });
		const url = `https://${host.includes(":") ? `[${host}]` : host}:${bound.port}`;
		this.#url = url;
		return { url, port: bound.port };
	}

	#httpServer(): Promise<HttpServer> {
		this.#http ??= this.#createHttpServer();
		return this.#http;
	}

	async #createHttpServer(): Promise<HttpServer> {
		const { createHttpServer } = await import("../apiserver/http/server.ts");
		const { createStreaming } = await import("../apiserver/streaming/streaming.ts");
		const { createFlowControl } = await import("../apiserver/flowcontrol/server-flow-control.ts");
		const { clock, random, log, pki } = this.#options;
		const flowControl = createFlowControl(this.apiServer, clock);
		return createHttpServer({
			handler: this.apiServer,
			clock,
			random: random.fork("http"),
			log,
			authorizePath: (user, verb, path) => this.apiServer.authorizePath(user, verb, path),
			require: (question) => this.apiServer.require(question),
			authenticateToken: (token) => this.apiServer.authenticateToken(token),
			frontProxy: { ca: pki.frontProxy.ca.cert, allowedNames: [frontProxyName] },
			openId: { issuer: tokenIssuer, keys: [this.apiServer.serviceAccountTokens.publicKey], url: () => this.#url ?? "" },
			anonymous: this.#options.identities.anonymous,
			healthChecks: this.#healthChecks(flowControl),
			flowControl,
			auditor: this.#auditor,
			remoteApis: this.#aggregation,
			metrics: [this.apiServer.metrics, this.metrics, ...(this.#reload === undefined ? [] : [this.#reload.metrics])],
			tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
			streaming: this.#relayed(createStreaming({ server: this.apiServer, nodes: this.#nodes, clock, random: random.fork("proxy"), log })),
		});
	}

	/** Passes on what is for nodes that another server runs. */
	#relayed(own: StreamingEndpoint): StreamingEndpoint {
		const runners = this.#runners;
		if (!(runners instanceof ElectedComponents)) return own;
		const { ca, admin } = this.#options.pki;
		const whereNodesAre = () => (runners.fleet === undefined ? runners.nodesUrl : "here");
		return new StreamingRelay({ own, whereNodesAre, credentials: { ca: ca.cert, ...admin } });
	}

	/** For `kubectl get componentstatuses`. */
	#components(): readonly ComponentCheck[] {
		const running = () => assert(this.#isBootstrapped, "not running yet");
		return [
			{ name: "scheduler", check: running },
			{ name: "controller-manager", check: running },
			{ name: "etcd-0", check: () => this.apiServer.checkStore() },
		];
	}

	/**
	 * Opens the store to etcdctl and other clients of etcd, over TLS with client certificates. The first member takes the first
	 * free port from `port` (2379) on, of at most 1 + `furtherPorts`, each further one the next. Rejects with the system's
	 * error if none is free, and `PkiError`.
	 */
	async listenEtcd({ host = "127.0.0.1", port = 2379, furtherPorts = 0 } = {}): Promise<EtcdEndpoint> {
		const { EtcdListeners } = await import("./etcd-listeners.ts");
		const { loadOrCreateEtcdPki } = await import("../apiserver/pki/etcd-pki.ts");
		const { clock, log, group, maintained: store } = this.#options;
		if (store === undefined) throw new Error("the store is an etcd of its own: ask that one");
		const directory = pkiDirectory(this.#options);
		const memberName = group?.members()[0]?.name ?? store.group.name;
		const { ca, server, healthcheckClient } = await loadOrCreateEtcdPki(directory, { nowMs: clock.now(), memberName });
		const tls = { cert: server.cert, key: server.key, clientCa: ca.cert };
		const listeners = await EtcdListeners.open({ store, group, clock, log, host, port, furtherPorts, tls });
		this.#etcd = listeners;
		const [url = ""] = listeners.urls.values();
		const credentials = { ca: ca.cert, clientCertificate: healthcheckClient.cert, clientKey: healthcheckClient.key };
		return { url, port: Number(new URL(url).port), urls: () => listeners.urls, ...credentials };
	}

	/** Opens Services' node ports on this machine, now and as they come. Called once. @param host default 127.0.0.1 */
	async listenNodePorts({ host = "127.0.0.1" } = {}): Promise<NodePortListeners> {
		const { NodePortListeners } = await import("./node-port-listeners.ts");
		const { log } = this.#options;
		this.#nodePorts = new NodePortListeners({
			informers: this.#runners.informers,
			dial: (address, port) => this.#nodes.dial(address, port),
			log,
			host,
		});
		return this.#nodePorts;
	}

	/** Kubesim's own store; undefined if the store is an etcd. */
	get ownStore(): MaintainedStore | undefined {
		return this.#options.maintained;
	}

	/** The members of kubesim's own store; undefined for one in memory with one member, and for an etcd. */
	get storeGroup(): LocalGroup | undefined {
		return this.#options.group;
	}

	/** Those of kube-apiserver whose part is there, in its order. */
	#healthChecks(flowControl: FlowController): readonly HealthCheck[] {
		const storeAnswers = () => this.apiServer.pingStore();
		const bootstrapped = () => assert(this.#isBootstrapped, "not finished");
		const hook = (name: string, check: () => void): HealthCheck => ({ name: `poststarthook/${name}`, liveness: true, check });
		return [
			{ name: "etcd", liveness: true, check: storeAnswers },
			{ name: "etcd-readiness", liveness: false, check: storeAnswers },
			{ name: "informer-sync", liveness: false, check: () => assert(this.apiServer.revision > 0, "informers not started yet") },
			hook("priority-and-fairness-config-consumer", () => assert(flowControl.hasConfiguration, "not finished")),
			hook("start-system-namespaces-controller", bootstrapped),
			hook("rbac/bootstrap-roles", bootstrapped),
			hook("scheduling/bootstrap-system-priority-classes", bootstrapped),
			hook("priority-and-fairness-config-producer", bootstrapped),
			hook("bootstrap-controller", bootstrapped),
			hook("kube-apiserver-autoregistration", bootstrapped),
			{ name: "autoregister-completion", liveness: true, check: bootstrapped },
		];
	}

	/** Everything in the store, by key, as JSON texts: what two runs of one seed have in common. */
	async dump(): Promise<ReadonlyMap<string, string>> {
		const { kvs } = await this.#options.store.range({ key: "\0", rangeEnd: "\0" });
		return new Map(kvs.map(({ key, value }) => [key, Buffer.from(value).toString("utf8")]));
	}

	/** Ends everything in order: requests first, the store last. */
	async close(): Promise<void> {
		await (await this.#http)?.close();
		await this.#etcd?.close();
		this.#nodePorts?.close();
		this.#abort.abort(new Error("the cluster is closing"));
		await this.#runners.stopped();
		this.#aggregation.stop();
		this.#extenders.close();
		this.apiServer.stop();
		await this.#auditor?.close();
		await this.#options.store.close();
	}
}

/** Throws SchedulerConfigurationError. */
function readChoice({ configuration, plugins }: SchedulerChoice = {}): NonNullable<ComponentOptions["scheduler"]> {
	return {
		...(configuration === undefined ? {} : { configuration: readSchedulerConfiguration(configuration) }),
		...(plugins === undefined ? {} : { plugins }),
	};
}

function templateOf({ nodeTemplate, kubeletCertificates = false }: Parts): Omit<NodeOptions, "name"> | undefined {
	if (kubeletCertificates === false) return nodeTemplate;
	return { ...nodeTemplate, certificates: kubeletCertificates === true ? {} : kubeletCertificates };
}

function here<T>(component: T | undefined): T {
	if (component === undefined) throw new Error("another server of this cluster runs it");
	return component;
}

/**
 * A cluster: store, API server, controllers, scheduler and simulated nodes (components.ts), wired together.
 *
 *   store ◀─ API server ◀─ in process: controllers, scheduler, kubelets, the user's own client
 *                       ◀─ HTTPS (after `listen`): kubectl, helm, any client
 */
import { strict as assert } from "node:assert";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ApiRequest, ApiResponse } from "../apimachinery/api-request.ts";
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { NodeConnector } from "../apimachinery/node-connector.ts";
import type { ConfigMap, Node } from "../apimachinery/schema/generated/types.ts";
import { newMethodNotAllowed } from "../apimachinery/status-error.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { Aggregation } from "../apiserver/aggregation/aggregation.ts";
import { ApiServer } from "../apiserver/api-server.ts";
import type { AuditOptions, Auditor } from "../apiserver/audit/auditor.ts";
import type { RequestHandler } from "../apiserver/audit/in-process-audit.ts";
import { publishAuthenticationTrust } from "../apiserver/bootstrap/authentication-trust.ts";
import { bootstrap, keepKubernetesService } from "../apiserver/bootstrap/bootstrap.ts";
import type { InProcessDispatcher } from "../apiserver/http/in-process-dispatcher.ts";
import type { ComponentCheck } from "../apiserver/pipeline/component-statuses.ts";
import { frontProxyName } from "../apiserver/pki/pki.ts";
import { signRequest } from "../apiserver/pki/request-signing.ts";
import type { ConfigReload, FollowedFile } from "../apiserver/reload/config-reload.ts";
import { registerMetricsApi } from "../apiserver/resource-metrics/registration.ts";
import { LazyWebhookClient, type OutsideOptions } from "../apiserver/webhooks/lazy-client.ts";
import { Client } from "../client/client.ts";
import { pathOf } from "../client/http-path.ts";
import { QueueMetrics } from "../client/queue-metrics.ts";
import { nodes, pods } from "../client/resources.ts";
import type { Transport } from "../client/transport.ts";
import { type Fleet, ImageCatalog, type NodeOptions } from "../kubelet-sim/index.ts";
import { type PodExplanation, readSchedulerConfiguration, type Scheduler } from "../scheduler/index.ts";
import type { LocalGroup, MaintainedStore } from "../store/index.ts";
import type { ClusterControllers } from "./cluster-controllers.ts";
import { ClusterDoors, type EtcdAddress, type EtcdEndpoint, type ListenAddress } from "./cluster-doors.ts";
import { ClusterNodes } from "./cluster-nodes.ts";
import { type ClusterParts, defaultNodes, type SchedulerChoice, serviceCidr } from "./cluster-options.ts";
import { type ComponentOptions, type Components, nodeUser } from "./components.ts";
import { ElectedComponents } from "./elected-components.ts";
import { ElectedNodes } from "./elected-nodes.ts";
import { extenderConnections } from "./extender-connections.ts";
import { InProcessTransport } from "./in-process-transport.ts";
import { NetworkDoor } from "./network-door.ts";
import { createNodeCredentials } from "./node-credentials.ts";
import type { NodePortListeners } from "./node-port-listeners.ts";
import { isReady } from "./node-readiness.ts";
import { OwnComponents } from "./own-components.ts";

export interface AdminCredentials {
	/** PEM texts. */
	readonly ca: string;
	readonly clientCertificate: string;
	readonly clientKey: string;
}

const adminUser: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
const serviceIp = "10.96.0.1";
/** The control plane's own place in the simulated network: what the `kubernetes` Service points at. Nodes are in 172.18.0.0/16. */
const controlPlane = { address: "172.19.0.2", port: 6443 };

export class Cluster {
	readonly clock: Clock;
	readonly apiServer: ApiServer;
	/** An administrator's client, in process. */
	readonly client: Client;
	readonly #options: ClusterParts;
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
	readonly #doors: ClusterDoors;
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

	constructor(options: ClusterParts) {
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
			apiServer: new NetworkDoor({ certificates: options.pki.apiServer.cert, clock, http: () => this.#doors.httpServer() }),
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
			const elected = new ElectedComponents({ ...runnerOptions, url: () => this.#doors.url });
			this.#runners = elected;
			this.#nodes = new ElectedNodes(elected);
		} else {
			const own = new OwnComponents(runnerOptions);
			this.#runners = own;
			this.#nodes = own.fleet.connector;
		}
		this.#doors = new ClusterDoors({
			...options,
			apiServer: this.apiServer,
			aggregation: this.#aggregation,
			runners: this.#runners,
			nodes: this.#nodes,
			metrics: () => [this.apiServer.metrics, this.metrics, ...(this.#reload === undefined ? [] : [this.#reload.metrics])],
			auditor: () => this.#auditor,
			isBootstrapped: () => this.#isBootstrapped,
		});
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
			// Whoever has waited for this server to listen is answered before everything is there. In virtual time nobody from outside is.
			...(this.#doors.url === undefined || clock instanceof VirtualClock ? {} : { pause: () => nextTurn() }),
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

	/** Opens the API to other processes over HTTPS. Rejects with `PortInUseError`. */
	listen(address?: ListenAddress): Promise<{ url: string; port: number }> {
		return this.#doors.listen(address);
	}

	/** Opens the store to clients of etcd. Rejects with the system's error if no port is free, and `PkiError`. */
	listenEtcd(address?: EtcdAddress): Promise<EtcdEndpoint> {
		return this.#doors.listenEtcd(address);
	}

	/** Opens Services' node ports on this machine, now and as they come. Called once. */
	listenNodePorts(address?: Pick<ListenAddress, "host">): Promise<NodePortListeners> {
		return this.#doors.listenNodePorts(address);
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

	/** Kubesim's own store; undefined if the store is an etcd. */
	get ownStore(): MaintainedStore | undefined {
		return this.#options.maintained;
	}

	/** The members of kubesim's own store; undefined for one in memory with one member, and for an etcd. */
	get storeGroup(): LocalGroup | undefined {
		return this.#options.group;
	}

	/** Everything in the store, by key, as JSON texts: what two runs of one seed have in common. */
	async dump(): Promise<ReadonlyMap<string, string>> {
		const { kvs } = await this.#options.store.range({ key: "\0", rangeEnd: "\0" });
		return new Map(kvs.map(({ key, value }) => [key, Buffer.from(value).toString("utf8")]));
	}

	/** Ends everything in order: requests first, the store last. */
	async close(): Promise<void> {
		await this.#doors.close();
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

function templateOf({ nodeTemplate, kubeletCertificates = false }: ClusterParts): Omit<NodeOptions, "name"> | undefined {
	if (kubeletCertificates === false) return nodeTemplate;
	return { ...nodeTemplate, certificates: kubeletCertificates === true ? {} : kubeletCertificates };
}

function here<T>(component: T | undefined): T {
	if (component === undefined) throw new Error("another server of this cluster runs it");
	return component;
}

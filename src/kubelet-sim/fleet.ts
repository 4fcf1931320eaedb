/**
 * All simulated kubelets of a cluster. One informer of pods and one of nodes serve every node; a pod gets a worker when
 * it is bound to one of the fleet's nodes, and a node is little more than its name until something runs on it.
 *
 *   pods informer ──> worker of the pod ──> status patches, events, deletion
 *   addNode ──> Node object, lease, heartbeats on shared timer wheels
 *   API server ──> connector ──> logs, exec, attach, port-forward
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import type { ExecOptions, ExitStatus, NodeConnector, ProcessStreams } from "../apimachinery/node-connector.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { formatGoDuration } from "../apimachinery/time.ts";
import type { UsageSource } from "../apimachinery/usage.ts";
import type { Client } from "../client/client.ts";
import type { InformerFactory } from "../client/informer.ts";
import { nodes, resourceClaims, runtimeClasses } from "../client/resources.ts";
import { FileSystem, loadGrammar, type Machine, type SignalName, Tree } from "../host/index.ts";
import { isStaticPod } from "./admission/critical-pods.ts";
import { NodeAdmission } from "./admission/node-admission.ts";
import type { CertificateOptions, NodeCertificates, NodeCredentials } from "./certificates/node-certificates.ts";
import { LogBudget } from "./container/log-budget.ts";
import { EvictionManager, type PressedResource } from "./eviction/eviction-manager.ts";
import { type FleetInformers, makeInformers } from "./fleet-informers.ts";
import { FleetObserver } from "./fleet-observer.ts";
import { watchWhatPodsUse } from "./fleet-watches.ts";
import { FleetWorkers } from "./fleet-workers.ts";
import type { Image } from "./images/image.ts";
import { ImageCatalog, type PulledImage } from "./images/image-catalog.ts";
import { KubeletPorts } from "./kubelet-ports.ts";
import type { RunningPod } from "./kubelet-server.ts";
import { KubeletWrites } from "./kubelet-writes.ts";
import { type LatencyOption, latencyModel } from "./latency.ts";
import { type ApiServerPort, apiServerMachine } from "./network/api-server-machine.ts";
import { ClusterNetwork } from "./network/cluster-network.ts";
import { networkLookups } from "./network/informer-lookups.ts";
import type { DiskFault, NetworkFault } from "./node/fault-kinds.ts";
import { defaultLeaseRenewMs, defaultStatusReportMs, Heartbeats } from "./node/heartbeats.ts";
import type { ShutdownPeriods } from "./node/kubelet-configuration.ts";
import { NewNodes, type NodeOptions } from "./node/new-nodes.ts";
import { NodeDaemons } from "./node/node-daemons.ts";
import { NodeFaults } from "./node/node-faults.ts";
import { NodePower } from "./node/node-power.ts";
import type { NodeHost, SimNode } from "./node/sim-node.ts";
import { FleetConnector } from "./node-connector.ts";
import { loadKubeletStartup } from "./node-machine/load-kubelet-startup.ts";
import { NodeCommands } from "./node-machine/node-commands.ts";
import { NodeMemory } from "./node-machine/node-memory.ts";
import { PodWorker } from "./pod-worker/pod-worker.ts";
import type { SandboxRuntime } from "./pod-worker/sandboxes.ts";
import type { WorkerHost } from "./pod-worker/worker-host.ts";
import type { ContainerRuntime } from "./runtime/cri.ts";
import { preloadRuntimeTools, runtimeProgram } from "./runtime/node-programs.ts";
import { NodeRuntime } from "./runtime/node-runtime.ts";
import { mirroredHash } from "./static-pods/static-manifest.ts";
import { StaticPods } from "./static-pods/static-pods.ts";
import { FleetUsage } from "./usage/fleet-usage.ts";
import { ServiceLoads } from "./usage/service-loads.ts";
import { ClaimVolumes } from "./volumes/claim-volumes.ts";
import { FetchedObjects } from "./volumes/fetched-objects.ts";
import { ServiceEnvironments } from "./volumes/service-environments.ts";

/** Where the control plane's requests to pods and nodes come from, as cluster.ts places it. */
const controlPlaneAddress = "172.19.0.2";
const apiServerPort = 6443;
/** As a node's kubelet.conf names it. */
const apiServerUrl = `https://${controlPlaneAddress}:${apiServerPort}`;
/** How long a mounted ConfigMap or Secret lags behind the API. Source: the kubelet's syncFrequency. */
const defaultVolumeSyncMs = 60_000;

const defaultClusterDns = "10.96.0.10";

/** What the documentation of Kubernetes shows. */
const usualShutdown: ShutdownPeriods = { graceMs: 30_000, criticalMs: 10_000 };

export interface FleetOptions {
	/** For the API as a node sees it: `system:node:NAME`. */
	readonly clientFor: (node: string) => Client;
	/** How nodes with certificates prove who they are; absent: there are none. */
	readonly credentials?: NodeCredentials;
	/** PEM: the cluster's, as nodes have it in /etc/kubernetes/pki; absent: they have none. */
	readonly clusterCa?: string | undefined;
	/** Where pods and nodes reach the API over the network; absent: nowhere. */
	readonly apiServer?: ApiServerPort | undefined;
	/** Of whoever deletes the Node of a machine that is gone, which no kubelet may. */
	readonly remover: Client;
	/** Of a client that may read pods, nodes, services, endpointslices, configmaps and secrets of all namespaces. */
	readonly informers: InformerFactory;
	readonly clock: Clock;
	readonly random: Random;
	readonly log?: Logger;
	/** Default: "usual". */
	readonly latency?: LatencyOption;
	/** What can be pulled; default: kubesim's own images, and whatever else somebody names. */
	readonly images?: ImageCatalog;
	/** Address of the cluster's DNS service; default 10.96.0.10. */
	readonly clusterDns?: string;
	/** Whether names are answered at that address although no Service is there; default true. */
	readonly ownDns?: boolean;
	/** Defaults: 10 s and 5 min. */
	readonly leaseRenewMs?: number;
	readonly statusReportMs?: number;
	readonly volumeSyncMs?: number;
	/** Whether nodes write the events of a kubelet's start; default true. Thousands of nodes at once may do without. */
	readonly nodeEvents?: boolean;
}

/** How many nodes come at once: what thousands of registrations under way hold, a process does not give back to the machine. */
const comingAtOnce = 32;

export class Fleet {
	/** What the API server calls for logs, exec, attach and port-forward. */
	readonly connector: NodeConnector;
	/** What somebody ran on nodes who logged in to them. */
	readonly commands = new NodeCommands();
	/** What pods and nodes use. */
	readonly usage: UsageSource;
	readonly #options: FleetOptions;
	readonly #clock: Clock;
	readonly #random: Random;
	readonly #log: Logger;
	readonly #nodes = new Map<string, SimNode>();
	readonly #nodesByAddress = new Map<string, SimNode>();
	readonly #workers: FleetWorkers;
	readonly #logBudget = new LogBudget(() => this.#workers.logs());
	readonly #observer: FleetObserver;
	readonly #admission: NodeAdmission;
	readonly #eviction: EvictionManager;
	readonly #memory: NodeMemory<SimNode>;
	readonly #staticPods: StaticPods;
	readonly #power: NodePower;
	/** Of nodes whose runtime somebody has looked at. */
	readonly #runtimes = new WeakMap<SimNode, NodeRuntime>();
	readonly #daemons: NodeDaemons;
	readonly #faults: NodeFaults;
	/** Of nodes that have them. */
	readonly #certificates = new Map<string, NodeCertificates>();
	readonly #network: ClusterNetwork;
	readonly #loads: ServiceLoads;
	readonly #heartbeats: Heartbeats;
	readonly #writes: KubeletWrites;
	readonly #host: WorkerHost;
	readonly #informers: FleetInformers;
	readonly #objects: FetchedObjects;
	readonly #imageFiles = new Map<Image, FileSystem>();
	readonly #claims: ClaimVolumes;
	readonly #serviceEnvironments: ServiceEnvironments;
	readonly #newNodes: NewNodes;
	#signal: AbortSignal | undefined;

	constructor(options: FleetOptions) {
		this.#options = options;
		this.#clock = options.clock;
		this.#random = options.random.fork("kubelet");
		this.#log = options.log ?? silentLog;
		this.#informers = makeInformers(options.informers);
		this.#workers = new FleetWorkers(this.#clock, this.#informers.pods);
		this.#serviceEnvironments = new ServiceEnvironments(this.#informers.services);
		this.#writes = new KubeletWrites({
			clock: this.#clock,
			random: this.#random,
			log: this.#log,
			clientFor: (node) => this.#clientFor(node),
			nodeEvents: options.nodeEvents ?? true,
			signal: () => this.#signal,
		});
		this.#objects = new FetchedObjects({ log: this.#log, informers: this.#informers, clientFor: (node) => this.#clientFor(node) });
		const { endpointSlices: slices } = this.#informers;
		this.#network = new ClusterNetwork({
			clock: this.#clock,
			random: this.#random.fork("network"),
			clusterDns: options.clusterDns ?? defaultClusterDns,
			ownDns: options.ownDns ?? true,
			lookups: networkLookups(this.#informers, {
				nodeByAddress: (address) => this.#nodesByAddress.get(address),
				nodeByName: (name) => this.#nodes.get(name),
				nodes: () => this.#nodes.values(),
				hasNetwork: (pod) => this.#workers.of(pod)?.network !== undefined,
			}),
		});
		if (options.apiServer !== undefined)
			this.#network.addBesideNodes(apiServerMachine(controlPlaneAddress, apiServerPort, options.apiServer));
		this.#loads = new ServiceLoads({
			clock: this.#clock,
			log: this.#log,
			endpointSlices: (namespace, name) => slices.cache.byIndex("service", `${namespace}/${name}`),
			meter: (namespace, pod) => this.#workers.named(namespace, pod)?.usage,
		});
		this.#observer = new FleetObserver({ clock: this.#clock, informers: this.#informers, workers: this.#workers, loads: this.#loads });
		this.usage = new FleetUsage({
			clock: this.#clock,
			loads: this.#loads,
			pod: (namespace, name) => {
				const worker = this.#workers.named(namespace, name);
				return worker === undefined || worker.paused ? undefined : worker.usage;
			},
			node: (name) => this.#observer.used(this.#nodes.get(name)),
		});
		this.#claims = new ClaimVolumes({
			clock: this.#clock,
			log: this.#log,
			clientFor: options.clientFor,
			claims: this.#informers.claims,
			volumes: this.#informers.volumes,
			attachments: this.#informers.attachments,
			drivers: this.#informers.drivers,
			nodes: this.#informers.nodes,
			fetched: (kind, key) => this.#objects.get(kind, key),
			forgetFetched: (kind, key) => this.#objects.forget(kind, key),
			isRunning: (node) => this.#nodes.get(node)?.running === true,
			event: (node, object, reason, message) => this.#writes.recorder(node).event(object, "Normal", reason, message),
		});
		this.#admission = new NodeAdmission({
			cachedNode: (name) => this.#informers.nodes.cache.get(name),
			readNode: (name) => this.#clientFor(name).resource(nodes).get({ name }),
			candidates: (node) => this.#workers.on(node),
			awaitRoom: (node, worker) => this.#workers.awaitRoom(node, worker),
			onError: ({ metadata }, error) =>
				this.#log.warn("Failed to synchronously fetch node info", { pod: metadata?.name, error: String(error) }),
		});
		this.#host = this.#createHost();
		this.#newNodes = new NewNodes({ random: this.#random, host: this.#createNodeHost(), nodes: this.#informers.nodes.cache });
		this.#heartbeats = new Heartbeats({
			clock: this.#clock,
			random: this.#random.fork("heartbeats"),
			log: this.#log,
			clientFor: (node) => this.#clientFor(node),
			cachedNode: (name) => this.#informers.nodes.cache.get(name),
			event: (node, reason, message, type) => this.#writes.nodeEvent(node.name, reason, message, type),
			leaseRenewMs: options.leaseRenewMs ?? defaultLeaseRenewMs,
			statusReportMs: options.statusReportMs ?? defaultStatusReportMs,
		});
		this.#eviction = new EvictionManager({
			clock: this.#clock,
			log: this.#log,
			workers: (node) => this.#workers.on(node),
			event: (node, type, reason, message) => this.#writes.nodeEvent(node.name, reason, message, type),
			reportStatus: (node) => void this.#heartbeats.reportStatus(node),
		});
		this.#memory = new NodeMemory({
			clock: this.#clock,
			workers: (node) => this.#workers.on(node.name),
			event: (node, type, reason, message) => this.#writes.nodeEvent(node.name, reason, message, type),
		});
		this.#staticPods = new StaticPods({
			clock: this.#clock,
			log: this.#log,
			clientFor: (node) => this.#clientFor(node),
			node: (name) => this.#informers.nodes.cache.get(name),
			cachedPod: (namespace, name) => this.#informers.pods.cache.get(`${namespace}/${name}`),
			cachedPodsOf: (node) => this.#informers.pods.cache.byIndex("node", node),
			start: (node, pod) => this.#startWorker(node, pod),
			drop: (worker) => this.#drop(worker.pod.metadata?.uid ?? "", worker),
		});
		this.#power = new NodePower({
			clock: this.#clock,
			random: this.#random.fork("power"),
			workers: (node) => this.#workers.on(node),
			changed: (node) => this.#refresh(node),
			reportStatus: (node) => this.#heartbeats.reportStatus(node),
			event: (node, type, reason, message) => this.#writes.nodeEvent(node.name, reason, message, type),
			forgetStaticPods: (node) => this.#staticPods.end(node),
		});
		this.#faults = new NodeFaults({
			press: (node, resource) => this.#eviction.press(node, resource),
			changed: (node) => this.#refresh(node),
		});
		this.#network.isLost = (from, to) => this.#faults.isLost(from, to) || (to === controlPlaneAddress && this.#isCutOff(from));
		this.#daemons = new NodeDaemons({
			clock: this.#clock,
			apiServer: apiServerUrl,
			changed: (node) => this.#refresh(node),
			reportStatus: (node) => this.#heartbeats.reportStatus(node),
			event: (node, reason, message, kind) => this.#writes.nodeEvent(node.name, reason, message, kind),
			power: (node, action) => void this.#power.asked(node, action),
			workers: (node) => this.#workers.on(node),
			runtimeStarted: (node) => this.#runtime(node).restart(),
		});
		const ports = new KubeletPorts({
			clock: this.#clock,
			informers: this.#informers,
			observer: this.#observer,
			network: this.#network,
			controlPlaneAddress,
			nodeByAddress: (address) => this.#nodesByAddress.get(address),
			connector: () => this.connector,
			leaseRenewMs: options.leaseRenewMs ?? defaultLeaseRenewMs,
			statusReportMs: options.statusReportMs ?? defaultStatusReportMs,
			volumeSyncMs: options.volumeSyncMs ?? defaultVolumeSyncMs,
		});
		this.connector = new FleetConnector({
			clock: this.#clock,
			findNode: (name) => this.#nodes.get(name),
			findWorker: (namespace, pod, node) => this.#findWorker(namespace, pod, node),
			connect: (address, port) => ports.connect(address, port),
		});
	}

	/** Works until the signal aborts. The informers are the caller's to start; resolves when they have synced. */
	async start(signal: AbortSignal): Promise<void> {
		this.#signal = signal;
		signal.addEventListener("abort", () => this.#stop(), { once: true });
		this.#informers.pods.onChange({
			added: (pod) => this.#onPod(pod),
			updated: (_, pod) => this.#onPod(pod),
			deleted: (pod) => this.#onPodGone(pod),
		});
		watchWhatPodsUse({
			clock: this.#clock,
			random: this.#random,
			informers: this.#informers,
			workers: this.#workers,
			objects: this.#objects,
			serviceEnvironments: this.#serviceEnvironments,
			loads: this.#loads,
			volumeSyncMs: this.#options.volumeSyncMs ?? defaultVolumeSyncMs,
		});
		this.#claims.watch();
		await Promise.all(Object.values(this.#informers).map((informer: { whenSynced(): Promise<void> }) => informer.whenSynced()));
	}

	/** In virtual time, before the clock moves: loads the shell and what a kubelet starts with, which otherwise happens when first needed. */
	static async preload(): Promise<void> {
		await Promise.all([loadGrammar(), loadKubeletStartup(), preloadRuntimeTools()]);
	}

	/**
	 * Adds a node and registers it; resolves when its Node and Lease are written, or, if it has to get a certificate first, when
	 * it has begun to ask for one. Throws if the name is taken.
	 */
	async addNode(options: NodeOptions): Promise<void> {
		if (this.#nodes.has(options.name)) throw new Error(`node ${JSON.stringify(options.name)} is there already`);
		const node = this.#newNodes.make(options);
		this.#eviction.usageGrew(node);
		const certificates = options.certificates === undefined ? undefined : await this.#prepareCertificates(node, options.certificates);
		this.#nodes.set(node.name, node);
		this.#nodesByAddress.set(node.address, node);
		// Whoever ran there already has its place before anybody new.
		const pods = this.#informers.pods.cache.byIndex("node", node.name);
		const hasStarted = ({ status }: Pod) => status?.startTime !== undefined;
		for (const pod of [...pods.filter(hasStarted), ...pods.filter((each) => !hasStarted(each))]) this.#onPod(pod);
		if (!node.running) return;
		if (certificates === undefined) await this.#heartbeats.begin(node);
		else void this.#join(node, certificates);
	}

	/** `addNode` for each of them, some at a time. */
	async addNodes(all: readonly NodeOptions[]): Promise<void> {
		for (let first = 0; first < all.length; first += comingAtOnce)
			await Promise.all(all.slice(first, first + comingAtOnce).map((node) => this.addNode(node)));
	}

	/** From here on the node is nobody until it has a certificate. */
	async #prepareCertificates(node: SimNode, options: CertificateOptions): Promise<NodeCertificates> {
		const { credentials } = this.#options;
		if (credentials === undefined) throw new Error("this fleet's nodes have no certificates");
		const { NodeCertificates } = await import("./certificates/node-certificates.ts");
		const random = this.#random.fork(`certificates ${node.name}`);
		const certificates = new NodeCertificates({ ...options, node, credentials, clock: this.#clock, random, log: this.#log });
		this.#certificates.set(node.name, certificates);
		return certificates;
	}

	async #join(node: SimNode, certificates: NodeCertificates): Promise<void> {
		try {
			await certificates.start();
			await this.#heartbeats.begin(node);
		} catch (error) {
			this.#log.error("failed to run Kubelet", { node: node.name, error: String(error) });
		}
	}

	/** Takes a node away for good: its pods' processes end, its Node and Lease objects go. */
	async removeNode(name: string): Promise<void> {
		const node = this.#nodes.get(name);
		if (node === undefined) return;
		this.#nodes.delete(name);
		if (this.#nodesByAddress.get(node.address) === node) this.#nodesByAddress.delete(node.address);
		node.running = false;
		this.#faults.forget(node);
		this.#heartbeats.end(node);
		this.#eviction.end(node);
		this.#staticPods.end(node);
		this.#certificates.get(name)?.stop();
		this.#certificates.delete(name);
		for (const [uid, worker] of this.#workers.all()) if (worker.node === node) this.#drop(uid, worker);
		node.leaveNetwork();
		this.#claims.removed(name);
		this.#writes.forget(name);
		try {
			await this.#options.remover.resource(nodes).delete({ name });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}

	/** Stops a node's kubelet: no heartbeats, no changes to its pods, no logs or exec. Its processes go on. */
	stopNode(name: string): void {
		this.#withNode(name, (node) => {
			node.isCutOff = true;
			this.#refresh(node);
		});
	}

	/** A kubelet that was stopped goes on; a machine that is off comes on, and its pods' containers start anew. */
	startNode(name: string): void {
		this.#withNode(name, (node) => this.#power.boot(node));
	}

	/** Makes a node short of something, beside what its pods take. Throws an Error if its kubelet would not mind. */
	pressNode(name: string, resource: PressedResource): void {
		this.#withNode(name, (node) => this.#eviction.press(node, resource));
	}

	/** Takes away what was put on it, and mends its disk and its network; a kubelet that was cut off goes on with `startNode`. */
	relieveNode(name: string): void {
		this.#withNode(name, (node) => {
			node.relieve();
			this.#faults.heal(node);
			for (const worker of this.#workers.on(name)) worker.sync();
		});
	}

	/** Breaks a node's disk, until `relieveNode`. Throws an Error if its kubelet would not mind a full one. */
	failDisk(name: string, fault: DiskFault): void {
		this.#withNode(name, (node) => this.#faults.failDisk(node, fault));
	}

	/** Puts SELinux on a node, with a policy under which no sandbox starts. */
	failSelinux(name: string): void {
		this.#withNode(name, (node) => {
			if (!node.isOff) this.#faults.failSelinux(node);
		});
	}

	/** Breaks a node's network, until `relieveNode` and `startNode`. */
	failNetwork(name: string, fault: NetworkFault): void {
		this.#withNode(name, (node) => this.#faults.failNetwork(node, fault));
	}

	/**
	 * Sends a signal to a container's main process, as `kill` on the node does.
	 * @param container default: the pod's first
	 * @returns why there is nobody to send it to; undefined if it was sent
	 */
	killContainer(namespace: string, pod: string, container: string | undefined, signal: SignalName): string | undefined {
		const worker = this.#workers.named(namespace, pod);
		if (worker === undefined) return `pod ${JSON.stringify(pod)} does not run on a node that is simulated here`;
		const name = container ?? worker.pod.spec?.containers[0]?.name ?? "";
		const found = worker.container(name);
		if (found === undefined) return `container ${name} is not valid for pod ${pod}`;
		const process = found.container?.process;
		if (process === undefined || process.exit !== undefined) return `container ${name} of pod ${pod} does not run`;
		process.kill(signal);
		return undefined;
	}

	/** Cuts a node's power: all that runs on it ends, and nobody is told. */
	powerOffNode(name: string): void {
		this.#withNode(name, (node) => this.#power.cut(node));
	}

	/**
	 * Shuts a node's machine down: its kubelet ends pods first, as far as the periods let it. Resolves when it is off.
	 * @param periods default those of its KubeletConfiguration, and if that has none, 30 s and 10 s for critical pods
	 */
	async shutDownNode(name: string, periods?: ShutdownPeriods): Promise<void> {
		const node = this.#nodes.get(name);
		if (node === undefined) return;
		const configured = node.settings.shutdown.graceMs > 0 ? node.settings.shutdown : usualShutdown;
		await this.#power.shutDown(node, periods ?? configured);
	}

	/** Whoever a node is for the API. */
	#clientFor(node: string): Client {
		return this.#certificates.get(node)?.client ?? this.#options.clientFor(node);
	}

	/** The disk of a node's machine; undefined if there is no such node. */
	filesOf(node: string): FileSystem | undefined {
		return this.#nodes.get(node)?.hostFiles();
	}

	/** A node's machine, as one sees it who logs in there; undefined if there is no such node or it has no power. */
	machineOf(name: string): Machine | undefined {
		const node = this.#nodes.get(name);
		return node === undefined || node.isOff ? undefined : node.machine;
	}

	/** A node's container runtime; undefined if there is no such node or it has no power. */
	runtimeOf(name: string): ContainerRuntime | undefined {
		return this.#runtimeOf(name);
	}

	#runtimeOf(name: string): NodeRuntime | undefined {
		const node = this.#nodes.get(name);
		return node === undefined || node.isOff ? undefined : this.#runtime(node);
	}

	/** Source: pkg/kubelet/runtimeclass/runtimeclass_manager.go */
	async #sandboxRuntime(name: string, runtimeClass: string): Promise<SandboxRuntime> {
		const { handler } = await this.#clientFor(name)
			.resource(runtimeClasses)
			.get({ name: runtimeClass })
			.catch((error: unknown) => {
				throw isStatusError(error, "NotFound") ? new Error(`runtimeclass.node.k8s.io ${JSON.stringify(runtimeClass)} not found`) : error;
			});
		const node = this.#nodes.get(name);
		if (node === undefined) throw new Error(`node ${JSON.stringify(name)} is gone`);
		return this.#runtime(node).sandboxRuntime(handler);
	}

	#runtime(node: SimNode): NodeRuntime {
		const known = this.#runtimes.get(node);
		if (known !== undefined) return known;
		const made = new NodeRuntime({ node, host: this.#host, workers: () => this.#workers.on(node.name) });
		this.#runtimes.set(node, made);
		return made;
	}

	/**
	 * Runs a command on a node's machine as root, or, if it is empty, a login shell; undefined if there is no such node or it has no
	 * power. When the signal aborts, the command gets SIGHUP.
	 */
	execOnNode(name: string, options: ExecOptions, streams: ProcessStreams, signal: AbortSignal): Promise<ExitStatus> | undefined {
		const machine = this.machineOf(name);
		if (machine === undefined) return undefined;
		return this.commands.run(name, machine, options, streams, signal, () => this.machineOf(name) === machine);
	}

	/** What a node has pulled, by reference; undefined if there is no such node. */
	imagesOf(node: string): ReadonlyMap<string, PulledImage> | undefined {
		return this.#nodes.get(node)?.storedImages;
	}

	/** What runs on a node as its runtime has it, whatever the API says. */
	runningPods(node: string): readonly RunningPod[] {
		return this.#observer.running(node);
	}

	hasNode(name: string): boolean {
		return this.#nodes.has(name);
	}

	nodeNames(): readonly string[] {
		return [...this.#nodes.keys()];
	}

	#stop(): void {
		this.#heartbeats.stop();
		this.#eviction.stop();
		this.#staticPods.stop();
		for (const certificates of this.#certificates.values()) certificates.stop();
		this.#workers.close();
	}

	/** Its kubelet begins or stops, if that is due; and it looks after its pods, or does not. */
	#refresh(node: SimNode): void {
		if (this.#nodes.get(node.name) !== node) return;
		const { name, running: before, shouldRun: running } = node;
		node.noteApi();
		node.running = running;
		if (running === before) {
			for (const worker of this.#workers.on(name)) this.#pauseOrGoOn(worker);
			return;
		}
		if (running) void this.#heartbeats.begin(node).then(() => this.#heartbeats.reportStatus(node));
		else {
			this.#heartbeats.end(node);
			this.#eviction.end(node);
		}
		for (const worker of this.#workers.on(name)) this.#pauseOrGoOn(worker);
		if (!running) return;
		this.#claims.started(name);
		this.#eviction.filesGrew(node);
		this.#staticPods.begin(node);
	}

	/** A kubelet that does not run, or can't reach its runtime, leaves pods as they are; for a while it still tries to make new ones. */
	#pauseOrGoOn(worker: PodWorker): void {
		const { running, outage } = worker.node as SimNode;
		const paused = !running || (outage !== undefined && (outage.isNoticed || worker.record.sandbox === "ready"));
		if (paused === worker.paused && !running) return;
		worker.paused = paused;
		worker.sync();
	}

	#onPod(pod: Pod): void {
		const node = this.#nodes.get(pod.spec?.nodeName ?? "");
		const uid = pod.metadata?.uid ?? "";
		if (node === undefined || this.#signal?.aborted !== false) return;
		if (mirroredHash(pod) !== undefined) {
			if (node.running) this.#staticPods.mirrorChanged(pod);
			return;
		}
		const worker = this.#workers.get(uid);
		if (worker !== undefined) {
			worker.update(pod);
			return;
		}
		this.#startWorker(node, pod);
	}

	#startWorker(node: SimNode, pod: Pod): PodWorker {
		const made = new PodWorker(this.#host, node, pod);
		made.paused = !node.running || node.outage?.isNoticed === true;
		this.#workers.add(made);
		this.#eviction.podAdded(node, made);
		made.sync();
		return made;
	}

	#onPodGone(pod: Pod): void {
		if (mirroredHash(pod) !== undefined) {
			this.#staticPods.mirrorGone(pod);
			return;
		}
		const uid = pod.metadata?.uid ?? "";
		const worker = this.#workers.get(uid);
		if (worker !== undefined) this.#drop(uid, worker);
	}

	#drop(uid: string, worker: PodWorker): void {
		this.#workers.remove(uid, worker);
		this.#admission.forget(worker);
		worker.close();
	}

	#findWorker(namespace: string, name: string, node: string): PodWorker | undefined {
		const worker = this.#workers.named(namespace, name);
		return worker?.node.name === node ? worker : undefined;
	}

	/** Whether an address is on a node that the API is out of reach for. */
	#isCutOff(address: string): boolean {
		for (const node of this.#nodes.values()) if (node.isCutOff && node.hasAddress(address)) return true;
		return false;
	}

	#withNode(name: string, act: (node: SimNode) => void): void {
		const node = this.#nodes.get(name);
		if (node !== undefined) act(node);
	}

	#createHost(): WorkerHost {
		return {
			clock: this.#clock,
			random: this.#random,
			latency: latencyModel(this.#options.latency ?? "usual"),
			images: this.#options.images ?? new ImageCatalog(),
			log: this.#log,
			network: this.#network,
			lookups: this.#objects.lookups(),
			clusterDns: this.#network.clusterDns,
			fetch: (node, object) => this.#objects.fetch(node, object),
			resourceClaim: (node, namespace, name) => this.#clientFor(node).resource(resourceClaims).get({ namespace, name }),
			sandboxRuntime: (node, name) => this.#sandboxRuntime(node, name),
			serviceEnvironment: (namespace) => this.#serviceEnvironments.of(namespace),
			imageFiles: (image) => this.#imageView(image),
			claims: this.#claims,
			admit: (node, worker) => this.#admission.admit(node, worker),
			promisedToOthers: (node, worker) => this.#workers.promisedToOthers(node, worker),
			awaitRoom: (node, worker) => this.#workers.awaitRoom(node, worker),
			roomFreed: (node) => this.#workers.roomFreed(node),
			logGrew: (bytes) => this.#logBudget.grew(bytes),
			usageGrew: (node, pod) => this.#withNode(node, (found) => this.#eviction.usageGrew(found, pod)),
			filesGrew: (node) => this.#withNode(node, (found) => this.#eviction.filesGrew(found)),
			event: (node, pod, type, reason, message, container) => {
				this.#remember(node, pod, reason, message, container);
				this.#writes.podEvent(node, pod, type, reason, message, container);
			},
			patchStatus: (node, pod, status) =>
				isStaticPod(pod) ? this.#staticPods.patchStatus(node, pod, status) : this.#writes.patchStatus(node, pod, status),
			removePod: (node, pod) => (isStaticPod(pod) ? this.#staticPods.remove(pod) : this.#writes.removePod(node, pod)),
		};
	}

	#createNodeHost(): NodeHost {
		return {
			clock: this.#clock,
			network: this.#network,
			filesWritten: ({ name }) =>
				this.#withNode(name, (node) => {
					this.#eviction.filesGrew(node);
					this.#staticPods.filesChanged(node);
				}),
			memoryTaken: (node) => this.#memory.enforce(node),
			random: ({ name }) => this.#random.fork(`machine ${name}`),
			findProgram: (node, name) => runtimeProgram(name, () => this.#runtimeOf(node.name)),
			runtime: (node) => this.#runtime(node),
			workers: ({ name }) => this.#workers.on(name),
			daemonHooks: ({ name }) => this.#daemons.hooksOf(() => this.#nodes.get(name)),
			ownFiles: () => ({ apiServer: apiServerUrl, clusterCa: this.#options.clusterCa, clusterDns: this.#host.clusterDns }),
		};
	}

	/** For the journal of its node. */
	#remember(name: string, { metadata, spec }: Pod, reason: string, message: string, container: string | undefined): void {
		const node = this.#nodes.get(name);
		const uid = metadata?.uid ?? "";
		if (node === undefined) return;
		const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
		const image = all.find((each) => each.name === container)?.image ?? "";
		const { containerId: id = "", restartBackoff } =
			(container === undefined ? undefined : this.#workers.get(uid)?.container(container)?.record) ?? {};
		const backOff = restartBackoff === undefined ? {} : { backOff: formatGoDuration(restartBackoff.delayMs) };
		const about = container === undefined ? undefined : { name: container, image, id, ...backOff };
		node.facts.add({ atMs: this.#clock.now(), pod: `${metadata?.namespace}/${metadata?.name}`, uid, container: about, reason, message });
	}

	#imageView(image: Image): FileSystem {
		let files = this.#imageFiles.get(image);
		if (files === undefined) {
			files = new FileSystem(new Tree({ clock: this.#clock, lower: image.files() }), true);
			this.#imageFiles.set(image, files);
		}
		return files;
	}
}

/**
 * All simulated kubelets of a cluster. One informer of pods and one of nodes serve every node; a pod gets a worker when
 * it is bound to one of the fleet's nodes, and a node is little more than its name until something runs on it. Here its parts are made,
 * and here is what others may do to nodes.
 *
 *   pods informer ──> fleet-pods.ts: worker of the pod ──> status patches, events, deletion
 *   addNode ──> fleet-kubelets.ts: Node object, lease, heartbeats on shared timer wheels
 *   API server ──> connector ──> logs, exec, attach, port-forward
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import type { ExecOptions, ExitStatus, NodeConnector, ProcessStreams } from "../apimachinery/node-connector.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import type { UsageSource } from "../apimachinery/usage.ts";
import { nodes, resourceClaims } from "../client/resources.ts";
import { type FileSystem, loadGrammar, type Machine, type SignalName } from "../host/index.ts";
import { isStaticPod } from "./admission/critical-pods.ts";
import { NodeAdmission } from "./admission/node-admission.ts";
import type { NodeCertificates } from "./certificates/node-certificates.ts";
import { NodeIdentities } from "./certificates/node-identities.ts";
import { LogBudget } from "./container/log-budget.ts";
import type { PressedResource } from "./eviction/eviction-manager.ts";
import { type FleetInformers, makeInformers } from "./fleet-informers.ts";
import { FleetKubelets } from "./fleet-kubelets.ts";
import { FleetNodes } from "./fleet-nodes.ts";
import { FleetObserver } from "./fleet-observer.ts";
import type { FleetOptions } from "./fleet-options.ts";
import { FleetPods } from "./fleet-pods.ts";
import { watchWhatPodsUse } from "./fleet-watches.ts";
import { FleetWorkers } from "./fleet-workers.ts";
import { ImageCatalog, type PulledImage } from "./images/image-catalog.ts";
import { ImageViews } from "./images/image-views.ts";
import { KubeletPorts } from "./kubelet-ports.ts";
import type { RunningPod } from "./kubelet-server.ts";
import { KubeletWrites } from "./kubelet-writes.ts";
import { latencyModel } from "./latency.ts";
import { apiServerMachine } from "./network/api-server-machine.ts";
import { ClusterNetwork } from "./network/cluster-network.ts";
import { networkLookups } from "./network/informer-lookups.ts";
import type { DiskFault, NetworkFault } from "./node/fault-kinds.ts";
import { defaultLeaseRenewMs, defaultStatusReportMs } from "./node/heartbeats.ts";
import type { ShutdownPeriods } from "./node/kubelet-configuration.ts";
import { NewNodes, type NodeOptions } from "./node/new-nodes.ts";
import type { NodeHost, SimNode } from "./node/sim-node.ts";
import { FleetConnector } from "./node-connector.ts";
import { loadKubeletStartup } from "./node-machine/load-kubelet-startup.ts";
import { NodeCommands } from "./node-machine/node-commands.ts";
import { podFact } from "./node-machine/node-facts.ts";
import type { WorkerHost } from "./pod-worker/worker-host.ts";
import type { ContainerRuntime } from "./runtime/cri.ts";
import { preloadRuntimeTools, runtimeProgram } from "./runtime/node-programs.ts";
import { NodeRuntimes } from "./runtime/node-runtimes.ts";
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
	readonly #nodes = new FleetNodes();
	readonly #identities: NodeIdentities;
	readonly #workers: FleetWorkers;
	readonly #logBudget = new LogBudget(() => this.#workers.logs());
	readonly #observer: FleetObserver;
	readonly #pods: FleetPods;
	readonly #kubelets: FleetKubelets;
	readonly #runtimes: NodeRuntimes;
	readonly #admission: NodeAdmission;
	readonly #network: ClusterNetwork;
	readonly #loads: ServiceLoads;
	readonly #writes: KubeletWrites;
	readonly #host: WorkerHost;
	readonly #informers: FleetInformers;
	readonly #objects: FetchedObjects;
	readonly #imageViews: ImageViews;
	readonly #claims: ClaimVolumes;
	readonly #serviceEnvironments: ServiceEnvironments;
	readonly #newNodes: NewNodes;
	#signal: AbortSignal | undefined;

	constructor(options: FleetOptions) {
		const { leaseRenewMs = defaultLeaseRenewMs, statusReportMs = defaultStatusReportMs } = options;
		this.#options = options;
		this.#clock = options.clock;
		this.#random = options.random.fork("kubelet");
		this.#log = options.log ?? silentLog;
		this.#informers = makeInformers(options.informers);
		const clientFor = (node: string) => this.#identities.clientFor(node);
		this.#identities = new NodeIdentities({
			clock: this.#clock,
			random: this.#random,
			log: this.#log,
			clientFor: options.clientFor,
			credentials: options.credentials,
		});
		this.#workers = new FleetWorkers(this.#clock, this.#informers.pods);
		this.#serviceEnvironments = new ServiceEnvironments(this.#informers.services);
		this.#writes = new KubeletWrites({
			clock: this.#clock,
			random: this.#random,
			log: this.#log,
			clientFor,
			nodeEvents: options.nodeEvents ?? true,
			signal: () => this.#signal,
		});
		this.#objects = new FetchedObjects({ log: this.#log, informers: this.#informers, clientFor });
		const { endpointSlices: slices } = this.#informers;
		this.#network = new ClusterNetwork({
			clock: this.#clock,
			random: this.#random.fork("network"),
			clusterDns: options.clusterDns ?? defaultClusterDns,
			ownDns: options.ownDns ?? true,
			lookups: networkLookups(this.#informers, {
				nodeByAddress: (address) => this.#nodes.byAddress(address),
				nodeByName: (name) => this.#nodes.get(name),
				nodes: () => this.#nodes.all(),
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
			readNode: (name) => clientFor(name).resource(nodes).get({ name }),
			candidates: (node) => this.#workers.on(node),
			awaitRoom: (node, worker) => this.#workers.awaitRoom(node, worker),
			onError: ({ metadata }, error) =>
				this.#log.warn("Failed to synchronously fetch node info", { pod: metadata?.name, error: String(error) }),
		});
		this.#imageViews = new ImageViews(this.#clock);
		this.#pods = new FleetPods({
			nodes: this.#nodes,
			workers: this.#workers,
			admission: this.#admission,
			host: () => this.#host,
			mirrors: () => this.#kubelets.staticPods,
			isWorking: () => this.#signal?.aborted === false,
			added: (node, worker) => this.#kubelets.eviction.podAdded(node, worker),
		});
		this.#runtimes = new NodeRuntimes({
			host: () => this.#host,
			clientFor,
			nodes: this.#nodes,
			workers: (node) => this.#workers.on(node),
		});
		this.#kubelets = new FleetKubelets({
			clock: this.#clock,
			random: this.#random,
			log: this.#log,
			clientFor,
			informers: this.#informers,
			nodes: this.#nodes,
			workers: this.#workers,
			pods: this.#pods,
			writes: this.#writes,
			claims: this.#claims,
			runtimes: this.#runtimes,
			apiServer: apiServerUrl,
			leaseRenewMs,
			statusReportMs,
		});
		this.#host = this.#createHost();
		this.#newNodes = new NewNodes({ random: this.#random, host: this.#createNodeHost(), nodes: this.#informers.nodes.cache });
		const { faults } = this.#kubelets;
		this.#network.isLost = (from, to) => faults.isLost(from, to) || (to === controlPlaneAddress && this.#nodes.isCutOff(from));
		const ports = new KubeletPorts({
			clock: this.#clock,
			informers: this.#informers,
			observer: this.#observer,
			network: this.#network,
			controlPlaneAddress,
			nodeByAddress: (address) => this.#nodes.byAddress(address),
			connector: () => this.connector,
			leaseRenewMs,
			statusReportMs,
			volumeSyncMs: options.volumeSyncMs ?? defaultVolumeSyncMs,
		});
		this.connector = new FleetConnector({
			clock: this.#clock,
			findNode: (name) => this.#nodes.get(name),
			findWorker: (namespace, pod, node) => this.#workers.placed(namespace, pod, node),
			connect: (address, port) => ports.connect(address, port),
		});
	}

	/** Works until the signal aborts. The informers are the caller's to start; resolves when they have synced. */
	async start(signal: AbortSignal): Promise<void> {
		this.#signal = signal;
		signal.addEventListener("abort", () => this.#stop(), { once: true });
		this.#informers.pods.onChange({
			added: (pod) => this.#pods.changed(pod),
			updated: (_, pod) => this.#pods.changed(pod),
			deleted: (pod) => this.#pods.gone(pod),
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
		if (this.hasNode(options.name)) throw new Error(`node ${JSON.stringify(options.name)} is there already`);
		const node = this.#newNodes.make(options);
		this.#kubelets.eviction.usageGrew(node);
		const certificates = options.certificates === undefined ? undefined : await this.#identities.prepare(node, options.certificates);
		this.#nodes.add(node);
		this.#pods.takeOver(this.#informers.pods.cache.byIndex("node", node.name));
		if (!node.running) return;
		if (certificates === undefined) await this.#kubelets.heartbeats.begin(node);
		else void this.#join(node, certificates);
	}

	/** `addNode` for each of them, some at a time. */
	async addNodes(all: readonly NodeOptions[]): Promise<void> {
		for (let first = 0; first < all.length; first += comingAtOnce)
			await Promise.all(all.slice(first, first + comingAtOnce).map((node) => this.addNode(node)));
	}

	async #join(node: SimNode, certificates: NodeCertificates): Promise<void> {
		try {
			await certificates.start();
			await this.#kubelets.heartbeats.begin(node);
		} catch (error) {
			this.#log.error("failed to run Kubelet", { node: node.name, error: String(error) });
		}
	}

	/** Takes a node away for good: its pods' processes end, its Node and Lease objects go. */
	async removeNode(name: string): Promise<void> {
		const node = this.#nodes.get(name);
		if (node === undefined) return;
		this.#nodes.remove(node);
		node.running = false;
		this.#kubelets.forget(node);
		this.#identities.forget(name);
		this.#pods.dropAll(node);
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
		this.#nodes.with(name, (node) => {
			node.isCutOff = true;
			this.#kubelets.refresh(node);
		});
	}

	/** A kubelet that was stopped goes on; a machine that is off comes on, and its pods' containers start anew. */
	startNode(name: string): void {
		this.#nodes.with(name, (node) => this.#kubelets.power.boot(node));
	}

	/** Makes a node short of something, beside what its pods take. Throws an Error if its kubelet would not mind. */
	pressNode(name: string, resource: PressedResource): void {
		this.#nodes.with(name, (node) => this.#kubelets.eviction.press(node, resource));
	}

	/** Takes away what was put on it, and mends its disk and its network; a kubelet that was cut off goes on with `startNode`. */
	relieveNode(name: string): void {
		this.#nodes.with(name, (node) => {
			node.relieve();
			this.#kubelets.faults.heal(node);
			for (const worker of this.#workers.on(name)) worker.sync();
		});
	}

	/** Breaks a node's disk, until `relieveNode`. Throws an Error if its kubelet would not mind a full one. */
	failDisk(name: string, fault: DiskFault): void {
		this.#nodes.with(name, (node) => this.#kubelets.faults.failDisk(node, fault));
	}

	/** Puts SELinux on a node, with a policy under which no sandbox starts. */
	failSelinux(name: string): void {
		this.#nodes.with(name, (node) => {
			if (!node.isOff) this.#kubelets.faults.failSelinux(node);
		});
	}

	/** Breaks a node's network, until `relieveNode` and `startNode`. */
	failNetwork(name: string, fault: NetworkFault): void {
		this.#nodes.with(name, (node) => this.#kubelets.faults.failNetwork(node, fault));
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
		this.#nodes.with(name, (node) => this.#kubelets.power.cut(node));
	}

	/**
	 * Shuts a node's machine down: its kubelet ends pods first, as far as the periods let it. Resolves when it is off.
	 * @param periods default those of its KubeletConfiguration, and if that has none, 30 s and 10 s for critical pods
	 */
	async shutDownNode(name: string, periods?: ShutdownPeriods): Promise<void> {
		const node = this.#nodes.get(name);
		if (node !== undefined) await this.#kubelets.power.shutDown(node, periods);
	}

	/** The disk of a node's machine; undefined if there is no such node. */
	filesOf(node: string): FileSystem | undefined {
		return this.#nodes.get(node)?.hostFiles();
	}

	/** A node's machine, as one sees it who logs in there; undefined if there is no such node or it has no power. */
	machineOf(name: string): Machine | undefined {
		return this.#nodes.powered(name)?.machine;
	}

	/** A node's container runtime; undefined if there is no such node or it has no power. */
	runtimeOf(name: string): ContainerRuntime | undefined {
		return this.#runtimes.powered(name);
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
		return this.#nodes.get(name) !== undefined;
	}

	nodeNames(): readonly string[] {
		return this.#nodes.names();
	}

	#stop(): void {
		this.#kubelets.stop();
		this.#identities.stop();
		this.#workers.close();
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
			resourceClaim: (node, namespace, name) => this.#identities.clientFor(node).resource(resourceClaims).get({ namespace, name }),
			sandboxRuntime: (node, name) => this.#runtimes.sandboxRuntime(node, name),
			serviceEnvironment: (namespace) => this.#serviceEnvironments.of(namespace),
			imageFiles: (image) => this.#imageViews.of(image),
			claims: this.#claims,
			admit: (node, worker) => this.#admission.admit(node, worker),
			promisedToOthers: (node, worker) => this.#workers.promisedToOthers(node, worker),
			awaitRoom: (node, worker) => this.#workers.awaitRoom(node, worker),
			roomFreed: (node) => this.#workers.roomFreed(node),
			logGrew: (bytes) => this.#logBudget.grew(bytes),
			usageGrew: (node, pod) => this.#nodes.with(node, (found) => this.#kubelets.eviction.usageGrew(found, pod)),
			filesGrew: (node) => this.#nodes.with(node, (found) => this.#kubelets.eviction.filesGrew(found)),
			event: (node, pod, type, reason, message, container) => {
				this.#remember(node, pod, reason, message, container);
				this.#writes.podEvent(node, pod, type, reason, message, container);
			},
			patchStatus: (node, pod, status) =>
				isStaticPod(pod) ? this.#kubelets.staticPods.patchStatus(node, pod, status) : this.#writes.patchStatus(node, pod, status),
			removePod: (node, pod) => (isStaticPod(pod) ? this.#kubelets.staticPods.remove(pod) : this.#writes.removePod(node, pod)),
		};
	}

	#createNodeHost(): NodeHost {
		return {
			clock: this.#clock,
			network: this.#network,
			filesWritten: ({ name }) =>
				this.#nodes.with(name, (node) => {
					this.#kubelets.eviction.filesGrew(node);
					this.#kubelets.staticPods.filesChanged(node);
				}),
			memoryTaken: (node) => this.#kubelets.memory.enforce(node),
			random: ({ name }) => this.#random.fork(`machine ${name}`),
			findProgram: (node, name) => runtimeProgram(name, () => this.#runtimes.powered(node.name)),
			runtime: (node) => this.#runtimes.of(node),
			workers: ({ name }) => this.#workers.on(name),
			daemonHooks: ({ name }) => this.#kubelets.daemons.hooksOf(() => this.#nodes.get(name)),
			ownFiles: () => ({ apiServer: apiServerUrl, clusterCa: this.#options.clusterCa, clusterDns: this.#host.clusterDns }),
		};
	}

	/** For the journal of its node. */
	#remember(name: string, pod: Pod, reason: string, message: string, container: string | undefined): void {
		const atMs = this.#clock.now();
		const worker = this.#workers.get(pod.metadata?.uid ?? "");
		const about = container === undefined ? undefined : { name: container, record: worker?.container(container)?.record };
		this.#nodes.with(name, ({ facts }) => facts.add(podFact(pod, { atMs, reason, message }, about)));
	}
}

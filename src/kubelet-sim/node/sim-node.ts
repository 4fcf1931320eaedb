/** One simulated node. Idle it is this object and no more: files and network come when somebody asks. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Lease, NodeCondition } from "../../apimachinery/schema/generated/types.ts";
import { FileSystem, FsError, type FsErrorCode, Kernel, type Machine, type Program, putFile, SharedDisk, Tree } from "../../host/index.ts";
import type { CgroupDriver } from "../cgroups/layout.ts";
import type { LogPolicy } from "../container/container-log.ts";
import type { MeasuredNode, NodeLoad } from "../eviction/node-stats.ts";
import { type DiskStats, noDisk } from "../eviction/pod-stats.ts";
import type { PulledImage } from "../images/image-catalog.ts";
import { PullQueue } from "../images/pull-queue.ts";
import { PullRecords } from "../images/pull-records.ts";
import { isPlainHttpConfigured } from "../images/registry-options.ts";
import type { ClusterNetwork } from "../network/cluster-network.ts";
import type { PodNetwork } from "../network/pod-network.ts";
import type { ApiOutage } from "../node-machine/api-outage.ts";
import { diskOf, hardwareOf } from "../node-machine/hardware.ts";
import { NodeFacts } from "../node-machine/node-facts.ts";
import { installedFiles, type OwnFiles, writeOwnFiles } from "../node-machine/node-files.ts";
import { firstFreePid, openNodeMachine } from "../node-machine/node-machine.ts";
import { type NodeDaemonHooks, NodeSystem } from "../node-machine/node-system.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import type { WorkerNode } from "../pod-worker/worker-host.ts";
import type { ContainerRuntime } from "../runtime/cri.ts";
import { runDirectory } from "../runtime/task-directories.ts";
import { NodeCounters } from "../usage/node-counters.ts";
import { PodAddresses } from "./addresses.ts";
import { type DiskFault, diskErrors } from "./fault-kinds.ts";
import type { KubeletSettings } from "./kubelet-configuration.ts";
import { withLogs } from "./log-directories.ts";
import { type NodeDescription, type NodeHealth, type NodeImage, osImage } from "./node-object.ts";
import { withPods } from "./pod-directories.ts";
import type { RuntimeOutage } from "./runtime-health.ts";
import { View } from "./view-inodes.ts";

/** Images that a node's status lists. Source: the kubelet's nodeStatusMaxImages. */
const maxReportedImages = 50;

const noImages: ReadonlyMap<string, StoredImage> = new Map();

/** runc's, of a container that may not label its session keyring. */
const selinuxDenial =
	"rpc error: code = Unknown desc = failed to start sandbox: failed to create containerd task: failed to create shim task: OCI runtime create failed: " +
	"runc create failed: unable to start container process: error during container init: write /proc/self/attr/keycreate: permission denied";
/** What a node's files are on. */
const nodeDisk = { source: "/dev/vda1", type: "ext4" };

const noPressures: readonly string[] = [];

const noLoad: NodeLoad = { memoryBytes: 0, diskBytes: 0, processes: 0 };

/** An image on the node's disk. */
export interface StoredImage extends PulledImage {
	/** When it came, Unix ms. */
	readonly sinceMs: number;
}

/** What a node asks of its fleet: one value for all nodes, to which each says which it is. */
export interface NodeHost {
	readonly clock: Clock;
	readonly network: ClusterNetwork;
	/** Files of the machine were written. */
	filesWritten(node: SimNode): void;
	/** A program on it has taken more memory. */
	memoryTaken(node: SimNode): void;
	/** The machine's own, once somebody looks at it. */
	random(node: SimNode): Random;
	/** Of the programs that a node has and its containers have not. */
	findProgram(node: SimNode, name: string): Program | undefined;
	/** Whose bundles are in its /run. */
	runtime(node: SimNode): ContainerRuntime;
	/** Of its pods, whose logs are among its files. */
	workers(node: SimNode): Iterable<PodWorker>;
	/** Told when its kubelet or its runtime comes or goes. */
	daemonHooks(node: SimNode): NodeDaemonHooks;
	/** What files of its own say beside its name. */
	ownFiles(): Omit<OwnFiles, "name" | "machineId" | "kubelet">;
}

export class SimNode implements WorkerNode, MeasuredNode {
	description: NodeDescription;
	/** Heartbeats and pods are being worked on: what follows from the four below, and kept by who changes them. */
	running = true;
	/** Its kubelet's process runs. */
	kubeletRuns = true;
	/** Its kubelet looks for the API server where it is. */
	reachesApi = true;
	/** Where its kubelet looks for the API server, if that was looked up in its files. */
	apiServer: string | undefined;
	/** Somebody cut its kubelet off from the API. */
	isCutOff = false;
	/** Its disk takes no writes. */
	diskFault: DiskFault | undefined;
	/** Its container runtime does not answer. */
	outage: RuntimeOutage | undefined;
	/** The lease as last written. */
	lease: Lease | undefined;
	/** As last reported: what keeps the transition times. */
	conditions: readonly NodeCondition[] | undefined;
	registered = false;
	/** When it came up, Unix ms. */
	startedMs: number;
	endedCpuSeconds = 0;
	/** MemoryPressure, DiskPressure, PIDPressure: those that there are. */
	pressures: readonly string[] = noPressures;
	isShuttingDown = false;
	/** It came on again, and its kubelet has not said so yet. */
	hasRebooted = false;
	/** The machine has no power: nothing of it runs. */
	isOff = false;
	readonly #host: NodeHost;
	/** Once a pod has had one. */
	#podAddresses: PodAddresses | undefined;
	/** What somebody puts on it beside its pods. */
	#load: NodeLoad = noLoad;

	imageBytes = 0;
	settings: KubeletSettings;
	/** By reference, in full. */
	#images: Map<string, StoredImage> | undefined;
	#pullRecords: PullRecords | undefined;
	#pulls: PullQueue | undefined;
	#counters: NodeCounters | undefined;
	#network: PodNetwork | undefined;
	#files: FileSystem | undefined;
	#kernel: Kernel | undefined;
	#machine: Machine | undefined;
	#system: NodeSystem | undefined;
	#facts: NodeFacts | undefined;
	#apiOutage: ApiOutage | undefined;
	/** It came on with files that somebody may have changed, or its kubelet can't run: what is enabled starts in earnest. */
	#bootsInEarnest = false;

	readonly disk: SharedDisk;
	readonly cgroupDriver: CgroupDriver;

	constructor(host: NodeHost, description: NodeDescription, settings: KubeletSettings) {
		this.#host = host;
		this.description = description;
		this.settings = settings;
		this.cgroupDriver = settings.cgroupDriver;
		this.disk = new SharedDisk(host.clock, () => diskOf(this, host.workers(this), host.clock.now()).availableBytes);
		this.startedMs = host.clock.now();
		if (description.cgroupVersion === 1 && settings.configuration.failCgroupV1 !== false) {
			this.kubeletRuns = false;
			this.running = false;
			this.#bootsInEarnest = true;
		}
	}

	/** … and what programs have taken that somebody started in a shell on it. */
	get load(): NodeLoad {
		const taken = this.#machine?.takenMemoryBytes ?? 0;
		return taken === 0 ? this.#load : { ...this.#load, memoryBytes: this.#load.memoryBytes + taken };
	}

	set load(load: NodeLoad) {
		this.#load = { ...load, memoryBytes: load.memoryBytes - (this.#machine?.takenMemoryBytes ?? 0) };
	}

	/** Takes away what was put on it. */
	relieve(): void {
		this.#load = noLoad;
	}

	/** All that ran on it ends at once. */
	halt(): void {
		this.#system?.halt();
		this.outage?.end();
		this.outage = undefined;
		this.#machine?.killAll();
		this.#machine = undefined;
		// Whoever still asks the old kernel sees what is left there.
		if (this.#kernel !== undefined) this.#kernel.onLook = undefined;
		this.#kernel = undefined;
		// What was mounted by hand or by the system is gone; the disk stays.
		this.#files?.mountTable.clear();
	}

	get kernel(): Kernel {
		if (this.#kernel === undefined) {
			const kernel = new Kernel(firstFreePid);
			this.#kernel = kernel;
			kernel.cgroupVersion = this.description.cgroupVersion;
			kernel.killsWholeContainers = () => this.settings.given.singleProcessOOMKill !== true && kernel.cgroupVersion === 2;
			kernel.limitsPids = this.podPidsLimit !== undefined;
			// The machine, once made, takes both over.
			kernel.onLook = () => {
				void this.machine;
				kernel.onLook?.();
			};
			kernel.openCgroups = () => {
				void this.machine;
				return kernel.openCgroups?.();
			};
			kernel.nodeFiles = () => this.machine.files;
			kernel.disk = () => diskOf(this, this.#host.workers(this), this.#host.clock.now());
			kernel.onMemoryTaken = () => this.#host.memoryTaken(this);
			this.#kernel.hardware = () => hardwareOf(this, this.#host.workers(this), this.#host.clock.now());
		}
		return this.#kernel;
	}

	/** As it is seen from a shell on it, until its power goes. */
	get machine(): Machine {
		if (this.#machine !== undefined) return this.#machine;
		const { network, startedMs, kernel, system } = this;
		const machine = openNodeMachine({
			node: this,
			clock: this.#host.clock,
			random: this.#host.random(this),
			kernel,
			disk: () => this.hostFiles(),
			network,
			startedMs,
			findProgram: (program) => system.program(program) ?? this.#host.findProgram(this, program),
			workers: () => this.#host.workers(this),
			run: runDirectory(() => this.#host.runtime(this), startedMs),
		});
		this.#machine = machine;
		kernel.log.follow(({ timeMs, level, text }) =>
			system.journal.append({ atMs: timeMs, unit: "", identifier: "kernel", priority: level, message: text }),
		);
		system.boot(machine, this.#bootsInEarnest ? undefined : startedMs);
		this.#bootsInEarnest = false;
		return machine;
	}

	/** What its kubelet did, for its journal. */
	get facts(): NodeFacts {
		this.#facts ??= new NodeFacts();
		return this.#facts;
	}

	/** Notes since when its kubelet can't reach the API, for its journal. */
	noteApi(): void {
		const isOut = this.kubeletRuns && !this.isOff && (this.isCutOff || !this.reachesApi);
		if (!isOut) {
			this.#apiOutage = undefined;
			return;
		}
		const server = this.apiServer ?? this.#host.ownFiles().apiServer;
		const host = URL.canParse(server) ? new URL(server).host : server;
		const error = this.reachesApi ? `dial tcp ${host}: i/o timeout` : `dial tcp ${host}: connect: connection refused`;
		this.#apiOutage ??= { sinceMs: this.#host.clock.now(), node: this.name, server, error };
	}

	/** systemd and the journal of its disk. */
	get system(): NodeSystem {
		const { machineId } = this.description.identity;
		this.#system ??= new NodeSystem({
			clock: this.#host.clock,
			random: this.#host.random(this).fork("systemd"),
			machineId,
			bootId: () => this.description.identity.bootId,
			osImage,
			hooks: this.#host.daemonHooks(this),
			files: () => this.hostFiles(),
			facts: this.facts,
			apiOutage: () => this.#apiOutage,
			cgroupVersion: this.description.cgroupVersion,
		});
		return this.#system;
	}

	/** With which error every write to its disk fails. */
	get writeFault(): FsErrorCode | undefined {
		return this.diskFault === undefined ? undefined : diskErrors[this.diskFault];
	}

	get runtimeError(): string | undefined {
		return this.outage?.error;
	}

	get sandboxError(): string | undefined {
		if (this.outage !== undefined) return this.outage.error;
		if (this.#system?.selinux.mode === "Enforcing") return selinuxDenial;
		const { writeFault } = this;
		if (writeFault === undefined) return undefined;
		const directory = "/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes";
		return `rpc error: code = Unknown desc = failed to create sandbox root directory "${directory}": mkdir ${directory}: ${osErrorText(writeFault)}`;
	}

	pullError(sizeBytes: number): string | undefined {
		const writeFault = this.writeFault ?? (this.disk.take(sizeBytes) ? undefined : "ENOSPC");
		if (writeFault === undefined) return undefined;
		return `write /var/lib/containerd/io.containerd.content.v1.content/ingest: ${osErrorText(writeFault)}`;
	}

	/** What its kubelet says when it runs for the first time since the machine came on again. */
	rebootedEvent(): readonly [reason: string, message: string] {
		this.hasRebooted = false;
		return ["Rebooted", `Node ${this.name} has been rebooted, boot id: ${this.description.identity.bootId}`];
	}

	/** The machine comes on again, with the disk that it had. */
	boot(bootId: string, nowMs: number): void {
		this.isOff = false;
		this.hasRebooted = true;
		this.isShuttingDown = false;
		this.pressures = noPressures;
		this.startedMs = nowMs;
		this.endedCpuSeconds = 0;
		this.#pulls = undefined;
		this.#counters = undefined;
		this.description = { ...this.description, identity: { ...this.description.identity, bootId } };
		this.kubeletRuns = !this.hasFiles;
		this.reachesApi = true;
		this.#bootsInEarnest = this.hasFiles;
	}

	/** What its kubelet does depends on all of these. */
	get shouldRun(): boolean {
		return !this.isOff && this.kubeletRuns && this.reachesApi && !this.isCutOff;
	}

	get name(): string {
		return this.description.name;
	}

	get podPidsLimit(): number | undefined {
		return this.settings.podPidsLimit;
	}

	get logPolicy(): LogPolicy {
		return this.settings.logs;
	}

	get address(): string {
		return this.description.address;
	}

	/** Its own, or one of its pods'. */
	hasAddress(address: string): boolean {
		return address === this.address || address.startsWith(this.podCidr.replace(/\d+\/\d+$/, ""));
	}

	get podCidr(): string {
		return this.description.podCidr;
	}

	get allocatable(): Readonly<Record<string, string>> {
		return this.description.capacity;
	}

	get network(): PodNetwork {
		this.#network ??= this.#host.network.add(this.address, this);
		return this.#network;
	}

	/** It is gone for good, and with it whatever was open. */
	leaveNetwork(): void {
		if (this.#network !== undefined) this.#host.network.remove(this.#network);
	}

	get #addresses(): PodAddresses {
		this.#podAddresses ??= new PodAddresses(this.description.podCidr);
		return this.#podAddresses;
	}

	allocateAddress(): string {
		return this.#addresses.allocate();
	}

	reserveAddress(address: string): void {
		this.#addresses.reserve(address);
	}

	releaseAddress(address: string): void {
		this.#addresses.release(address);
	}

	image(reference: string): PulledImage | undefined {
		return this.#images?.get(reference);
	}

	addImage(reference: string, pulled: PulledImage): void {
		this.#images ??= new Map();
		const known = this.#images.get(reference);
		this.imageBytes += pulled.image.sizeBytes - (known?.image.sizeBytes ?? 0);
		this.#images.set(reference, { ...pulled, sinceMs: known?.sinceMs ?? this.#host.clock.now() });
	}

	/** How it got its images. */
	get pullRecords(): PullRecords {
		this.#pullRecords ??= new PullRecords(this.settings.verification);
		return this.#pullRecords;
	}

	/** What its kubelet has counted since it came up. */
	get counters(): NodeCounters {
		this.#counters ??= new NodeCounters();
		return this.#counters;
	}

	/** Its pulls, while it has power. */
	get pulls(): PullQueue {
		this.#pulls ??= new PullQueue(this.settings.maxPulls);
		return this.#pulls;
	}

	/** By reference, in full, the oldest first. */
	get storedImages(): ReadonlyMap<string, StoredImage> {
		return this.#images ?? noImages;
	}

	removeImage(reference: string): void {
		this.#pullRecords?.forget(this.#images?.get(reference)?.imageId ?? "");
		this.imageBytes -= this.#images?.get(reference)?.image.sizeBytes ?? 0;
		this.#images?.delete(reference);
	}

	get capacity(): Readonly<Record<string, string>> {
		return this.description.capacity;
	}

	get health(): NodeHealth {
		return { pressures: this.pressures, notReady: this.isShuttingDown ? "node is shutting down" : this.outage?.notReady };
	}

	writtenFiles(): DiskStats {
		return this.#files?.rootTree.written() ?? noDisk;
	}

	/** The largest ones, as the kubelet reports them. */
	images(): readonly NodeImage[] {
		const images = [...this.storedImages].map(([reference, { image, imageId }]) => ({
			names: [imageId, ...(reference.includes("@") ? [] : [reference])],
			sizeBytes: image.sizeBytes,
		}));
		return images.sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, maxReportedImages);
	}

	/** Source: https://github.com/containerd/containerd/blob/main/docs/hosts.md */
	allowsPlainHttp(registry: string): boolean {
		try {
			return isPlainHttpConfigured(this.hostFiles().readText(`/etc/containerd/certs.d/${registry}/hosts.toml`));
		} catch (error) {
			if (error instanceof FsError) return false;
			throw error;
		}
	}

	/** Whether somebody has looked at its files yet. */
	get hasFiles(): boolean {
		return this.#files !== undefined;
	}

	hostFiles(): FileSystem {
		if (this.#files !== undefined) return this.#files;
		let isInstalled = false;
		const onWrite = () => {
			if (isInstalled) this.#host.filesWritten(this);
		};
		const workers = () => this.#host.workers(this);
		const files = new FileSystem(
			new Tree({
				clock: this.#host.clock,
				lower: withPods(withLogs(installedFiles(), workers, this.startedMs), new View(this.startedMs, 700_000), this.name, workers),
				onWrite,
				writeFault: () => (isInstalled ? this.writeFault : undefined),
				disk: { take: (bytes) => !isInstalled || this.disk.take(bytes) },
			}),
			false,
			nodeDisk,
		);
		const { name, description, settings } = this;
		writeOwnFiles(files, { ...this.#host.ownFiles(), name, machineId: description.identity.machineId, kubelet: settings.given });
		putFile(files.rootTree, "/var/log/syslog", () => this.system.syslog(name));
		isInstalled = true;
		this.#files = files;
		return files;
	}
}

/** As Go's syscall errors read. */
function osErrorText(code: FsErrorCode): string {
	return new FsError(code, "", "").shellText.toLowerCase();
}

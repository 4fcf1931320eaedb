/** One simulated node. Idle it is this object and no more: files and network come when somebody asks. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Lease, NodeCondition } from "../../apimachinery/schema/generated/types.ts";
import { FileSystem, FsError, Kernel, type Machine, type Program, Tree } from "../../host/index.ts";
import type { LogPolicy } from "../container/container-log.ts";
import type { MeasuredNode, NodeLoad } from "../eviction/node-stats.ts";
import { type DiskStats, noDisk } from "../eviction/pod-stats.ts";
import { debian } from "../images/base.ts";
import { once } from "../images/image.ts";
import type { PulledImage } from "../images/image-catalog.ts";
import { PullQueue } from "../images/pull-queue.ts";
import { PullRecords } from "../images/pull-records.ts";
import { isPlainHttpConfigured } from "../images/registry-options.ts";
import { type ClusterNetwork, outsideNameServer } from "../network/cluster-network.ts";
import type { PodNetwork } from "../network/pod-network.ts";
import { firstFreePid, openNodeMachine } from "../node-machine/node-machine.ts";
import type { WorkerNode } from "../pod-worker/worker-host.ts";
import { containerdConfigPath, shippedConfig } from "../runtime/containerd-config.ts";
import { runtimeProgramNames } from "../runtime/program-names.ts";
import { PodAddresses } from "./addresses.ts";
import type { KubeletSettings } from "./kubelet-configuration.ts";
import { type LoggedPod, withLogs } from "./log-directories.ts";
import type { NodeDescription, NodeHealth, NodeImage } from "./node-object.ts";

/** Images that a node's status lists. Source: the kubelet's nodeStatusMaxImages. */
const maxReportedImages = 50;

const noImages: ReadonlyMap<string, StoredImage> = new Map();

const crictlConfig = `runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
timeout: 2
debug: false
`;

const nodeFiles = once(() =>
	debian(["arp", "curl", "dig", "host", "ifconfig", "ip", "iptables", "iptables-save", "netstat", "nslookup", "ping", "ps", "route", "ss"])
		.file("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
		.file("/etc/resolv.conf", `nameserver ${outsideNameServer}\noptions ndots:0\n`)
		.directory("/etc/containerd/certs.d")
		.file(containerdConfigPath, shippedConfig)
		.file("/etc/crictl.yaml", crictlConfig)
		.directory("/run/containerd")
		.directory("/var/lib/containerd")
		.programs("/usr/bin", runtimeProgramNames)
		.directory("/etc/kubernetes/manifests")
		.directory("/var/lib/kubelet")
		.directory("/var/log")
		.build(),
);

const noPressures: readonly string[] = [];

const noLoad: NodeLoad = { memoryBytes: 0, diskBytes: 0, processes: 0 };

/** An image on the node's disk. */
export interface StoredImage extends PulledImage {
	/** When it came, Unix ms. */
	readonly sinceMs: number;
}

export class SimNode implements WorkerNode, MeasuredNode {
	description: NodeDescription;
	/** Heartbeats and pods are being worked on. */
	running = true;
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
	/** The machine has no power: nothing of it runs. */
	isOff = false;
	readonly #clock: Clock;
	readonly #cluster: ClusterNetwork;
	readonly #addresses: PodAddresses;
	/** What somebody puts on it beside its pods. */
	load: NodeLoad = noLoad;

	imageBytes = 0;
	readonly settings: KubeletSettings;
	readonly #onWrite: () => void;
	readonly #random: () => Random;
	readonly #findProgram: (name: string) => Program | undefined;
	readonly #workers: () => Iterable<LoggedPod>;
	/** By reference, in full. */
	#images: Map<string, StoredImage> | undefined;
	#pullRecords: PullRecords | undefined;
	#pulls: PullQueue | undefined;
	#network: PodNetwork | undefined;
	#files: FileSystem | undefined;
	#kernel: Kernel | undefined;
	#machine: Machine | undefined;

	/**
	 * @param onWrite told when files of the machine are written
	 * @param random the machine's own, once somebody looks at it
	 * @param findProgram those that a node has and its containers have not
	 * @param workers whose pods' logs are among its files
	 */
	constructor(
		description: NodeDescription,
		settings: KubeletSettings,
		clock: Clock,
		cluster: ClusterNetwork,
		onWrite: () => void,
		random: () => Random,
		findProgram: (name: string) => Program | undefined,
		workers: () => Iterable<LoggedPod>,
	) {
		this.#findProgram = findProgram;
		this.#random = random;
		this.description = description;
		this.settings = settings;
		this.#clock = clock;
		this.#onWrite = onWrite;
		this.#workers = workers;
		this.startedMs = clock.now();
		this.#cluster = cluster;
		this.#addresses = new PodAddresses(description.podCidr);
	}

	/** Takes away what was put on it. */
	relieve(): void {
		this.load = noLoad;
	}

	/** All that ran on it ends at once. */
	halt(): void {
		this.#machine?.killAll();
		this.#machine = undefined;
		this.#kernel = undefined;
	}

	get kernel(): Kernel {
		if (this.#kernel === undefined) {
			this.#kernel = new Kernel(firstFreePid);
			this.#kernel.onLook = () => void this.machine;
		}
		return this.#kernel;
	}

	/** As it is seen from a shell on it, until its power goes. */
	get machine(): Machine {
		const { name, network, capacity, startedMs, kernel } = this;
		this.#machine ??= openNodeMachine({
			name,
			clock: this.#clock,
			random: this.#random(),
			findProgram: this.#findProgram,
			kernel,
			disk: () => this.hostFiles(),
			network,
			capacity,
			startedMs,
		});
		return this.#machine;
	}

	/** The machine comes on again, with the disk that it had. */
	boot(bootId: string, nowMs: number): void {
		this.isOff = false;
		this.isShuttingDown = false;
		this.pressures = noPressures;
		this.startedMs = nowMs;
		this.endedCpuSeconds = 0;
		this.#pulls = undefined;
		this.description = { ...this.description, identity: { ...this.description.identity, bootId } };
	}

	get name(): string {
		return this.description.name;
	}

	get logPolicy(): LogPolicy {
		return this.settings.logs;
	}

	get address(): string {
		return this.description.address;
	}

	get podCidr(): string {
		return this.description.podCidr;
	}

	get allocatable(): Readonly<Record<string, string>> {
		return this.description.capacity;
	}

	get network(): PodNetwork {
		this.#network ??= this.#cluster.add(this.address, this);
		return this.#network;
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
		this.#images.set(reference, { ...pulled, sinceMs: known?.sinceMs ?? this.#clock.now() });
	}

	/** How it got its images. */
	get pullRecords(): PullRecords {
		this.#pullRecords ??= new PullRecords(this.settings.verification);
		return this.#pullRecords;
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
		return { pressures: this.pressures, notReady: this.isShuttingDown ? "node is shutting down" : undefined };
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

	#openFiles(): FileSystem {
		const lower = withLogs(nodeFiles(), this.#workers, this.startedMs);
		return new FileSystem(new Tree({ clock: this.#clock, lower, onWrite: this.#onWrite }));
	}

	hostFiles(): FileSystem {
		this.#files ??= this.#openFiles();
		return this.#files;
	}
}

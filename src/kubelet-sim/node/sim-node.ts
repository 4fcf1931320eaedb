/** One simulated node. Idle it is this object and no more: files and network come when somebody asks. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Lease, NodeCondition } from "../../apimachinery/schema/generated/types.ts";
import { FileSystem, Tree } from "../../host/index.ts";
import type { MeasuredNode, NodeLoad } from "../eviction/node-stats.ts";
import { type DiskStats, noDisk } from "../eviction/pod-stats.ts";
import { debian } from "../images/base.ts";
import { type Image, once } from "../images/image.ts";
import type { ClusterNetwork, PodNetwork } from "../network/cluster-network.ts";
import type { WorkerNode } from "../pod-worker/worker-host.ts";
import { PodAddresses } from "./addresses.ts";
import type { KubeletSettings } from "./kubelet-configuration.ts";
import type { NodeDescription, NodeHealth, NodeImage } from "./node-object.ts";

/** Images that a node's status lists. Source: the kubelet's nodeStatusMaxImages. */
const maxReportedImages = 50;

const nodeFiles = once(() =>
	debian(["curl", "ps"]).directory("/etc/kubernetes/manifests").directory("/var/lib/kubelet").directory("/var/log/pods").build(),
);

const noPressures: readonly string[] = [];

const noLoad: NodeLoad = { memoryBytes: 0, diskBytes: 0, processes: 0 };

/** An image on the node's disk. */
export interface StoredImage extends NodeImage {
	/** When it came, Unix ms. */
	readonly sinceMs: number;
}

export class SimNode implements WorkerNode, MeasuredNode {
	readonly description: NodeDescription;
	/** Heartbeats and pods are being worked on. */
	running = true;
	/** The lease as last written. */
	lease: Lease | undefined;
	/** As last reported: what keeps the transition times. */
	conditions: readonly NodeCondition[] | undefined;
	registered = false;
	/** When it came up, Unix ms. */
	readonly startedMs: number;
	endedCpuSeconds = 0;
	/** MemoryPressure, DiskPressure, PIDPressure: those that there are. */
	pressures: readonly string[] = noPressures;
	isShuttingDown = false;
	readonly #clock: Clock;
	readonly #cluster: ClusterNetwork;
	readonly #addresses: PodAddresses;
	/** What somebody puts on it beside its pods. */
	load: NodeLoad = noLoad;
	imageBytes = 0;
	readonly settings: KubeletSettings;
	readonly #onWrite: () => void;
	#images: Map<string, StoredImage> | undefined;
	#network: PodNetwork | undefined;
	#files: FileSystem | undefined;

	/** @param onWrite told when files of the machine are written */
	constructor(description: NodeDescription, settings: KubeletSettings, clock: Clock, cluster: ClusterNetwork, onWrite: () => void) {
		this.description = description;
		this.settings = settings;
		this.#clock = clock;
		this.#onWrite = onWrite;
		this.startedMs = clock.now();
		this.#cluster = cluster;
		this.#addresses = new PodAddresses(description.podCidr);
	}

	get name(): string {
		return this.description.name;
	}

	get address(): string {
		return this.description.address;
	}

	get allocatable(): Readonly<Record<string, string>> {
		return this.description.capacity;
	}

	get network(): PodNetwork {
		this.#network ??= this.#cluster.add(this.address, "");
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

	hasImage(reference: string): boolean {
		return this.#images?.has(reference) ?? false;
	}

	addImage(reference: string, imageId: string, { sizeBytes }: Image): void {
		this.#images ??= new Map();
		if (this.#images.has(reference)) return;
		const names = [imageId, ...(reference.includes("@") ? [] : [reference])];
		this.#images.set(reference, { names, sizeBytes, sinceMs: this.#clock.now() });
		this.imageBytes += sizeBytes;
	}

	/** By reference, the oldest first. */
	storedImages(): Iterable<readonly [string, StoredImage]> {
		return this.#images ?? [];
	}

	removeImage(reference: string): void {
		this.imageBytes -= this.#images?.get(reference)?.sizeBytes ?? 0;
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
		return [...(this.#images?.values() ?? [])].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, maxReportedImages);
	}

	/** Whether somebody has looked at its files yet. */
	get hasFiles(): boolean {
		return this.#files !== undefined;
	}

	hostFiles(): FileSystem {
		this.#files ??= new FileSystem(new Tree({ clock: this.#clock, lower: nodeFiles(), onWrite: this.#onWrite }));
		return this.#files;
	}
}

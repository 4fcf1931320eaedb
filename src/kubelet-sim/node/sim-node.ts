/** One simulated node. Idle it is this object and no more: files and network come when somebody asks. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Lease, NodeCondition } from "../../apimachinery/schema/generated/types.ts";
import { FileSystem, Tree } from "../../host/index.ts";
import { debian } from "../images/base.ts";
import { type Image, once } from "../images/image.ts";
import type { ClusterNetwork, PodNetwork } from "../network/cluster-network.ts";
import type { WorkerNode } from "../pod-worker/worker-host.ts";
import { PodAddresses } from "./addresses.ts";
import type { NodeDescription, NodeImage } from "./node-object.ts";

/** Images that a node's status lists. Source: the kubelet's nodeStatusMaxImages. */
const maxReportedImages = 50;

const nodeFiles = once(() =>
	debian(["curl", "ps"]).directory("/etc/kubernetes/manifests").directory("/var/lib/kubelet").directory("/var/log/pods").build(),
);

const noPressures: readonly string[] = [];

export class SimNode implements WorkerNode {
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
	#images: Map<string, NodeImage> | undefined;
	#network: PodNetwork | undefined;
	#files: FileSystem | undefined;

	constructor(description: NodeDescription, clock: Clock, cluster: ClusterNetwork) {
		this.description = description;
		this.#clock = clock;
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
		if (!this.#images.has(reference))
			this.#images.set(reference, { names: [imageId, ...(reference.includes("@") ? [] : [reference])], sizeBytes });
	}

	/** The largest ones, as the kubelet reports them. */
	images(): readonly NodeImage[] {
		return [...(this.#images?.values() ?? [])].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, maxReportedImages);
	}

	hostFiles(): FileSystem {
		this.#files ??= new FileSystem(new Tree({ clock: this.#clock, lower: nodeFiles() }));
		return this.#files;
	}
}

/** One simulated node. Idle it is this object and no more: files and network come when somebody asks. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Lease, NodeCondition } from "../../apimachinery/schema/generated/types.ts";
import { FileSystem, FsError, Tree } from "../../host/index.ts";
import { debian } from "../images/base.ts";
import { once } from "../images/image.ts";
import type { PulledImage } from "../images/image-catalog.ts";
import { isPlainHttpConfigured } from "../images/registry-options.ts";
import type { ClusterNetwork, PodNetwork } from "../network/cluster-network.ts";
import type { WorkerNode } from "../pod-worker/worker-host.ts";
import { PodAddresses } from "./addresses.ts";
import type { NodeDescription, NodeImage } from "./node-object.ts";

/** Images that a node's status lists. Source: the kubelet's nodeStatusMaxImages. */
const maxReportedImages = 50;

const noImages: ReadonlyMap<string, PulledImage> = new Map();

const nodeFiles = once(() =>
	debian(["curl", "ps"])
		.directory("/etc/containerd/certs.d")
		.directory("/etc/kubernetes/manifests")
		.directory("/var/lib/kubelet")
		.directory("/var/log/pods")
		.build(),
);

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
	readonly #clock: Clock;
	readonly #cluster: ClusterNetwork;
	readonly #addresses: PodAddresses;
	/** By reference, in full. */
	#images: Map<string, PulledImage> | undefined;
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

	image(reference: string): PulledImage | undefined {
		return this.#images?.get(reference);
	}

	addImage(reference: string, pulled: PulledImage): void {
		this.#images ??= new Map();
		this.#images.set(reference, pulled);
	}

	/** By reference, in full. */
	get pulledImages(): ReadonlyMap<string, PulledImage> {
		return this.#images ?? noImages;
	}

	/** The largest ones, as the kubelet reports them. */
	images(): readonly NodeImage[] {
		const images = [...this.pulledImages].map(([reference, { image, imageId }]) => ({
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

	hostFiles(): FileSystem {
		this.#files ??= new FileSystem(new Tree({ clock: this.#clock, lower: nodeFiles() }));
		return this.#files;
	}
}

/** What a pod worker needs of its node and of the fleet. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Pod, PodStatus, ResourceResourceClaim } from "../../apimachinery/schema/generated/types.ts";
import type { FileSystem, FsErrorCode, Kernel, SharedDisk } from "../../host/index.ts";
import type { AdmissionAnswer, AdmissionCandidate, AdmissionNode } from "../admission/node-admission.ts";
import type { CgroupDriver } from "../cgroups/layout.ts";
import type { LogPolicy } from "../container/container-log.ts";
import type { PodPeak } from "../eviction/pod-peaks.ts";
import type { Image } from "../images/image.ts";
import type { ImageCatalog, PulledImage } from "../images/image-catalog.ts";
import type { PullQueue } from "../images/pull-queue.ts";
import type { PullRecords } from "../images/pull-records.ts";
import type { LatencyModel } from "../latency.ts";
import type { ClusterNetwork } from "../network/cluster-network.ts";
import type { NetworkNode } from "../network/pod-network.ts";
import type { NodeCounters } from "../usage/node-counters.ts";
import type { ClaimVolumes } from "../volumes/claim-volumes.ts";
import type { ObjectLookups, ObjectName } from "../volumes/objects.ts";
import type { Footprint } from "./footprint.ts";
import type { SandboxRuntime } from "./sandboxes.ts";

/** The node a pod runs on. */
export interface WorkerNode extends AdmissionNode, NetworkNode {
	readonly name: string;
	/** With which error every write to its disk fails. */
	readonly writeFault: FsErrorCode | undefined;
	/** What containers and volumes on it share. */
	readonly disk: SharedDisk;
	/** Why so many bytes that are pulled can't be kept; undefined if they can. */
	pullError(sizeBytes: number): string | undefined;
	/** Why nobody can talk to its container runtime; undefined if one can. */
	readonly runtimeError: string | undefined;
	/** Why no sandbox can be made; undefined if one can. */
	readonly sandboxError: string | undefined;
	/** What its containers share. Another one after each boot. */
	readonly kernel: Kernel;
	readonly cgroupDriver: CgroupDriver;
	/** Processes that a pod may have; undefined: no limit. */
	readonly podPidsLimit: number | undefined;
	/** Quantities. */
	readonly capacity: Readonly<Record<string, string>>;
	/** CPU seconds of containers that have ended on it. */
	endedCpuSeconds: number;
	/** Throws `OutOfAddressesError`. */
	allocateAddress(): string;
	reserveAddress(address: string): void;
	releaseAddress(address: string): void;
	/** The image that it has for a reference, in full. */
	image(reference: string): PulledImage | undefined;
	addImage(reference: string, pulled: PulledImage): void;
	/** How it got its images. */
	readonly pullRecords: PullRecords;
	readonly pulls: PullQueue;
	/** What its kubelet has counted. */
	readonly counters: NodeCounters;
	/** Its runtime is told to ask this registry over plain HTTP. */
	allowsPlainHttp(registry: string): boolean;
	hostFiles(): FileSystem;
	/** How its kubelet keeps logs. */
	readonly logPolicy: LogPolicy;
}

/** A worker whose pod waits for room on its node. */
export interface RoomSeeker {
	sync(): void;
}

/** What all workers of a fleet share. */
export interface WorkerHost {
	readonly clock: Clock;
	readonly random: Random;
	readonly latency: LatencyModel;
	/** What can be pulled. */
	readonly images: ImageCatalog;
	readonly log: Logger;
	readonly network: ClusterNetwork;
	readonly lookups: ObjectLookups;
	readonly clusterDns: string;
	/** Asks the API, as the node, for an object that the caches do not have; resolves to whether it is there now. Never rejects. */
	fetch(node: string, object: ObjectName): Promise<boolean>;
	/** Asks the API, as the node, for a claim of devices. Rejects with a `StatusError`. */
	resourceClaim(node: string, namespace: string, name: string): Promise<ResourceResourceClaim>;
	/**
	 * The runtime that the node has for a RuntimeClass. Rejects with an Error that says why it has none, as FailedCreatePodSandBox does.
	 */
	sandboxRuntime(node: string, runtimeClass: string): Promise<SandboxRuntime>;
	/** Shared by all pods of the namespace that start while its Services stay the same. */
	serviceEnvironment(namespace: string): ReadonlyMap<string, string>;
	/** An image's files, made once and only read. */
	imageFiles(image: Image): FileSystem;
	/** Volumes that stand on claims. */
	readonly claims: ClaimVolumes;
	/** Whether the node takes the pod. */
	admit(node: WorkerNode, worker: AdmissionCandidate): AdmissionAnswer;
	/** What the node's other pods have been promised. */
	promisedToOthers(node: string, worker: RoomSeeker): Footprint;
	/** Has the worker plan anew, once, when a pod of the node gives back some of what it had. */
	awaitRoom(node: string, worker: RoomSeeker): void;
	roomFreed(node: string): void;
	/** What a pod takes of its node may have become more. */
	usageGrew(node: string, pod: PodPeak): void;
	/** A log takes so many bytes more. */
	logGrew(bytes: number): void;
	/** Files were written to the node's disk. */
	filesGrew(node: string): void;
	event(node: string, pod: Pod, type: "Normal" | "Warning", reason: string, message: string, container?: string): void;
	/** Resolves to the pod as the API has it now; undefined if it is gone. Rejects with a `StatusError` or transport error. */
	patchStatus(node: string, pod: Pod, status: PodStatus): Promise<Pod | undefined>;
	/** Removes the object of a pod whose containers are gone. Rejects like patchStatus. */
	removePod(node: string, pod: Pod): Promise<void>;
}

/** What the parts of a container's worker ask of the pod around it. */
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import type { Kernel, PidNamespace } from "../../host/index.ts";
import type { SimContainer } from "../container/container.ts";
import type { PodNetwork } from "../network/pod-network.ts";
import type { PodUsageMeter, UsedContainer } from "../usage/pod-usage.ts";
import type { DownwardContext } from "../volumes/downward.ts";
import type { Environment } from "../volumes/environment.ts";
import type { MissingObjectError } from "../volumes/objects.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";
import type { PodRecord } from "./pod-record.ts";
import type { SandboxRuntime } from "./sandboxes.ts";
import type { WorkerHost, WorkerNode } from "./worker-host.ts";

export type ContainerSpec = Container | EphemeralContainer;

/** A pod on its node, as each part of its worker sees it. */
export interface PodOnNode {
	readonly host: WorkerHost;
	readonly node: WorkerNode;
	/** The API object as it is now. Whoever keeps it keeps a version that nobody else has. */
	readonly pod: Pod;
	readonly record: PodRecord;
	readonly closed: boolean;
	/** The node's kubelet is stopped. */
	readonly paused: boolean;
	/** Plans anew. */
	sync(): void;
	/** Does something after a simulated delay, then plans anew. */
	after(delayMs: number, step: () => void): void;
	event(type: "Normal" | "Warning", reason: string, message: string, container?: string): void;
	/** Whether an object that the caches lack is in the API after all. */
	fetch(error: MissingObjectError): Promise<boolean>;
	downward(): DownwardContext;
}

/** The pod around a container. */
export interface PodScope extends PodOnNode {
	readonly volumes: PodVolumes;
	readonly network: PodNetwork | undefined;
	/** Beneath its containers: the node's, or that of its virtual machine. */
	readonly kernel: Kernel;
	readonly runtime: SandboxRuntime;
	/** The pod's grace period, ms. */
	readonly graceMs: number;
	/** What it uses. */
	readonly usage: PodUsageMeter;
	/** Of a pod whose containers see each other's processes. */
	readonly sharedPids: PidNamespace | undefined;
	/** Another container of the pod. */
	container(name: string): { readonly container: SimContainer | undefined } | undefined;
	/** A container has started. */
	hasStarted(): void;
	/** A container ends: what it used is kept. */
	usageEnded(container: UsedContainer): void;
	/** What the pod takes of its node may have become more. */
	usageGrew(): void;
	serviceEnvironment(): ReadonlyMap<string, string>;
	/** What the drivers of the pod's devices set in the container. */
	deviceEnvironment(container: ContainerSpec): Environment;
}

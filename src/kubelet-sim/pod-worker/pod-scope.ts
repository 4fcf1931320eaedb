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

/** The pod around a container. */
export interface PodScope {
	readonly host: WorkerHost;
	readonly node: WorkerNode;
	readonly pod: Pod;
	readonly record: PodRecord;
	readonly volumes: PodVolumes;
	readonly network: PodNetwork | undefined;
	/** Beneath its containers: the node's, or that of its virtual machine. */
	readonly kernel: Kernel;
	readonly runtime: SandboxRuntime;
	readonly closed: boolean;
	/** Its machine has no power. */
	readonly isOff: boolean;
	/** The pod's grace period, ms. */
	readonly graceMs: number;
	/** What it uses. */
	readonly usage: PodUsageMeter;
	/** Of a pod whose containers see each other's processes. */
	readonly sharedPids: PidNamespace | undefined;
	/** Plans anew. */
	sync(): void;
	/** Does something after a simulated delay, then plans anew. */
	after(delayMs: number, step: () => void): void;
	event(type: "Normal" | "Warning", reason: string, message: string, container?: string): void;
	/** Whether an object that the caches lack is in the API after all. */
	fetch(error: MissingObjectError): Promise<boolean>;
	/** Another container of the pod. */
	container(name: string): { readonly container: SimContainer | undefined } | undefined;
	downward(): DownwardContext;
	/** A container has started. */
	hasStarted(): void;
	/** A container ends: what it used is kept. */
	usageEnded(container: UsedContainer): void;
	/** When a container will want more memory than its limit lets it have, Unix ms; undefined: never, as things are. */
	memoryExceededMs(container: UsedContainer): number | undefined;
	/** What the pod takes of its node may have become more. */
	usageGrew(): void;
	serviceEnvironment(): ReadonlyMap<string, string>;
	/** What the drivers of the pod's devices set in the container. */
	deviceEnvironment(container: ContainerSpec): Environment;
}

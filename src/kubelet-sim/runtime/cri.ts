/**
 * The container runtime of a node in the terms of the Container Runtime Interface: what a kubelet, crictl and others may ask of it.
 * Source: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
 */

import type { JsonObject } from "../../apimachinery/json.ts";
import type { Process, SpawnOptions } from "../../host/index.ts";
import type { LinuxResources } from "../cgroups/layout.ts";
import type { ContainerLog } from "../container/container-log.ts";
import type { RegistryAccount } from "../images/registry-options.ts";
import type { ContainerdConfig, RuntimeHandler } from "./containerd-config.ts";

export interface PodSandbox {
	/** 64 hexadecimal digits. */
	readonly id: string;
	readonly name: string;
	readonly uid: string;
	readonly namespace: string;
	readonly attempt: number;
	readonly state: "SANDBOX_READY" | "SANDBOX_NOTREADY";
	/** Unix ms. */
	readonly createdMs: number;
	/** "" with the node's network, and when it is not ready. */
	readonly ip: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly annotations: Readonly<Record<string, string>>;
	/** "" for the default one. */
	readonly runtimeHandler: string;
	/** Of its pause process, as the node sees it; 0 when it is not ready. */
	readonly pid: number;
}

export interface RuntimeContainer {
	/** 64 hexadecimal digits. */
	readonly id: string;
	readonly sandboxId: string;
	readonly name: string;
	readonly attempt: number;
	readonly state: "CONTAINER_CREATED" | "CONTAINER_RUNNING" | "CONTAINER_EXITED";
	/** Unix ms. */
	readonly createdMs: number;
	/** Unix ms; 0: it has not started. */
	readonly startedMs: number;
	/** Of one that has exited. */
	readonly exit?: ContainerExit;
	/** Id of its image: `sha256:…`. */
	readonly imageId: string;
	/** `docker.io/library/nginx:1.27` */
	readonly image: string;
	/** `docker.io/library/nginx@sha256:…` */
	readonly imageRef: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly annotations: Readonly<Record<string, string>>;
	/** As the node sees it; 0 if it does not run. */
	readonly pid: number;
	readonly logPath: string;
}

export interface ContainerExit {
	readonly exitCode: number;
	/** Completed, Error, OOMKilled, StartError, Unknown. */
	readonly reason: string;
	readonly message: string;
	/** Unix ms. */
	readonly finishedMs: number;
}

export interface RuntimeImage {
	/** `sha256:…` of its configuration. */
	readonly id: string;
	readonly repoTags: readonly string[];
	readonly repoDigests: readonly string[];
	/** When it came, Unix ms. */
	readonly sinceMs: number;
	/** As it came, bytes. */
	readonly sizeBytes: number;
	/** Never removed to make room: the sandboxes' own. */
	readonly isPinned: boolean;
}

export interface ContainerStats {
	readonly container: RuntimeContainer;
	/** Unix ms. */
	readonly atMs: number;
	/** Since the container started. */
	readonly cpuSeconds: number;
	/** Cores, in the last seconds. */
	readonly cores: number;
	readonly workingSetBytes: number;
	/** Of the writable layer. */
	readonly diskBytes: number;
	readonly inodes: number;
}

/** An answer that is an error, with gRPC's code. Its message is what clients show. */
export class CriError extends Error {
	constructor(code: "Unknown" | "NotFound" | "Unimplemented" | "FailedPrecondition", description: string) {
		super(`rpc error: code = ${code} desc = ${description}`);
		this.name = "CriError";
	}
}

export interface RuntimeMount {
	readonly containerPath: string;
	readonly hostPath: string;
	readonly readonly: boolean;
	readonly propagation: "PROPAGATION_PRIVATE" | "PROPAGATION_HOST_TO_CONTAINER" | "PROPAGATION_BIDIRECTIONAL";
}

export interface ContainerDetails {
	readonly mounts: readonly RuntimeMount[];
	/** With who is killed first when the node is out of memory: -1000 to 1000. */
	readonly resources: LinuxResources & { readonly oomScoreAdj: number };
	readonly user: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
	/** `SIGTERM` */
	readonly stopSignal: string;
	/** How the kubelet asked for it. */
	readonly config: JsonObject;
	/** The OCI runtime configuration. */
	readonly spec: JsonObject;
}

export interface SandboxDetails {
	/** How the kubelet asked for it. */
	readonly config: JsonObject;
	/** The OCI runtime configuration of its pause container. */
	readonly spec: JsonObject;
	/** The node's namespaces that it shares: `NODE`; its own: `POD`; each container's: `CONTAINER`. */
	readonly namespaces: { readonly network: string; readonly pid: string; readonly ipc: string };
}

export type ExecProcess = Pick<SpawnOptions, "argv" | "stdin" | "stdout" | "stderr" | "terminal">;

export interface RuntimeStatus {
	readonly conditions: readonly { readonly type: string; readonly isTrue: boolean; readonly reason: string; readonly message: string }[];
	/** By name; "" is the default one. */
	readonly handlers: readonly string[];
	readonly config: JsonObject;
	readonly cniConfig: JsonObject;
}

/** Ids may be cut short, as long as one thing alone begins so. What is not there is a `CriError`, unless said otherwise. */
export interface ContainerRuntime {
	/** `2.1.4` */
	readonly version: string;
	status(): RuntimeStatus;
	/** As it was when containerd started. */
	readonly config: ContainerdConfig;
	/** Of a sandbox. */
	handler(name: string): RuntimeHandler;
	/** Newest first. */
	sandboxes(): readonly PodSandbox[];
	sandbox(id: string): PodSandbox;
	/** Newest first, with those that have ended and are still there. */
	containers(): readonly RuntimeContainer[];
	container(id: string): RuntimeContainer;
	details(id: string): ContainerDetails;
	sandboxDetails(id: string): SandboxDetails;
	/** Of containers that run. */
	stats(): readonly ContainerStats[];
	log(id: string): ContainerLog;
	/** @param graceMs between the stop signal and SIGKILL; 0: SIGKILL at once. Resolves when it has ended; one that is not there has. */
	stopContainer(id: string, graceMs: number): Promise<void>;
	/** Kills it if need be. */
	removeContainer(id: string): Promise<void>;
	stopSandbox(id: string): void;
	/** With its containers. */
	removeSandbox(id: string): void;
	/** Starts a process in a container that runs. Rejects with `CriError`. */
	exec(id: string, process: ExecProcess): Promise<Process>;
	images(): readonly RuntimeImage[];
	/** By reference, id or digest; undefined if it is not there. */
	image(name: string): RuntimeImage | undefined;
	/** Of an image that is there: its OCI configuration. */
	imageSpec(id: string): JsonObject;
	/** Resolves to the id of what came. */
	pull(name: string, account: RegistryAccount | undefined): Promise<string>;
	removeImage(name: string): void;
}

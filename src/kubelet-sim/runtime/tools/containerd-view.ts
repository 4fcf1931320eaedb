/** What containerd itself has of pods in its namespace `k8s.io`: a container for each sandbox, too. */

import { formatImageReference } from "../../images/reference.ts";
import type { ContainerRuntime } from "../cri.ts";
import { sandboxImage } from "../image-view.ts";

export interface ContainerdContainer {
	readonly id: string;
	readonly image: string;
	/** `io.containerd.runc.v2` */
	readonly runtime: string;
	/** 0: it has no task. */
	readonly pid: number;
	readonly isRunning: boolean;
	readonly exitCode: number;
	/** Unix ms. */
	readonly createdMs: number;
	/** Unix ms; 0: it runs. */
	readonly finishedMs: number;
	readonly args: readonly string[];
	readonly labels: Readonly<Record<string, string>>;
	readonly isSandbox: boolean;
}

/** By id. */
export function containerdContainers(runtime: ContainerRuntime): readonly ContainerdContainer[] {
	const handlers = new Map(runtime.sandboxes().map((sandbox) => [sandbox.id, runtime.handler(sandbox.runtimeHandler).type]));
	const sandboxes = runtime.sandboxes().map(
		(sandbox): ContainerdContainer => ({
			id: sandbox.id,
			image: formatImageReference(sandboxImage),
			runtime: handlers.get(sandbox.id) ?? "",
			pid: sandbox.pid,
			isRunning: sandbox.state === "SANDBOX_READY",
			exitCode: 0,
			createdMs: sandbox.createdMs,
			finishedMs: 0,
			args: ["/pause"],
			labels: { ...sandbox.labels, "io.cri-containerd.kind": "sandbox" },
			isSandbox: true,
		}),
	);
	const containers = runtime.containers().map(
		(container): ContainerdContainer => ({
			id: container.id,
			image: container.image,
			runtime: handlers.get(container.sandboxId) ?? "",
			pid: container.pid,
			isRunning: container.state === "CONTAINER_RUNNING",
			exitCode: container.exit?.exitCode ?? 0,
			createdMs: container.createdMs,
			finishedMs: container.exit?.finishedMs ?? 0,
			args: argsOf(runtime, container.id),
			labels: { ...container.labels, "io.cri-containerd.kind": "container" },
			isSandbox: false,
		}),
	);
	return [...sandboxes, ...containers].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function argsOf(runtime: ContainerRuntime, id: string): readonly string[] {
	const { process } = runtime.details(id).spec as { readonly process: { readonly args: readonly string[] } };
	return process.args;
}

/** Namespaces of containerd on a node of a cluster. */
export const kubernetesNamespace = "k8s.io";

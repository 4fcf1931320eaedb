/**
 * What containerd's shims have in a node's /run for each container that runs: its bundle.
 *
 *   /run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/{config.json,init.pid}
 *
 * Not there: the bundle's rootfs, sockets and pipes.
 */
import { type DirectoryInode, TreeBuilder } from "../../host/index.ts";
import { View, withEntry } from "../node/view-inodes.ts";
import type { ContainerRuntime } from "./cri.ts";

export const taskDirectory = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";

/** /run of a node. @param sinceMs time of directories, Unix ms */
export function runDirectory(runtime: () => ContainerRuntime, sinceMs: number): DirectoryInode {
	const view = new View(sinceMs, 600_000);
	const bundle = (spec: () => object, pid: number) =>
		view.directory(() => [
			["config.json", view.file(() => JSON.stringify(spec()))],
			["init.pid", view.file(String(pid))],
		]);
	const tasks = view.directory(() => [
		...runtime()
			.sandboxes()
			.filter(({ state }) => state === "SANDBOX_READY")
			.map(({ id, pid }) => [id, bundle(() => runtime().sandboxDetails(id).spec, pid)] as const),
		...runtime()
			.containers()
			.filter(({ state }) => state === "CONTAINER_RUNNING")
			.map(({ id, pid }) => [id, bundle(() => runtime().details(id).spec, pid)] as const),
	]);
	const [, , ...names] = taskDirectory.split("/");
	const parents = new TreeBuilder(sinceMs).directory(`/${names.slice(0, -1).join("/")}`).build();
	return withEntry(parents, names, tasks);
}

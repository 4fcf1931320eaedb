/**
 * `/var/log/pods` and `/var/log/containers` of a node, as the kubelet fills them. They are views: nothing of them exists until somebody
 * looks, and their bytes are those of the containers' logs. Nobody can write there.
 *
 *   /var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log, and what was put aside of it
 *   /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log -> the newest of these
 *
 * Source: pkg/kubelet/kuberuntime (BuildPodLogsDirectory, legacyLogSymlink)
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { DirectoryInode, Inode } from "../../host/index.ts";
import type { ContainerLog } from "../container/container-log.ts";
import { View, withEntry } from "./view-inodes.ts";

export interface LoggedPod {
	readonly pod: Pod;
	containerWorkers(): Iterable<LoggedContainer>;
}

export interface LoggedContainer {
	readonly record: { readonly name: string; readonly restartCount: number; readonly containerId?: string | undefined };
	readonly container: { readonly id: string; readonly log: ContainerLog } | undefined;
	readonly previousLog: ContainerLog | undefined;
}

const podLogs = "/var/log/pods";

/**
 * A node's files with both directories in `/var/log`. The node's own tree stays as it is.
 * @param sinceMs time of directories, Unix ms
 */
export function withLogs(root: DirectoryInode, workers: () => Iterable<LoggedPod>, sinceMs: number): DirectoryInode {
	const view = new View(sinceMs, 500_000);
	const pods = view.directory(() => Array.from(workers(), (worker) => [podDirectory(worker.pod), podView(view, worker)] as const));
	const containers = view.directory(() => Array.from(workers()).flatMap((worker) => links(view, worker)));
	return withEntry(withEntry(root, ["var", "log", "pods"], pods), ["var", "log", "containers"], containers);
}

function podView(view: View, worker: LoggedPod): Inode {
	return view.directory(() =>
		[...worker.containerWorkers()]
			.filter((container) => instances(container).length > 0)
			.map((container) => [container.record.name, view.directory(() => files(view, container))] as const),
	);
}

function files(view: View, container: LoggedContainer): (readonly [string, Inode])[] {
	return instances(container).flatMap(({ restarts, log }) =>
		log.files().map((stored) => [`${restarts}.log${stored.suffix}`, view.file(stored, stored.modifiedMs, 0o640)] as const),
	);
}

/** Of the present instance and the one before. */
function instances({ record, container, previousLog }: LoggedContainer): { readonly restarts: number; readonly log: ContainerLog }[] {
	return [
		...(previousLog === undefined ? [] : [{ restarts: Math.max(0, record.restartCount - 1), log: previousLog }]),
		...(container === undefined ? [] : [{ restarts: record.restartCount, log: container.log }]),
	];
}

function links(view: View, worker: LoggedPod): (readonly [string, Inode])[] {
	const { pod } = worker;
	const { name = "", namespace = "" } = pod.metadata ?? {};
	return [...worker.containerWorkers()].flatMap(({ record, container }) => {
		if (container === undefined) return [];
		const target = `${podLogs}/${podDirectory(pod)}/${record.name}/${record.restartCount}.log`;
		return [[`${name}_${namespace}_${record.name}-${container.id}.log`, view.link(target)] as const];
	});
}

function podDirectory({ metadata: { namespace = "", name = "", uid = "" } = {} }: Pod): string {
	return `${namespace}_${name}_${uid}`;
}

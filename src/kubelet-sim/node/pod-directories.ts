/**
 * `/var/lib/kubelet/pods` of a node, as the kubelet fills it. They are views: nothing of them exists until somebody looks. Volumes lead into
 * the very files that containers mount, and can be written to.
 *
 *   UID/volumes/kubernetes.io~empty-dir/NAME …        what is mounted
 *   UID/plugins/kubernetes.io~empty-dir/NAME/ready    that it is set up; wrapped_NAME of what stands on an empty directory
 *   UID/containers/NAME/HASH                          its termination message
 *   UID/etc-hosts
 *
 * Not there: `volume-subpaths`, and volumes in `/proc/mounts`. A token that nobody has looked for comes a moment after the first look.
 * Source: https://kubernetes.io/docs/reference/node/kubelet-files/, pkg/kubelet/kubelet_getters.go, pkg/volume/emptydir, pkg/volume/csi (vol_data.json)
 */
import { createHash } from "node:crypto";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { attachmentName } from "../../apimachinery/storage/disk-driver.ts";
import { type DirectoryInode, type Inode, leading } from "../../host/index.ts";
import { hostsFile, podHostname } from "../container/network-files.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";
import { type View, withEntry } from "./view-inodes.ts";

export interface PodWithDirectory {
	readonly pod: Pod;
	readonly volumes: PodVolumes;
	readonly record: { readonly volumes: "absent" | "mounting" | "mounted"; readonly ip: string };
	containerWorkers(): Iterable<{
		readonly record: { readonly name: string };
		readonly container: { readonly id: string; terminationMessage(): string } | undefined;
	}>;
}

const privateMode = 0o750;
/** Volumes of these kinds stand on an empty directory of the kubelet's. */
const wrapping: ReadonlySet<string> = new Set(
	["configmap", "secret", "projected", "downward-api"].map((plugin) => `kubernetes.io~${plugin}`),
);

/** A node's files with these in them. The node's own tree stays as it is. */
export function withPods(root: DirectoryInode, view: View, node: string, workers: () => Iterable<PodWithDirectory>): DirectoryInode {
	const mounted = () => Array.from(workers()).filter(({ record }) => record.volumes === "mounted");
	const pods = view.directory(
		() => mounted().map((worker) => [worker.pod.metadata?.uid ?? "", podView(view, node, worker)] as const),
		privateMode,
	);
	return withEntry(root, ["var", "lib", "kubelet", "pods"], pods);
}

function podView(view: View, node: string, worker: PodWithDirectory): Inode {
	const { pod, record } = worker;
	const hosts = () => hostsFile({ pod, podIp: record.ip, hostname: podHostname(pod, node) });
	return view.directory(
		() => [
			["containers", view.directory(() => containers(view, worker), privateMode)],
			["etc-hosts", view.file(hosts)],
			["plugins", view.directory(() => [...grouped(view, markers(view, worker))], privateMode)],
			["volumes", view.directory(() => [...grouped(view, volumes(view, node, worker))], privateMode)],
		],
		privateMode,
	);
}

function containers(view: View, worker: PodWithDirectory): (readonly [string, Inode])[] {
	return [...worker.containerWorkers()].flatMap(({ record, container }) => {
		if (container === undefined) return [];
		const file = view.file(() => container.terminationMessage(), 0, 0o666);
		return [[record.name, view.directory(() => [[terminationFile(container.id), file]], privateMode)] as const];
	});
}

/** The file of a container's termination message; a new one for each container. @param id of the container */
export function terminationFile(id: string): string {
	return createHash("sha256").update(id).digest("hex").slice(0, 8);
}

/** In which directory something is, and under which name. */
type Placed = readonly [directory: string, name: string, inode: Inode];

function volumes(view: View, node: string, { volumes: all }: PodWithDirectory): readonly Placed[] {
	return all.places().flatMap(({ volume, directory, claimed }): Placed[] => {
		if (directory === undefined) return [];
		const { plugin, name, isInner } = directory;
		const open = () => {
			const { tree, inode, readOnly } = all.open(volume.name);
			// What containers may only read, the kubelet writes.
			return { tree, ...(inode === undefined ? {} : { inode }), readOnly: readOnly === true && claimed !== undefined };
		};
		const files = leading(
			view.directory(() => []),
			open,
		);
		if (!isInner) return [[plugin, name, files]];
		const { driver = "", volumeHandle = "" } = claimed?.spec?.csi ?? {};
		const data = {
			attachmentID: attachmentName(driver, volumeHandle, node),
			driverName: driver,
			nodeName: node,
			specVolID: name,
			volumeHandle,
			volumeLifecycleMode: "Persistent",
		};
		const inner = view.directory(
			() => [
				["mount", files],
				["vol_data.json", view.file(`${JSON.stringify(data)}\n`)],
			],
			privateMode,
		);
		return [[plugin, name, inner]];
	});
}

function markers(view: View, { volumes: all }: PodWithDirectory): readonly Placed[] {
	const ready = view.directory(() => [["ready", view.file("")]], privateMode);
	return all.places().flatMap(({ directory }) => {
		const { plugin = "", name = "" } = directory ?? {};
		const isWrapping = wrapping.has(plugin);
		if (!isWrapping && plugin !== "kubernetes.io~empty-dir") return [];
		const own: Placed = [plugin, name, ready];
		return isWrapping ? [own, ["kubernetes.io~empty-dir", `wrapped_${name}`, ready]] : [own];
	});
}

/** A directory for each plugin. */
function grouped(view: View, placed: readonly Placed[]): ReadonlyMap<string, Inode> {
	const groups = Map.groupBy(placed, ([plugin]) => plugin);
	return new Map(
		[...groups].map(([plugin, each]) => [plugin, view.directory(() => each.map(([, name, inode]) => [name, inode] as const), privateMode)]),
	);
}

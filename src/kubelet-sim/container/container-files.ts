/** The files that a runtime and the kubelet put into a container besides its image: /dev, /proc, /etc/hosts, volumes. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import {
	type DirectoryInode,
	deviceTree,
	FileSystem,
	type FsErrorCode,
	type Machine,
	type Mount,
	mountSystemFiles,
	type OutputStream,
	putFile,
	resolvePath,
	type SharedDisk,
	Tree,
} from "../../host/index.ts";
import { joinNodeMounts, rootPathOf } from "../volumes/mount-propagation.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";
import { prepareSubPath, subPathOf } from "../volumes/sub-path.ts";
import { hostsFile, podDns, resolvConf } from "./network-files.ts";

export interface ContainerFilesOptions {
	readonly clock: Clock;
	readonly pod: Pod;
	readonly container: Container | EphemeralContainer;
	readonly image: DirectoryInode;
	readonly volumes: PodVolumes;
	readonly hostname: string;
	readonly podIp: string;
	readonly clusterDns: string;
	readonly env: () => ReadonlyMap<string, string>;
	readonly machine: () => Machine;
	readonly onWrite: () => void;
	/** With which error every write to the node's disk fails. */
	readonly writeFault?: (() => FsErrorCode | undefined) | undefined;
	readonly disk?: SharedDisk | undefined;
	/** What the main process writes to: its log. */
	readonly output: (stream: "stdout" | "stderr") => OutputStream | undefined;
}

export function openContainerFiles(options: ContainerFilesOptions): FileSystem {
	const { clock, container, image, pod, onWrite, writeFault, disk } = options;
	const readOnlyRoot = container.securityContext?.readOnlyRootFilesystem === true;
	const files = new FileSystem(new Tree({ clock, lower: image, onWrite, writeFault, disk }), readOnlyRoot);
	const mount = (path: string, tree: Tree, source: string, type: string, more: Partial<Mount> = {}) =>
		files.mount({ path, tree, source, type, readOnly: false, ...more });
	mount("/dev", new Tree({ clock, lower: deviceTree() }), "tmpfs", "tmpfs");
	const machine = options.machine();
	mountSystemFiles(files, machine, {
		isWritable: container.securityContext?.privileged === true,
		// `echo text > /proc/1/fd/1` puts a line into the container's log.
		outputs: (process, descriptor) =>
			process.isMain && process.machine === machine
				? { write: (chunk) => options.output(descriptor === 1 ? "stdout" : "stderr")?.write(chunk) }
				: undefined,
	});
	const etc = new Tree({ clock });
	putFile(etc, "/hosts", hostsFile(options));
	putFile(etc, "/resolv.conf", resolvConf(podDns(pod, options.clusterDns)));
	putFile(etc, "/hostname", `${options.hostname}\n`);
	putFile(etc, "/termination-log", "", 0o666);
	const generated = new FileSystem(etc);
	for (const [path, name] of [
		["/etc/hosts", "/hosts"],
		["/etc/resolv.conf", "/resolv.conf"],
		["/etc/hostname", "/hostname"],
		[container.terminationMessagePath ?? "/dev/termination-log", "/termination-log"],
	] as const) {
		mount(path, etc, "/dev/vda1", "ext4", { inode: generated.inode(name) });
	}
	const workingDir = container.workingDir;
	if (workingDir !== undefined && !files.exists(workingDir)) files.mkdir(workingDir, { recursive: true, force: true });
	for (const volumeMount of container.volumeMounts ?? []) mountVolume(files, options, volumeMount);
	return files;
}

/** A claim's disk, in the order in which the pod names them: /dev/vdb and on. */
function ownDevice({ spec }: Pod, name: string): string {
	const index = (spec?.volumes ?? [])
		.filter((volume) => volume.persistentVolumeClaim ?? volume.ephemeral)
		.findIndex((each) => each.name === name);
	return `/dev/vd${String.fromCharCode("b".charCodeAt(0) + Math.max(0, index))}`;
}

function mountVolume(
	files: FileSystem,
	{ volumes, env, container, machine, pod }: ContainerFilesOptions,
	volumeMount: NonNullable<Container["volumeMounts"]>[number],
): void {
	const { name, mountPath, readOnly, mountPropagation } = volumeMount;
	const hostPath = pod.spec?.volumes?.find((each) => each.name === name)?.hostPath?.path;
	const node = hostPath === undefined ? undefined : machine().kernel.nodeFiles?.();
	const volume = volumes.open(name);
	const below = subPathOf(volumeMount, (variable) => env().get(variable));
	const inode = below === "" ? volume.inode : prepareSubPath(volume, below, volumeMount, container.name);
	files.mount({
		path: resolvePath("/", mountPath),
		tree: volume.tree,
		readOnly: readOnly === true || volume.readOnly === true,
		source: volume.isInMemory === true ? "tmpfs" : volume.tree.isLimited ? ownDevice(pod, name) : "/dev/vda1",
		type: volume.isInMemory === true ? "tmpfs" : "ext4",
		...(inode === undefined ? {} : { inode }),
		...(node === undefined || hostPath === undefined || hostPath === "" ? {} : { rootPath: rootPathOf(node, hostPath) }),
	});
	const isWhole = below === "";
	if (node !== undefined && hostPath !== undefined && isWhole)
		joinNodeMounts(files, resolvePath("/", mountPath), node, hostPath, mountPropagation);
}

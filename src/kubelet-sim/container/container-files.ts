/** The files that a runtime and the kubelet put into a container besides its image: /dev, /proc, /etc/hosts, volumes. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import {
	type DirectoryInode,
	FileSystem,
	type FsErrorCode,
	type Inode,
	kernelVersion,
	type Machine,
	type Mount,
	type OutputStream,
	putFile,
	putInode,
	resolvePath,
	Tree,
	TreeBuilder,
} from "../../host/index.ts";
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
	/** What the main process writes to: its log. */
	readonly output: (stream: "stdout" | "stderr") => OutputStream | undefined;
}

let devices: DirectoryInode | undefined;

/** /dev of every container: made once, never written. */
function deviceTree(): DirectoryInode {
	if (devices !== undefined) return devices;
	const root = new TreeBuilder(0).directory("/shm", 0o1777).directory("/pts").symlink("/fd", "/proc/self/fd").build();
	const names = ["null", "zero", "urandom", "tty", "stdin", "stdout", "stderr"] as const;
	const device = (name: (typeof names)[number], ino: number): Inode => ({
		type: "device",
		device: name,
		ino,
		frozen: true,
		mode: 0o666,
		uid: 0,
		gid: 0,
		mtimeMs: 0,
	});
	for (const [index, name] of names.entries()) root.entries.set(name, device(name, 100 + index));
	for (const [name, same] of [
		["random", "urandom"],
		["full", "zero"],
	] as const)
		root.entries.set(name, device(same, 110));
	devices = root;
	return root;
}

export function openContainerFiles(options: ContainerFilesOptions): FileSystem {
	const { clock, container, image, pod, onWrite, writeFault } = options;
	const readOnlyRoot = container.securityContext?.readOnlyRootFilesystem === true;
	const files = new FileSystem(new Tree({ clock, lower: image, onWrite, writeFault }), readOnlyRoot);
	const mount = (path: string, tree: Tree, source: string, type: string, more: Partial<Mount> = {}) =>
		files.mount({ path, tree, source, type, readOnly: false, ...more });
	mount("/dev", new Tree({ clock, lower: deviceTree() }), "tmpfs", "tmpfs");
	mount("/proc", procTree(options), "proc", "proc", { readOnly: true });
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

function mountVolume(
	files: FileSystem,
	{ volumes, env, container }: ContainerFilesOptions,
	volumeMount: NonNullable<Container["volumeMounts"]>[number],
): void {
	const { name, mountPath, readOnly } = volumeMount;
	const volume = volumes.open(name);
	const below = subPathOf(volumeMount, (variable) => env().get(variable));
	const inode = below === "" ? volume.inode : prepareSubPath(volume, below, volumeMount, container.name);
	files.mount({
		path: resolvePath("/", mountPath),
		tree: volume.tree,
		readOnly: readOnly === true || volume.readOnly === true,
		source: volume.isInMemory === true ? "tmpfs" : "/dev/vda1",
		type: volume.isInMemory === true ? "tmpfs" : "ext4",
		...(inode === undefined ? {} : { inode }),
	});
}

function lastPid(machine: Machine): number {
	const last = machine.processes().at(-1);
	return last === undefined ? 1 : machine.pidNamespace.pidOf(last);
}

/** The part of /proc that people look at. */
function procTree({ clock, machine, output }: ContainerFilesOptions): Tree {
	const tree = new Tree({ clock });
	const startMs = clock.now();
	const first = () => machine().process(1)?.argv ?? [];
	const files: readonly (readonly [string, () => string])[] = [
		[
			"/version",
			() =>
				`Linux version ${machine().pidNamespace.kernel.release ?? kernelVersion} (debian-kernel@lists.debian.org) (gcc-14 (Debian 14.2.0-19) 14.2.0) #1 SMP PREEMPT_DYNAMIC\n`,
		],
		["/uptime", () => `${((clock.now() - startMs) / 1000).toFixed(2)} ${((clock.now() - startMs) / 250).toFixed(2)}\n`],
		["/loadavg", () => `0.08 0.03 0.01 1/${machine().processes().length} ${lastPid(machine())}\n`],
		[
			"/meminfo",
			() =>
				"MemTotal:        8136440 kB\nMemFree:         5120244 kB\nMemAvailable:    7231112 kB\nBuffers:          102400 kB\nCached:          1843200 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n",
		],
		[
			"/cpuinfo",
			() =>
				Array.from(
					{ length: 4 },
					(_, cpu) => `processor\t: ${cpu}\nvendor_id\t: kubesim\nmodel name\t: Simulated CPU @ 2.40GHz\ncpu MHz\t\t: 2400.000\n\n`,
				).join(""),
		],
		[
			"/mounts",
			() =>
				machine()
					.files.mounts()
					.map(({ source, path, type, readOnly }) => `${source} ${path} ${type} ${readOnly ? "ro" : "rw"},relatime 0 0\n`)
					.join(""),
		],
		[
			"/1/cmdline",
			() =>
				first()
					.map((word) => `${word}\0`)
					.join(""),
		],
		["/1/comm", () => `${(first()[0] ?? "").split("/").at(-1)}\n`],
		["/1/cgroup", () => "0::/\n"],
		["/self/cgroup", () => "0::/\n"],
	];
	for (const [path, content] of files) putFile(tree, path, content, 0o444);
	// `echo text > /proc/1/fd/1` puts a line into the container's log.
	for (const [number, device] of [
		["1", "stdout"],
		["2", "stderr"],
	] as const) {
		const inode = {
			type: "device",
			device,
			ino: 200 + Number(number),
			frozen: true,
			mode: 0o200,
			uid: 0,
			gid: 0,
			mtimeMs: startMs,
		} as const;
		putInode(tree, `/1/fd/${number}`, { ...inode, output: { write: (chunk) => output(device)?.write(chunk) } });
	}
	return tree;
}

/**
 * A node as one sees it who logs in to it: the machine beneath its pods, with the node's own files and network, and a view of every
 * process and cgroup on it. It is made when somebody first looks; until then a node has a kernel at most.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Random } from "../../apimachinery/random.ts";
import {
	Cgroups,
	type DirectoryInode,
	deviceTree,
	emptyInput,
	type FileSystem,
	findCommand,
	type Kernel,
	Machine,
	mountSystemFiles,
	type NetworkStack,
	type Process,
	type ProcessTraits,
	type Program,
	Tree,
} from "../../host/index.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import type { WorkerNode } from "../pod-worker/worker-host.ts";
import { kernelThreads } from "./kernel-threads.ts";
import { olderPlace, providedGroups } from "./node-cgroups.ts";
import { idle, nowhere, SandboxProcesses } from "./sandbox-processes.ts";

export interface NodeMachineOptions {
	readonly node: WorkerNode;
	readonly clock: Clock;
	readonly random: Random;
	readonly kernel: Kernel;
	/** The node's disk, which hostPath volumes lead to as well. */
	readonly disk: () => FileSystem;
	readonly network: NetworkStack;
	/** When it booted, Unix ms. */
	readonly startedMs: number;
	/** Of its pods. */
	readonly workers: () => Iterable<PodWorker>;
	/** What its /run has when it is mounted. */
	readonly run: DirectoryInode;
	/** Programs of nodes alone, by name. */
	readonly findProgram: (name: string) => Program | undefined;
}

/** Pids below are for what boots with the machine. */
export const firstFreePid = 1_000;

/** Where somebody works who has logged in. */
const sessionCgroup = "/user.slice/user-0.slice/session-1.scope";
const mebibyte = 1024 * 1024;
const initMemoryBytes = 13 * mebibyte;
const initCores = 0.0005;
/** What a tmpfs of the system may hold. */
const tmpfsBytes = 800 * mebibyte;
/** Where, and with which options. */
const memoryMounts = [
	["/run", "size=819200k,mode=755"],
	["/dev/shm", "size=819200k"],
] as const;

/** Groups of systemd's units that have processes. */
function unitsOf(machine: Machine): readonly string[] {
	return machine
		.ownProcesses()
		.flatMap(({ cgroup }) => (/^\/(?:(?:system|user|machine)\.slice\/|init\.scope$)/.test(cgroup) ? [cgroup] : []));
}

export function openNodeMachine(options: NodeMachineOptions): Machine {
	const { node, clock, random, kernel, disk, network, startedMs, workers, run } = options;
	const { capacity } = node;
	const machine: Machine = new Machine({
		hostname: node.name,
		clock,
		random,
		network,
		kernel,
		pidNamespace: kernel.rootNamespace,
		findProgram: (program) => options.findProgram(program) ?? findCommand(program),
		openFileSystem: () => {
			const files = disk();
			mountSystemFiles(files, machine, { isWritable: true });
			files.mount({ path: "/dev", tree: new Tree({ clock, lower: deviceTree() }), source: "udev", type: "devtmpfs", readOnly: false });
			for (const [path, options] of memoryMounts)
				files.mount({
					path,
					tree: new Tree({ clock, limitBytes: tmpfsBytes, ...(path === "/run" ? { lower: run } : {}) }),
					source: "tmpfs",
					type: "tmpfs",
					readOnly: false,
					options,
				});
			// systemd shares everything, so that what is mounted on the node can reach containers.
			files.mountTable.setPropagation("/", "shared", true);
			return files;
		},
		cores: () => quantityToNumber(capacity.cpu ?? "1"),
		facts: () => ({
			cgroup: sessionCgroup,
			oomScoreAdj: 0,
			cpuMs: 0,
			memoryBytes: 0,
			namespaces: {},
		}),
	});
	kernel.host = machine;
	const start = (pid: number, argv: readonly string[], parent: Process | undefined, traits: ProcessTraits): Process =>
		machine.run(idle, {
			argv,
			env: new Map(),
			cwd: "/",
			stdin: emptyInput,
			stdout: nowhere,
			stderr: nowhere,
			pids: { pid, hostPid: pid },
			startMs: startedMs,
			parent,
			traits,
		});
	// What else runs is systemd's to start.
	const init = start(1, ["/sbin/init"], undefined, {
		cgroup: "/init.scope",
		ownMemoryBytes: initMemoryBytes,
		cpuMs: () => (clock.now() - startedMs) * initCores,
	});
	const kthreadd = { comm: "", isKernelThread: true, cgroup: "/" } as const;
	let parent: Process | undefined;
	for (const { pid, comm } of kernelThreads) {
		const thread = start(pid, [], parent, { ...kthreadd, comm });
		parent ??= thread;
	}
	const sandboxes = new SandboxProcesses({ kernel, clock, random, driver: node.cgroupDriver, workers, machine, init });
	kernel.onLook = () => sandboxes.sync();
	kernel.openCgroups = () =>
		new Cgroups({
			clock,
			kernel,
			processes: () => kernel.processes(),
			provided: () => providedGroups(node, workers(), unitsOf(machine)),
			place: olderPlace,
			cores: () => machine.cores,
		});
	return machine;
}

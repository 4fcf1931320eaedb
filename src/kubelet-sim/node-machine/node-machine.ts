/**
 * A node as one sees it who logs in to it: the machine beneath its pods, with the node's own files and network, and a view of every
 * process and cgroup on it. It is made when somebody first looks; until then a node has a kernel at most.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Random } from "../../apimachinery/random.ts";
import {
	CgroupTree,
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
	Tree,
} from "../../host/index.ts";
import { systemOomScoreAdj } from "../cgroups/layout.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import type { WorkerNode } from "../pod-worker/worker-host.ts";
import { kernelThreads } from "./kernel-threads.ts";
import { providedGroups } from "./node-cgroups.ts";
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
}

/** Pids below are for what boots with the machine. */
export const firstFreePid = 1_000;

/** Where somebody works who has logged in. */
const sessionCgroup = "/user.slice/user-0.slice/session-1.scope";
const mebibyte = 1024 * 1024;
/** What a tmpfs of the system may hold. */
const tmpfsBytes = 800 * mebibyte;
/** Where, and with which options. */
const memoryMounts = [
	["/run", "size=819200k,mode=755"],
	["/dev/shm", "size=819200k"],
] as const;

interface Service {
	readonly pid: number;
	readonly argv: readonly string[];
	readonly cgroup: string;
	readonly memoryBytes: number;
	/** Cores. */
	readonly load: number;
	readonly oomScoreAdj?: number;
}

/** What runs on every node before its first pod comes. */
const services: readonly Service[] = [
	{ pid: 1, argv: ["/sbin/init"], cgroup: "/init.scope", memoryBytes: 13 * mebibyte, load: 0.0005 },
	{
		pid: 411,
		argv: ["/usr/bin/containerd"],
		cgroup: "/system.slice/containerd.service",
		memoryBytes: 62 * mebibyte,
		load: 0.012,
		oomScoreAdj: systemOomScoreAdj,
	},
	{
		pid: 738,
		argv: ["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--kubeconfig=/etc/kubernetes/kubelet.conf"],
		cgroup: "/system.slice/kubelet.service",
		memoryBytes: 96 * mebibyte,
		load: 0.025,
		oomScoreAdj: systemOomScoreAdj,
	},
];

/** Groups of systemd's units that have processes. */
function unitsOf(machine: Machine): readonly string[] {
	return machine
		.ownProcesses()
		.flatMap(({ cgroup }) => (/^\/(?:(?:system|user|machine)\.slice\/|init\.scope$)/.test(cgroup) ? [cgroup] : []));
}

export function openNodeMachine(options: NodeMachineOptions): Machine {
	const { node, clock, random, kernel, disk, network, startedMs, workers } = options;
	const { capacity } = node;
	const machine: Machine = new Machine({
		hostname: node.name,
		clock,
		random,
		network,
		kernel,
		pidNamespace: kernel.rootNamespace,
		findProgram: findCommand,
		openFileSystem: () => {
			const files = disk();
			mountSystemFiles(files, machine, { isWritable: true });
			files.mount({ path: "/dev", tree: new Tree({ clock, lower: deviceTree() }), source: "udev", type: "devtmpfs", readOnly: false });
			for (const [path, options] of memoryMounts)
				files.mount({ path, tree: new Tree({ clock, limitBytes: tmpfsBytes }), source: "tmpfs", type: "tmpfs", readOnly: false, options });
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
	let init: Process | undefined;
	for (const { pid, argv, cgroup, memoryBytes, load, oomScoreAdj = 0 } of services) {
		const cpuMs = () => (clock.now() - startedMs) * load;
		const process = start(pid, argv, init, { cgroup, oomScoreAdj, ownMemoryBytes: memoryBytes, cpuMs });
		init ??= process;
	}
	if (init === undefined) throw new Error("a node has no first process");
	const kthreadd = { comm: "", isKernelThread: true, cgroup: "/" } as const;
	let parent: Process | undefined;
	for (const { pid, comm } of kernelThreads) {
		const thread = start(pid, [], parent, { ...kthreadd, comm });
		parent ??= thread;
	}
	const sandboxes = new SandboxProcesses({ kernel, clock, random, driver: node.cgroupDriver, workers, machine, init });
	kernel.onLook = () => sandboxes.sync();
	kernel.openCgroups = () =>
		new CgroupTree({
			clock,
			log: kernel.log,
			processes: () => kernel.processes(),
			provided: () => providedGroups(node, workers(), unitsOf(machine)),
			memoryBytes: () => quantityToNumber(capacity.memory ?? "0"),
			cores: () => machine.cores,
		});
	return machine;
}

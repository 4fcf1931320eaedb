/**
 * Processes that a node has for each pod beside its containers': the shim that containerd starts, and the pause process that holds the
 * sandbox's namespaces. Their pids are kept when a sandbox is made; the processes come when somebody first looks.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import {
	emptyInput,
	FileSystem,
	type Kernel,
	Machine,
	PidNamespace,
	type Process,
	type Program,
	Tree,
	TreeBuilder,
} from "../../host/index.ts";
import { type CgroupDriver, containerCgroup, pauseOomScoreAdj } from "../cgroups/layout.ts";
import { once } from "../images/image.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { sandboxIdOf, sandboxNamespaces } from "../pod-worker/sandbox-facts.ts";
import type { SandboxInstance } from "../pod-worker/sandboxes.ts";

const shimMemoryBytes = 11 * 1024 * 1024;
/** A small virtual machine with little in it. */
const virtualMachineBytes = 160 * 1024 * 1024;
/** By what runs the containers. */
const shims = {
	runc: "/usr/bin/containerd-shim-runc-v2",
	kata: "/opt/kata/bin/containerd-shim-kata-v2",
	wasm: "/usr/local/bin/containerd-shim-wasmtime-v1",
} as const;
const pauseMemoryBytes = 512 * 1024;
/** The pause image's user. */
const pauseUser = { uid: 65_535, gid: 65_535, groups: [] };

const pauseFiles = once(() => new TreeBuilder(0).program("/pause").directory("/dev").directory("/proc").build());

/** A program that is there, and does nothing that anybody sees. */
export const idle: Program = async ({ process }) => {
	await process.exited;
	return 0;
};

export const nowhere = { write: () => undefined };

export interface SandboxProcessesOptions {
	readonly kernel: Kernel;
	readonly clock: Clock;
	readonly random: Random;
	readonly driver: CgroupDriver;
	readonly workers: () => Iterable<PodWorker>;
	/** The node's own: shims are its processes. */
	readonly machine: Machine;
	/** pid 1 of the node. */
	readonly init: Process;
}

interface Sandbox {
	/** By this a later sandbox of the pod is another one. */
	readonly firstPid: number;
	readonly shim: Process;
	/** Of Kata Containers, the virtual machine. */
	readonly pause: Process;
}

export class SandboxProcesses {
	readonly #options: SandboxProcessesOptions;
	readonly #sandboxes = new Map<PodWorker, Sandbox>();

	constructor(options: SandboxProcessesOptions) {
		this.#options = options;
	}

	/** Starts what is missing, and ends what is left over. */
	sync(): void {
		const present = new Set<PodWorker>();
		for (const worker of this.#options.workers()) {
			const instance = worker.record.sandboxes.at(-1);
			if (worker.record.sandbox !== "ready" || instance === undefined) continue;
			present.add(worker);
			const known = this.#sandboxes.get(worker);
			if (known?.firstPid !== instance.shimPid) {
				if (known !== undefined) end(known);
				this.#sandboxes.set(worker, this.#start(worker, instance));
			}
			const shim = this.#sandboxes.get(worker)?.shim;
			for (const { container } of worker.containerWorkers())
				for (const process of container?.machine.ownProcesses() ?? []) if (process.parent === undefined) process.parent = shim;
		}
		for (const [worker, sandbox] of this.#sandboxes) {
			if (present.has(worker)) continue;
			end(sandbox);
			this.#sandboxes.delete(worker);
		}
	}

	#start(worker: PodWorker, { shimPid: firstPid, runtime: { kind } }: SandboxInstance): Sandbox {
		const { machine, init } = this.#options;
		const id = sandboxIdOf(worker);
		const startMs = worker.record.startMs;
		const start = (on: Machine, argv: readonly string[], pids: { pid: number; hostPid: number }, ownMemoryBytes: number, parent: Process) =>
			on.run(idle, {
				argv,
				env: new Map(),
				cwd: "/",
				stdin: emptyInput,
				stdout: nowhere,
				stderr: nowhere,
				pids,
				startMs,
				parent,
				traits: { ownMemoryBytes },
			});
		const shim = start(
			machine,
			[shims[kind], "-namespace", "k8s.io", "-id", id, "-address", "/run/containerd/containerd.sock"],
			{ pid: firstPid, hostPid: firstPid },
			shimMemoryBytes,
			init,
		);
		shim.setTraits({ cgroup: "/system.slice/containerd.service", oomScoreAdj: -998 });
		const hostPid = firstPid + 1;
		const cgroup = containerCgroup(worker.pod, id, this.#options.driver);
		if (kind === "kata") {
			// The node sees the virtual machine; what runs in it is its own kernel's.
			const argv = ["/opt/kata/bin/qemu-system-x86_64", "-name", `sandbox-${id}`];
			const virtualMachine = start(machine, argv, { pid: hostPid, hostPid }, virtualMachineBytes, shim);
			virtualMachine.setTraits({ cgroup });
			return { firstPid, shim, pause: virtualMachine };
		}
		const pauseMachine = this.#pauseMachine(worker, id);
		const pause = start(pauseMachine, ["/pause"], { pid: pauseMachine.pidNamespace.isRoot ? hostPid : 1, hostPid }, pauseMemoryBytes, shim);
		pause.setTraits({
			cgroup,
			oomScoreAdj: pauseOomScoreAdj,
			credentials: pauseUser,
		});
		return { firstPid, shim, pause };
	}

	#pauseMachine(worker: PodWorker, id: string): Machine {
		const { kernel, clock, random, driver } = this.#options;
		const { pod, network, node } = worker;
		const isOfNode = pod.spec?.hostPID === true;
		const machine: Machine = new Machine({
			hostname: pod.spec?.hostNetwork === true ? node.name : (pod.spec?.hostname ?? pod.metadata?.name ?? ""),
			clock,
			random,
			network: network ?? node.network,
			kernel,
			pidNamespace: isOfNode ? kernel.rootNamespace : (worker.sharedPids ?? new PidNamespace(kernel)),
			findProgram: () => undefined,
			openFileSystem: () => new FileSystem(new Tree({ clock, lower: pauseFiles() })),
			facts: () => ({
				cgroup: containerCgroup(pod, id, driver),
				oomScoreAdj: pauseOomScoreAdj,
				credentials: pauseUser,
				cpuMs: 0,
				memoryBytes: pauseMemoryBytes,
				namespaces: { mnt: machine, ...(kernel.cgroupVersion === 1 ? {} : { cgroup: machine }), ...sandboxNamespaces(worker) },
			}),
		});
		return machine;
	}
}

function end({ shim, pause }: Sandbox): void {
	shim.kill("KILL");
	pause.kill("KILL");
}

/**
 * A node as one sees it who logs in to it: the machine beneath its pods, with the node's own files and network, and a view of every
 * process on it. It is made when somebody first looks; until then a node has a kernel at most.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Random } from "../../apimachinery/random.ts";
import { emptyInput, FileSystem, findCommand, type Kernel, Machine, type NetworkStack, type Program } from "../../host/index.ts";

export interface NodeMachineOptions {
	readonly name: string;
	readonly clock: Clock;
	readonly random: Random;
	readonly kernel: Kernel;
	/** Those that a node has and its containers have not. */
	readonly findProgram: (name: string) => Program | undefined;
	/** The node's disk, which hostPath volumes lead to as well. */
	readonly disk: () => FileSystem;
	readonly network: NetworkStack;
	readonly capacity: Readonly<Record<string, string>>;
	/** When it booted, Unix ms. */
	readonly startedMs: number;
}

/** Pids below are for what boots with the machine. */
export const firstFreePid = 1_000;

/** What runs on every node before its first pod comes. */
const services: readonly { readonly pid: number; readonly argv: readonly string[] }[] = [
	{ pid: 1, argv: ["/sbin/init"] },
	{ pid: 411, argv: ["/usr/bin/containerd"] },
	{ pid: 738, argv: ["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--kubeconfig=/etc/kubernetes/kubelet.conf"] },
];

const serve: Program = async ({ process }) => {
	await process.exited;
	return 0;
};

export function openNodeMachine(options: NodeMachineOptions): Machine {
	const { name, clock, random, kernel, findProgram, disk, network, capacity, startedMs } = options;
	const machine = new Machine({
		hostname: name,
		clock,
		random,
		network,
		kernel,
		pidNamespace: kernel.rootNamespace,
		findProgram: (command) => findProgram(command) ?? findCommand(command),
		openFileSystem: () => new FileSystem(disk().rootTree),
		cores: () => quantityToNumber(capacity.cpu ?? "1"),
		memoryLimitBytes: () => quantityToNumber(capacity.memory ?? "0"),
	});
	kernel.host = machine;
	const nowhere = { write: () => undefined };
	for (const { pid, argv } of services) {
		machine.run(serve, {
			argv,
			env: new Map(),
			cwd: "/",
			stdin: emptyInput,
			stdout: nowhere,
			stderr: nowhere,
			pids: { pid, hostPid: pid },
			startMs: startedMs,
		});
	}
	return machine;
}

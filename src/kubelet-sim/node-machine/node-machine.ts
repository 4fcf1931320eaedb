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
	/** The node's disk, which hostPath volumes lead to as well. */
	readonly disk: () => FileSystem;
	readonly network: NetworkStack;
	readonly capacity: Readonly<Record<string, string>>;
	/** When it booted, Unix ms. */
	readonly startedMs: number;
	/** Programs of nodes alone, by name. */
	readonly findProgram: (name: string) => Program | undefined;
}

/** Pids below are for what boots with the machine. */
export const firstFreePid = 1_000;

const serve: Program = async ({ process }) => {
	await process.exited;
	return 0;
};

export function openNodeMachine(options: NodeMachineOptions): Machine {
	const { name, clock, random, kernel, disk, network, capacity, startedMs } = options;
	const machine = new Machine({
		hostname: name,
		clock,
		random,
		network,
		kernel,
		pidNamespace: kernel.rootNamespace,
		findProgram: (program) => options.findProgram(program) ?? findCommand(program),
		openFileSystem: () => new FileSystem(disk().rootTree),
		cores: () => quantityToNumber(capacity.cpu ?? "1"),
		memoryLimitBytes: () => quantityToNumber(capacity.memory ?? "0"),
	});
	kernel.host = machine;
	const nowhere = { write: () => undefined };
	machine.run(serve, {
		argv: ["/sbin/init"],
		env: new Map(),
		cwd: "/",
		stdin: emptyInput,
		stdout: nowhere,
		stderr: nowhere,
		pids: { pid: 1, hostPid: 1 },
		startMs: startedMs,
	});
	return machine;
}

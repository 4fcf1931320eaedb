/**
 * Programs that do nothing but use resources: `stress` and `stress-ng`. A worker is a process of its own; one that takes memory and is
 * killed for it is started again, as stress-ng does. What else they can do (disks, system calls, caches) is not simulated: such workers are
 * counted and do nothing.
 * Source: stress(1), stress-ng(1) of version 0.14
 */
import { sleep } from "../../apimachinery/clock/clock.ts";
import type { ProcessContext, Program } from "../machine.ts";
import type { Process, ProcessTraits } from "../process.ts";
import { writeText } from "../stream.ts";

/** How long a burst of work is: counters move in such steps. */
const burstMs = 500;
/** Of `--vm-bytes`, if nobody says. */
const defaultVmBytes = 256 * 1024 * 1024;
/** How often a worker of stress-ng that the kernel has killed is started anew, at most: after that it is no more than noise. */
const maxRestarts = 10;
const restartDelayMs = 100;

interface Workload {
	readonly cpus: number;
	/** Percent of a core that each takes. */
	readonly cpuLoad: number;
	readonly vms: number;
	/** In bytes, of each. */
	readonly vmBytes: number;
	/** Memory is held and not written all the time. */
	readonly vmHangs: boolean;
	readonly others: number;
	/** Ms; infinity: until it is killed. */
	readonly timeoutMs: number;
}

/** `1G`, `150M`, `512k`, `10%` of the machine's memory: powers of 1024. */
function bytesOf(text: string, totalBytes: number): number {
	const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
	if (percent !== null) return (totalBytes * Number(percent[1])) / 100;
	const [, number = "0", unit = ""] = /^(\d+)([bkmgt]?)b?$/i.exec(text) ?? [];
	return Number(number) * 1024 ** Math.max(0, "bkmgt".indexOf(unit.toLowerCase() || "b"));
}

function millisecondsOf(text: string): number {
	const [, number = "0", unit = "s"] = /^(\d+)([smhdy]?)$/.exec(text) ?? [];
	return Number(number) * ({ s: 1, m: 60, h: 3_600, d: 86_400, y: 31_557_600 }[unit] ?? 1) * 1000;
}

function parse(args: readonly string[], totalBytes: number): Workload {
	const words = args.flatMap((word) =>
		/^--[a-z-]+=/.test(word) ? word.split("=") : /^-[cmtid]\d/.test(word) ? [word.slice(0, 2), word.slice(2)] : [word],
	);
	const argumentOf = (...names: readonly string[]) => {
		const at = words.findIndex((word) => names.includes(word));
		return at === -1 ? undefined : words[at + 1];
	};
	const count = (...names: readonly string[]) => Math.max(0, Number.parseInt(argumentOf(...names) ?? "0", 10) || 0);
	const timeout = argumentOf("-t", "--timeout");
	const bytes = argumentOf("--vm-bytes");
	return {
		cpus: count("-c", "--cpu"),
		cpuLoad: Math.min(100, Number(argumentOf("-l", "--cpu-load") ?? 100)),
		vms: count("-m", "--vm"),
		vmBytes: bytes === undefined ? defaultVmBytes : bytesOf(bytes, totalBytes),
		vmHangs: words.includes("--vm-hang") || words.includes("--vm-keep"),
		others: count("-i", "--io") + count("-d", "--hdd"),
		timeoutMs: timeout === undefined ? Number.POSITIVE_INFINITY : millisecondsOf(timeout),
	};
}

/** Starts a worker: a child of the caller under a name of its own. */
function fork(context: ProcessContext, comm: string, program: Program, traits: ProcessTraits = {}): Process {
	const { machine, argv, env, cwd, stdin, stdout, stderr, process } = context;
	return machine.run(program, {
		argv: [argv[0] ?? comm, ...argv.slice(1)],
		env,
		cwd,
		stdin,
		stdout,
		stderr,
		parent: process,
		traits: { comm, ...traits },
	});
}

const compute =
	(endMs: number, loadPercent: number): Program =>
	async ({ process, machine }) => {
		while (process.exit === undefined && machine.clock.now() < endMs) {
			await process.work((burstMs * loadPercent) / 100);
			const restMs = burstMs * (1 - loadPercent / 100);
			if (restMs > 0) await sleep(machine.clock, restMs, process.ended).catch(() => undefined);
		}
		return 0;
	};

const occupy =
	(endMs: number, bytes: number, hangs: boolean): Program =>
	async ({ process, machine }) => {
		const taken = machine.takeMemory(process, bytes);
		// Its alarm ends it, whether it has got all by then or not.
		const isEndless = endMs === Number.POSITIVE_INFINITY;
		await (isEndless
			? taken
			: Promise.race([taken, sleep(machine.clock, endMs - machine.clock.now(), process.ended).catch(() => undefined)]));
		while (process.exit === undefined && machine.clock.now() < endMs) {
			if (hangs && isEndless) await process.exited;
			else if (hangs) await sleep(machine.clock, endMs - machine.clock.now(), process.ended).catch(() => undefined);
			else await process.work(burstMs);
		}
		return 0;
	};

/** @param restarts workers that the kernel kills are started anew */
async function run(
	context: ProcessContext,
	load: Workload,
	names: { readonly cpu: string; readonly vm: string },
	restarts: boolean,
): Promise<number> {
	const { machine, process } = context;
	const endMs = machine.clock.now() + load.timeoutMs;
	const workers = new Set<Process>();
	let failed = 0;
	const stopAll = (): void => {
		for (const worker of workers) worker.kill("KILL");
	};
	void process.exited.then(stopAll);
	const tend = async (comm: string, program: Program, traits?: ProcessTraits): Promise<void> => {
		for (let start = 0; start <= maxRestarts && process.exit === undefined; start++) {
			if (start > 0) await sleep(machine.clock, restartDelayMs, process.ended).catch(() => undefined);
			const worker = fork(context, comm, program, traits);
			workers.add(worker);
			const { oomKilled, signal } = await worker.exited;
			workers.delete(worker);
			if (signal !== undefined) failed++;
			if (oomKilled !== true || !restarts) return;
		}
	};
	const ends: Promise<void>[] = [];
	for (let index = 0; index < load.cpus; index++) ends.push(tend(names.cpu, compute(endMs, load.cpuLoad)));
	// The kernel is told to take workers that hold memory first.
	for (let index = 0; index < load.vms; index++)
		ends.push(tend(names.vm, occupy(endMs, load.vmBytes, load.vmHangs), restarts ? { oomScoreAdj: 1000 } : {}));
	for (let index = 0; index < load.others; index++) ends.push(tend(names.cpu, ({ process: worker }) => worker.exited.then(() => 0)));
	if (load.others > 0 && load.timeoutMs !== Number.POSITIVE_INFINITY)
		void sleep(machine.clock, load.timeoutMs, process.ended).then(stopAll, stopAll);
	await Promise.all(ends);
	return failed;
}

const seconds = (ms: number) => Math.round(ms / 1000);

export const stress: Program = async (context) => {
	const { argv, stdout, stderr, machine, process } = context;
	const load = parse(argv.slice(1), machine.kernel.hardware?.().memoryBytes ?? 0);
	if (load.cpus + load.vms + load.others === 0) {
		await writeText(stdout, "`stress' imposes certain types of compute stress on your system\n\nUsage: stress [OPTION [ARG]] ...\n");
		return 0;
	}
	const pid = machine.procNamespace.pidOf(process);
	const startMs = machine.clock.now();
	const others = (letter: string) => Math.max(0, Number(argv[argv.indexOf(letter) + 1] ?? 0) || 0) * (argv.includes(letter) ? 1 : 0);
	await writeText(
		stdout,
		`stress: info: [${pid}] dispatching hogs: ${load.cpus} cpu, ${others("-i")} io, ${load.vms} vm, ${others("-d")} hdd\n`,
	);
	const failed = await run(context, load, { cpu: "stress", vm: "stress" }, false);
	const took = seconds(machine.clock.now() - startMs);
	if (failed > 0) {
		await writeText(
			stderr,
			`stress: FAIL: [${pid}] (415) <-- worker got signal 9\nstress: FAIL: [${pid}] (451) failed run completed in ${took}s\n`,
		);
		return 1;
	}
	await writeText(stdout, `stress: info: [${pid}] successful run completed in ${took}s\n`);
	return 0;
};

export const stressNg: Program = async (context) => {
	const { argv, stderr, machine, process } = context;
	const load = parse(argv.slice(1), machine.kernel.hardware?.().memoryBytes ?? 0);
	if (load.cpus + load.vms + load.others === 0) {
		await writeText(stderr, "stress-ng: error: no stress workers specified\n");
		return 1;
	}
	process.setTraits({ oomScoreAdj: -1000 });
	const pid = machine.procNamespace.pidOf(process);
	const startMs = machine.clock.now();
	const info = (text: string) => writeText(stderr, `stress-ng: info:  [${pid}] ${text}\n`);
	const secs = seconds(load.timeoutMs);
	await info(
		load.timeoutMs === Number.POSITIVE_INFINITY
			? "defaulting to a 86400 second (1 day, 0.00 secs) run per stressor"
			: `setting to a ${secs} second run per stressor`,
	);
	const hogs = [
		load.cpus > 0 ? `${load.cpus} cpu` : "",
		load.vms > 0 ? `${load.vms} vm` : "",
		load.others > 0 ? `${load.others} io` : "",
	].filter((text) => text !== "");
	await info(`dispatching hogs: ${hogs.join(", ")}`);
	await run(context, { ...load, timeoutMs: Math.min(load.timeoutMs, 86_400_000) }, { cpu: "stress-ng-cpu", vm: "stress-ng-vm" }, true);
	await info(`successful run completed in ${((machine.clock.now() - startMs) / 1000).toFixed(2)}s`);
	return 0;
};

/** `taskset`: on which processors a process may run. Source: taskset(1) of util-linux 2.41 */
import { cpuMask, formatCpuList, parseCpuList, parseCpuMask } from "../../cgroup/cpu-list.ts";
import { allowedCpus, effectiveCpus } from "../../cgroup/cpuset.ts";
import type { ProcessContext, Program } from "../../machine.ts";
import type { Process } from "../../process.ts";
import { writeText } from "../../stream.ts";
import { runChild } from "../children.ts";
import { parseOptions } from "../options.ts";
import { maySignal } from "./control.ts";
import { readProcessTable } from "./process-table.ts";

export const taskset: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "acp", ["all-tasks", "cpu-list", "pid"], true);
	const isList = flags.has("c") || flags.has("cpu-list");
	const isPid = flags.has("p") || flags.has("pid");
	const [first, ...rest] = operands;
	if (first === undefined || (!isPid && rest.length === 0)) return fail(context, "bad usage\nTry 'taskset --help' for more information.");
	const [wanted, pid] = isPid ? (rest[0] === undefined ? [undefined, first] : [first, rest[0]]) : [first, undefined];
	const process = pid === undefined ? context.process : context.machine.process(Number(pid));
	if (pid !== undefined && !/^\d+$/.test(pid)) return fail(context, `invalid PID argument: '${pid}'`);
	const shownPid = pid ?? "0";
	if (process === undefined)
		return fail(context, `failed to ${wanted === undefined ? "get" : "set"} pid ${shownPid}'s affinity: No such process`);
	if (pid !== undefined) await show(context, process, pid, "current", isList);
	if (wanted === undefined) return 0;
	const cpus = isList ? parseCpuList(wanted) : parseCpuMask(wanted);
	if (cpus === undefined) return fail(context, `failed to parse CPU ${isList ? "list" : "mask"}: ${wanted}`);
	const why = refusal(context, process, cpus);
	if (why !== undefined) return fail(context, `failed to set pid ${shownPid}'s affinity: ${why}`);
	process.setTraits({ affinity: cpus });
	if (pid === undefined) return runChild(context, rest);
	await show(context, process, pid, "new", isList);
	return 0;
};

function coresOf(context: ProcessContext): number {
	return readProcessTable(context).view.hardware().cores;
}

async function show(context: ProcessContext, process: Process, pid: string, which: "current" | "new", isList: boolean): Promise<void> {
	const cpus = allowedCpus(process, context.machine.kernel.cgroups, coresOf(context));
	const affinity = isList ? `list: ${formatCpuList(cpus, 3)}` : `mask: ${cpuMask(cpus)}`;
	await writeText(context.stdout, `pid ${pid}'s ${which} affinity ${affinity}\n`);
}

/** As of sched_setaffinity(2). */
function refusal(context: ProcessContext, process: Process, cpus: readonly number[]): string | undefined {
	if (!maySignal(context.process, process)) return "Operation not permitted";
	const group = context.machine.kernel.cgroups?.tree("cpuset").groupOf(process);
	const able = effectiveCpus(group, coresOf(context));
	return cpus.some((cpu) => able.includes(cpu)) ? undefined : "Invalid argument";
}

async function fail({ stderr }: ProcessContext, text: string): Promise<number> {
	await writeText(stderr, `taskset: ${text}\n`);
	return 1;
}

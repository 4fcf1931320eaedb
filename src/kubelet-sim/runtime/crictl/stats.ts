/** `stats` and `statsp`: what containers and pods use, measured over a second unless told otherwise. */
import { sleep } from "../../../apimachinery/clock/clock.ts";
import type { JsonObject } from "../../../apimachinery/json.ts";
import type { ContainerRuntime, ContainerStats } from "../cri.ts";
import { formatTable, humanSize } from "../tools/table.ts";
import { flag, type Subcommand, type ToolCall, valued } from "../tools/tool.ts";
import { listLayout, nanoseconds, printList, readLabels, shortId } from "./output.ts";
import { type CrictlServices, helpExit } from "./services.ts";

/** What the tool clears the screen with before each table. */
const clearScreen = "\x1b[2J\x1b[H";
const options = [valued("id"), valued("label"), valued("output", "o"), valued("seconds", "s"), flag("watch", "w")];

function chosen(call: ToolCall, runtime: ContainerRuntime): readonly ContainerStats[] {
	const id = call.value("id") ?? call.operands[0] ?? "";
	const labels = readLabels(call.values("label"));
	return runtime
		.stats()
		.filter(
			({ container }) =>
				container.id.startsWith(id) &&
				container.sandboxId.startsWith(call.value("pod") ?? "") &&
				labels.every(([key, value]) => container.labels[key] === value),
		)
		.toSorted((a, b) => (a.container.id < b.container.id ? -1 : 1));
}

const stats: Subcommand<CrictlServices> = {
	name: "stats",
	usage: "List container(s) resource usage statistics",
	args: "[ID]",
	options: [...options, valued("pod", "p"), flag("all", "a")],
	run: async (call, { runtime }) => {
		if (call.operands.length > 1) return helpExit;
		const format = call.value("output") ?? "";
		if (format === "json" || format === "yaml") {
			await printList(call, format, { stats: chosen(call, runtime).map(statsJson) }, () => "");
			return 0;
		}
		return show(call, async () => {
			const before = new Map(chosen(call, runtime).map((each) => [each.container.id, each]));
			await sample(call);
			const rows = chosen(call, runtime).flatMap((now) => {
				const old = before.get(now.container.id);
				const { container, workingSetBytes, diskBytes, inodes } = now;
				const usage = [humanSize(workingSetBytes, 4), humanSize(diskBytes, 4), String(inodes), humanSize(0, 4)];
				return old === undefined ? [] : [[shortId(container.id), container.name, percent([old], [now]), ...usage]];
			});
			return [["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"], ...rows];
		});
	},
};

const podStats: Subcommand<CrictlServices> = {
	name: "statsp",
	usage: "List pod statistics. Stats represent a structured API that will fulfill the Kubelet's /stats/summary endpoint.",
	args: "[ID]",
	options,
	run: async (call, { runtime }) => {
		if (call.operands.length > 1) return helpExit;
		const id = call.value("id") ?? call.operands[0] ?? "";
		const labels = readLabels(call.values("label"));
		const sandboxes = () =>
			runtime
				.sandboxes()
				.filter(
					(each) => each.state === "SANDBOX_READY" && each.id.startsWith(id) && labels.every(([key, value]) => each.labels[key] === value),
				)
				.toSorted((a, b) => (a.id < b.id ? -1 : 1));
		const of = (sandboxId: string) => runtime.stats().filter(({ container }) => container.sandboxId === sandboxId);
		const format = call.value("output") ?? "";
		if (format === "json" || format === "yaml") {
			const all = sandboxes().map(({ id: sandboxId, name, uid, namespace, attempt, labels: own, annotations }) => ({
				attributes: { id: sandboxId, metadata: { name, uid, namespace, attempt }, labels: { ...own }, annotations: { ...annotations } },
				linux: { ...totals(of(sandboxId), call.nowMs), containers: of(sandboxId).map(statsJson) },
				windows: null,
			}));
			await printList(call, format, { stats: all }, () => "");
			return 0;
		}
		return show(call, async () => {
			const before = new Map(sandboxes().map((each) => [each.id, of(each.id)]));
			await sample(call);
			const rows = sandboxes().flatMap((sandbox) => {
				const old = before.get(sandbox.id);
				const now = of(sandbox.id);
				if (old === undefined || now.length === 0) return [];
				const bytes = now.reduce((sum, { workingSetBytes }) => sum + workingSetBytes, 0);
				return [[sandbox.name, shortId(sandbox.id), percent(old, now), humanSize(bytes, 4)]];
			});
			return [["POD", "POD ID", "CPU %", "MEM"], ...rows];
		});
	},
};

/** Once, or again and again until somebody interrupts. */
async function show(call: ToolCall, rows: () => Promise<readonly (readonly string[])[]>): Promise<number> {
	const { process } = call.context;
	do await call.print(`${clearScreen}${formatTable(await rows(), listLayout)}`);
	while (call.has("watch") && process.exit === undefined);
	return 0;
}

async function sample(call: ToolCall): Promise<void> {
	const { machine, process } = call.context;
	await sleep(machine.clock, Math.max(1, Number(call.value("seconds") ?? 1)) * 1000, process.ended).catch(() => undefined);
}

/** Of one core. */
function percent(before: readonly ContainerStats[], now: readonly ContainerStats[]): string {
	const seconds = (stats: readonly ContainerStats[]) => stats.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
	const passedMs = (now[0]?.atMs ?? 0) - (before[0]?.atMs ?? 0);
	return (passedMs <= 0 ? 0 : ((seconds(now) - seconds(before)) / passedMs) * 100_000).toFixed(2);
}

function totals(all: readonly ContainerStats[], nowMs: number): JsonObject {
	const sum = (of: (stats: ContainerStats) => number) => all.reduce((total, each) => total + of(each), 0);
	const timestamp = nanoseconds(nowMs);
	return {
		cpu: {
			timestamp,
			usageCoreNanoSeconds: { value: String(Math.round(sum(({ cpuSeconds }) => cpuSeconds) * 1e9)) },
			usageNanoCores: { value: String(Math.round(sum(({ cores }) => cores) * 1e9)) },
		},
		memory: { timestamp, workingSetBytes: { value: String(sum(({ workingSetBytes }) => workingSetBytes)) } },
	};
}

function statsJson(stats: ContainerStats): JsonObject {
	const { container, atMs, diskBytes, inodes } = stats;
	const { id, name, attempt, labels, annotations } = container;
	const timestamp = nanoseconds(atMs);
	return {
		attributes: { id, metadata: { name, attempt }, labels: { ...labels }, annotations: { ...annotations } },
		...totals([stats], atMs),
		writableLayer: {
			timestamp,
			fsId: { mountpoint: "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs" },
			usedBytes: { value: String(diskBytes) },
			inodesUsed: { value: String(inodes) },
		},
		swap: { timestamp, swapAvailableBytes: { value: "0" }, swapUsageBytes: { value: "0" } },
	};
}

export const statsCommands: readonly Subcommand<CrictlServices>[] = [stats, podStats];

/** `kubesim simulate -f FILE`: what would become of a workload, without touching the cluster. `kubesim scheduler configure`. */
import type { SimulationResult } from "../../cluster/index.ts";
import { askCluster } from "../control/running-server.ts";
import { readInput } from "../read-input.ts";
import { formatTable } from "../table.ts";

interface SimulateOptions {
	readonly name: string;
	/** A cluster that is not asked but read: a snapshot file, or the directory of one that is stopped. */
	readonly snapshot?: string;
	readonly dataDir?: string;
	readonly filename: readonly string[];
	/** A number, or a file. */
	readonly nodes?: string;
	readonly output?: "json";
}

/** Exit code 1 if a pod fits nowhere. */
export async function simulate({ name, filename, nodes, output, snapshot, dataDir }: SimulateOptions): Promise<void> {
	const manifests = await Promise.all(filename.map(readInput));
	const imagined = nodes === undefined ? undefined : /^\d+$/.test(nodes) ? Number(nodes) : await readInput(nodes);
	const params = { manifests, ...(imagined === undefined ? {} : { nodes: imagined }) };
	const isSaved = snapshot !== undefined || dataDir !== undefined;
	const result = isSaved
		? await (await import("../saved-simulation.ts")).simulateSaved({ snapshot, dataDir }, params)
		: await askCluster<SimulationResult>(name, "scheduler.simulate", params);
	const misfits = result.placements.filter(({ nodeName }) => nodeName === "").length;
	if (misfits > 0) process.exitCode = 1;
	process.stdout.write(output === "json" ? `${JSON.stringify(result)}\n` : describe(result, misfits));
}

function describe({ placements }: SimulationResult, misfits: number): string {
	const rows = placements.map(({ pod, nodeName, preempts, message }) => [
		pod,
		nodeName === "" ? "<none>" : nodeName,
		preempts.length === 0 ? message : `preempts ${preempts.join(", ")}`,
	]);
	const fitting = placements.length - misfits;
	return `${formatTable(["POD", "NODE", "WHY"], rows)}\n${fitting} of ${placements.length} pods ${placements.length === 1 ? "fits" : "fit"}.\n`;
}

/** Goes on scheduling by another configuration. */
export async function configureScheduler(file: string, { name }: { readonly name: string }): Promise<void> {
	await askCluster(name, "scheduler.configure", { configuration: await readInput(file) });
	process.stdout.write(`The scheduler goes by ${file} until the cluster stops. For longer: kubesim start --scheduler-config ${file}\n`);
}

/** What commands may ask of the scheduler of a cluster that runs: `kubesim explain`, `simulate`, `scheduler`. */
import { parse } from "yaml";
import { readManifest } from "../../apimachinery/manifests.ts";
import type { Node } from "../../apimachinery/schema/generated/types.ts";
import { type Cluster, imaginedNodes, type SimulationResult, simulatePlacement } from "../../cluster/index.ts";
import type { ControlMethods } from "./control-server.ts";

export function schedulerMethods(cluster: Cluster): ControlMethods {
	return {
		"scheduler.explain": ({ namespace, name }) => cluster.explainPod(String(namespace), String(name)),
		"scheduler.simulate": (params) => simulateOn(cluster, params),
		"scheduler.configure": ({ configuration }) => cluster.configureScheduler(parse(String(configuration))),
	};
}

/** `manifests`: texts; `nodes`: how many more to imagine, or the text of a manifest of them. */
export async function simulateOn(cluster: Cluster, { manifests, nodes }: Readonly<Record<string, unknown>>): Promise<SimulationResult> {
	const objects = await readManifest((manifests as readonly unknown[]).map(String));
	return await simulatePlacement(cluster, objects, { nodes: await nodesOf(cluster, nodes) });
}

async function nodesOf(cluster: Cluster, nodes: unknown): Promise<readonly Node[]> {
	if (typeof nodes === "number") return imaginedNodes(cluster, nodes);
	return typeof nodes === "string" ? ((await readManifest(nodes)) as readonly Node[]) : [];
}

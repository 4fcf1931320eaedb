/** What commands may ask of, and do to, the nodes of a cluster that runs: `kubesim node …`. */
import { readManifest } from "../../apimachinery/manifests.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type Cluster, type KilledPod, type NodeFault, NodeRequestError } from "../../cluster/index.ts";
import type { ControlMethods } from "./control-server.ts";

function pressed(resource: unknown): "memory" | "disk" | "pid" {
	if (resource === "memory" || resource === "disk" || resource === "pid") return resource;
	throw new Error(`nodes run out of memory, disk or pid, not of ${String(resource)}`);
}

export function nodeMethods(cluster: Cluster): ControlMethods {
	const { nodes } = cluster;
	const known = (name: unknown): string => nodes.known(String(name));
	const stop = async (node: string, isGraceful: boolean): Promise<void> => {
		if (isGraceful) await cluster.fleet.shutDownNode(node);
		else cluster.fleet.powerOffNode(node);
	};
	return {
		"node.stop": ({ node, graceful }) => stop(known(node), graceful === true),
		"node.start": ({ node }) => cluster.fleet.startNode(known(node)),
		/** The machine runs, and nobody hears of it. */
		"node.isolate": ({ node }) => cluster.fleet.stopNode(known(node)),
		"node.press": ({ node, resource }) => cluster.fleet.pressNode(known(node), pressed(resource)),
		"node.fail": ({ node, part, as }) => nodes.fail(String(node), { part, as } as NodeFault),
		"node.heal": ({ node }) => nodes.heal(String(node)),
		"pod.kill": (params) => nodes.killPod(params as unknown as KilledPod),
		"node.reboot": async ({ node, graceful }) => {
			await stop(known(node), graceful === true);
			cluster.fleet.startNode(known(node));
		},
		/** `template`: the text of a manifest. */
		"nodes.add": async ({ count, template, zones }) =>
			nodes.add({
				count: Number(count),
				...(template === undefined ? {} : { template: await theOnly(String(template)) }),
				...(zones === undefined ? {} : { zones: (zones as readonly unknown[]).map(String) }),
			}),
		"nodes.remove": async ({ names, selector }) => {
			const chosen = selector === undefined ? (names as readonly unknown[]).map(String) : await nodes.selected(String(selector));
			await nodes.remove(chosen);
			return chosen;
		},
		"nodes.list": () => nodes.list(),
	};
}

async function theOnly(manifest: string): Promise<KubeObject> {
	const [object, ...others] = await readManifest(manifest);
	if (object === undefined || others.length > 0) throw new NodeRequestError("a template of nodes is one object");
	return object;
}

/**
 * Nodes that come and go while the cluster runs: many at once, made from one template, each with a kubelet of its own, which goes with
 * its node. They are there again when the server starts anew, as far as their Node objects are: see nodesToRun.
 */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Node } from "../apimachinery/schema/generated/types.ts";
import type { Client } from "../client/client.ts";
import type { InformerFactory } from "../client/informer.ts";
import { nodes as nodesRef, pods as podsRef } from "../client/resources.ts";
import type { Fleet, NodeOptions } from "../kubelet-sim/index.ts";
import { isReady } from "./node-readiness.ts";

export interface AddedNodes {
	readonly count: number;
	/**
	 * A Node: its labels, annotations, taints and capacity are those of each. `{n}` in any text of it is the node's number. It is named as
	 * the template, with its number behind it unless `{n}` is in the name; default `node-{n}`.
	 */
	readonly template?: KubeObject;
	/** The nodes are put into these zones in turn (topology.kubernetes.io/zone). */
	readonly zones?: readonly string[];
}

export interface NodeReport {
	readonly name: string;
	readonly state: "Ready" | "NotReady";
	/** Whether it has a simulated kubelet in this server. */
	readonly isSimulated: boolean;
	/** "" if it says none. */
	readonly zone: string;
	/** Quantities; "" where the node says nothing. */
	readonly cpu: string;
	readonly memory: string;
	/** That are on it and not over, and that it has room for. */
	readonly pods: number;
	readonly maxPods: string;
}

/** What was asked for makes no nodes, or there are no such nodes. */
export class NodeRequestError extends Error {
	override readonly name = "NodeRequestError";
}

const zoneLabel = "topology.kubernetes.io/zone";
const placeholder = "{n}";

export interface ClusterNodesOptions {
	/** Throws while another server runs the nodes. */
	readonly fleet: () => Fleet;
	readonly informers: InformerFactory;
	/** An administrator's. */
	readonly client: Client;
	/** As a node of this name. */
	readonly clientFor: (node: string) => Client;
}

export class ClusterNodes {
	readonly #options: ClusterNodesOptions;

	constructor(options: ClusterNodesOptions) {
		this.#options = options;
	}

	/** @returns their names. Rejects with NodeRequestError, or a StatusError for a template that is no valid Node; then there is none of them. */
	async add({ count, template, zones = [] }: AddedNodes): Promise<readonly string[]> {
		if (!(Number.isInteger(count) && count > 0)) throw new NodeRequestError(`so many nodes can't be added: ${count}`);
		const fleet = this.#options.fleet();
		const text = JSON.stringify(checkedTemplate(template));
		const wanted: NodeOptions[] = [];
		for (let number = 1; wanted.length < count; number++) {
			const options = nodeOptions(JSON.parse(text.replaceAll(placeholder, String(number))), zones[(number - 1) % zones.length]);
			if (!this.#isTaken(options.name)) wanted.push(options);
		}
		const [first] = wanted;
		if (first !== undefined) await this.#tryOut(first);
		await fleet.addNodes(wanted);
		return wanted.map(({ name }) => name);
	}

	#isTaken(name: string): boolean {
		return this.#options.informers.informer(nodesRef).cache.get(name) !== undefined || this.#options.fleet().hasNode(name);
	}

	/** A kubelet whose Node is refused tries for ever: what is wrong with it is told before. */
	async #tryOut({ name, labels, annotations, taints, capacity }: NodeOptions): Promise<void> {
		const node: Node = {
			apiVersion: "v1",
			kind: "Node",
			metadata: { name, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) },
			spec: taints === undefined ? {} : { taints },
			status: capacity === undefined ? {} : { capacity, allocatable: capacity },
		};
		await this.#options
			.clientFor(name)
			.resource(nodesRef)
			.create(node, { options: { dryRun: true } });
	}

	/** Ends the nodes' kubelets and deletes their Nodes. Rejects with NodeRequestError if one of them is none of this cluster's; then all stay. */
	async remove(names: readonly string[]): Promise<void> {
		const fleet = this.#options.fleet();
		const unknown = names.filter((name) => !fleet.hasNode(name));
		if (unknown.length > 0) throw new NodeRequestError(`no simulated node is named ${unknown.join(", ")}`);
		await Promise.all(names.map((name) => fleet.removeNode(name)));
	}

	/** Those that are simulated here and have such labels, by name. */
	async selected(labelSelector: string): Promise<readonly string[]> {
		const fleet = this.#options.fleet();
		const { items } = await this.#options.client.resource(nodesRef).list(undefined, { labelSelector });
		return items.map(({ metadata }) => metadata?.name ?? "").filter((name) => fleet.hasNode(name));
	}

	/** Every node, by name. */
	async list(): Promise<readonly NodeReport[]> {
		const { client, fleet } = this.#options;
		const [{ items }, { items: pods }] = await Promise.all([client.resource(nodesRef).list(), client.resource(podsRef).list()]);
		const counts = new Map<string, number>();
		for (const { spec, status } of pods) {
			const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
			if (spec?.nodeName !== undefined && !isOver) counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
		}
		return items.map((node): NodeReport => {
			const { name = "", labels = {} } = node.metadata ?? {};
			const { cpu = "", memory = "", pods: maxPods = "" } = node.status?.allocatable ?? {};
			return {
				name,
				state: isReady(node) ? "Ready" : "NotReady",
				isSimulated: fleet().hasNode(name),
				zone: labels[zoneLabel] ?? "",
				cpu,
				memory,
				pods: counts.get(name) ?? 0,
				maxPods,
			};
		});
	}
}

/** With its number in its name. Throws NodeRequestError. */
function checkedTemplate(template: KubeObject = { apiVersion: "v1", kind: "Node" }): KubeObject {
	if (template.apiVersion !== "v1" || template.kind !== "Node")
		throw new NodeRequestError(`a template of nodes is a Node of v1, not a ${template.kind} of ${template.apiVersion}`);
	const { name = "node" } = template.metadata ?? {};
	return { ...template, metadata: { ...template.metadata, name: name.includes(placeholder) ? name : `${name}-${placeholder}` } };
}

function nodeOptions({ metadata, spec, status }: Node, zone: string | undefined): NodeOptions {
	const capacity = status?.capacity ?? status?.allocatable;
	return {
		name: metadata?.name ?? "",
		labels: { ...metadata?.labels, ...(zone === undefined ? {} : { [zoneLabel]: zone }) },
		...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
		...(spec?.taints === undefined ? {} : { taints: spec.taints }),
		...(capacity === undefined ? {} : { capacity }),
	};
}

/**
 * What a fleet is to run: every node that a kubelet has registered, as it is, so that those that were added are there again; and those
 * that are to be there.
 * @param wanted names of those
 */
export function nodesToRun(
	known: readonly Node[],
	wanted: readonly string[],
	template: Omit<NodeOptions, "name"> = {},
): readonly NodeOptions[] {
	const registered = new Map(known.filter(({ status }) => status?.nodeInfo?.machineID).map((node) => [node.metadata?.name ?? "", node]));
	const usual = new Set(wanted);
	const others = [...registered].flatMap(([name, { status }]) =>
		usual.has(name) ? [] : [{ ...template, name, ...(status?.capacity === undefined ? {} : { capacity: status.capacity }) }],
	);
	return [...wanted.map((name) => ({ ...template, name })), ...others];
}

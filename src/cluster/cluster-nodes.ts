/**
 * Nodes that come and go while the cluster runs: many at once, made from one template, each with a kubelet of its own, which goes with
 * its node. They are there again when the server starts anew, as far as their Node objects are: see nodesToRun.
 */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { ExecOptions, ExitStatus, ProcessStreams } from "../apimachinery/node-connector.ts";
import type { Node } from "../apimachinery/schema/generated/types.ts";
import type { Client } from "../client/client.ts";
import type { InformerFactory } from "../client/informer.ts";
import { nodes as nodesRef, pods as podsRef } from "../client/resources.ts";
import { parseSignal } from "../host/index.ts";
import {
	type DiskFault,
	diskFaults,
	type Fleet,
	type NetworkFault,
	type NodeCommand,
	type NodeOptions,
	networkFaults,
} from "../kubelet-sim/index.ts";
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

/** What a command on a node printed, and how it ended. */
export interface CommandResult {
	readonly stdout: string;
	readonly stderr: string;
	/** 0-255; 127 if there is no such command, 255 if the node went off. */
	readonly exitCode: number;
}

/** What can break on a node. `as`: in part; default `errors` of a disk, `all` of a network. */
export type NodeFault =
	| { readonly part: "disk"; readonly as?: DiskFault | undefined }
	| { readonly part: "network"; readonly as?: NetworkFault | undefined };

/** A process of a pod to send a signal to. */
export interface KilledPod {
	readonly name: string;
	/** Default `default`. */
	readonly namespace?: string | undefined;
	/** Default: the pod's first. */
	readonly container?: string | undefined;
	/** `KILL`, `SIGTERM`, `9`; default KILL. */
	readonly signal?: string | undefined;
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

	/** The name, if a node of this name is simulated here. Throws NodeRequestError. */
	known(name: string): string {
		const fleet = this.#options.fleet();
		if (fleet.hasNode(name)) return name;
		throw new NodeRequestError(`node ${JSON.stringify(name)} is not simulated here: ${fleet.nodeNames().join(", ") || "no node is"}`);
	}

	/**
	 * Runs a command on a node as root, or, if it is empty, a login shell. Rejects with NodeRequestError if there is no such node or it is off.
	 * @param signal hangs up
	 */
	async exec(name: string, options: ExecOptions, streams: ProcessStreams, signal: AbortSignal): Promise<ExitStatus> {
		const running = this.#options.fleet().execOnNode(this.known(name), options, streams, signal);
		if (running === undefined) throw new NodeRequestError(`${name} is off; to start it: kubesim node start ${name}`);
		return running;
	}

	/** Runs a script with bash on a node, and takes what it prints. The clock has to move for what takes time. Rejects as exec does. */
	async run(name: string, script: string, input = ""): Promise<CommandResult> {
		const printed = { stdout: "", stderr: "" };
		const taker = (stream: "stdout" | "stderr") => async (chunk: Uint8Array) => {
			printed[stream] += Buffer.from(chunk).toString();
		};
		const streams = { stdin: textChunks(input), stdout: taker("stdout"), stderr: taker("stderr") };
		const options = { command: ["bash", "-c", script], tty: false, stdin: true };
		const { exitCode } = await this.exec(name, options, streams, new AbortController().signal);
		return { ...printed, exitCode };
	}

	/** Breaks something on a node, until `heal`. Throws NodeRequestError. */
	fail(name: string, fault: NodeFault): void {
		const fleet = this.#options.fleet();
		const node = this.known(name);
		if (fault.part === "disk") fleet.failDisk(node, oneOf(diskFaults, fault.as ?? "errors", "a disk"));
		else if (fault.part === "network") fleet.failNetwork(node, oneOf(networkFaults, fault.as ?? "all", "a network"));
		else throw new NodeRequestError(`a node's disk or network fails, not its ${String((fault as { part: unknown }).part)}`);
	}

	/** Undoes `fail`, and pressures and isolation, too. Throws NodeRequestError. */
	heal(name: string): void {
		const fleet = this.#options.fleet();
		fleet.relieveNode(this.known(name));
		fleet.startNode(name);
	}

	/** Sends a signal to the main process of a container, as `kill` on its node does. Throws NodeRequestError if there is none. */
	killPod({ name, namespace = "default", container, signal = "KILL" }: KilledPod): void {
		const known = parseSignal(signal);
		if (known === undefined) throw new NodeRequestError(`there is no signal ${JSON.stringify(signal)}`);
		const pod = this.#options.informers.informer(podsRef).cache.get(`${namespace}/${name}`);
		if (pod === undefined) throw new NodeRequestError(`pods "${name}" not found in namespace ${namespace}`);
		const refusal = this.#options.fleet().killContainer(namespace, name, container, known);
		if (refusal !== undefined) throw new NodeRequestError(refusal);
	}

	/** What was run on nodes by somebody who logged in, the oldest first; the last thousand. */
	commands(): readonly NodeCommand[] {
		return this.#options.fleet().commands.list();
	}

	/** Tells of each command on a node when it has ended, until the returned function is called. */
	onCommand(listener: (command: NodeCommand) => void): () => void {
		return this.#options.fleet().commands.onCommand(listener);
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

function oneOf<T extends string>(known: readonly T[], given: T, what: string): T {
	if (known.includes(given)) return given;
	throw new NodeRequestError(`${what} fails as ${known.slice(0, -1).join(", ")} or ${known.at(-1)}, not as ${given}`);
}

async function* textChunks(text: string): AsyncGenerator<Uint8Array> {
	if (text !== "") yield Buffer.from(text);
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

/** `kubesim node add|remove|list|stop|start|reboot|isolate|pressure|fail|heal`, and `kubesim pod kill`. */
import type { NodeReport } from "../../cluster/index.ts";
import { askCluster } from "../control/running-server.ts";
import { CliError } from "../errors.ts";
import { readInput } from "../read-input.ts";
import { formatTable } from "../table.ts";

interface Target {
	readonly name: string;
}

interface StopOptions extends Target {
	readonly graceful?: boolean;
}

export async function nodeStop(node: string, { name, graceful = false }: StopOptions): Promise<void> {
	await askCluster(name, "node.stop", { node, graceful });
	say(`${node} is off. To start it again: kubesim node start ${node}`);
}

export async function nodeStart(node: string, { name }: Target): Promise<void> {
	await askCluster(name, "node.start", { node });
	say(`${node} runs.`);
}

export async function nodeReboot(node: string, { name, graceful = false }: StopOptions): Promise<void> {
	await askCluster(name, "node.reboot", { node, graceful });
	say(`${node} has been rebooted.`);
}

export async function nodeIsolate(node: string, { name }: Target): Promise<void> {
	await askCluster(name, "node.isolate", { node });
	say(`${node} is cut off from the API; what runs on it goes on. To mend it: kubesim node heal ${node}`);
}

export async function nodePressure(resource: string, node: string, { name }: Target): Promise<void> {
	await askCluster(name, "node.press", { node, resource });
	say(`${node} is short of ${resource}. To mend it: kubesim node heal ${node}`);
}

interface FailOptions extends Target {
	readonly partial?: string;
}

export async function nodeFail(part: string, node: string, { name, partial }: FailOptions): Promise<void> {
	await askCluster(name, "node.fail", { node, part, ...(partial === undefined ? {} : { as: partial }) });
	say(`The ${part} of ${node} fails${partial === undefined ? "" : ` (${partial})`}. To mend it: kubesim node heal ${node}`);
}

interface KillOptions extends Target {
	readonly namespace: string;
	readonly container?: string;
	readonly signal: string;
}

export async function podKill(pod: string, { name: cluster, namespace, container, signal }: KillOptions): Promise<void> {
	await askCluster(cluster, "pod.kill", { name: pod, namespace, signal, ...(container === undefined ? {} : { container }) });
	say(`Sent ${signal.replace(/^(?=[A-Z])(?!SIG)/, "SIG")} to ${container === undefined ? "" : `container ${container} of `}pod ${pod}.`);
}

export async function nodeHeal(node: string, { name }: Target): Promise<void> {
	await askCluster(name, "node.heal", { node });
	say(`${node} is mended.`);
}

interface AddOptions extends Target {
	readonly count: number;
	/** A file. */
	readonly template?: string;
	readonly zones?: readonly string[];
}

export async function nodeAdd({ name, count, template, zones }: AddOptions): Promise<void> {
	const params = {
		count,
		...(template === undefined ? {} : { template: await readInput(template) }),
		...(zones === undefined ? {} : { zones }),
	};
	say(`Added ${counted(await askCluster<readonly string[]>(name, "nodes.add", params))}.`);
}

interface RemoveOptions extends Target {
	readonly selector?: string;
}

export async function nodeRemove(names: readonly string[], { name, selector }: RemoveOptions): Promise<void> {
	if (names.length > 0 === (selector !== undefined))
		throw new CliError("which nodes?", { hint: "Either names, or --selector.", exitCode: 2 });
	const params = selector === undefined ? { names } : { selector };
	say(`Removed ${counted(await askCluster<readonly string[]>(name, "nodes.remove", params))}.`);
}

export async function nodeList({ name, output }: Target & { readonly output?: "json" }): Promise<void> {
	const nodes = await askCluster<readonly NodeReport[]>(name, "nodes.list");
	if (output === "json") {
		say(JSON.stringify(nodes));
		return;
	}
	const rows = nodes.map(({ name: node, state, zone, cpu, memory, pods, maxPods, isSimulated }) => [
		node,
		state,
		zone === "" ? "<none>" : zone,
		cpu,
		memory,
		`${pods}/${maxPods}`,
		isSimulated ? "simulated" : "<none>",
	]);
	process.stdout.write(formatTable(["NAME", "STATE", "ZONE", "CPU", "MEMORY", "PODS", "KUBELET"], rows));
}

/** `3 nodes: node-4 to node-6`. */
function counted(names: readonly string[]): string {
	const [first = "", last = first] = [names[0], names.at(-1)];
	const which = names.length > 1 ? `: ${first} to ${last}` : names.length === 1 ? `: ${first}` : "";
	return `${names.length} ${names.length === 1 ? "node" : "nodes"}${which}`;
}

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}

/** `kubesim node stop|start|reboot|isolate|pressure|heal`. */
import { askCluster } from "../control/running-server.ts";

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

export async function nodeHeal(node: string, { name }: Target): Promise<void> {
	await askCluster(name, "node.heal", { node });
	say(`${node} is mended.`);
}

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}

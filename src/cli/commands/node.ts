/** `kubesim node stop|start`. */
import { askCluster } from "../control/running-server.ts";

interface Target {
	readonly name: string;
}

export async function nodeStop(node: string, { name }: Target): Promise<void> {
	await askCluster(name, "node.stop", { node });
	say(`${node} is stopped. To start it again: kubesim node start ${node}`);
}

export async function nodeStart(node: string, { name }: Target): Promise<void> {
	await askCluster(name, "node.start", { node });
	say(`${node} runs.`);
}

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}

/** `kubesim store add|remove|move-leader|stop|start|isolate|heal|link|compact|defrag`: changing a cluster's store, and breaking it. */

import { askCluster } from "../../control/running-server.ts";
import { CliError } from "../../errors.ts";

interface Target {
	readonly name: string;
}

export async function storeAdd({ name }: Target): Promise<void> {
	say(`Member ${await askCluster<string>(name, "store.add")} is added, has caught up, and votes.`);
}

export async function storeRemove(member: string, { name }: Target): Promise<void> {
	await askCluster(name, "store.remove", { member });
	say(`Member ${member} is removed, with its data.`);
}

export async function storeMoveLeader(member: string, { name }: Target): Promise<void> {
	await askCluster(name, "store.moveLeader", { member });
	say(`Member ${member} leads.`);
}

export async function storeStop(member: string, { name }: Target): Promise<void> {
	await askCluster(name, "store.stop", { member });
	say(`Member ${member} is stopped.`);
}

export async function storeStart(member: string, { name }: Target): Promise<void> {
	await askCluster(name, "store.start", { member });
	say(`Member ${member} runs.`);
}

export async function storeIsolate(member: string, { name }: Target): Promise<void> {
	await askCluster(name, "store.isolate", { member });
	say(`Member ${member} hears nobody, and nobody hears it. To end that: kubesim store heal ${member}`);
}

export async function storeHeal(member: string | undefined, { name }: Target): Promise<void> {
	await askCluster(name, "store.heal", member === undefined ? {} : { member });
	say(member === undefined ? "All links are well." : `All links of member ${member} are well.`);
}

export interface LinkOptions extends Target {
	readonly cut?: boolean;
	readonly delay?: number;
	readonly drop?: number;
	readonly oneWay?: boolean;
}

export async function storeLink(from: string, to: string, { name, cut, delay, drop, oneWay }: LinkOptions): Promise<void> {
	if (cut !== true && delay === undefined && drop === undefined)
		throw new CliError("what is to be wrong with the link?", { hint: "Add --cut, --delay MS or --drop PERCENT.", exitCode: 2 });
	const fault = {
		isCut: cut === true,
		...(delay === undefined ? {} : { delayMs: delay }),
		...(drop === undefined ? {} : { dropPercent: drop }),
	};
	const links =
		oneWay === true
			? [[from, to]]
			: [
					[from, to],
					[to, from],
				];
	for (const [a, b] of links) await askCluster(name, "store.link", { from: a, to: b, ...fault });
	const what = [
		...(cut === true ? ["is cut"] : []),
		...(delay === undefined ? [] : [`takes ${delay} ms more`]),
		...(drop === undefined ? [] : [`loses ${drop} % of messages`]),
	];
	say(`The link from ${from} to ${to} ${what.join(", ")}${oneWay === true ? "" : ", both ways"}. To end that: kubesim store heal`);
}

export async function storeCompact(revision: number | undefined, { name }: Target): Promise<void> {
	const upTo = await askCluster<number>(name, "store.compact", revision === undefined ? {} : { revision });
	say(`History before revision ${upTo} is dropped.`);
}

export async function storeDefrag({ name }: Target): Promise<void> {
	await askCluster(name, "store.defragment");
	say("Room that nothing uses is given back, on every member that runs.");
}

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}

/** `kubesim controllers list|stop|start|restart|replicas|kill`. */
import type { ControllerReport, QueueReport, ReplicaReport } from "../../cluster/index.ts";
import { askCluster } from "../control/running-server.ts";
import { formatTable, screenWidth } from "../table.ts";

interface Target {
	readonly name: string;
}

interface OutputOptions extends Target {
	readonly output?: "json";
}

/** Longer texts of errors are cut in the table; JSON has them whole. */
const shownErrorLength = 80;

export async function controllersList({ name, output }: OutputOptions): Promise<void> {
	const controllers = await askCluster<readonly ControllerReport[]>(name, "controllers.list");
	if (output === "json") {
		say(JSON.stringify(controllers));
		return;
	}
	const rows = [...controllers].sort((a, b) => (a.name < b.name ? -1 : 1)).map(rowOf);
	const head = ["NAME", "STATE", "DEPTH", "ACTIVE", "DELAYED", "FAILING", "ADDS", "RETRIES", "LAST ERROR"];
	process.stdout.write(formatTable(head, rows, screenWidth()));
}

/** The figures of all queues of the controller together, and the error that came last. */
function rowOf({ name, state, queues }: ControllerReport): readonly string[] {
	if (queues.length === 0) return [name, state, "-", "-", "-", "-", "-", "-", ""];
	const sum = (of: (queue: QueueReport) => number) => String(queues.reduce((total, queue) => total + of(queue), 0));
	const failures = queues.flatMap(({ lastFailure }) => lastFailure ?? []).sort((a, b) => b.atMs - a.atMs);
	const [last] = failures;
	const counts = [
		sum(({ depth }) => depth),
		sum(({ active }) => active),
		sum(({ delayed }) => delayed),
		sum(({ failing }) => failing),
		sum(({ adds }) => adds),
		sum(({ retries }) => retries),
	];
	return [name, state, ...counts, last === undefined ? "" : shortened(`${last.key}: ${last.message}`)];
}

function shortened(text: string): string {
	const line = text.replaceAll(/\s+/g, " ");
	return line.length <= shownErrorLength ? line : `${line.slice(0, shownErrorLength - 1)}…`;
}

export async function controllersStop(controller: string, { name }: Target): Promise<void> {
	const stopped = await askCluster<string>(name, "controllers.stop", { name: controller });
	say(`${stopped} is stopped. To start it again: kubesim controllers start ${controller}`);
}

export async function controllersStart(controller: string, { name }: Target): Promise<void> {
	say(`${await askCluster<string>(name, "controllers.start", { name: controller })} runs.`);
}

export async function controllersRestart(controller: string, { name }: Target): Promise<void> {
	say(`${await askCluster<string>(name, "controllers.restart", { name: controller })} runs anew.`);
}

/** @param count undefined: just tell */
export async function controllersReplicas(count: number | undefined, { name, output }: OutputOptions): Promise<void> {
	if (count !== undefined) await askCluster(name, "controllers.setReplicas", { count });
	const replicas = await askCluster<readonly ReplicaReport[]>(name, "controllers.replicas");
	if (output === "json") say(JSON.stringify(replicas));
	else
		process.stdout.write(
			formatTable(
				["NAME", "STATE", "IDENTITY"],
				replicas.map(({ name: replica, state, identity }) => [replica, state, identity ?? "<none>"]),
			),
		);
}

export async function controllersKill(replica: string, { name }: Target): Promise<void> {
	await askCluster(name, "controllers.kill", { replica });
	say(`${replica} is killed. If it led, another replica leads when its Lease has run out: kubesim controllers replicas`);
}

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}

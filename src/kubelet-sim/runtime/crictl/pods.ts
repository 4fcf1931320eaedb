/** Subcommands about pods, that is, their sandboxes: pods, stopp, rmp. */
import type { JsonObject } from "../../../apimachinery/json.ts";
import { type ContainerRuntime, CriError, type PodSandbox } from "../cri.ts";
import { formatTable } from "../tools/table.ts";
import { flag, type Subcommand, type ToolCall, ToolError, valued } from "../tools/tool.ts";
import { doing } from "./containers.ts";
import { ago, expression, labelLines, listLayout, nanoseconds, note, printList, readLabels, shortId } from "./output.ts";
import { type CrictlServices, helpExit } from "./services.ts";

export const podFilters = [
	valued("id"),
	valued("name"),
	valued("namespace"),
	valued("state", "s"),
	valued("label"),
	flag("latest", "l"),
	valued("last", "n"),
];

/** Those that a subcommand's options choose, newest first. Throws `ToolError`. */
export function findSandboxes(call: ToolCall, runtime: ContainerRuntime): readonly PodSandbox[] {
	const state = call.value("state")?.toLowerCase();
	if (state !== undefined && state !== "ready" && state !== "notready") throw new ToolError("--state should be ready or notready");
	const [name, namespace] = [expression(call.value("name")), expression(call.value("namespace"))];
	const labels = readLabels(call.values("label"));
	const found = runtime
		.sandboxes()
		.filter(
			(sandbox) =>
				sandbox.id.startsWith(call.value("id") ?? "") &&
				(state === undefined || sandbox.state === `SANDBOX_${state.toUpperCase()}`) &&
				name.test(sandbox.name) &&
				namespace.test(sandbox.namespace) &&
				labels.every(([key, value]) => sandbox.labels[key] === value),
		);
	const last = Number(call.value("last") ?? 0);
	return found.slice(0, last > 0 ? last : call.has("latest") ? 1 : found.length);
}

const stateName = ({ state }: PodSandbox) => (state === "SANDBOX_READY" ? "Ready" : "NotReady");
const handlerName = ({ runtimeHandler }: PodSandbox) => (runtimeHandler === "" ? "(default)" : runtimeHandler);

const pods: Subcommand<CrictlServices> = {
	name: "pods",
	usage: "List pods",
	options: [...podFilters, flag("verbose", "v"), flag("quiet", "q"), valued("output", "o"), flag("no-trunc")],
	run: async (call, { runtime }) => {
		const found = findSandboxes(call, runtime);
		await printList(call, call.value("output") ?? "table", { items: found.map(sandboxJson) }, () =>
			call.has("quiet")
				? found.map(({ id }) => `${id}\n`).join("")
				: call.has("verbose")
					? found.map(verboseText).join("")
					: tableText(call, found),
		);
		return 0;
	},
};

function tableText(call: ToolCall, sandboxes: readonly PodSandbox[]): string {
	const rows = sandboxes.map((sandbox) => [
		call.has("no-trunc") ? sandbox.id : shortId(sandbox.id),
		ago(call, sandbox.createdMs),
		stateName(sandbox),
		sandbox.name,
		sandbox.namespace,
		String(sandbox.attempt),
		handlerName(sandbox),
	]);
	return formatTable([["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"], ...rows], listLayout);
}

function verboseText(sandbox: PodSandbox): string {
	const { id, name, uid, namespace, attempt, createdMs, labels, annotations } = sandbox;
	return [
		`ID: ${id}\nName: ${name}\nUID: ${uid}\nNamespace: ${namespace}\n`,
		attempt === 0 ? "" : `Attempt: ${attempt}\n`,
		`Status: ${stateName(sandbox)}\nCreated: ${goTime(createdMs)}\n`,
		labelLines("Labels", labels),
		labelLines("Annotations", annotations),
		`Runtime: ${handlerName(sandbox)}\n\n`,
	].join("");
}

/** As Go prints a time. */
export function goTime(timeMs: number): string {
	const [, day, clock, fraction = ""] = /^(.*)T(.*?)\.?(\d*?)0*Z$/.exec(new Date(timeMs).toISOString()) ?? [];
	return `${day} ${clock}${fraction === "" ? "" : `.${fraction}`} +0000 UTC`;
}

function sandboxJson(sandbox: PodSandbox): JsonObject {
	const { id, name, uid, namespace, attempt, state, createdMs, labels, annotations, runtimeHandler } = sandbox;
	const metadata = { name, uid, namespace, attempt };
	return { id, metadata, state, createdAt: nanoseconds(createdMs), labels: { ...labels }, annotations: { ...annotations }, runtimeHandler };
}

const stopPod: Subcommand<CrictlServices> = {
	name: "stopp",
	usage: "Stop one or more running pods",
	args: "POD-ID [POD-ID...]",
	run: async (call, { runtime }) => {
		if (call.operands.length === 0) return helpExit;
		for (const id of call.operands) {
			await doing(`stopping the pod sandbox ${JSON.stringify(id)}`, () => runtime.stopSandbox(id));
			await call.print(`Stopped sandbox ${id}\n`);
		}
		return 0;
	},
};

const removePod: Subcommand<CrictlServices> = {
	name: "rmp",
	usage: "Remove one or more pods",
	args: "POD-ID [POD-ID...]",
	options: [flag("force", "f"), flag("all", "a")],
	run: async (call, { runtime }) => {
		const ids = call.has("all") ? runtime.sandboxes().map(({ id }) => id) : call.operands;
		if (ids.length === 0) {
			if (!call.has("all")) return helpExit;
			await note(call, "info", "No pods to remove");
		}
		const errors: string[] = [];
		for (const id of ids) {
			try {
				await removeOne(call, runtime, id);
			} catch (error) {
				if (!(error instanceof CriError || error instanceof ToolError)) throw error;
				errors.push(error.message);
			}
		}
		if (errors.length > 0) throw new ToolError(errors.length === 1 ? (errors[0] ?? "") : `[${errors.join(", ")}]`);
		return 0;
	},
};

async function removeOne(call: ToolCall, runtime: ContainerRuntime, id: string): Promise<void> {
	const { state } = await doing(`getting sandbox status of pod ${JSON.stringify(id)}`, () => runtime.sandbox(id));
	if (state === "SANDBOX_READY") {
		if (!call.has("force")) throw new ToolError(`pod sandbox ${JSON.stringify(id)} is running, please stop it first`);
		await call.print(`Stopped sandbox ${id}\n`);
	}
	runtime.removeSandbox(id);
	await call.print(`Removed sandbox ${id}\n`);
}

export const podCommands: readonly Subcommand<CrictlServices>[] = [pods, stopPod, removePod];

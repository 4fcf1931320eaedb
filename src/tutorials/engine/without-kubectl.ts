/**
 * Does what a solution's calls of kubectl do, where there is no kubectl: in process, as the administrator whom the kubeconfig names. For
 * "show me" only; learners type to the real one. What it does not know (a shell in a container, a log, a pipe) it says, and leaves out.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PatchType } from "../../apimachinery/api-request.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { CoreEvent } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { ResourceClient } from "../../client/client.ts";
import { kindOfName } from "../../cluster/index.ts";
import { applyManifest } from "./action.ts";
import { type KubectlWords, kubectlWords } from "./kubectl-words.ts";
import type { LessonCluster } from "./lesson-cluster.ts";

export interface KubectlStandIn {
	readonly cluster: LessonCluster;
	/** Where files are. */
	readonly directory: string;
	readonly namespace: string;
}

/** How long something is waited for, cluster ms. */
const patienceMs = 5 * 60_000;

interface Call extends KubectlStandIn, KubectlWords {}

type Verb = (call: Call) => Promise<string>;

/** @returns what it says of what it did; undefined if it does not know how. Rejects with a StatusError. */
export async function standIn(line: string, context: KubectlStandIn): Promise<string | undefined> {
	const words = kubectlWords(line);
	const [verb = "", noun = ""] = words?.args ?? [];
	const run = verbs[`${verb} ${noun}`] ?? verbs[verb];
	return words === undefined || run === undefined ? undefined : await run({ ...context, ...words });
}

const verbs: Readonly<Record<string, Verb>> = {
	apply: applyFile,
	"create configmap": createConfigMap,
	"create namespace": async (call) => await createOne(call, "Namespace", {}),
	get: look,
	describe: async (call) => `${await look(call)}\n${await events(call)}`,
	events,
	delete: deleteObjects,
	label: async (call) => await patchMaps(call, "labels"),
	annotate: async (call) => await patchMaps(call, "annotations"),
	cordon: async (call) => await patchNode(call, { spec: { unschedulable: true } }, "cordoned"),
	uncordon: async (call) => await patchNode(call, { spec: { unschedulable: null } }, "uncordoned"),
	scale: async (call) => await patchEach(call, call.args.slice(1), { spec: { replicas: Number(call.flags.get("replicas")) } }, "scaled"),
	patch: async (call) =>
		await patchEach(call, call.args.slice(1), JSON.parse(call.flags.get("patch") ?? "{}"), "patched", patchTypeOf(call)),
	"set image": setImage,
	"rollout status": rolledOut,
	wait: waitFor,
};

async function applyFile(call: Call): Promise<string> {
	const { cluster, directory, flags } = call;
	const client = cluster.cluster.client;
	const said: string[] = [];
	for (const file of (flags.get("filename") ?? "").split("\n")) {
		const text = await readFile(join(directory, file), "utf8");
		const applied = await applyManifest(text, { ...cluster.lookout, client, namespace: namespaceOf(call) });
		for (const { kind, metadata } of applied) said.push(`${kind?.toLowerCase()}/${metadata?.name} applied`);
	}
	return said.join("\n");
}

async function createConfigMap(call: Call): Promise<string> {
	const pairs = (call.flags.get("from-literal") ?? "").split("\n").filter((pair) => pair !== "");
	return await createOne(call, "ConfigMap", { data: Object.fromEntries(pairs.map((pair) => splitAt(pair, "="))) });
}

async function createOne(call: Call, kind: string, rest: object): Promise<string> {
	const found = kindOfName(call.cluster.cluster.apiServer.namedKinds(), kind);
	const metadata = { name: call.args[2] ?? "", ...(found.namespaced ? { namespace: namespaceOf(call) } : {}) };
	await clientOf(call, kind).client.create({ apiVersion: "v1", kind, metadata, ...rest });
	return `${found.kind.toLowerCase()}/${metadata.name} created`;
}

async function look(call: Call): Promise<string> {
	const found = await objectsOf(call, call.args.slice(1));
	return found.map(({ kind, metadata }) => `${kind?.toLowerCase() ?? ""}/${metadata?.name}`).join("\n");
}

async function events(call: Call): Promise<string> {
	const { items } = await clientOf(call, "events").client.list(namespaceOf(call));
	return (items as readonly CoreEvent[])
		.map(({ reason, involvedObject, message }) => `${reason} ${involvedObject.kind?.toLowerCase()}/${involvedObject.name}: ${message}`)
		.join("\n");
}

async function deleteObjects(call: Call): Promise<string> {
	const { flags } = call;
	const said: string[] = [];
	const isForced = flags.get("force") === "true";
	const grace = flags.get("grace-period") ?? (flags.get("now") === "true" ? "1" : undefined);
	const seconds = grace === undefined ? {} : { gracePeriodSeconds: Number(grace) };
	for (const { kind = "", metadata } of await objectsOf(call, call.args.slice(1))) {
		const { client } = clientOf(call, kind);
		const ref = { namespace: metadata?.namespace, name: metadata?.name ?? "" };
		await client.delete(ref, { ...seconds, propagationPolicy: "Background" });
		if (!isForced) await until(call, async () => (await find(client, ref))?.metadata?.uid !== metadata?.uid);
		said.push(`${kind.toLowerCase()} "${ref.name}" deleted`);
	}
	return said.join("\n");
}

/** `kubectl label pods web a=b c-` */
async function patchMaps(call: Call, field: "labels" | "annotations"): Promise<string> {
	const isChange = (arg: string) => /^[^/=]+(\/[^=]+)?=|-$/.test(arg);
	const [, ...args] = call.args;
	const changes = args.slice(1).filter(isChange);
	const values = Object.fromEntries(changes.map((each) => (each.includes("=") ? splitAt(each, "=") : [each.slice(0, -1), null])));
	const names = args.filter((arg, index) => index === 0 || !isChange(arg));
	return await patchEach(call, names, { metadata: { [field]: values } }, field === "labels" ? "labeled" : "annotated");
}

async function patchNode(call: Call, patch: object, done: string): Promise<string> {
	return await patchEach(call, ["nodes", ...call.args.slice(1)], patch, done);
}

async function patchEach(
	call: Call,
	names: readonly string[],
	patch: unknown,
	done: string,
	type: PatchType = "application/merge-patch+json",
): Promise<string> {
	const said: string[] = [];
	for (const { kind = "", metadata } of await objectsOf(call, names)) {
		const ref = { namespace: metadata?.namespace, name: metadata?.name ?? "" };
		await clientOf(call, kind).client.patch(ref, type, patch);
		said.push(`${kind.toLowerCase()}/${ref.name} ${done}`);
	}
	return said.join("\n");
}

function patchTypeOf({ flags }: Call): PatchType {
	const type = flags.get("type") ?? "strategic";
	if (type === "json") return "application/json-patch+json";
	return type === "merge" ? "application/merge-patch+json" : "application/strategic-merge-patch+json";
}

/** `kubectl set image deployment/web web=nginx:1.28` */
async function setImage(call: Call): Promise<string> {
	const [, , target = "", ...pairs] = call.args;
	const containers = pairs.map((pair) => splitAt(pair, "=")).map(([name, image]) => ({ name, image }));
	const patch = { spec: { template: { spec: { containers } } } };
	return await patchEach(call, [target], patch, "image updated", "application/strategic-merge-patch+json");
}

async function rolledOut(call: Call): Promise<string> {
	const done = ({ metadata, spec, status }: Loose) =>
		Number(status?.observedGeneration ?? 0) >= Number(metadata?.generation ?? 0) &&
		[status?.updatedReplicas, status?.readyReplicas, status?.replicas].every((count) => (count ?? 0) === (spec?.replicas ?? 1));
	await until(call, async () => ((await objectsOf(call, call.args.slice(2))) as readonly Loose[]).every(done));
	return "successfully rolled out";
}

/** Conditions and deletion; of another `--for`, that the objects are there. */
async function waitFor(call: Call): Promise<string> {
	const what = call.flags.get("for") ?? "";
	const condition = /^condition=([^=]+)(?:=(.*))?$/i.exec(what);
	const holds = (objects: readonly Loose[]) => {
		if (what === "delete") return objects.length === 0;
		if (objects.length === 0) return false;
		if (condition === null) return true;
		const [, type = "", value = "True"] = condition;
		const isIt = (each: { readonly type?: string; readonly status?: string }) =>
			each.type?.toLowerCase() === type.toLowerCase() && each.status?.toLowerCase() === value.toLowerCase();
		return objects.every(({ status }) => (status?.conditions ?? []).some(isIt));
	};
	await until(call, async () => holds((await objectsOf(call, call.args.slice(1), true)) as readonly Loose[]));
	return "condition met";
}

/** As far as conditions and rollouts are read off an object. */
interface Loose extends KubeObject {
	readonly spec?: { readonly replicas?: number };
	readonly status?: {
		readonly observedGeneration?: number;
		readonly updatedReplicas?: number;
		readonly readyReplicas?: number;
		readonly replicas?: number;
		readonly conditions?: readonly { readonly type?: string; readonly status?: string }[];
	};
}

/** `pods web`, `pod/web`, `pods` with `-l`. @param mayLack what is not there is left out, and not NotFound */
async function objectsOf(call: Call, names: readonly string[], mayLack = false): Promise<readonly KubeObject[]> {
	const [first = "", ...others] = names;
	const targets = first.includes("/") ? names.map((each) => splitAt(each, "/")) : others.map((name): [string, string] => [first, name]);
	const options = {
		...(call.flags.has("selector") ? { labelSelector: call.flags.get("selector") ?? "" } : {}),
		...(call.flags.has("field-selector") ? { fieldSelector: call.flags.get("field-selector") ?? "" } : {}),
	};
	if (targets.length === 0) {
		const { client, kind, namespaced } = clientOf(call, first);
		const everywhere = !namespaced || call.flags.get("all-namespaces") === "true";
		const { items } = await client.list(everywhere ? undefined : namespaceOf(call), options);
		return items.map((item) => ({ ...item, kind }));
	}
	const found: KubeObject[] = [];
	for (const [kindName, name] of targets) {
		const { client, kind, namespaced } = clientOf(call, kindName);
		const ref = { namespace: namespaced ? namespaceOf(call) : undefined, name };
		const object = mayLack ? await find(client, ref) : await client.get(ref);
		if (object !== undefined) found.push({ ...object, kind });
	}
	return found;
}

function clientOf({ cluster }: Call, name: string) {
	const found = kindOfName(cluster.cluster.apiServer.namedKinds(), name);
	return { client: cluster.cluster.client.resource<KubeObject>(found), kind: found.kind, namespaced: found.namespaced };
}

async function find(client: ResourceClient<KubeObject>, ref: { readonly namespace: string | undefined; readonly name: string }) {
	try {
		return await client.get(ref);
	} catch (error) {
		if (isStatusError(error) && error.code === 404) return undefined;
		throw error;
	}
}

/** Resolves when it holds, or is given up: what the checks say then is the truth. */
async function until({ cluster }: Call, condition: () => Promise<boolean>): Promise<void> {
	let isOver = false;
	let wake: () => void = () => undefined;
	// To look is a request, too, which must not make it look again.
	const stop = cluster.subscribe(({ type }) => {
		if (type === "change") wake();
	});
	const timer = cluster.clock.setTimeout(() => {
		isOver = true;
		wake();
	}, patienceMs);
	try {
		for (;;) {
			const woken = new Promise<void>((resolve) => {
				wake = resolve;
			});
			if ((await condition()) || isOver) return;
			await woken;
		}
	} finally {
		stop();
		timer.cancel();
	}
}

function namespaceOf({ flags, namespace }: Call): string {
	return flags.get("namespace") ?? namespace;
}

function splitAt(text: string, separator: string): [string, string] {
	const index = text.indexOf(separator);
	return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + separator.length)];
}

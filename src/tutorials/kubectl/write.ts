/** apply, create, replace, run, delete, label, annotate, patch, scale, set: what changes objects. */
import type { PatchType } from "../../apimachinery/api-request.ts";
import type { JsonValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { applyAsLesson } from "../engine/apply.ts";
import { type Call, type Found, findOne, mapOf, nameOf, refOf, splitAt, valueAt, valuesAt } from "./call.ts";
import { generated, podOfFlags } from "./generators.ts";
import { printed } from "./print.ts";
import { UnknownCallError } from "./words.ts";

const strategic: PatchType = "application/strategic-merge-patch+json";
const patchTypes: Readonly<Record<string, PatchType>> = {
	json: "application/json-patch+json",
	merge: "application/merge-patch+json",
	strategic,
};
/** How long a deletion is waited for, real ms. */
const deletionPatienceMs = 5 * 60_000;

export async function apply(call: Call): Promise<void> {
	for (const { resource, object } of await call.manifests()) {
		await applyAsLesson(resource.client, object);
		call.say(`${nameOf({ resource, ref: refOf(object) })} applied`);
	}
}

export async function create(call: Call): Promise<void> {
	if (call.args[0] === "token") return await createToken(call);
	if (call.args.length === 0) return await createAll(call, await call.manifests().then((all) => all.map(({ object }) => object)));
	const objects = await generated(call);
	if (objects === undefined) throw new UnknownCallError(`create ${call.args[0]}`);
	await createAll(call, objects);
}

export async function run(call: Call): Promise<void> {
	await createAll(call, podOfFlags(call, call.args[0] ?? "") as readonly KubeObject[]);
}

export async function replace(call: Call): Promise<void> {
	for (const { resource, object } of await call.manifests()) {
		await resource.client.update(object);
		call.say(`${nameOf({ resource, ref: refOf(object) })} replaced`);
	}
}

export async function deleteObjects(call: Call): Promise<void> {
	const isForced = call.isOn("force");
	const grace = call.flag("grace-period") ?? (call.isOn("now") ? "1" : isForced ? "0" : undefined);
	const options = {
		propagationPolicy: call.flag("cascade") === "orphan" ? "Orphan" : "Background",
		...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
	};
	const found = await call.find(call.args);
	for (const { resource, ref } of found) {
		await resource.client.delete(ref, options);
		call.say(`${nameOf({ resource, ref }).replace("/", ' "')}" deleted`);
	}
	if (isForced || call.flag("wait") === "false") return;
	const isGone = async ({ resource, ref, object }: Found) => (await findOne(resource, ref))?.metadata?.uid !== object?.metadata?.uid;
	await call.comes(deletionPatienceMs, async () => (await Promise.all(found.map(isGone))).every(Boolean));
}

/** `kubectl label pods web a=b c-` */
export async function label(call: Call): Promise<void> {
	await patchMaps(call, "labels", "labeled");
}

export async function annotate(call: Call): Promise<void> {
	await patchMaps(call, "annotations", "annotated");
}

export async function patch(call: Call): Promise<void> {
	const type = patchTypes[call.flag("type") ?? "strategic"];
	if (type === undefined) throw new UnknownCallError(`--type=${call.flag("type")}`);
	await changeEach(call, call.args, { type, patch: () => JSON.parse(call.flag("patch") ?? "{}") as JsonValue, done: "patched" });
}

export async function scale(call: Call): Promise<void> {
	const replicas = Number(call.flag("replicas"));
	await changeEach(call, call.args, { type: "application/merge-patch+json", patch: () => ({ spec: { replicas } }), done: "scaled" });
}

/** `kubectl set image deployment/web web=nginx:1.28` */
export async function setImage(call: Call): Promise<void> {
	const { names, changes } = changesOf(call.args);
	const images = mapOf(changes);
	await setContainers(call, names, (name) => (images[name] === undefined ? {} : { image: images[name] }), "image updated");
}

/** `kubectl set env deployment/web A=b C-` */
export async function setEnv(call: Call): Promise<void> {
	const { names, changes } = changesOf(call.args);
	const env = changes.map((change) => {
		const [name, value] = splitAt(change, "=");
		return change.includes("=") ? { name, value } : { name: change.slice(0, -1), $patch: "delete" };
	});
	await setContainers(call, names, () => ({ env }), "env updated");
}

export async function setResources(call: Call): Promise<void> {
	const [limits, requests] = [mapOf(call.list("limits")), mapOf(call.list("requests"))];
	const only = call.flag("containers");
	const change = (name: string) => (only === undefined || name === only ? { resources: { limits, requests } } : {});
	await setContainers(call, call.args, change, "resource requirements updated");
}

/** `kubectl set selector service front a=b`: all of it. */
export async function setSelector(call: Call): Promise<void> {
	const { names, changes } = changesOf(call.args);
	const patchOf = (): JsonValue => ({ spec: { selector: { ...mapOf(changes), $patch: "replace" } } });
	await changeEach(call, names, { type: strategic, patch: patchOf, done: "selector updated" });
}

interface Change {
	readonly type: PatchType;
	readonly patch: (object: KubeObject) => JsonValue;
	/** How it is said. */
	readonly done: string;
}

/** On the server; with `--local` on what stands in the file, and printed. */
export async function changeEach(call: Call, names: readonly string[], { type, patch: patchOf, done }: Change): Promise<void> {
	if (call.isOn("local")) {
		const { patched } = await import("./local-patch.ts");
		for (const { object } of await call.manifests())
			call.streams.stdout.write(printed(call.flag("output") ?? "yaml", patched(object, type, patchOf(object))));
		return;
	}
	for (const { resource, ref, object } of await call.find(names)) {
		const subresource = call.flag("subresource");
		await resource.client.patch(ref, type, patchOf(object ?? {}), subresource === undefined ? {} : { subresource });
		call.say(`${nameOf({ resource, ref })} ${done}`);
	}
}

async function setContainers(call: Call, names: readonly string[], change: (container: string) => object, done: string): Promise<void> {
	const patchOf = (object: KubeObject) => {
		const isPod = object.kind === "Pod";
		const all = valuesAt(object, isPod ? ".spec.containers[*].name" : ".spec.template.spec.containers[*].name");
		const spec = { containers: all.map((name) => ({ name, ...change(String(name)) })) };
		return (isPod ? { spec } : { spec: { template: { spec } } }) as JsonValue;
	};
	await changeEach(call, names, { type: strategic, patch: patchOf, done });
}

async function patchMaps(call: Call, field: "labels" | "annotations", done: string): Promise<void> {
	const { names, changes } = changesOf(call.args);
	const values = Object.fromEntries(changes.map((each) => (each.includes("=") ? splitAt(each, "=") : [each.slice(0, -1), null])));
	await changeEach(call, names, { type: "application/merge-patch+json", patch: () => ({ metadata: { [field]: values } }), done });
}

/** What is to be changed, and how: `a=b`, `c-`, of taints `c:NoExecute`, too. */
export function changesOf(args: readonly string[]): { readonly names: readonly string[]; readonly changes: readonly string[] } {
	const isChange = (arg: string, index: number) => index > 0 && /^[^=]+=|:|-$/.test(arg);
	return { names: args.filter((arg, index) => !isChange(arg, index)), changes: args.filter(isChange) };
}

async function createAll(call: Call, objects: readonly KubeObject[]): Promise<void> {
	if (call.flag("dry-run") === "client") {
		const texts = objects.map((object) => printed(call.flag("output") ?? "yaml", object as unknown as JsonValue));
		call.streams.stdout.write(texts.join("---\n"));
		return;
	}
	for (const object of objects) {
		const resource = await call.api.resourceOf(object);
		const made = await resource.client.create(call.placed(resource, object));
		call.say(`${nameOf({ resource, ref: refOf(made) })} created`);
	}
}

/** `kubectl create token NAME --duration 8h` */
async function createToken(call: Call): Promise<void> {
	const { client } = await call.api.resource("serviceaccounts");
	const duration = call.flag("duration");
	const spec = duration === undefined ? {} : { expirationSeconds: Math.floor(call.durationMs("duration", 0) / 1000) };
	const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec } as KubeObject;
	const made = await client.createSubresource({ namespace: call.namespace, name: call.args[1] ?? "" }, "token", request);
	call.say(String(valueAt(made, ".status.token")));
}

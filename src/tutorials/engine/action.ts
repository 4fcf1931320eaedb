/**
 * What the engine itself does to a lesson's cluster, to set it up, to break it, to let something unfold. In process: it needs no kubectl.
 *
 *     - apply: shop.yaml                       as kubectl apply
 *     - delete: pods web-0 -n shop             with its grace period, if it has one
 *     - until: { look: { pod: pods web-0 }, that: pod == null }      time is hurried until it holds
 *     - node.isolate: { node: node-2 }         what `kubesim node isolate node-2` asks of a server
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PacedClock } from "../../apimachinery/clock/paced-clock.ts";
import { readManifest } from "../../apimachinery/manifests.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { kindOfName, kindOfObject } from "../../cluster/index.ts";
import { applyAsLesson } from "./apply.ts";
import { holds, lookAt } from "./check.ts";
import type { Action } from "./lesson.ts";
import type { Look, Lookout } from "./look.ts";
import type { ControlMethods } from "./surroundings.ts";

export interface ActionContext extends Lookout {
	readonly clock: PacedClock;
	readonly methods: ControlMethods;
	/** Where files are. */
	readonly directory: string;
}

/** How long something is waited for, cluster ms. */
const patienceMs = 15 * 60_000;

/** An action that a lesson asks for cannot be done: the lesson's mistake. */
export class ActionError extends Error {
	override readonly name = "ActionError";
}

/** Rejects with ActionError, ManifestError or a StatusError. */
export async function act(action: Action, context: ActionContext): Promise<void> {
	switch (action.kind) {
		case "apply":
			await applyManifest(await readFile(join(context.directory, action.file), "utf8"), context);
			return;
		case "delete":
			return await deleteAll(action.look, context);
		case "until":
			return await hurryUntil(action, context);
		case "call": {
			const method = context.methods[action.method];
			if (method === undefined)
				throw new ActionError(`there is no ${action.method}; there are: ${Object.keys(context.methods).sort().join(", ") || "none"}`);
			await method(action.params);
			return;
		}
		default: {
			const unknown: never = action;
			return unknown;
		}
	}
}

/** In the order in which its objects stand, as the engine. Rejects with ManifestError or a StatusError. */
export async function applyManifest(text: string, { cluster, client: asEngine, namespace }: Lookout): Promise<void> {
	for (const object of await readManifest(text)) {
		const kind = kindOfObject(cluster.apiServer.namedKinds(), object);
		const placed = kind.namespaced ? { ...object, metadata: { namespace, ...object.metadata } } : object;
		await applyAsLesson(asEngine.resource<KubeObject>(kind), placed);
	}
}

/** Rejects with ActionError if it does not come to hold. */
async function hurryUntil(action: Extract<Action, { readonly kind: "until" }>, context: ActionContext): Promise<void> {
	const untilMs = context.clock.now() + patienceMs;
	while (!holds(action.that, await lookAt(action, context)))
		if (context.clock.now() > untilMs || !(await context.clock.step())) throw new ActionError(`it does not come to hold: ${action.source}`);
}

/** What is not there need not go. */
async function deleteAll(look: Look, { cluster, client: asEngine, namespace: usual }: ActionContext): Promise<void> {
	const kind = kindOfName(cluster.apiServer.namedKinds(), look.kind);
	const client = asEngine.resource<KubeObject>(kind);
	const namespace = kind.namespaced && !look.isEverywhere ? (look.namespace ?? usual) : undefined;
	const selector = look.labelSelector === undefined ? {} : { labelSelector: look.labelSelector };
	const found = look.name === undefined ? (await client.list(namespace, selector)).items : [{ metadata: { namespace, name: look.name } }];
	for (const { metadata } of found) {
		const ref = { namespace: metadata?.namespace, name: metadata?.name ?? "" };
		await client.delete(ref).catch((error: unknown) => {
			if (!isStatusError(error) || error.code !== 404) throw error;
		});
	}
}

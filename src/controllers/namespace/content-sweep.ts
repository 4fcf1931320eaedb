/**
 * Empties a namespace: deletes what is in it, resource by resource, and counts what is still there afterwards.
 * Pods go first, and the rest only when no pod is left, so that no pod outlives the Secrets and policies it runs under
 * (KEP-5080, ordered namespace deletion).
 * Source of behaviour: pkg/controller/namespace/deletion/namespaced_resources_deleter.go.
 */
import type { KubeList, KubeObject } from "../../apimachinery/meta.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { Client, ResourceClient } from "../../client/client.ts";
import type { DeletableResource } from "../deletable-resources.ts";
import { isPodTerminal } from "../pod-state.ts";

/** How long to give finalizers that hold objects, seconds. */
const finalizerEstimateSeconds = 15;

/** What one sweep left behind. */
export interface SweepResult {
	/** `pods.` → 3: the resource with its group, as the conditions write them. */
	readonly remaining: ReadonlyMap<string, number>;
	/** How many objects each finalizer holds. */
	readonly finalizers: ReadonlyMap<string, number>;
	readonly errors: readonly Error[];
	/** When it may be worth while to look again; 0: nothing is left. */
	readonly estimateSeconds: number;
}

export interface Sweep {
	readonly client: Client;
	/** The namespaced ones. */
	readonly resources: readonly DeletableResource[];
	readonly namespace: string;
	readonly deletedMs: number;
	readonly nowMs: number;
}

export async function sweepNamespace(sweep: Sweep): Promise<SweepResult> {
	const isPods = ({ group, resource }: DeletableResource) => group === "" && resource === "pods";
	const pods = await Promise.all(sweep.resources.filter(isPods).map((resource) => sweepResource(sweep, resource)));
	const podsLeft = pods.some(({ remaining, errors }) => remaining.size > 0 || errors.length > 0);
	if (podsLeft) return combine(pods);
	const others = sweep.resources.filter((resource) => !isPods(resource));
	return combine(await Promise.all(others.map((resource) => sweepResource(sweep, resource))));
}

async function sweepResource(sweep: Sweep, resource: DeletableResource): Promise<SweepResult> {
	try {
		return await deleteAll(sweep, resource);
	} catch (error) {
		return { ...nothingLeft, errors: [error instanceof Error ? error : new Error(String(error))] };
	}
}

const nothingLeft: SweepResult = { remaining: new Map(), finalizers: new Map(), errors: [], estimateSeconds: 0 };

async function deleteAll({ client, namespace, deletedMs, nowMs }: Sweep, resource: DeletableResource): Promise<SweepResult> {
	const resourceClient = client.resource(resource);
	const before = await listAll(resourceClient, namespace);
	if (before.length === 0) return nothingLeft;
	const graceSeconds = longestGraceSeconds(resource, before);
	const graceEstimate = nowMs - deletedMs >= graceSeconds * 1000 ? 0 : graceSeconds;
	await deleteUnlessGone(resourceClient, namespace);
	const left = await listAll(resourceClient, namespace);
	if (left.length === 0) return nothingLeft;
	const finalizers = countFinalizers(left);
	const remaining = new Map([[`${resource.resource}.${resource.group}`, left.length]]);
	if (graceEstimate > 0) return { remaining, finalizers, errors: [], estimateSeconds: graceEstimate };
	if (finalizers.size > 0) return { remaining, finalizers, errors: [], estimateSeconds: finalizerEstimateSeconds };
	const { group, version } = resource;
	const gvr = `${group}/${version}, Resource=${resource.resource}`;
	const error = new Error(`unexpected items still remain in namespace: ${namespace} for gvr: ${gvr}`);
	return { remaining, finalizers, errors: [error], estimateSeconds: 0 };
}

/** A resource that is not served any more has nothing left. */
async function listAll(client: ResourceClient<KubeObject>, namespace: string): Promise<KubeList["items"]> {
	try {
		return (await client.list(namespace)).items;
	} catch (error) {
		if (isStatusError(error, "NotFound", "MethodNotAllowed")) return [];
		throw error;
	}
}

/** Events are served by two groups from one store: whoever comes second may find nothing left. */
async function deleteUnlessGone(client: ResourceClient<KubeObject>, namespace: string): Promise<void> {
	try {
		await client.deleteCollection(namespace);
	} catch (error) {
		if (!isStatusError(error, "NotFound")) throw error;
	}
}

/** Pods that run may take as long as their grace period; everything else is gone at once or held by finalizers. */
function longestGraceSeconds({ group, resource }: DeletableResource, objects: readonly KubeObject[]): number {
	if (group !== "" || resource !== "pods") return 0;
	const running = (objects as readonly Pod[]).filter((pod) => !isPodTerminal(pod));
	return Math.max(0, ...running.map(({ spec }) => spec?.terminationGracePeriodSeconds ?? 0));
}

function countFinalizers(objects: readonly KubeObject[]): Map<string, number> {
	const counts = new Map<string, number>();
	for (const { metadata } of objects) for (const finalizer of metadata?.finalizers ?? []) add(counts, finalizer, 1);
	return counts;
}

function combine(results: readonly SweepResult[]): SweepResult {
	const remaining = new Map<string, number>();
	const finalizers = new Map<string, number>();
	for (const result of results) {
		for (const [resource, count] of result.remaining) add(remaining, resource, count);
		for (const [finalizer, count] of result.finalizers) add(finalizers, finalizer, count);
	}
	return {
		remaining,
		finalizers,
		errors: results.flatMap(({ errors }) => errors),
		estimateSeconds: Math.max(0, ...results.map(({ estimateSeconds }) => estimateSeconds)),
	};
}

function add(counts: Map<string, number>, key: string, count: number): void {
	counts.set(key, (counts.get(key) ?? 0) + count);
}

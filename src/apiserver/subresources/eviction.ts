/**
 * pods/eviction: a deletion that asks the pod's disruption budget first.
 *
 *   pod down, pending or going already ───────────────────────────────────────────────┐
 *   no budget ──────────────────────────────────────────────────────────────────────┐ │
 *   unready, and the budget is met without it or does not guard it ─────────────┐   │ │
 *   budget allows one: disruptionsAllowed - 1, disruptedPods + pod ──────────┐  │   │ │
 *   budget allows none ──▶ 429                                               ▼  ▼   ▼ ▼
 *                                              condition DisruptionTarget, then the deletion
 *
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ and
 * pkg/registry/core/pod/storage/eviction.go of Kubernetes 1.36.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type {
	Condition,
	DeleteOptions,
	Eviction,
	Pod,
	PodCondition,
	PodDisruptionBudget,
	Status,
} from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";
import {
	isStatusError,
	newBadRequest,
	newConflict,
	newForbidden,
	newTooManyRequests,
	StatusError,
} from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { decodeBody } from "../pipeline/decode-body.ts";
import type { Deleter } from "../pipeline/deleter.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import type { UpdateStrategy } from "../pipeline/strategy.ts";
import type { Writer } from "../pipeline/writer.ts";
import type { ObjectStorage } from "../storage/object-storage.ts";

/** Pods that a budget may have let go without its controller having seen them go. */
const maxDisruptedPods = 2000;
/** How often an eviction is begun anew because the pod has changed meanwhile. */
const maxAttempts = 20;
const overBudgetText = "Cannot evict pod as it would violate the pod's disruption budget.";
const tooManyBudgetsText = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
const budgetResource = { group: "policy", resource: "poddisruptionbudget" };
/** The server's own word on the pod. */
const conditionStrategy: UpdateStrategy = {
	prepare: (object) => object,
	validate: () => [],
	isUntracked: true,
	keepsGeneration: true,
	isAdmitted: true,
};

export interface EvictionServices {
	readonly writer: Writer;
	readonly deleter: Deleter;
	readonly budgets: ObjectStorage;
}

export async function evictPod(context: RequestContext, services: EvictionServices): Promise<Status> {
	const eviction: Eviction = await services.writer.admit(context, "CREATE", decodeBody(context, context.request.body, "Eviction"));
	if ((eviction.metadata?.name ?? "") !== context.name) throw newBadRequest("name in URL does not match name in Eviction object");
	const options = eviction.deleteOptions ?? {};
	const isDryRun = context.options.dryRun === true || options.dryRun?.includes("All") === true;
	const podContext: RequestContext = {
		...context,
		options: isDryRun ? { ...context.options, dryRun: true } : context.options,
		endpoint: context.served.resource,
	};
	const isPinned = options.preconditions?.resourceVersion !== undefined;
	for (let attempt = 1; ; attempt++) {
		const pod: Pod = context.storage.get(context.namespace, context.name);
		if (!isAlreadyDown(pod)) break;
		try {
			// One that is Pending may become ready at any moment: then its budget counts.
			await deletePod(podContext, isOver(pod) ? options : pinned(options, pod), services);
			return success;
		} catch (error) {
			if (isPinned || attempt === maxAttempts || !isStatusError(error, "Conflict")) throw error;
		}
	}
	const pod: Pod = context.storage.get(context.namespace, context.name);
	const budget = budgetOf(pod, services.budgets);
	if (budget === undefined) {
		await deletePod(podContext, options, services);
		return success;
	}
	if (isUnguarded(pod, budget)) await deleteUnready(podContext, pod, budget, options, services);
	else {
		await takeDisruption(podContext, budget.metadata?.name ?? "", services.budgets);
		await deletePod(podContext, options, services);
	}
	return success;
}

const success: Status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };

function isOver({ metadata, status }: Pod): boolean {
	return status?.phase === "Succeeded" || status?.phase === "Failed" || metadata?.deletionTimestamp !== undefined;
}

/** A pod that has ended, has not started or is going already disrupts nobody. */
function isAlreadyDown(pod: Pod): boolean {
	return isOver(pod) || pod.status?.phase === "Pending";
}

/** Only in this very state of the pod, unless the caller named one. */
function pinned(options: DeleteOptions, { metadata }: Pod): DeleteOptions {
	const resourceVersion = options.preconditions?.resourceVersion ?? metadata?.resourceVersion;
	return resourceVersion === undefined ? options : { ...options, preconditions: { ...options.preconditions, resourceVersion } };
}

/** Throws a Status of 500 if there is more than one. */
function budgetOf({ metadata }: Pod, budgets: ObjectStorage): PodDisruptionBudget | undefined {
	const matching = budgets.cache
		.list(metadata?.namespace ?? "")
		.map((entry) => entry.object as PodDisruptionBudget)
		.filter(({ spec }) => spec?.selector !== undefined && labelSelectorFromObject(spec.selector).matches(metadata?.labels));
	if (matching.length > 1) {
		throw new StatusError({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message: tooManyBudgetsText, code: 500 });
	}
	return matching[0];
}

/** A pod that is not ready counts for nothing in its budget: it may go if the budget is met without it, or says so. */
function isUnguarded(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
	if (pod.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true) return false;
	const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
	return spec?.unhealthyPodEvictionPolicy === "AlwaysAllow" || (currentHealthy >= desiredHealthy && desiredHealthy > 0);
}

async function deleteUnready(
	context: RequestContext,
	pod: Pod,
	budget: PodDisruptionBudget,
	options: DeleteOptions,
	services: EvictionServices,
): Promise<void> {
	try {
		await deletePod(context, pinned(options, pod), services);
	} catch (error) {
		// It has changed, and may be ready now: the client shall ask again.
		if (isStatusError(error, "Conflict") && options.preconditions?.resourceVersion === undefined) throw notYetProcessed(budget);
		throw error;
	}
}

/** Says on the pod why it goes, then deletes it. */
async function deletePod(context: RequestContext, options: DeleteOptions, { writer, deleter }: EvictionServices): Promise<void> {
	let deleteOptions = options;
	if (context.options.dryRun !== true) {
		const { resourceVersion } = options.preconditions ?? {};
		const make = (current: KubeObject): KubeObject => {
			checkPreconditions(current, options);
			return withDisruptionTarget(current as Pod, context.nowMs);
		};
		const { metadata } = await writer.write(context, make, conditionStrategy);
		// A pod that was pinned is pinned to its state with the condition.
		if (resourceVersion !== undefined && metadata?.resourceVersion !== undefined) {
			deleteOptions = { ...options, preconditions: { ...options.preconditions, resourceVersion: metadata.resourceVersion } };
		}
	}
	await deleter.delete({ ...context, request: { ...context.request, verb: "delete", deleteOptions } }, { isAdmitted: true });
}

function checkPreconditions({ metadata }: KubeObject, { preconditions }: DeleteOptions): void {
	const { uid = metadata?.uid, resourceVersion = metadata?.resourceVersion } = preconditions ?? {};
	const fail = (why: string) => newConflict({ group: "", resource: "Pod" }, metadata?.name ?? "", why);
	if (resourceVersion !== metadata?.resourceVersion) {
		const which = `(${resourceVersion}) does not match the ResourceVersion in record (${metadata?.resourceVersion})`;
		throw fail(`the ResourceVersion in the precondition ${which}. The object might have been modified`);
	}
	if (uid !== metadata?.uid) {
		const which = `(${uid}) does not match the UID in record (${metadata?.uid})`;
		throw fail(`the UID in the precondition ${which}. The object might have been deleted and then recreated`);
	}
}

function withDisruptionTarget(pod: Pod, nowMs: number): Pod {
	const { conditions = [] } = pod.status ?? {};
	const known = conditions.find(({ type }) => type === "DisruptionTarget");
	const condition: PodCondition = {
		type: "DisruptionTarget",
		status: "True",
		reason: "EvictionByEvictionAPI",
		message: "Eviction API: evicting",
		lastTransitionTime: known?.status === "True" ? (known.lastTransitionTime ?? formatTime(nowMs)) : formatTime(nowMs),
		observedGeneration: pod.metadata?.generation ?? 1,
	};
	return { ...pod, status: { ...pod.status, conditions: [...conditions.filter((each) => each !== known), condition] } };
}

/** Counts the eviction against the budget. Rejects with TooManyRequests if it allows none. */
async function takeDisruption(context: RequestContext, name: string, budgets: ObjectStorage): Promise<void> {
	await budgets.update(context.namespace, name, (current) => {
		const budget = current as PodDisruptionBudget;
		const { metadata, status } = budget;
		if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) throw notYetProcessed(budget);
		const { disruptionsAllowed = 0, disruptedPods = {}, conditions } = status ?? {};
		if (disruptionsAllowed < 0) throw newForbidden(budgetResource, name, "pdb disruptions allowed is negative");
		if (Object.keys(disruptedPods).length > maxDisruptedPods) {
			const why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
			throw newForbidden(budgetResource, name, why);
		}
		if (disruptionsAllowed === 0) throw overBudget(budget);
		if (context.options.dryRun === true || status === undefined) return { action: "keep" };
		const left = disruptionsAllowed - 1;
		const next: PodDisruptionBudget = {
			...budget,
			status: {
				...status,
				disruptionsAllowed: left,
				disruptedPods: { ...disruptedPods, [context.name]: formatTime(context.nowMs) },
				...(left > 0 ? {} : { conditions: withoutDisruptionAllowed(conditions, status.observedGeneration ?? 0, context.nowMs) }),
			},
		};
		return { action: "put", object: next };
	});
}

/** The budget's condition once its last disruption is taken. Source: UpdateDisruptionAllowedCondition of component-helpers. */
function withoutDisruptionAllowed(conditions: readonly Condition[] = [], observedGeneration: number, nowMs: number): readonly Condition[] {
	const type = "DisruptionAllowed";
	const known = conditions.find((condition) => condition.type === type);
	const lastTransitionTime = known?.status === "False" ? known.lastTransitionTime : formatTime(nowMs);
	const next: Condition = { type, status: "False", reason: "InsufficientPods", message: "", lastTransitionTime, observedGeneration };
	return known === undefined ? [...conditions, next] : conditions.map((condition) => (condition === known ? next : condition));
}

function withCause(error: StatusError, message: string): StatusError {
	return new StatusError({ ...error.status, details: { ...error.status.details, causes: [{ reason: "DisruptionBudget", message }] } });
}

function notYetProcessed({ metadata }: PodDisruptionBudget): StatusError {
	const why = `The disruption budget ${metadata?.name} is still being processed by the server.`;
	return withCause(newTooManyRequests(overBudgetText, 10), why);
}

function overBudget({ metadata, status }: PodDisruptionBudget): StatusError {
	const { desiredHealthy = 0, currentHealthy = 0 } = status ?? {};
	const why = `The disruption budget ${metadata?.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
	return withCause(newTooManyRequests(overBudgetText, 0), why);
}

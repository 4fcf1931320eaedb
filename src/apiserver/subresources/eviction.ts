/**
 * pods/eviction: a deletion that asks the pod's disruption budgets first.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ and pkg/registry/core/pod/storage/eviction.go.
 */
import type { Eviction, Pod, PodDisruptionBudget, Status } from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";
import { newBadRequest, newInternalError, newTooManyRequests, StatusError } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { Deleter } from "../pipeline/deleter.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import type { Writer } from "../pipeline/writer.ts";
import type { ObjectStorage } from "../storage/object-storage.ts";

export interface EvictionServices {
	readonly writer: Writer;
	readonly deleter: Deleter;
	readonly budgets: ObjectStorage;
}

export async function evictPod(context: RequestContext, { writer, deleter, budgets }: EvictionServices): Promise<Status> {
	const eviction: Eviction = writer.decode(context, context.request.body, "Eviction");
	const { name = context.name } = eviction.metadata ?? {};
	if (name !== context.name) throw newBadRequest(`name in URL does not match name in Eviction object: ${name} != ${context.name}`);
	const pod: Pod = context.storage.get(context.namespace, context.name);
	if (!isAlreadyDown(pod)) await takeDisruption(pod, budgets, context);
	const deleteContext: RequestContext = {
		...context,
		endpoint: context.served.resource,
		request: { ...context.request, verb: "delete", deleteOptions: eviction.deleteOptions ?? {} },
	};
	await deleter.delete(deleteContext);
	return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
}

/** A pod that has ended, was never placed or is going already disrupts nobody. */
function isAlreadyDown({ metadata, status }: Pod): boolean {
	return ["Succeeded", "Failed", "Pending"].includes(status?.phase ?? "") || metadata?.deletionTimestamp !== undefined;
}

/** Counts the eviction against the pod's budget. Rejects with TooManyRequests if it allows none. */
async function takeDisruption(pod: Pod, budgets: ObjectStorage, context: RequestContext): Promise<void> {
	const { namespace = "", name = "" } = pod.metadata ?? {};
	const matching = budgets.cache
		.list(namespace)
		.map((entry) => entry.object as PodDisruptionBudget)
		.filter((budget) => budget.spec?.selector !== undefined && labelSelectorFromObject(budget.spec.selector).matches(pod.metadata?.labels));
	if (matching.length > 1) {
		throw newInternalError("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
	}
	const budgetName = matching[0]?.metadata?.name;
	if (budgetName === undefined) return;
	await budgets.update(namespace, budgetName, (current) => {
		const budget = current as PodDisruptionBudget;
		const status = budget.status;
		if (status === undefined || (status.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) throw notYetProcessed(budgetName);
		const allowed = status.disruptionsAllowed ?? 0;
		if (allowed <= 0) throw overBudget(budget);
		if (context.options.dryRun === true) return { action: "keep" };
		const disruptedPods = { ...status.disruptedPods, [name]: formatTime(context.nowMs) };
		const next: PodDisruptionBudget = { ...budget, status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods } };
		return { action: "put", object: next };
	});
}

function withCause(error: StatusError, message: string): StatusError {
	return new StatusError({ ...error.status, details: { ...error.status.details, causes: [{ reason: "DisruptionBudget", message }] } });
}

function notYetProcessed(budget: string): StatusError {
	const text = "Cannot evict pod as it would violate the pod's disruption budget.";
	return withCause(newTooManyRequests(text, 10), `The disruption budget ${budget} is still being processed by the server.`);
}

function overBudget({ metadata, status }: PodDisruptionBudget): StatusError {
	const text = "Cannot evict pod as it would violate the pod's disruption budget.";
	const why = `The disruption budget ${metadata?.name} needs ${status?.desiredHealthy} healthy pods and has ${status?.currentHealthy} currently`;
	return withCause(newTooManyRequests(text, 0), why);
}

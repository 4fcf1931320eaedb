/**
 * disruption-controller: counts the pods of PodDisruptionBudgets, so that evictions know what they may take.
 *
 * Watches  PodDisruptionBudgets; pods
 * Reads    the pods' controllers (ReplicaSets and their Deployments, ReplicationControllers, StatefulSets) for their scale
 * Writes   the budget's status; a DisruptionTarget condition that came to nothing, set to False; events
 *
 * Custom resources with a scale subresource are not counted yet: their pods fail the budget's sync, and its status says so.
 * Source of behaviour: pkg/controller/disruption.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { LabelSelector, Pod, PodCondition, PodDisruptionBudget } from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatTime, parseTime } from "../../apimachinery/time.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { podDisruptionBudgets, pods } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { findCondition } from "../conditions.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { isBeingDeleted, isPodTerminal } from "../pod-state.ts";
import { disruptedPods, expectedCounts, failedBudgetStatus, needsScale, planBudgetStatus } from "./budget-status.ts";
import { PodScales, ScaleError } from "./pod-scales.ts";

const name = "disruption-controller";
/** What `kubectl describe` shows under From. */
const component = "controllermanager";
/** How long a pod may say that it is being disrupted without anybody deleting it. */
const staleConditionMs = 120_000;

export const disruptionController: Controller = {
	name,
	run: (context, signal) => new DisruptionController(context, signal).run(signal),
};

class DisruptionController {
	readonly #context: ControllerContext;
	readonly #budgets: Informer<PodDisruptionBudget>;
	readonly #pods: Informer<Pod>;
	readonly #scales: PodScales;
	readonly #queue: WorkQueue;
	/** Pods whose DisruptionTarget condition may be stale. */
	readonly #staleQueue: WorkQueue;
	readonly #recorder: EventRecorder;

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#budgets = context.informers.informer(podDisruptionBudgets);
		this.#pods = context.informers.informer(pods);
		this.#scales = new PodScales(context.informers);
		this.#queue = queueOf(context, "disruption");
		this.#staleQueue = queueOf(context, "stale_pod_disruption");
		this.#recorder = recorderOf(context, component, signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([this.#budgets.whenSynced(), this.#pods.whenSynced(), this.#scales.whenSynced()]);
		const enqueue = (budget: PodDisruptionBudget) => this.#queue.add(objectKey(budget));
		this.#budgets.onChange({ added: enqueue, updated: (_old, budget) => enqueue(budget) }, signal);
		this.#pods.onChange(
			{
				added: (pod) => this.#podChanged(pod),
				updated: (old, pod) => {
					this.#podChanged(pod);
					if (!jsonEqual(old.metadata?.labels, pod.metadata?.labels)) this.#podChanged(old);
				},
				deleted: (pod) => this.#podChanged(pod),
			},
			signal,
		);
		const { log } = this.#context;
		await Promise.all([
			runController({ name, queue: this.#queue, concurrency: 1, reconcile: (key) => this.#reconcile(key), log, signal }),
			runController({ name, queue: this.#staleQueue, concurrency: 1, reconcile: (key) => this.#resetStale(key), log, signal }),
		]);
	}

	#podChanged(pod: Pod): void {
		const budgets = this.#budgets.cache.listNamespace(pod.metadata?.namespace ?? "").filter((budget) => selects(budget, pod));
		for (const budget of budgets) this.#queue.add(objectKey(budget));
		if (staleInMs(pod, this.#context.clock.now()) !== undefined) this.#staleQueue.add(objectKey(pod));
		if (budgets.length < 2) return;
		const which = `${JSON.stringify(pod.metadata?.namespace)}/${JSON.stringify(pod.metadata?.name)}`;
		const text = `Pod ${which} matches multiple PodDisruptionBudgets.  Chose ${JSON.stringify(budgets[0]?.metadata?.name)} arbitrarily.`;
		this.#recorder.event({ ...pod, apiVersion: "v1", kind: "Pod" }, "Warning", "MultiplePodDisruptionBudgets", text);
	}

	async #reconcile(key: string): Promise<ReconcileResult> {
		const budget = this.#budgets.cache.get(key);
		if (budget === undefined) return undefined;
		const nowMs = this.#context.clock.now();
		const own = this.#pods.cache.listNamespace(budget.metadata?.namespace ?? "").filter((pod) => selects(budget, pod));
		if (own.length === 0) this.#event(budget, "Normal", "NoPods", "No matching pods found");
		try {
			const { scale, unmanaged } = needsScale(budget) ? this.#scales.of(own) : { scale: 0, unmanaged: 0 };
			if (unmanaged > 0) this.#tellUnmanaged(budget);
			const disrupted = disruptedPods(budget, own, nowMs);
			for (const pod of disrupted.overdue) this.#tellNotDeleted(budget, pod);
			const status = planBudgetStatus(budget, own, expectedCounts(budget, own.length, scale), disrupted, nowMs);
			await this.#write(budget, status);
			return disrupted.recheckMs === undefined ? undefined : { requeueAfterMs: disrupted.recheckMs - nowMs + 1 };
		} catch (error) {
			// What cannot be counted is kept safe.
			if (!(error instanceof ScaleError)) throw error;
			this.#event(
				budget,
				"Warning",
				"CalculateExpectedPodCountFailed",
				`Failed to calculate the number of expected pods: ${error.message}`,
			);
			await this.#write(budget, failedBudgetStatus(budget, error.message, nowMs));
			return undefined;
		}
	}

	async #write(budget: PodDisruptionBudget, status: NonNullable<PodDisruptionBudget["status"]>): Promise<void> {
		if (jsonEqual({ ...budget.status }, status)) return;
		try {
			await this.#context.client.resource(podDisruptionBudgets).updateStatus({ ...budget, status });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}

	/** A pod that was to be evicted, and lives on: it is no target any more. */
	async #resetStale(key: string): Promise<ReconcileResult> {
		const pod = this.#pods.cache.get(key);
		const nowMs = this.#context.clock.now();
		const waitMs = pod === undefined ? undefined : staleInMs(pod, nowMs);
		if (pod === undefined || waitMs === undefined) return undefined;
		if (waitMs > 0) return { requeueAfterMs: waitMs };
		const reset: PodCondition = { type: "DisruptionTarget", status: "False", lastTransitionTime: formatTime(nowMs) };
		const conditions = (pod.status?.conditions ?? []).map((condition) => (condition.type === reset.type ? reset : condition));
		await this.#context.client.resource(pods).updateStatus({ ...pod, status: { ...pod.status, conditions } });
		return undefined;
	}

	#tellUnmanaged(budget: PodDisruptionBudget): void {
		const selector = goSelector(budget.spec?.selector ?? {});
		this.#event(
			budget,
			"Warning",
			"UnmanagedPods",
			`Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
		);
	}

	#tellNotDeleted({ metadata }: PodDisruptionBudget, podName: string): void {
		const { namespace = "" } = metadata ?? {};
		const pod = this.#pods.cache.get(`${namespace}/${podName}`);
		// The namespace twice, as Kubernetes says it.
		const text = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`;
		if (pod !== undefined) this.#recorder.event({ ...pod, apiVersion: "v1", kind: "Pod" }, "Warning", "NotDeleted", text);
	}

	#event(budget: PodDisruptionBudget, type: "Normal" | "Warning", reason: string, message: string): void {
		this.#recorder.event({ ...budget, apiVersion: "policy/v1", kind: "PodDisruptionBudget" }, type, reason, message);
	}
}

/** As Go prints the struct. */
function goSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
	const labels = Object.entries(matchLabels)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, value]) => `${key}: ${value},`);
	const expressions = matchExpressions.map(
		({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`,
	);
	return `&LabelSelector{MatchLabels:map[string]string{${labels.join("")}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join("")}},}`;
}

/** No selector selects nothing, an empty one everything. */
function selects({ spec }: PodDisruptionBudget, { metadata }: Pod): boolean {
	return spec?.selector !== undefined && labelSelectorFromObject(spec.selector).matches(metadata?.labels);
}

/** How long until a live pod's DisruptionTarget condition is stale, ms; <= 0: it is; undefined: it has none. */
function staleInMs(pod: Pod, nowMs: number): number | undefined {
	const condition = findCondition(pod.status?.conditions, "DisruptionTarget");
	if (condition?.status !== "True" || isBeingDeleted(pod) || isPodTerminal(pod)) return undefined;
	return parseTime(condition.lastTransitionTime ?? formatTime(0)) + staleConditionMs - nowMs;
}

/**
 * horizontal-pod-autoscaler-controller: sets the number of replicas of whatever has a /scale by what its pods use.
 *
 * Watches  HorizontalPodAutoscalers
 * Reads    the target's scale, its pods (cache), metrics of the three metrics APIs
 * Writes   the target's scale, the autoscaler's status; events on the autoscaler
 *
 * An autoscaler is looked at every 15 seconds, for the first time 15 seconds after it was made, whatever changes in between.
 *
 * Invariants: what is set lies within minReplicas and maxReplicas; what cannot be measured never scales down; without any metric
 * nothing is scaled, but for bounds that are not kept.
 * Source of behaviour: pkg/controller/podautoscaler, https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { HorizontalPodAutoscalerV2, HPAScalingRulesV2, MetricStatusV2, Pod } from "../../apimachinery/schema/generated/types.ts";
import { type LabelSelectorMatcher, parseLabelSelector, SelectorError } from "../../apimachinery/selector.ts";
import { isStatusError, StatusError } from "../../apimachinery/status-error.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { horizontalPodAutoscalers, pods } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { StatusDraft } from "./autoscaler-status.ts";
import { MetricFailure, type MetricProposal, proposalOf, type ScaledPods } from "./metric-proposals.ts";
import { MetricsClient } from "./metrics-client.ts";
import { newHistory, normalize, type ScaleHistory, withScaling } from "./normalization.ts";
import type { Tolerances } from "./replica-calculator.ts";
import { type ScaleTarget, ScaleTargetError, ScaleTargets } from "./scale-targets.ts";

const name = "horizontal-pod-autoscaler-controller";
/** Events come from the service account's name. */
const component = "horizontal-pod-autoscaler";
/** --concurrent-horizontal-pod-autoscaler-syncs */
const concurrency = 5;
/** --horizontal-pod-autoscaler-sync-period */
const syncPeriodMs = 15_000;
/** --horizontal-pod-autoscaler-tolerance */
const defaultTolerance = 0.1;

export const horizontalPodAutoscalerController: Controller = {
	name,
	run: (context, signal) => new HorizontalPodAutoscalerController(context, signal).run(signal),
};

/** What metrics ask for, together. */
interface Wish {
	readonly replicas: number;
	/** What asked for the most. */
	readonly metric: string;
	/** In the order of the spec; undefined: it could not be had. */
	readonly statuses: readonly (MetricStatusV2 | undefined)[];
}

/** There is nothing to scale by; the message is the event's. */
class NoWish extends Error {
	readonly statuses: readonly (MetricStatusV2 | undefined)[] | undefined;

	constructor(message: string, statuses?: readonly (MetricStatusV2 | undefined)[]) {
		super(message);
		this.name = "NoWish";
		this.statuses = statuses;
	}
}

class HorizontalPodAutoscalerController {
	readonly #context: ControllerContext;
	readonly #autoscalers: Informer<HorizontalPodAutoscalerV2>;
	readonly #pods: Informer<Pod>;
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	readonly #targets: ScaleTargets;
	readonly #metrics: MetricsClient;
	/** By the autoscaler's key. */
	readonly #histories = new Map<string, ScaleHistory>();
	/** By the autoscaler's key: what its target selected when it was looked at last. */
	readonly #selectors = new Map<string, LabelSelectorMatcher>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#autoscalers = context.informers.informer(horizontalPodAutoscalers);
		this.#pods = context.informers.informer(pods);
		this.#queue = queueOf(context, "horizontalpodautoscaler");
		this.#recorder = recorderOf(context, component, signal);
		this.#targets = new ScaleTargets(context.client.transport, context.informers);
		this.#metrics = new MetricsClient(context.client.transport);
	}

	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([this.#autoscalers.whenSynced(), this.#pods.whenSynced(), this.#targets.whenSynced()]);
		const look = (autoscaler: HorizontalPodAutoscalerV2) => this.#queue.addAfter(objectKey(autoscaler), syncPeriodMs);
		this.#autoscalers.onChange(
			{ added: look, updated: (_old, autoscaler) => look(autoscaler), deleted: (gone) => this.#forget(gone) },
			signal,
		);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	#forget(autoscaler: HorizontalPodAutoscalerV2): void {
		this.#histories.delete(objectKey(autoscaler));
		this.#selectors.delete(objectKey(autoscaler));
	}

	async #reconcile(key: string): Promise<ReconcileResult> {
		const autoscaler = this.#autoscalers.cache.get(key);
		if (autoscaler === undefined) return;
		const draft = new StatusDraft(autoscaler, this.#context.clock.now());
		await this.#scale(autoscaler, draft);
		await this.#writeStatus(autoscaler, draft);
		return { requeueAfterMs: syncPeriodMs };
	}

	/** One round: what it comes to is in the draft. Rejects only where the server cannot be asked. */
	async #scale(autoscaler: HorizontalPodAutoscalerV2, draft: StatusDraft): Promise<void> {
		const { scaleTargetRef, maxReplicas, minReplicas = 1 } = autoscaler.spec;
		const { namespace = "" } = autoscaler.metadata ?? {};
		let target: ScaleTarget;
		try {
			target = await this.#targets.get(namespace, scaleTargetRef);
		} catch (error) {
			if (!(error instanceof ScaleTargetError)) throw error;
			this.#warn(autoscaler, "FailedGetScale", error.message);
			const text = `the HPA controller was unable to get the target's current scale: ${error.message}`;
			draft.setCondition("AbleToScale", false, "FailedGetScale", text);
			return;
		}
		draft.setCondition("AbleToScale", true, "SucceededGetScale", "the HPA controller was able to get the target's current scale");
		const current = target.scale.spec?.replicas ?? 0;
		const key = objectKey(autoscaler);
		if (!this.#histories.has(key)) this.#histories.set(key, newHistory(current, this.#context.clock.now()));
		if (current === 0 && minReplicas !== 0) {
			const text = "scaling is disabled since the replica count of the target is zero";
			draft.setCondition("ScalingActive", false, "ScalingDisabled", text);
			draft.setReplicas(current, current, undefined, false);
		} else if (current > maxReplicas) {
			await this.#set(autoscaler, target, draft, maxReplicas, "Current number of replicas above Spec.MaxReplicas", undefined);
		} else if (current < minReplicas) {
			await this.#set(autoscaler, target, draft, minReplicas, "Current number of replicas below Spec.MinReplicas", undefined);
		} else await this.#scaleByMetrics(autoscaler, target, draft);
	}

	async #scaleByMetrics(autoscaler: HorizontalPodAutoscalerV2, target: ScaleTarget, draft: StatusDraft): Promise<void> {
		const { maxReplicas, minReplicas = 1, behavior } = autoscaler.spec;
		const current = target.scale.spec?.replicas ?? 0;
		let wish: Wish;
		try {
			wish = await this.#wishOf(autoscaler, target, draft);
		} catch (error) {
			if (!(error instanceof NoWish)) throw error;
			draft.setReplicas(current, draft.desiredReplicas, error.statuses, false);
			this.#warn(autoscaler, "FailedComputeMetricsReplicas", error.message);
			return;
		}
		const key = objectKey(autoscaler);
		const nowMs = this.#context.clock.now();
		const { replicas, stability, limit, history } = normalize({
			behavior,
			currentReplicas: current,
			proposedReplicas: wish.replicas,
			bounds: { min: minReplicas, max: maxReplicas },
			history: this.#histories.get(key) ?? newHistory(current, nowMs),
			nowMs,
		});
		this.#histories.set(key, history);
		draft.setCondition("AbleToScale", true, stability.reason, stability.message);
		draft.setCondition("ScalingLimited", limit.isLimited, limit.reason, limit.message);
		if (replicas === current) {
			draft.setReplicas(current, current, wish.statuses, false);
			return;
		}
		const reason = wish.replicas > current ? `${wish.metric} above target` : wish.replicas < current ? "All metrics below target" : "";
		await this.#set(autoscaler, target, draft, replicas, reason, wish.statuses);
	}

	/** Sets the target's replicas and says so. */
	async #set(
		autoscaler: HorizontalPodAutoscalerV2,
		target: ScaleTarget,
		draft: StatusDraft,
		replicas: number,
		why: string,
		statuses: Wish["statuses"] | undefined,
	): Promise<void> {
		const { namespace = "" } = autoscaler.metadata ?? {};
		const current = target.scale.spec?.replicas ?? 0;
		try {
			await this.#targets.set(namespace, autoscaler.spec.scaleTargetRef.name, target, replicas);
		} catch (error) {
			if (!(error instanceof StatusError)) throw error;
			this.#warn(autoscaler, "FailedRescale", `New size: ${replicas}; reason: ${why}; error: ${error.message}`);
			const text = `the HPA controller was unable to update the target scale: ${error.message}`;
			draft.setCondition("AbleToScale", false, "FailedUpdateScale", text);
			draft.setReplicas(current, draft.desiredReplicas, statuses, false);
			return;
		}
		draft.setCondition("AbleToScale", true, "SucceededRescale", `the HPA controller was able to update the target scale to ${replicas}`);
		this.#recorder.event(asObject(autoscaler), "Normal", "SuccessfulRescale", `New size: ${replicas}; reason: ${why}`);
		const key = objectKey(autoscaler);
		const history = this.#histories.get(key);
		const nowMs = this.#context.clock.now();
		if (history !== undefined && autoscaler.spec.behavior !== undefined)
			this.#histories.set(key, withScaling(history, current, replicas, nowMs));
		draft.setReplicas(current, replicas, statuses, true);
	}

	/** The highest of what metrics ask for. Throws NoWish where none can be had, or some cannot and it would be scaled down. */
	async #wishOf(autoscaler: HorizontalPodAutoscalerV2, { scale }: ScaleTarget, draft: StatusDraft): Promise<Wish> {
		const { metrics = [], behavior } = autoscaler.spec;
		const selector = scale.status?.selector ?? "";
		const specReplicas = scale.spec?.replicas ?? 0;
		const scaled: ScaledPods = {
			namespace: autoscaler.metadata?.namespace ?? "",
			selector,
			pods: this.#selectedPods(autoscaler, selector, draft),
			specReplicas,
			statusReplicas: scale.status?.replicas ?? 0,
			tolerances: tolerancesOf(behavior?.scaleUp, behavior?.scaleDown),
			nowMs: this.#context.clock.now(),
		};
		const proposals: (MetricProposal | undefined)[] = [];
		const failures: MetricFailure[] = [];
		for (const spec of metrics) {
			try {
				proposals.push(await proposalOf(spec, scaled, { metrics: this.#metrics, targets: this.#targets }));
			} catch (error) {
				if (!(error instanceof MetricFailure)) throw error;
				this.#warn(autoscaler, error.reason, error.text);
				failures.push(error);
				proposals.push(undefined);
			}
		}
		const statuses = proposals.map((proposal) => proposal?.status);
		const best = proposals.reduce((a, b) => (a === undefined || (b !== undefined && b.replicas > a.replicas) ? b : a), undefined);
		const [failure] = failures;
		if (failure !== undefined && (best === undefined || best.replicas < specReplicas)) {
			const text = `the HPA was unable to compute the replica count: ${failure.text}`;
			draft.setCondition("ScalingActive", false, failure.reason, text);
			const count = `${failures.length} invalid out of ${metrics.length}`;
			throw new NoWish(`invalid metrics (${count}), first error is: ${failure.message}`, statuses);
		}
		const { replicas, metric } = best ?? { replicas: 0, metric: "" };
		const text = `the HPA was able to successfully calculate a replica count from ${metric}`;
		draft.setCondition("ScalingActive", true, "ValidMetricFound", text);
		return { replicas, metric, statuses };
	}

	// ── Pods ──

	/** Throws NoWish where the selector cannot be used, or another autoscaler's target selects the same pods. */
	#selectedPods(autoscaler: HorizontalPodAutoscalerV2, selector: string, draft: StatusDraft): readonly Pod[] {
		if (selector === "") {
			this.#warn(autoscaler, "SelectorRequired", "selector is required");
			draft.setCondition("ScalingActive", false, "InvalidSelector", "the HPA target's scale is missing a selector");
			throw new NoWish("selector is required");
		}
		const invalid = (reason: string, text: string): never => {
			this.#warn(autoscaler, reason, text);
			draft.setCondition("ScalingActive", false, reason, text);
			throw new NoWish(text);
		};
		let matcher: LabelSelectorMatcher;
		try {
			matcher = parseLabelSelector(selector);
		} catch (error) {
			if (!(error instanceof SelectorError)) throw error;
			return invalid("InvalidSelector", `couldn't convert selector into a corresponding internal selector object: ${error.message}`);
		}
		const key = objectKey(autoscaler);
		const { namespace = "" } = autoscaler.metadata ?? {};
		this.#selectors.set(key, matcher);
		const selected = this.#pods.cache.listNamespace(namespace).filter(({ metadata }) => matcher.matches(metadata?.labels));
		const controlling = this.#autoscalersOf(namespace, selected);
		if (controlling.length > 1) {
			const names = controlling.map((each) => `{${namespace} ${each.slice(namespace.length + 1)}}`).join(" ");
			invalid("AmbiguousSelector", `pods by selector ${selector} are controlled by multiple HPAs: [${names}]`);
		}
		return selected;
	}

	/** Keys of the autoscalers of a namespace whose target selects any of these pods. */
	#autoscalersOf(namespace: string, selected: readonly Pod[]): readonly string[] {
		const own = [...this.#selectors].filter(([key]) => key.startsWith(`${namespace}/`));
		return own.filter(([, matcher]) => selected.some(({ metadata }) => matcher.matches(metadata?.labels))).map(([key]) => key);
	}

	// ── Status ──

	async #writeStatus(autoscaler: HorizontalPodAutoscalerV2, { status }: StatusDraft): Promise<void> {
		if (jsonEqual(autoscaler.status ?? {}, status)) return;
		try {
			await this.#context.client.resource(horizontalPodAutoscalers).updateStatus({ ...autoscaler, status });
		} catch (error) {
			if (isStatusError(error, "NotFound")) return;
			// The next round, in 15 seconds, comes to the same.
			if (!(error instanceof StatusError)) throw error;
			this.#warn(autoscaler, "FailedUpdateStatus", error.message);
		}
	}

	#warn(autoscaler: HorizontalPodAutoscalerV2, reason: string, message: string): void {
		this.#recorder.event(asObject(autoscaler), "Warning", reason, message);
	}
}

/** Objects in caches may lack what they are. */
function asObject({ metadata = {} }: HorizontalPodAutoscalerV2) {
	return { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata };
}

function tolerancesOf(up: HPAScalingRulesV2 | undefined, down: HPAScalingRulesV2 | undefined): Tolerances {
	const read = (rules: HPAScalingRulesV2 | undefined) =>
		rules?.tolerance === undefined ? defaultTolerance : quantityToNumber(rules.tolerance);
	return { up: read(up), down: read(down) };
}

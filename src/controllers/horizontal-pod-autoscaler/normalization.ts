/**
 * From the number of replicas that metrics ask for to the one that is set: within bounds, not faster than policies allow, and
 * not back and forth. Pure: what happened before and what is to be remembered are values.
 *
 *   proposed ─▶ stabilized by recent recommendations ─▶ within what policies allow in their periods ─▶ within min and max
 *
 * Source: normalizeDesiredReplicas and normalizeDesiredReplicasWithBehaviors of pkg/controller/podautoscaler/horizontal.go;
 * https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior
 */
import type { HorizontalPodAutoscalerBehaviorV2, HPAScalingRulesV2 } from "../../apimachinery/schema/generated/types.ts";

/** --horizontal-pod-autoscaler-downscale-stabilization */
const downscaleStabilizationMs = 300_000;
/** Without a behavior: by doubling, but to four at once. */
const scaleUpFactor = 2;
const scaleUpMinimum = 4;
/** Longest period of a policy, by validation: half an hour. */
const keepEventsMs = 1_800_000;

interface Recommendation {
	readonly replicas: number;
	/** Unix ms. */
	readonly atMs: number;
}

/** A change of the number of replicas, > 0. */
interface ScaleEvent {
	readonly change: number;
	readonly atMs: number;
}

/** What is remembered of an autoscaler; it is lost with the controller. */
export interface ScaleHistory {
	/** As metrics asked for, before any limit. */
	readonly recommendations: readonly Recommendation[];
	readonly ups: readonly ScaleEvent[];
	readonly downs: readonly ScaleEvent[];
}

/** Of an autoscaler that is seen for the first time: as if its present size had been asked for. */
export function newHistory(currentReplicas: number, nowMs: number): ScaleHistory {
	return { recommendations: [{ replicas: currentReplicas, atMs: nowMs }], ups: [], downs: [] };
}

/** @param replicas before and after */
export function withScaling(history: ScaleHistory, before: number, after: number, nowMs: number): ScaleHistory {
	const event = { change: Math.abs(after - before), atMs: nowMs };
	const recent = (events: readonly ScaleEvent[]) => events.filter(({ atMs }) => atMs >= nowMs - keepEventsMs);
	return after > before ? { ...history, ups: [...recent(history.ups), event] } : { ...history, downs: [...recent(history.downs), event] };
}

export interface Bounds {
	readonly min: number;
	readonly max: number;
}

interface Reasoned {
	readonly reason: string;
	readonly message: string;
}

export interface Normalized {
	readonly replicas: number;
	/** Of the condition AbleToScale. */
	readonly stability: Reasoned;
	/** Of the condition ScalingLimited. */
	readonly limit: Reasoned & { readonly isLimited: boolean };
	readonly history: ScaleHistory;
}

export function normalize(options: {
	readonly behavior: HorizontalPodAutoscalerBehaviorV2 | undefined;
	readonly currentReplicas: number;
	readonly proposedReplicas: number;
	readonly bounds: Bounds;
	readonly history: ScaleHistory;
	readonly nowMs: number;
}): Normalized {
	const { behavior, currentReplicas: current, proposedReplicas: proposed, bounds, history, nowMs } = options;
	const rules = behavior === undefined ? undefined : { up: behavior.scaleUp ?? {}, down: behavior.scaleDown ?? {} };
	const stabilized =
		rules === undefined
			? highestRecent(history, proposed, nowMs)
			: betweenRecent(
					history,
					current,
					proposed,
					{ upMs: windowMs(rules.up, 0), downMs: windowMs(rules.down, downscaleStabilizationMs) },
					nowMs,
				);
	const limited =
		rules === undefined
			? limitWithoutRules(current, stabilized, bounds)
			: limitWithRules(current, stabilized, bounds, { ...rules, history, nowMs });
	// What no window reaches is forgotten.
	const longestMs = Math.max(downscaleStabilizationMs, windowMs(rules?.up ?? {}, 0), windowMs(rules?.down ?? {}, 0));
	const recent = history.recommendations.filter(({ atMs }) => atMs >= nowMs - longestMs);
	return {
		replicas: limited.replicas,
		stability:
			stabilized === proposed ? readyForNewScale : rules !== undefined && proposed >= current ? scaleUpStabilized : scaleDownStabilized,
		limit: { ...limited.why, isLimited: limited.replicas !== stabilized },
		history: { ...history, recommendations: [...recent, { replicas: proposed, atMs: nowMs }] },
	};
}

const readyForNewScale: Reasoned = { reason: "ReadyForNewScale", message: "recommended size matches current size" };
const scaleUpStabilized: Reasoned = {
	reason: "ScaleUpStabilized",
	message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};
const scaleDownStabilized: Reasoned = {
	reason: "ScaleDownStabilized",
	message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const withinRange: Reasoned = { reason: "DesiredWithinRange", message: "the desired count is within the acceptable range" };
const tooMany: Reasoned = { reason: "TooManyReplicas", message: "the desired replica count is more than the maximum replica count" };
const tooFew: Reasoned = { reason: "TooFewReplicas", message: "the desired replica count is less than the minimum replica count" };
const upLimit: Reasoned = { reason: "ScaleUpLimit", message: "the desired replica count is increasing faster than the maximum scale rate" };
const downLimit: Reasoned = {
	reason: "ScaleDownLimit",
	message: "the desired replica count is decreasing faster than the maximum scale rate",
};

// ── Stabilization ──

function highestRecent({ recommendations }: ScaleHistory, proposed: number, nowMs: number): number {
	const recent = recommendations.filter(({ atMs }) => atMs >= nowMs - downscaleStabilizationMs);
	return Math.max(proposed, ...recent.map(({ replicas }) => replicas));
}

/** The present size, unless everything recent asks for more, or for less. */
function betweenRecent(
	{ recommendations }: ScaleHistory,
	current: number,
	proposed: number,
	{ upMs, downMs }: { readonly upMs: number; readonly downMs: number },
	nowMs: number,
): number {
	const since = (lengthMs: number) => recommendations.filter(({ atMs }) => atMs > nowMs - lengthMs).map(({ replicas }) => replicas);
	const lowest = Math.min(proposed, ...since(upMs));
	const highest = Math.max(proposed, ...since(downMs));
	return Math.min(Math.max(current, lowest), highest);
}

function windowMs({ stabilizationWindowSeconds }: HPAScalingRulesV2, defaultMs: number): number {
	return stabilizationWindowSeconds === undefined ? defaultMs : stabilizationWindowSeconds * 1000;
}

// ── Limits ──

interface Limited {
	readonly replicas: number;
	readonly why: Reasoned;
}

function limitWithoutRules(current: number, desired: number, { min, max }: Bounds): Limited {
	const fastest = Math.max(scaleUpFactor * current, scaleUpMinimum);
	if (desired < min) return { replicas: min, why: tooFew };
	if (desired > Math.min(max, fastest)) return max > fastest ? { replicas: fastest, why: upLimit } : { replicas: max, why: tooMany };
	return { replicas: desired, why: withinRange };
}

interface Rules {
	readonly up: HPAScalingRulesV2;
	readonly down: HPAScalingRulesV2;
	readonly history: ScaleHistory;
	readonly nowMs: number;
}

function limitWithRules(current: number, desired: number, { min, max }: Bounds, rules: Rules): Limited {
	if (desired > current) {
		const fastest = Math.max(current, scaleUpLimit(current, rules));
		if (desired > Math.min(max, fastest)) return max > fastest ? { replicas: fastest, why: upLimit } : { replicas: max, why: tooMany };
	} else if (desired < current) {
		const fastest = Math.min(current, scaleDownLimit(current, rules));
		if (desired < Math.max(min, fastest)) return min < fastest ? { replicas: fastest, why: downLimit } : { replicas: min, why: tooFew };
	}
	return { replicas: desired, why: withinRange };
}

function scaleUpLimit(current: number, { up: { selectPolicy, policies = [] }, history, nowMs }: Rules): number {
	if (selectPolicy === "Disabled") return current;
	const allowed = policies.map(({ type, value, periodSeconds }) => {
		const start = replicasAtStart(current, history, periodSeconds, nowMs);
		// Rounded up, or a small target would never grow.
		return type === "Pods" ? start + value : Math.ceil(start * (1 + value / 100));
	});
	return selectPolicy === "Min" ? Math.min(...allowed) : Math.max(...allowed);
}

function scaleDownLimit(current: number, { down: { selectPolicy, policies = [] }, history, nowMs }: Rules): number {
	if (selectPolicy === "Disabled") return current;
	const allowed = policies.map(({ type, value, periodSeconds }) => {
		const start = replicasAtStart(current, history, periodSeconds, nowMs);
		return type === "Pods" ? start - value : Math.trunc(start * (1 - value / 100));
	});
	return selectPolicy === "Min" ? Math.max(...allowed) : Math.min(...allowed);
}

/** How many there were when a policy's period began. */
function replicasAtStart(current: number, { ups, downs }: ScaleHistory, periodSeconds: number, nowMs: number): number {
	const changed = (events: readonly ScaleEvent[]) =>
		events.reduce((sum, { change, atMs }) => (atMs > nowMs - periodSeconds * 1000 ? sum + change : sum), 0);
	return current - changed(ups) + changed(downs);
}

/** The status of an autoscaler as one reconcile draws it up. */
import type {
	HorizontalPodAutoscalerStatusV2,
	HorizontalPodAutoscalerV2,
	MetricStatusV2,
} from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";

export type ConditionType = "AbleToScale" | "ScalingActive" | "ScalingLimited";

export class StatusDraft {
	readonly #before: HorizontalPodAutoscalerStatusV2;
	readonly #nowMs: number;
	#status: HorizontalPodAutoscalerStatusV2;

	constructor({ status }: HorizontalPodAutoscalerV2, nowMs: number) {
		this.#before = status ?? { desiredReplicas: 0 };
		this.#status = this.#before;
		this.#nowMs = nowMs;
	}

	get status(): HorizontalPodAutoscalerStatusV2 {
		return this.#status;
	}

	get desiredReplicas(): number {
		return this.#before.desiredReplicas;
	}

	/** Conditions stay where they are; only a new status is a transition. */
	setCondition(type: ConditionType, isTrue: boolean, reason: string, message: string): void {
		const { conditions = [] } = this.#status;
		const old = conditions.find((condition) => condition.type === type);
		const status = isTrue ? "True" : "False";
		const lastTransitionTime = old?.status === status ? old.lastTransitionTime : formatTime(this.#nowMs);
		const next = { type, status, ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }), reason, message };
		const others = conditions.map((condition) => (condition.type === type ? next : condition));
		this.#status = { ...this.#status, conditions: old === undefined ? [...conditions, next] : others };
	}

	/** @param metrics undefined where none were looked at */
	setReplicas(current: number, desired: number, metrics: readonly (MetricStatusV2 | undefined)[] | undefined, isRescaled: boolean): void {
		const { lastScaleTime, conditions, observedGeneration } = this.#status;
		const time = isRescaled ? formatTime(this.#nowMs) : lastScaleTime;
		this.#status = {
			...(observedGeneration === undefined ? {} : { observedGeneration }),
			...(time === undefined ? {} : { lastScaleTime: time }),
			currentReplicas: current,
			desiredReplicas: desired,
			// A metric that cannot be had has an empty place, as upstream's.
			...(metrics === undefined ? {} : { currentMetrics: metrics.map((metric) => metric ?? { type: "" }) }),
			...(conditions === undefined ? {} : { conditions }),
		};
	}
}

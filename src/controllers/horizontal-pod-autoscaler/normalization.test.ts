/** Bounds, policies and windows: the cases of the documentation and of upstream's tests, and what always holds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HorizontalPodAutoscalerBehaviorV2, HPAScalingRulesV2 } from "../../apimachinery/schema/generated/types.ts";
import { newHistory, normalize, type ScaleHistory, withScaling } from "./normalization.ts";

const startMs = Date.UTC(2026, 0, 1);

interface Step {
	/** Seconds since the step before; default 15. */
	readonly after?: number;
	readonly proposed: number;
}

interface Run {
	readonly start: number;
	readonly behavior?: HorizontalPodAutoscalerBehaviorV2;
	readonly min?: number;
	readonly max?: number;
}

/** `replicas AbleToScale's reason, ScalingLimited's reason` after each step, whose result is set. */
function run({ start, behavior, min = 1, max = 100 }: Run, steps: readonly Step[]) {
	let nowMs = startMs;
	let current = start;
	let history: ScaleHistory = newHistory(start, nowMs);
	return steps.map(({ after = 15, proposed }) => {
		nowMs += after * 1000;
		const result = normalize({ behavior, currentReplicas: current, proposedReplicas: proposed, bounds: { min, max }, history, nowMs });
		history = result.replicas === current ? result.history : withScaling(result.history, current, result.replicas, nowMs);
		current = result.replicas;
		return `${result.replicas} ${result.stability.reason}, ${result.limit.isLimited ? "" : "not "}${result.limit.reason}`;
	});
}

const replicasOf = (lines: readonly string[]) => lines.map((line) => Number(line.split(" ")[0]));

describe("without a behavior", () => {
	it.each<readonly [string, Run, readonly Step[], readonly string[]]>([
		[
			"four at once, then by doubling",
			{ start: 1, max: 20 },
			[{ proposed: 30 }, { proposed: 30 }, { proposed: 30 }, { proposed: 30 }],
			[
				"4 ReadyForNewScale, ScaleUpLimit",
				"8 ReadyForNewScale, ScaleUpLimit",
				"16 ReadyForNewScale, ScaleUpLimit",
				"20 ReadyForNewScale, TooManyReplicas",
			],
		],
		[
			"down only to the highest of the last five minutes",
			{ start: 5 },
			[
				{ proposed: 3 },
				{ proposed: 4 },
				{ after: 270, proposed: 2 },
				{ after: 15, proposed: 2 },
				{ after: 15, proposed: 2 },
				{ after: 300, proposed: 1 },
				{ after: 15, proposed: 1 },
			],
			[
				"5 ScaleDownStabilized, not DesiredWithinRange",
				"5 ScaleDownStabilized, not DesiredWithinRange",
				"5 ScaleDownStabilized, not DesiredWithinRange",
				"4 ScaleDownStabilized, not DesiredWithinRange",
				"4 ScaleDownStabilized, not DesiredWithinRange",
				"2 ScaleDownStabilized, not DesiredWithinRange",
				"1 ReadyForNewScale, not DesiredWithinRange",
			],
		],
		["not below the minimum", { start: 4, min: 2 }, [{ after: 301, proposed: 0 }], ["2 ReadyForNewScale, TooFewReplicas"]],
		["nothing to do", { start: 3 }, [{ proposed: 3 }], ["3 ReadyForNewScale, not DesiredWithinRange"]],
	])("%s", (_, options, steps, expected) => {
		expect(run(options, steps)).toEqual(expected);
	});
});

/** As the API fills it in. */
const up: HPAScalingRulesV2 = {
	stabilizationWindowSeconds: 0,
	selectPolicy: "Max",
	policies: [
		{ type: "Pods", value: 4, periodSeconds: 15 },
		{ type: "Percent", value: 100, periodSeconds: 15 },
	],
};
const down: HPAScalingRulesV2 = { selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] };
const policy = (type: string, value: number, periodSeconds: number) => ({ type, value, periodSeconds });
const times = (count: number, step: Step) => Array.from({ length: count }, () => step);

describe("with a behavior", () => {
	it.each<readonly [string, Run, readonly Step[], readonly number[]]>([
		[
			"the defaults: four more or twice as many each 15 s",
			{ start: 1, behavior: { scaleUp: up, scaleDown: down } },
			times(4, { proposed: 50 }),
			[5, 10, 20, 40],
		],
		[
			"at most four pods a minute",
			{ start: 10, behavior: { scaleUp: { ...up, policies: [policy("Pods", 4, 60)] }, scaleDown: down } },
			times(6, { proposed: 50 }),
			[14, 14, 14, 14, 18, 18],
		],
		[
			"the lower of two policies",
			{
				start: 10,
				behavior: {
					scaleUp: { ...up, selectPolicy: "Min", policies: [policy("Pods", 4, 15), policy("Percent", 10, 15)] },
					scaleDown: down,
				},
			},
			times(3, { proposed: 50 }),
			[11, 13, 15],
		],
		[
			"no scaling up at all",
			{ start: 3, behavior: { scaleUp: { ...up, selectPolicy: "Disabled" }, scaleDown: down } },
			times(2, { proposed: 9 }),
			[3, 3],
		],
		[
			"ten percent a minute down, and the other way round of rounding",
			{
				start: 80,
				min: 1,
				behavior: { scaleUp: up, scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: "Max", policies: [policy("Percent", 10, 60)] } },
			},
			times(6, { after: 60, proposed: 1 }),
			[72, 64, 57, 51, 45, 40],
		],
		[
			"five pods or ten percent, whichever is less",
			{
				start: 80,
				behavior: {
					scaleUp: up,
					scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: "Min", policies: [policy("Percent", 10, 60), policy("Pods", 5, 60)] },
				},
			},
			times(3, { after: 60, proposed: 10 }),
			[75, 70, 65],
		],
		[
			"no scaling down at all",
			{ start: 9, behavior: { scaleUp: up, scaleDown: { ...down, stabilizationWindowSeconds: 0, selectPolicy: "Disabled" } } },
			times(2, { after: 400, proposed: 1 }),
			[9, 9],
		],
		[
			"a minute of less before it goes down",
			{ start: 6, behavior: { scaleUp: up, scaleDown: { ...down, stabilizationWindowSeconds: 60 } } },
			[{ proposed: 6 }, ...times(5, { proposed: 2 })],
			[6, 6, 6, 6, 2, 2],
		],
		[
			"a minute of more before it goes up",
			{ start: 2, behavior: { scaleUp: { ...up, stabilizationWindowSeconds: 60 }, scaleDown: down } },
			[{ proposed: 2 }, ...times(5, { proposed: 5 })],
			[2, 2, 2, 2, 5, 5],
		],
		[
			"without a window it is the controller's five minutes",
			{ start: 6, behavior: { scaleUp: up, scaleDown: down } },
			[{ proposed: 2 }, { after: 285, proposed: 2 }, { proposed: 2 }],
			[6, 2, 2],
		],
		[
			"what went down in the period may come back",
			{
				start: 10,
				behavior: { scaleUp: { ...up, policies: [policy("Pods", 1, 60)] }, scaleDown: { ...down, stabilizationWindowSeconds: 0 } },
			},
			[{ proposed: 4 }, { proposed: 20 }],
			[4, 11],
		],
	])("%s", (_, options, steps, expected) => {
		expect(replicasOf(run(options, steps))).toEqual(expected);
	});

	it("says what held it back", () => {
		const behavior = {
			scaleUp: { ...up, stabilizationWindowSeconds: 60 },
			scaleDown: { ...down, policies: [policy("Pods", 1, 60)], stabilizationWindowSeconds: 0 },
		};
		expect(
			run({ start: 5, behavior, min: 3, max: 6 }, [
				{ proposed: 9 },
				{ after: 61, proposed: 9 },
				{ proposed: 1 },
				{ after: 61, proposed: 4 },
				{ after: 61, proposed: 1 },
			]),
		).toEqual([
			"5 ScaleUpStabilized, not DesiredWithinRange",
			"6 ReadyForNewScale, TooManyReplicas",
			"4 ReadyForNewScale, ScaleDownLimit",
			"4 ReadyForNewScale, not DesiredWithinRange",
			"3 ReadyForNewScale, TooFewReplicas",
		]);
	});
});

describe("always", () => {
	const rules = fc.record({
		stabilizationWindowSeconds: fc.constantFrom(0, 30, 60, 300),
		selectPolicy: fc.constantFrom("Max", "Min", "Disabled"),
		policies: fc.array(
			fc.record({
				type: fc.constantFrom("Pods", "Percent"),
				value: fc.integer({ min: 1, max: 150 }),
				periodSeconds: fc.integer({ min: 1, max: 120 }),
			}),
			{
				minLength: 1,
				maxLength: 3,
			},
		),
	});
	const behaviors = fc.option(fc.record({ scaleUp: rules, scaleDown: rules }), { nil: undefined });
	const steps = fc.array(fc.record({ after: fc.integer({ min: 1, max: 90 }), proposed: fc.integer({ min: 0, max: 200 }) }), {
		minLength: 1,
		maxLength: 30,
	});

	it("stays within bounds, and never goes beyond what was asked for by anybody recently", () => {
		fc.assert(
			fc.property(behaviors, steps, fc.integer({ min: 1, max: 10 }), fc.integer({ min: 0, max: 90 }), (behavior, list, min, more) => {
				const max = min + more;
				const start = Math.floor((min + max) / 2);
				const replicas = replicasOf(run({ start, min, max, ...(behavior === undefined ? {} : { behavior }) }, list));
				const highest = Math.max(start, ...list.map(({ proposed }) => proposed));
				const lowest = Math.min(start, ...list.map(({ proposed }) => proposed));
				for (const count of replicas) {
					expect(count).toBeGreaterThanOrEqual(min);
					expect(count).toBeLessThanOrEqual(max);
					expect(count).toBeLessThanOrEqual(Math.max(highest, min));
					expect(count).toBeGreaterThanOrEqual(Math.min(lowest, max));
				}
			}),
		);
	});

	it("keeps a policy's pace: within any of its periods no more than it allows", () => {
		fc.assert(
			fc.property(steps, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 15, max: 120 }), (list, value, periodSeconds) => {
				const paced = { stabilizationWindowSeconds: 0, selectPolicy: "Max", policies: [policy("Pods", value, periodSeconds)] };
				const still = { ...paced, selectPolicy: "Disabled" };
				for (const behavior of [
					{ scaleUp: paced, scaleDown: still },
					{ scaleUp: still, scaleDown: paced },
				]) {
					const replicas = replicasOf(run({ start: 50, behavior, max: 200 }, list));
					const seen = [{ at: 0, count: 50 }];
					for (const [index, { after }] of list.entries()) seen.push({ at: (seen.at(-1)?.at ?? 0) + after, count: replicas[index] ?? 0 });
					for (const early of seen) {
						for (const late of seen.filter(({ at }) => at >= early.at && at < early.at + periodSeconds)) {
							expect(Math.abs(late.count - early.count)).toBeLessThanOrEqual(value);
						}
					}
				}
			}),
		);
	});
});

/** How many replicas metrics ask for: the cases of upstream's own tests (replica_calculator_test.go), as a table, and what always holds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Container, Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { PodMetrics } from "./pod-groups.ts";
import { replicasForAverage, replicasForShare, replicasForUtilization, replicasForValue } from "./replica-calculator.ts";

const nowMs = Date.UTC(2026, 0, 1, 12);
const tolerances = { up: 0.1, down: 0.1 };

interface PodCase {
	readonly phase?: string;
	readonly ready?: "True" | "False";
	/** How long ago, ms. */
	readonly startedMs?: number;
	readonly readySinceMs?: number;
	readonly going?: boolean;
	/** Thousandths of a core that each of its containers asks for; null: nothing. */
	readonly request?: number | null;
	readonly containers?: readonly string[];
}

const hourMs = 3_600_000;
/** Ready for an hour. */
const ready: PodCase = {};
const unready: PodCase = { ready: "False", startedMs: 60_000, readySinceMs: 60_000 };
const pending: PodCase = { phase: "Pending", ready: "False" };
const failed: PodCase = { phase: "Failed", ready: "False" };

function podsOf(cases: readonly PodCase[], resource = "cpu"): readonly Pod[] {
	return cases.map(
		(
			{ phase = "Running", ready = "True", startedMs = hourMs, readySinceMs = startedMs, going, request = 1000, containers = ["c"] },
			index,
		) => {
			const of = (name: string): Container => ({
				name,
				image: "x",
				resources: request === null ? {} : { requests: { [resource]: resource === "cpu" ? `${request}m` : String(request) } },
			});
			return {
				metadata: { name: `pod-${index}`, ...(going === true ? { deletionTimestamp: formatTime(nowMs) } : {}) },
				spec: { containers: containers.map(of) },
				status: {
					phase,
					startTime: formatTime(nowMs - startedMs),
					conditions: [{ type: "Ready", status: ready, lastTransitionTime: formatTime(nowMs - readySinceMs) }],
				},
			};
		},
	);
}

/** Undefined: that pod's is missing. Their window ends now. */
function metricsOf(values: readonly (number | undefined)[]): PodMetrics {
	const pairs = values.flatMap((milli, index) =>
		milli === undefined ? [] : [[`pod-${index}`, { milli, timestampMs: nowMs, windowMs: 60_000 }] as const],
	);
	return new Map(pairs);
}

const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

describe("by utilization", () => {
	const common = { tolerances, nowMs, resource: "cpu", container: undefined };

	/** [what, target %, current, pods, usage of each, replicas, utilization reported] */
	it.each<readonly [string, number, number, readonly PodCase[], readonly (number | undefined)[], number, number]>([
		["above the target", 30, 3, times(3, ready), [300, 500, 700], 5, 50],
		["below the target", 50, 5, times(5, ready), [100, 300, 500, 250, 250], 3, 28],
		["too little to change something, above", 100, 3, times(3, ready), [1010, 1030, 1020], 3, 102],
		["on the edge of the tolerance", 100, 3, times(3, ready), [1100, 1100, 1100], 3, 110],
		["just over it", 100, 3, times(3, ready), [1110, 1110, 1110], 4, 111],
		["a pod that is not ready uses nothing when it grows", 30, 3, [unready, ready, ready], [0, 500, 700], 4, 60],
		["… and neither does one that is pending", 30, 3, [ready, ready, pending], [300, 500, undefined], 3, 40],
		["all but one are not ready: no change", 30, 4, [ready, unready, unready, unready], [400, 1, 1, 1], 4, 40],
		[
			"one that is not ready is as if not there when it shrinks",
			50,
			5,
			[...times(3, ready), unready, unready],
			[100, 300, 500, 9, 9],
			2,
			30,
		],
		["failed pods do not count", 30, 2, [ready, ready, failed, failed], [500, 700, undefined, undefined], 4, 60],
		["nor do those that are going", 30, 2, [ready, ready, { going: true }], [500, 700, 900], 4, 60],
		["one without a metric uses nothing when it grows", 100, 3, times(3, ready), [3000, 1000, undefined], 4, 200],
		["… and turns nothing round", 100, 3, times(3, ready), [1200, 1200, undefined], 3, 120],
		["one without a metric uses all when it shrinks", 50, 4, times(4, ready), [100, 300, 500, undefined], 4, 30],
		["… more than it asked for, if that is the target", 200, 5, times(5, ready), [100, 100, 100, 100, undefined], 2, 10],
		["missing and not ready at once", 50, 4, [unready, ready, ready, ready], [100, 450, undefined, undefined], 4, 45],
		["one that starts is not asked, even if it is ready", 30, 3, [ready, ready, { startedMs: 30_000 }], [300, 500, 9000], 3, 40],
		[
			"after five minutes one that is not ready counts if it was before",
			30,
			2,
			[ready, { ready: "False", startedMs: hourMs, readySinceMs: 60_000 }],
			[400, 600],
			4,
			50,
		],
		[
			"… and does not if it never was",
			30,
			2,
			[ready, { ready: "False", startedMs: hourMs, readySinceMs: hourMs - 20_000 }],
			[200, 900],
			1,
			20,
		],
		["two containers count together", 50, 2, times(2, { containers: ["a", "b"], request: 500 }), [1000, 1000], 4, 100],
	])("%s", (_, target, currentReplicas, pods, usage, replicas, utilization) => {
		const proposal = replicasForUtilization(target, { ...common, currentReplicas, pods: podsOf(pods), metrics: metricsOf(usage) });
		expect([proposal.replicas, proposal.utilization]).toEqual([replicas, utilization]);
	});

	it.each<readonly [string, readonly PodCase[], readonly (number | undefined)[]]>([
		["missing request for cpu in container c of Pod pod-1", [ready, { request: null }], [100, 100]],
		["no pods returned by selector while calculating replica count", [], [100]],
		["did not receive metrics for any ready pods", [unready, unready], [100, 100]],
	])("fails: %s", (message, pods, usage) => {
		const options = { ...common, currentReplicas: 2, pods: podsOf(pods), metrics: metricsOf(usage) };
		expect(() => replicasForUtilization(50, options)).toThrow(message);
	});

	it("asks one container alone, if told to, and counts sidecars and what pods ask for as a whole", () => {
		const [pod = {}] = podsOf([{ containers: ["app", "log"], request: 1000 }]);
		const [app] = pod.spec?.containers ?? [];
		if (app === undefined) throw new Error("no container");
		const sidecar = { ...app, name: "mesh", restartPolicy: "Always" };
		const init = { ...app, name: "once" };
		const withInit = { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], initContainers: [sidecar, init] } };
		const asPod = { ...withInit, spec: { ...withInit.spec, resources: { requests: { cpu: "500m" } } } };
		const utilization = (of: Pod, container?: string) =>
			replicasForUtilization(50, { ...common, container, currentReplicas: 1, pods: [of], metrics: metricsOf([600]) }).utilization;
		expect([utilization(pod), utilization(pod, "app"), utilization(withInit), utilization(asPod), utilization(asPod, "app")]).toEqual([
			30, 60, 20, 120, 60,
		]);
	});
});

describe("by an average", () => {
	const common = { tolerances, nowMs, resource: "" };

	it.each<readonly [string, number, number, readonly PodCase[], readonly (number | undefined)[], number, number]>([
		["above the target", 15_000, 3, times(3, ready), [20_000, 10_000, 30_000], 4, 20_000],
		["a pod that is not ready counts: it is no CPU", 15_000, 3, [ready, unready, ready], [50_000, 10_000, 30_000], 6, 30_000],
		["a pending pod uses nothing when it grows", 15_000, 3, [ready, ready, pending], [50_000, 40_000, undefined], 6, 45_000],
		["below the target", 20_000, 5, times(5, ready), [10_000, 10_000, 10_000, 10_000, 10_000], 3, 10_000],
		["within the tolerance", 20_666, 3, times(3, ready), [20_000, 21_000, 21_000], 3, 20_666],
		["a missing one is at the target when it shrinks", 20_000, 5, times(5, ready), [1_000, 1_000, 1_000, 1_000, undefined], 2, 1_000],
	])("%s", (_, target, currentReplicas, pods, usage, replicas, milli) => {
		expect(replicasForAverage(target, { ...common, currentReplicas, pods: podsOf(pods), metrics: metricsOf(usage) })).toEqual({
			replicas,
			milli,
		});
	});
});

describe("by a value", () => {
	it.each<readonly [string, number, number, number, readonly PodCase[], number]>([
		["of all pods together", 20_000, 15_000, 3, times(3, ready), 4],
		["those that are not ready do not bear it", 20_000, 15_000, 3, [ready, ready, unready], 3],
		["within the tolerance", 15_500, 15_000, 3, times(3, ready), 3],
		["from nothing, without tolerance", 8_600, 4_400, 0, [], 2],
		["to nothing", 0, 10_000, 1, [ready], 0],
	])("%s", (_, milli, target, currentReplicas, pods, replicas) => {
		expect(replicasForValue(milli, target, { tolerances, nowMs, currentReplicas, pods: podsOf(pods) })).toEqual({ replicas, milli });
	});

	it.each([
		["as many as share it", 8_600, 2_150, 5, { replicas: 4, milli: 1_720 }],
		["within the tolerance", 8_600, 2_150, 4, { replicas: 4, milli: 2_150 }],
		["from nothing", 8_600, 4_400, 0, { replicas: 2, milli: 8_600 }],
	])("to be shared: %s", (_, milli, target, replicas, expected) => {
		expect(replicasForShare(milli, target, replicas, tolerances)).toEqual(expected);
	});
});

describe("always", () => {
	const cases = fc.record({
		usage: fc.array(fc.option(fc.nat(3000), { nil: undefined, freq: 4 }), { minLength: 1, maxLength: 8 }),
		target: fc.integer({ min: 1, max: 200 }),
		up: fc.double({ min: 0, max: 1, noNaN: true }),
		down: fc.double({ min: 0, max: 0.9, noNaN: true }),
	});

	it("usage within the tolerance changes nothing; usage outside of it never the wrong way", () => {
		fc.assert(
			fc.property(cases, ({ usage, target, up, down }) => {
				fc.pre(usage.some((each) => each !== undefined));
				const pods = podsOf(usage.map(() => ready));
				const currentReplicas = pods.length;
				const options = { tolerances: { up, down }, nowMs, resource: "cpu", container: undefined, currentReplicas, pods };
				const { replicas, utilization = 0 } = replicasForUtilization(target, { ...options, metrics: metricsOf(usage) });
				const ratio = utilization / target;
				if (ratio >= 1 - down && ratio <= 1 + up && !usage.includes(undefined)) expect(replicas).toBe(currentReplicas);
				if (ratio > 1) expect(replicas).toBeGreaterThanOrEqual(currentReplicas);
				if (ratio < 1) expect(replicas).toBeLessThanOrEqual(currentReplicas);
			}),
		);
	});
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod, TopologySpreadConstraint } from "../../apimachinery/schema/generated/types.ts";
import { SchedulerCache } from "../cache/cache.ts";
import { cluster, filterVerdicts, node, pod, scoresOf } from "../testing/builders.ts";
import { createPodTopologySpread } from "./pod-topology-spread.ts";

const plugin = createPodTopologySpread(() => []);
const labels = { app: "web" };
const constraint = (rest: Partial<TopologySpreadConstraint> = {}): TopologySpreadConstraint => ({
	maxSkew: 1,
	topologyKey: "zone",
	whenUnsatisfiable: "DoNotSchedule",
	labelSelector: { matchLabels: labels },
	...rest,
});
const waiting = (...topologySpreadConstraints: readonly TopologySpreadConstraint[]) => pod("p", { topologySpreadConstraints }, { labels });
const web = (name: string, nodeName: string, metadata = {}): Pod => pod(name, { nodeName }, { labels, ...metadata });
const nodes = [
	node("a1", { labels: { zone: "a" } }),
	node("a2", { labels: { zone: "a" } }),
	node("b1", { labels: { zone: "b" } }),
	node("nowhere"),
];

const skewed = "Unschedulable: node(s) didn't match pod topology spread constraints";
const missing = "UnschedulableAndUnresolvable: node(s) didn't match pod topology spread constraints (missing required label)";

describe("PodTopologySpread", () => {
	it("rules out the domain that leads by more than maxSkew", () => {
		const snapshot = cluster(nodes, [web("1", "a1")]);
		expect(filterVerdicts(plugin, waiting(constraint()), snapshot)).toEqual({ a1: skewed, a2: skewed, b1: "ok", nowhere: missing });
		const wide = waiting(constraint({ maxSkew: 2 }));
		expect(filterVerdicts(plugin, wide, snapshot)).toEqual({ a1: "ok", a2: "ok", b1: "ok", nowhere: missing });
	});

	it("does not count pods on their way out", () => {
		const snapshot = cluster(nodes, [web("1", "a1", { deletionTimestamp: "2026-01-01T00:00:00Z" })]);
		expect(filterVerdicts(plugin, waiting(constraint()), snapshot).a1).toBe("ok");
	});

	it("counts missing domains as empty up to minDomains", () => {
		const snapshot = cluster(nodes, [web("1", "a1"), web("2", "b1")]);
		expect(filterVerdicts(plugin, waiting(constraint()), snapshot).b1).toBe("ok");
		expect(filterVerdicts(plugin, waiting(constraint({ minDomains: 3 })), snapshot).b1).toBe(skewed);
	});

	it("leaves out the domains that the pod's node selector rules out, unless told to ignore it", () => {
		const snapshot = cluster(nodes, [web("1", "a1"), web("2", "a2")]);
		const selecting = (rest = {}) => pod("p", { nodeSelector: { zone: "a" }, topologySpreadConstraints: [constraint(rest)] }, { labels });
		expect(filterVerdicts(plugin, selecting(), snapshot).a1).toBe("ok");
		expect(filterVerdicts(plugin, selecting({ nodeAffinityPolicy: "Ignore" }), snapshot).a1).toBe(skewed);
	});

	it("leaves out nodes with taints that the pod does not tolerate, if told to heed them", () => {
		const taints = [{ key: "k", effect: "NoSchedule" }];
		const snapshot = cluster([...nodes.slice(0, 2), node("b1", { labels: { zone: "b" }, spec: { taints } })], [web("1", "a1")]);
		expect(filterVerdicts(plugin, waiting(constraint()), snapshot).a2).toBe(skewed);
		expect(filterVerdicts(plugin, waiting(constraint({ nodeTaintsPolicy: "Honor" })), snapshot).a2).toBe("ok");
		const tolerating = pod(
			"p",
			{ topologySpreadConstraints: [constraint({ nodeTaintsPolicy: "Honor" })], tolerations: [{ key: "k", operator: "Exists" }] },
			{ labels },
		);
		expect(filterVerdicts(plugin, tolerating, snapshot).a2).toBe(skewed);
	});

	it("holds all constraints at once, and counts only nodes that have all their keys", () => {
		const byHost = constraint({ topologyKey: "kubernetes.io/hostname" });
		const snapshot = cluster(nodes, [web("1", "a1"), web("2", "b1")]);
		// By zone anything goes; by host only a2 is as empty as can be: "nowhere" has no zone, and does not count as empty.
		expect(filterVerdicts(plugin, waiting(constraint(), byHost), snapshot)).toEqual({ a1: skewed, a2: "ok", b1: skewed, nowhere: missing });
	});

	it("lets a pod that is not selected itself go where it would not add to the skew", () => {
		const other = pod("p", { topologySpreadConstraints: [constraint()] }, { labels: { app: "db" } });
		expect(filterVerdicts(plugin, other, cluster(nodes, [web("1", "a1")])).a1).toBe("ok");
		expect(filterVerdicts(plugin, other, cluster(nodes, [web("1", "a1"), web("2", "a1")])).a1).toBe(skewed);
	});

	it("counts pods of its own namespace only", () => {
		expect(filterVerdicts(plugin, waiting(constraint()), cluster(nodes, [web("1", "a1", { namespace: "other" })])).a1).toBe("ok");
	});

	it("spreads by the pod's own values of matchLabelKeys", () => {
		const snapshot = cluster(nodes, [web("1", "a1", { labels: { ...labels, hash: "old" } })]);
		const next = pod(
			"p",
			{ topologySpreadConstraints: [constraint({ matchLabelKeys: ["hash"] })] },
			{ labels: { ...labels, hash: "new" } },
		);
		expect(filterVerdicts(plugin, next, snapshot).a1).toBe("ok");
	});

	it("scores the emptier domain higher, and a node without the label 0", () => {
		const snapshot = cluster(nodes, [web("1", "a1"), web("2", "a2"), web("3", "b1")]);
		const soft = waiting(constraint({ whenUnsatisfiable: "ScheduleAnyway" }));
		// Weight ln(2 + 2): zone a scores round(2 * 1.386) = 3, zone b round(1.386) = 1.
		expect(scoresOf(plugin, soft, snapshot)).toEqual({ a1: 33, a2: 33, b1: 100, nowhere: 0 });
	});

	it("spreads pods of a group over hosts and zones by default", () => {
		const grouping = createPodTopologySpread(() => [{ matchLabels: labels }]);
		const snapshot = cluster([node("one"), node("two")], [web("1", "one")]);
		const scores = scoresOf(grouping, pod("p", {}, { labels }), snapshot);
		expect(scores?.two).toBeGreaterThan(scores?.one ?? 0);
		expect(scoresOf(plugin, pod("p", {}, { labels }), snapshot)).toBeUndefined();
	});

	it("remembers counts that equal a fresh count, whatever comes and goes", () => {
		const step = fc.record({
			node: fc.nat(3),
			zone: fc.constantFrom("a", "b", undefined),
			web: fc.boolean(),
			kind: fc.constantFrom("add", "remove", "relabel", "taint"),
		});
		const host = { topologyKey: "kubernetes.io/hostname" };
		const asking = [
			waiting(constraint()),
			waiting(constraint({ nodeTaintsPolicy: "Honor", minDomains: 2 })),
			waiting(constraint(), constraint({ ...host, nodeTaintsPolicy: "Honor" })),
			waiting(constraint({ whenUnsatisfiable: "ScheduleAnyway" }), constraint({ ...host, whenUnsatisfiable: "ScheduleAnyway" })),
		];
		const selective = asking.map((each): Pod => ({ ...each, spec: { containers: [], ...each.spec, nodeSelector: { zone: "a" } } }));
		fc.assert(
			fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
				const remembering = createPodTopologySpread(() => []);
				const cache = new SchedulerCache();
				const there: Pod[] = [];
				const zones = ["a", "a", "b", undefined] as (string | undefined)[];
				const tainted = new Set<number>();
				const make = (index: number) =>
					node(`n${index}`, {
						labels: zones[index] === undefined ? {} : { zone: zones[index] },
						spec: tainted.has(index) ? { taints: [{ key: "t", effect: "NoSchedule" }] } : {},
					});
				for (const index of zones.keys()) cache.addNode(make(index));
				for (const [number, { node: index, zone, web: matches, kind }] of steps.entries()) {
					if (kind === "add") {
						const added = pod(`p${number}`, { nodeName: `n${index}` }, { labels: matches ? labels : {} });
						there.push(added);
						cache.addPod(added);
					} else if (kind === "remove") {
						const gone = there.shift();
						if (gone !== undefined) cache.removePod(gone);
					} else {
						const old = make(index);
						if (kind === "relabel") zones[index] = zone;
						else if (!tainted.delete(index)) tainted.add(index);
						cache.updateNode(old, make(index));
					}
					const now = cache.snapshot();
					const fresh = cluster([...zones.keys()].map(make), there);
					for (const each of [...asking, ...selective]) {
						const counting = createPodTopologySpread(() => []);
						expect(filterVerdicts(remembering, each, now)).toEqual(filterVerdicts(counting, each, fresh));
						expect(scoresOf(remembering, each, now)).toEqual(scoresOf(counting, each, fresh));
					}
				}
			}),
			{ numRuns: 40 },
		);
	});
});

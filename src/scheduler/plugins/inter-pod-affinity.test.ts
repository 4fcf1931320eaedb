import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod, PodAffinityTerm, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { SchedulerCache } from "../cache/cache.ts";
import { CycleState } from "../framework/cycle-state.ts";
import { PodInfo } from "../framework/pod-info.ts";
import { cluster, filterVerdicts, node, pod, scoresOf } from "../testing/builders.ts";
import { createInterPodAffinity } from "./inter-pod-affinity.ts";

const plugin = createInterPodAffinity((namespace) => ({ team: namespace }));
const nodes = [
	node("a1", { labels: { zone: "a" } }),
	node("a2", { labels: { zone: "a" } }),
	node("b1", { labels: { zone: "b" } }),
	node("nowhere"),
];

const term = (app: string, topologyKey = "zone", rest: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({
	labelSelector: { matchLabels: { app } },
	topologyKey,
	...rest,
});
const near = (...terms: readonly PodAffinityTerm[]): Partial<PodSpec> => ({
	affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const away = (...terms: readonly PodAffinityTerm[]): Partial<PodSpec> => ({
	affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const running = (app: string, nodeName: string, spec: Partial<PodSpec> = {}, namespace = "default") =>
	pod(`${app}-on-${nodeName}`, { ...spec, nodeName }, { labels: { app }, namespace });

const noAffinity = "UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules";
const noAntiAffinity = "Unschedulable: node(s) didn't match pod anti-affinity rules";
const existing = "Unschedulable: node(s) didn't satisfy existing pods anti-affinity rules";

describe("InterPodAffinity", () => {
	it("places a pod in the domain of the pods it wants to be near to", () => {
		const snapshot = cluster(nodes, [running("db", "a1")]);
		expect(filterVerdicts(plugin, pod("p", near(term("db"))), snapshot)).toEqual({
			a1: "ok",
			a2: "ok",
			b1: noAffinity,
			nowhere: noAffinity,
		});
	});

	it("asks for all terms at once", () => {
		const snapshot = cluster(nodes, [running("db", "a1"), running("cache", "b1")]);
		const all = { a1: noAffinity, a2: noAffinity, b1: noAffinity, nowhere: noAffinity };
		expect(filterVerdicts(plugin, pod("p", near(term("db"), term("cache"))), snapshot)).toEqual(all);
	});

	it("lets the first of a group go anywhere that has the key", () => {
		const first = pod("p", near(term("web")), { labels: { app: "web" } });
		expect(filterVerdicts(plugin, first, cluster(nodes))).toEqual({ a1: "ok", a2: "ok", b1: "ok", nowhere: noAffinity });
	});

	it("keeps a pod away from the pods it does not want to be near to", () => {
		const snapshot = cluster(nodes, [running("web", "a1")]);
		expect(filterVerdicts(plugin, pod("p", away(term("web"))), snapshot)).toEqual({
			a1: noAntiAffinity,
			a2: noAntiAffinity,
			b1: "ok",
			nowhere: "ok",
		});
	});

	it("honours the anti-affinity of pods that are there", () => {
		const snapshot = cluster(nodes, [running("shy", "a1", away(term("loud", "kubernetes.io/hostname")))]);
		const loud = pod("p", {}, { labels: { app: "loud" } });
		expect(filterVerdicts(plugin, loud, snapshot)).toEqual({ a1: existing, a2: "ok", b1: "ok", nowhere: "ok" });
		expect(filterVerdicts(plugin, pod("quiet"), snapshot)).toEqual({ a1: "ok", a2: "ok", b1: "ok", nowhere: "ok" });
	});

	it.each([
		["its own namespace only", {}, false],
		["the namespaces it names", { namespaces: ["other"] }, true],
		["the namespaces it selects", { namespaceSelector: { matchLabels: { team: "other" } } }, true],
		["all namespaces", { namespaceSelector: {} }, true],
	])("looks at %s", (_name, rest, seen) => {
		const snapshot = cluster(nodes, [running("web", "b1", {}, "other")]);
		expect(filterVerdicts(plugin, pod("p", away(term("web", "zone", rest))), snapshot).b1).toBe(seen ? noAntiAffinity : "ok");
	});

	it("keeps replicas that avoid each other apart, in the domain that the key says", () => {
		const spec = away(term("web", "kubernetes.io/hostname"));
		const snapshot = cluster(nodes, [running("web", "a1", spec)]);
		const next = pod("p", spec, { labels: { app: "web" } });
		expect(filterVerdicts(plugin, next, snapshot)).toEqual({ a1: noAntiAffinity, a2: "ok", b1: "ok", nowhere: "ok" });
	});

	it("does not take a pod for the first of its group that is not of it", () => {
		const stranger = pod("p", near(term("web")), { labels: { app: "db" } });
		expect(filterVerdicts(plugin, stranger, cluster(nodes))).toEqual({
			a1: noAffinity,
			a2: noAffinity,
			b1: noAffinity,
			nowhere: noAffinity,
		});
	});

	it("wants one pod that all terms speak of, not one for each", () => {
		const both = pod("p", near(term("db"), { ...term("db"), labelSelector: { matchLabels: { tier: "back" } } }));
		const half = running("db", "a1");
		const whole = pod("whole", { nodeName: "b1" }, { labels: { app: "db", tier: "back" } });
		expect(filterVerdicts(plugin, both, cluster(nodes, [half, whole]))).toMatchObject({ a1: noAffinity, b1: "ok" });
	});

	it("draws pods to those that require them, by hardPodAffinityWeight", () => {
		const snapshot = cluster(nodes, [running("web", "a1", near(term("db")))]);
		const waiting = pod("p", {}, { labels: { app: "db" } });
		expect(scoresOf(plugin, waiting, snapshot)).toMatchObject({ a1: 100, b1: 0 });
		const indifferent = createInterPodAffinity(() => ({}), { hardPodAffinityWeight: 0 });
		expect(scoresOf(indifferent, waiting, snapshot)).toBeUndefined();
	});

	it("does not heed what those who are there prefer, if told so", () => {
		const fond = { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, podAffinityTerm: term("db") }] } };
		const snapshot = cluster(nodes, [running("web", "a1", { affinity: fond })]);
		const waiting = pod("p", {}, { labels: { app: "db" } });
		expect(scoresOf(plugin, waiting, snapshot)).toMatchObject({ a1: 100, b1: 0 });
		const deaf = createInterPodAffinity(() => ({}), { ignorePreferredTermsOfExistingPods: true });
		expect(scoresOf(deaf, waiting, snapshot)).toBeUndefined();
	});

	it("scores preferences of both sides, from the least to the most", () => {
		const affinity = { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, podAffinityTerm: term("db") }] } };
		const repelled = {
			podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, podAffinityTerm: term("web") }] },
		};
		const snapshot = cluster(nodes, [running("db", "a1"), running("grump", "b1", { affinity: repelled })]);
		const waiting = pod("p", { affinity }, { labels: { app: "web" } });
		// zone a: 10, zone b: -5, no zone: 0.
		expect(scoresOf(plugin, waiting, snapshot)).toEqual({ a1: 100, a2: 100, b1: 0, nowhere: 33 });
		expect(scoresOf(plugin, pod("p"), cluster(nodes))).toBeUndefined();
	});

	it("remembers counts that equal a fresh count, whatever comes, goes, and is called otherwise", () => {
		const prefer = (app: string): Partial<PodSpec> => ({
			affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 3, podAffinityTerm: term(app) }] } },
		});
		const avoid = (app: string): Partial<PodSpec> => ({
			affinity: {
				podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 2, podAffinityTerm: term(app, "host") }] },
			},
		});
		const everywhere = { namespaceSelector: { matchLabels: { team: "red" } } };
		const wishes = [{}, near(term("web")), away(term("web", "host")), away(term("web", "zone", everywhere)), prefer("web"), avoid("web")];
		const waiting = wishes.map((spec, index) => pod(`waiting-${index}`, spec, { labels: { app: "web" } }));
		const step = fc.record({
			node: fc.nat(3),
			zone: fc.constantFrom("a", "b", undefined),
			app: fc.constantFrom("web", "db"),
			namespace: fc.constantFrom("default", "other"),
			wish: fc.nat(wishes.length - 1),
			kind: fc.constantFrom("add", "add", "remove", "relabel", "rename"),
		});
		fc.assert(
			fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
				const teams = new Map([["default", { team: "blue" }]]);
				const create = () => createInterPodAffinity((namespace) => teams.get(namespace));
				const remembering = create();
				const cache = new SchedulerCache();
				const there: Pod[] = [];
				const zones = ["a", "a", "b", undefined] as (string | undefined)[];
				const make = (index: number) =>
					node(`n${index}`, { labels: { host: `n${index}`, ...(zones[index] === undefined ? {} : { zone: zones[index] }) } });
				for (const index of zones.keys()) cache.addNode(make(index));
				for (const [number, { node: index, zone, app, namespace, wish, kind }] of steps.entries()) {
					if (kind === "add") {
						const added = pod(`p${number}`, { ...wishes[wish], nodeName: `n${index}` }, { labels: { app }, namespace });
						there.push(added);
						cache.addPod(added);
					} else if (kind === "remove") {
						const gone = there.shift();
						if (gone !== undefined) cache.removePod(gone);
					} else if (kind === "relabel") {
						const old = make(index);
						zones[index] = zone;
						cache.updateNode(old, make(index));
					} else {
						teams.set(namespace, { team: app === "web" ? "red" : "blue" });
					}
					for (const each of waiting) {
						const fresh = cluster([...zones.keys()].map(make), there);
						expect(filterVerdicts(remembering, each, cache.snapshot())).toEqual(filterVerdicts(create(), each, fresh));
						expect(scoresOf(remembering, each, cache.snapshot())).toEqual(scoresOf(create(), each, fresh));
					}
				}
			}),
			{ numRuns: 40 },
		);
	});

	it("leaves what is remembered alone when pods are imagined away", () => {
		const web = running("web", "a1");
		const snapshot = cluster(nodes, [web]);
		const remembering = createInterPodAffinity(() => undefined);
		const waiting = new PodInfo(pod("p", away(term("web"))));
		const state = new CycleState();
		const [a1] = snapshot.nodes;
		if (a1 === undefined) throw new Error("there is no node");
		remembering.preFilter(state, waiting, snapshot);
		const imagined = state.clone();
		remembering.preFilterExtensions?.removePod(imagined, waiting, new PodInfo(web), a1);
		expect([remembering.filter(imagined, waiting, a1), remembering.filter(state, waiting, a1)?.message]).toEqual([
			undefined,
			"node(s) didn't match pod anti-affinity rules",
		]);
		remembering.preFilterExtensions?.addPod(imagined, waiting, new PodInfo(web), a1);
		expect(remembering.filter(imagined, waiting, a1)?.code).toBe("Unschedulable");
		expect(filterVerdicts(remembering, waiting.pod, snapshot).a1).toBe(noAntiAffinity);
	});
});

import { describe, expect, it } from "vitest";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { SchedulerCache } from "../cache/cache.ts";
import { readSchedulerConfiguration } from "../configuration/configuration.ts";
import { createDefaultProfile } from "../default-profile.ts";
import { AttemptRecorder } from "../framework/attempt-recorder.ts";
import { ActionType, nodeAdd } from "../framework/cluster-event.ts";
import { runAsking } from "../framework/cycle.ts";
import { bindByExtender } from "../framework/extender.ts";
import { Framework } from "../framework/framework.ts";
import { PodInfo } from "../framework/pod-info.ts";
import { type ScheduleOutcome, scheduleCycle } from "../framework/schedule-one.ts";
import { createDefaultPreemption, type Preemption } from "../plugins/default-preemption.ts";
import { newQueuedPod } from "../queue/queued-pod.ts";
import { QueueingHints } from "../queue/queueing-hints.ts";
import { node, pod, podWith } from "../testing/builders.ts";
import { noDevices } from "../testing/devices.ts";
import { noVolumes } from "../testing/volumes.ts";
import { createExtenders } from "./http-extender.ts";

/** What an extender answers, by URL: JSON, or a text as it is, or a failure. */
type Answers = Readonly<Record<string, unknown>>;

interface Setup {
	/** As the configuration file has them. */
	readonly extenders: readonly object[];
	readonly answers?: Answers;
	readonly running?: readonly Pod[];
}

function setUp({ extenders: configured, answers = {}, running = [] }: Setup) {
	const asked: { readonly url: string; readonly body: unknown }[] = [];
	const file = { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration", extenders: configured };
	const connect = () => ({
		post: async (url: string, body: string) => {
			asked.push({ url, body: JSON.parse(body) });
			const answer = answers[url];
			if (answer instanceof Error) throw answer;
			if (typeof answer === "number") return { status: answer, body: "" };
			return { status: 200, body: typeof answer === "string" ? answer : JSON.stringify(answer ?? null) };
		},
	});
	const extenders = createExtenders(readSchedulerConfiguration(file).extenders, connect, silentLog);
	const random = new SeededRandom("extenders");
	const preemptions: Preemption[] = [];
	const profile = createDefaultProfile({
		namespaceLabels: () => undefined,
		ownSelectors: () => [],
		volumes: noVolumes(),
		devices: noDevices(),
		binder: { name: "DefaultBinder", bind: async () => undefined },
		preemption: () =>
			createDefaultPreemption({
				random,
				disruptionBudgets: () => [],
				evict: (preemption) => preemptions.push(preemption),
				isEvicting: () => false,
			}),
	});
	const recorder = new AttemptRecorder(10);
	const cache = new SchedulerCache();
	for (const name of ["a", "b", "c"]) cache.addNode(node(name));
	for (const each of running) cache.addPod(each);
	const framework = new Framework(recorder.wrap(profile), { isEmpty: true, forNode: () => [] });
	const schedule = (waiting: Pod): Promise<ScheduleOutcome> => {
		const info = new PodInfo(waiting);
		const interested = extenders.filter((each) => each.isInterested(waiting)).map((each) => recorder.wrapExtender(each));
		const context = { framework, random, startIndex: 0, extenders: interested };
		return runAsking(recorder.attemptCycle(info, 0, 3, scheduleCycle(info, cache.snapshot(), context)));
	};
	return { schedule, asked, preemptions, recorder, extenders };
}

function messageOf(outcome: ScheduleOutcome): string {
	if (outcome.kind === "scheduled") return `scheduled on ${outcome.nodeName}`;
	return outcome.kind === "failed" ? `failed: ${outcome.status.message}` : outcome.message;
}

const filter = { urlPrefix: "http://x/v1/", filterVerb: "filter", nodeCacheCapable: true };
const second = { urlPrefix: "http://y", filterVerb: "pick", nodeCacheCapable: true };
const rank = { urlPrefix: "http://x", prioritizeVerb: "rank", weight: 1, nodeCacheCapable: true };
const nothing = "no new claims to deallocate, preemption: 0/3 nodes are available";

const nowhere = (counts: string, preemption: string) => `0/3 nodes are available: ${counts}. ${nothing}: ${preemption}.`;
const noVictims = "No preemption victims found for incoming pod";

describe("filtering", () => {
	const cases: readonly [string, Setup, string][] = [
		["narrows the nodes", { extenders: [filter], answers: { "http://x/v1/filter": { NodeNames: ["b"] } } }, "scheduled on b"],
		["reads fields as Go does", { extenders: [filter], answers: { "http://x/v1/filter": { nodenames: ["c"] } } }, "scheduled on c"],
		[
			"takes nodes that are sent back whole",
			{
				extenders: [{ ...filter, nodeCacheCapable: false }],
				answers: { "http://x/v1/filter": { Nodes: { items: [{ metadata: { name: "c" } }] } } },
			},
			"scheduled on c",
		],
		[
			"goes from one extender to the next",
			{ extenders: [filter, second], answers: { "http://x/v1/filter": { NodeNames: ["a", "b"] }, "http://y/pick": { NodeNames: ["a"] } } },
			"scheduled on a",
		],
		[
			"says why nodes fell, and that the unresolvable ones are beyond preemption",
			{
				extenders: [filter],
				answers: {
					"http://x/v1/filter": {
						NodeNames: [],
						FailedNodes: { a: "too far", b: "too far" },
						FailedAndUnresolvableNodes: { b: "too old", c: "too old" },
					},
				},
			},
			nowhere("1 too far, 2 too old", `1 ${noVictims}, 2 Preemption is not helpful for scheduling`),
		],
		[
			"fails with what cannot be asked",
			{ extenders: [filter], answers: { "http://x/v1/filter": new Error('Post "http://x/v1/filter": EOF') } },
			'failed: Post "http://x/v1/filter": EOF',
		],
		[
			"fails with an answer of another status",
			{ extenders: [filter], answers: { "http://x/v1/filter": 503 } },
			"failed: failed filter with extender at URL http://x/v1/filter, code 503",
		],
		[
			"fails with the extender's own error",
			{ extenders: [filter], answers: { "http://x/v1/filter": { Error: "no GPU" } } },
			"failed: no GPU",
		],
		[
			"fails with a node that nobody asked about",
			{ extenders: [filter], answers: { "http://x/v1/filter": { NodeNames: ["z"] } } },
			'failed: extender "http://x/v1/" claims a filtered node "z" which is not found in the input node list',
		],
		[
			"fails with what is no JSON",
			{ extenders: [filter], answers: { "http://x/v1/filter": "<html>" } },
			"failed: invalid character '<' looking for beginning of value",
		],
		["fails with nothing", { extenders: [filter], answers: { "http://x/v1/filter": "" } }, "failed: EOF"],
		[
			"fails with another type",
			{ extenders: [filter], answers: { "http://x/v1/filter": { NodeNames: "a" } } },
			"failed: json: cannot unmarshal string into Go struct field ExtenderFilterResult.NodeNames of type []string",
		],
		[
			"goes on without one that may fail, which is asked last",
			{
				extenders: [{ ...filter, ignorable: true }, second],
				answers: { "http://x/v1/filter": new Error("down"), "http://y/pick": { NodeNames: ["b"] } },
			},
			"scheduled on b",
		],
	];
	it.each(cases)("%s", async (_name, setup, expected) => {
		expect(messageOf(await setUp(setup).schedule(pod("p")))).toBe(expected);
	});

	it("sends names to whoever knows the nodes, and whole nodes to others, as Go writes them", async () => {
		const answers = { "http://x/v1/filter": { NodeNames: ["b"] }, "http://y/pick": { Nodes: { items: [{ metadata: { name: "b" } }] } } };
		const { schedule, asked } = setUp({ extenders: [filter, { ...second, nodeCacheCapable: false }], answers });
		await schedule(pod("p"));
		const { apiVersion: _, kind: __, ...written } = pod("p");
		const { apiVersion: ___, kind: ____, ...onlyNode } = node("b");
		expect(asked.map(({ body }) => body)).toEqual([
			{ Pod: written, Nodes: null, NodeNames: ["a", "b", "c"] },
			{ Pod: written, Nodes: { metadata: {}, items: [onlyNode] }, NodeNames: null },
		]);
	});

	it("leaves pods alone that ask for nothing the extender manages", async () => {
		const managing = { ...filter, managedResources: [{ name: "example.com/gpu", ignoredByScheduler: true }] };
		const { schedule, asked } = setUp({ extenders: [managing], answers: { "http://x/v1/filter": { NodeNames: ["b"] } } });
		expect((await schedule(podWith("plain", { cpu: "1" }))).kind).toBe("scheduled");
		expect(asked).toEqual([]);
	});

	it("asks about the nominated node alone, and about the others when that one falls", async () => {
		const { schedule, asked } = setUp({ extenders: [filter], answers: { "http://x/v1/filter": { NodeNames: [] } } });
		await schedule(pod("p", {}, {}, { nominatedNodeName: "b" }));
		expect(asked.map(({ body }) => (body as { NodeNames: unknown }).NodeNames)).toEqual([["b"], ["a", "b", "c"]]);
	});

	it("is an extender's word in the record, and wakes the pod with every event", async () => {
		const { schedule, recorder } = setUp({
			extenders: [filter],
			answers: { "http://x/v1/filter": { NodeNames: [], FailedNodes: { a: "too far" } } },
		});
		const outcome = await schedule(pod("p"));
		expect(outcome.kind === "unschedulable" && [...outcome.diagnosis.unschedulablePlugins]).toEqual(["extender"]);
		const [record] = recorder.records();
		expect(record?.filter.get("a")?.at(-1)).toEqual({ plugin: "http://x/v1/", code: "Unschedulable", reasons: ["too far"] });
		expect(record?.filter.get("b")?.at(-1)).toEqual({ plugin: "http://x/v1/", code: "Unschedulable", reasons: [] });
	});
});

describe("scoring", () => {
	it("adds ten times the weighted score to the plugins'", async () => {
		const answers = {
			"http://x/rank": [
				{ Host: "a", Score: 1 },
				{ Host: "b", Score: 2 },
			],
			"http://y/rank": [{ host: "a", score: 1 }],
		};
		const { schedule, recorder } = setUp({ extenders: [rank, { ...rank, urlPrefix: "http://y", weight: 5 }], answers });
		expect(messageOf(await schedule(pod("p")))).toBe("scheduled on a");
		const scores = recorder.records()[0]?.score.filter(({ plugin }) => plugin.startsWith("http")) ?? [];
		expect(scores.map(({ plugin, weight, raw, normalized }) => [plugin, weight, [...raw], [...normalized]])).toEqual([
			[
				"http://x",
				1,
				[
					["a", 1],
					["b", 2],
				],
				[
					["a", 10],
					["b", 20],
				],
			],
			["http://y", 5, [["a", 1]], [["a", 10]]],
		]);
	});

	it.each([
		["fails", new Error("down")],
		["answers otherwise", { Host: "a" }],
		["answers fractions", [{ Host: "b", Score: 1.5 }]],
	])("does without one that %s", async (_name, answer) => {
		const answers = { "http://x/rank": answer, "http://y/rank": [{ Host: "c", Score: 10 }] };
		const { schedule } = setUp({
			extenders: [
				{ ...rank, weight: 9 },
				{ ...rank, urlPrefix: "http://y" },
			],
			answers,
		});
		expect(messageOf(await schedule(pod("p")))).toBe("scheduled on c");
	});
});

describe("preemption", () => {
	const running = ["a", "b", "c"].map((name) => podWith(`on-${name}`, { cpu: "4" }, { nodeName: name }));
	const urgent = podWith("urgent", { cpu: "4" }, { priority: 10 });
	const preempting = { urlPrefix: "http://x", preemptVerb: "preempt", nodeCacheCapable: true };
	const run = async (extender: object, answer: unknown) => {
		const { schedule, preemptions, asked } = setUp({ extenders: [extender], answers: { "http://x/preempt": answer }, running });
		const message = messageOf(await schedule(urgent));
		return { message, evicted: preemptions.map(({ nodeName, victims }) => [nodeName, victims.map(({ name }) => name)]), asked };
	};
	const full = "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption:";

	it("leaves the choice of nodes and victims to the extender", async () => {
		const answer = { NodeNameToMetaVictims: { b: { Pods: [{ UID: "uid-on-b" }], NumPDBViolations: 0 } } };
		const { evicted, asked } = await run(preempting, answer);
		expect(evicted).toEqual([["b", ["on-b"]]]);
		const victim = (name: string) => ({ Pods: [{ UID: `uid-on-${name}` }], NumPDBViolations: 0 });
		const { apiVersion: _, kind: __, ...written } = urgent;
		expect(asked[0]?.body).toEqual({
			Pod: written,
			NodeNameToVictims: null,
			NodeNameToMetaVictims: { a: victim("a"), b: victim("b"), c: victim("c") },
		});
	});

	const cases: readonly [string, object, unknown, string][] = [
		["nobody is left", preempting, {}, `${full} no candidate node for preemption`],
		["it fails", preempting, new Error("down"), `preemption: down`],
		[
			"it names no victims",
			preempting,
			{ NodeNameToMetaVictims: { a: { Pods: [] } } },
			'preemption: expected at least one victim pod on node "a"',
		],
		[
			"it names somebody else's pod",
			preempting,
			{ NodeNameToMetaVictims: { a: { Pods: [{ UID: "z" }] } } },
			"preemption: extender: http://x claims to preempt pod (UID: &{z}) on node: a, but the pod is not found on that node",
		],
		["it names no node", preempting, { NodeNameToMetaVictims: { z: { Pods: [] } } }, 'preemption: nodeinfo not found for node name "z"'],
	];
	it.each(cases)("evicts nobody where %s", async (_name, extender, answer, expected) => {
		const { message, evicted } = await run(extender, answer);
		expect(evicted).toEqual([]);
		expect(message.endsWith(expected)).toBe(true);
	});

	it.each([
		["fails", new Error("down"), 1],
		["names a node without victims", { NodeNameToMetaVictims: { a: { Pods: [] } } }, 0],
	])("goes on without one that may and %s", async (_name, answer, count) => {
		expect((await run({ ...preempting, ignorable: true }, answer)).evicted.length).toBe(count);
	});
});

describe("binding", () => {
	const binding = { urlPrefix: "http://x", bindVerb: "bind" };
	const info = new PodInfo(pod("p"));

	it("is the extender's, which is told the pod and the node", async () => {
		const { extenders, asked } = setUp({ extenders: [binding], answers: { "http://x/bind": {} } });
		expect(await bindByExtender(extenders, info, "b")).toBeUndefined();
		expect(asked).toEqual([{ url: "http://x/bind", body: { PodName: "p", PodNamespace: "default", PodUID: "uid-p", Node: "b" } }]);
	});

	it.each([
		["fails with its error", binding, { Error: "no" }, "no"],
		["is the plugins' where it may fail", { ...binding, ignorable: true }, { Error: "no" }, "nobody"],
		["is the plugins' where it does not bind", filter, {}, "nobody"],
	])("%s", async (_name, extender, answer, expected) => {
		const { extenders } = setUp({ extenders: [extender], answers: { "http://x/bind": answer } });
		const verdict = await bindByExtender(extenders, info, "b");
		expect(verdict === "nobody" ? verdict : verdict?.message).toBe(expected);
	});
});

describe("a pod that an extender turned down", () => {
	const queued = { ...newQueuedPod(pod("p"), 0), unschedulablePlugins: new Set(["extender"]) };
	const hints = new QueueingHints([{ schedulerName: "default-scheduler", plugins: [] }]);
	const own = (change: Partial<Pod>) => ({ old: pod("p"), object: { ...pod("p"), ...change } });
	const update = { resource: "TargetPod", action: ActionType.updateOther, label: "PodUpdate" } as const;

	it.each([
		["by a node", { event: nodeAdd, old: undefined, object: node("d") }, "afterBackoff"],
		["by a change of its spec", { event: update, ...own({ spec: { containers: [], nodeSelector: { a: "b" } } }) }, "afterBackoff"],
		["not by what is written to its status", { event: update, ...own({ status: { reason: "Unschedulable" } }) }, "skip"],
	])("is woken: %s", (_name, happened, expected) => {
		expect(hints.strategyFor(queued, happened)).toBe(expected);
	});
});

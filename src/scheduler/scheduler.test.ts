import { describe, expect, it } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../apimachinery/log.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import type { Pod, PodSpec } from "../apimachinery/schema/generated/types.ts";
import { Client } from "../client/client.ts";
import { InformerFactory } from "../client/informer.ts";
import { events, nodes, pods } from "../client/resources.ts";
import { FakeApi } from "../client/testing/fake-api.ts";
import { readSchedulerConfiguration, type SchedulerConfiguration } from "./configuration/configuration.ts";
import type { AnyPlugin, PermitPlugin } from "./framework/plugin.ts";
import { errorStatus, unschedulable, wait } from "./framework/status.ts";
import { Scheduler, type SchedulerOptions } from "./scheduler.ts";
import { BindingApi } from "./testing/binding-api.ts";
import { container, node, pod, podWith } from "./testing/builders.ts";

/** A KubeSchedulerConfiguration. */
function configured(parts: object): SchedulerConfiguration {
	return readSchedulerConfiguration({ apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration", ...parts });
}

const holding = configured({ profiles: [{ plugins: { permit: { enabled: [{ name: "Hold" }] } } }] });

async function setUp(options: Partial<SchedulerOptions> = {}, seed = "scheduler") {
	const clock = new VirtualClock();
	const random = new SeededRandom(seed);
	const api = new BindingApi(new FakeApi({ clock, random: random.fork("api") }));
	const client = new Client(api);
	const informers = new InformerFactory({ client, clock });
	const scheduler = new Scheduler({ client, clock, random: random.fork("scheduler"), informers, log: silentLog, ...options });
	const abort = new AbortController();
	scheduler.start(abort.signal);
	void informers.start(abort.signal);
	await clock.advance(0);
	const create = async (...objects: readonly KubeObject[]) => {
		for (const object of objects) await client.resource<KubeObject>(object.kind === "Node" ? nodes : pods).create(object);
		await clock.advance(100);
	};
	const get = (name: string): Promise<Pod> => client.resource(pods).get({ namespace: "default", name });
	const placements = async () => {
		const { items } = await client.resource(pods).list("default");
		return Object.fromEntries(items.map(({ metadata, spec }) => [metadata?.name, spec?.nodeName]));
	};
	const told = async () => {
		const { items } = await client.resource(events).list("default");
		return items.map(({ type, reason, message, involvedObject }) => `${involvedObject.name} ${type} ${reason}: ${message}`).sort();
	};
	return { clock, api, client, scheduler, abort, create, get, placements, told };
}

const full =
	"0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";

describe("Scheduler", () => {
	it("binds a pod to a node and says so", async () => {
		const { create, placements, told } = await setUp();
		await create(node("node-1"), pod("web"));
		expect(await placements()).toEqual({ web: "node-1" });
		expect(await told()).toEqual(["web Normal Scheduled: Successfully assigned default/web to node-1"]);
	});

	it("tells a pod that fits nowhere why, and places it when there is room", async () => {
		const { create, get, clock, client, told, placements, scheduler } = await setUp();
		await create(node("node-1"), podWith("first", { cpu: "4" }), podWith("second", { cpu: "1" }));
		expect((await get("second")).status?.conditions).toEqual([
			{
				type: "PodScheduled",
				status: "False",
				reason: "Unschedulable",
				message: full,
				observedGeneration: 1,
				lastTransitionTime: "2026-01-01T00:00:00Z",
			},
		]);
		expect(await told()).toEqual([
			"first Normal Scheduled: Successfully assigned default/first to node-1",
			`second Warning FailedScheduling: ${full}`,
		]);
		expect(scheduler.queueCounts.unschedulable).toBe(1);
		await client.resource(pods).delete({ namespace: "default", name: "first" });
		await clock.advance(100);
		expect(await placements()).toEqual({ second: "node-1" });
	});

	it("waits for nodes", async () => {
		const { create, get, clock, placements } = await setUp();
		await create(pod("early"));
		expect((await get("early")).status?.conditions?.[0]?.message).toBe("no nodes available to schedule pods");
		await create(node("node-1"));
		await clock.advance(10_000);
		expect(await placements()).toEqual({ early: "node-1" });
	});

	it("counts pods that are on their way to a node", async () => {
		const { create, placements } = await setUp();
		await create(node("a"), node("b"));
		await create(...["1", "2", "3"].map((name) => podWith(name, { cpu: "3" })));
		expect(Object.values(await placements()).sort()).toEqual(["a", "b", undefined]);
	});

	it("leaves alone the pods of other schedulers, and pods with gates", async () => {
		const { create, placements, client, clock } = await setUp();
		await create(node("a"), pod("foreign", { schedulerName: "other" }), pod("gated", { schedulingGates: [{ name: "quota" }] }));
		expect(await placements()).toEqual({ foreign: undefined, gated: undefined });
		await client
			.resource(pods)
			.patch({ namespace: "default", name: "gated" }, "application/merge-patch+json", { spec: { schedulingGates: null } });
		await clock.advance(100);
		expect(await placements()).toEqual({ foreign: undefined, gated: "a" });
	});

	it("tries again after a binding that failed, and gives the room back meanwhile", async () => {
		const { create, api, clock, get, told } = await setUp();
		api.refusals = 1;
		await create(node("a"), podWith("web", { cpu: "4" }));
		const message = `running Bind plugin "DefaultBinder": Operation cannot be fulfilled on pods "web": the server said no`;
		expect((await get("web")).status?.conditions?.[0]).toMatchObject({ reason: "SchedulerError", message });
		expect((await told())[0]).toBe(`web Warning FailedScheduling: ${message}`);
		await clock.advance(2_000);
		expect((await get("web")).spec?.nodeName).toBe("a");
		expect(api.bindings).toEqual(["web -> a", "web -> a"]);
	});

	it("preempts pods of lower priority", async () => {
		const { create, clock, placements, told, get, client } = await setUp();
		await create(node("a"), podWith("low", { cpu: "4" }, { priority: 1 }));
		const finalizers = { metadata: { finalizers: ["test/hold"] } };
		await client.resource(pods).patch({ namespace: "default", name: "low" }, "application/merge-patch+json", finalizers);
		await create(podWith("vip", { cpu: "4" }, { priority: 1000 }));
		// The victim is asked to go, and the node kept in mind, until it has gone.
		expect((await get("low")).metadata?.deletionTimestamp).toBeDefined();
		expect((await get("low")).status?.conditions).toMatchObject([
			{
				type: "DisruptionTarget",
				reason: "PreemptionByScheduler",
				message: "default-scheduler: preempting to accommodate a higher priority pod",
			},
		]);
		expect((await get("vip")).status).toMatchObject({ nominatedNodeName: "a" });
		expect(await told()).toContain(`low Normal Preempted: Preempted by pod ${(await get("vip")).metadata?.uid} on node a`);
		await create(podWith("thief", { cpu: "1" }));
		await client
			.resource(pods)
			.patch({ namespace: "default", name: "low" }, "application/merge-patch+json", { metadata: { finalizers: null } });
		await clock.advance(10_000);
		expect(await placements()).toEqual({ vip: "a", thief: undefined });
	});

	it("keeps the room for the preemptor even before the server knows of it", async () => {
		const { create, client, api, placements } = await setUp();
		await create(node("a"), podWith("low", { cpu: "3" }, { priority: 1 }));
		const finalizers = { metadata: { finalizers: ["test/hold"] } };
		await client.resource(pods).patch({ namespace: "default", name: "low" }, "application/merge-patch+json", finalizers);
		api.fake.intercept = ({ name, subresource }) => (name === "vip" && subresource === "status" ? new Promise(() => undefined) : undefined);
		await create(podWith("vip", { cpu: "4" }, { priority: 1000 }), podWith("thief", { cpu: "1" }));
		expect(await placements()).toEqual({ low: "a", vip: undefined, thief: undefined });
	});

	it("frees the room of pods that are over", async () => {
		const { create, client, clock, placements } = await setUp();
		await create(node("a"), podWith("job", { cpu: "4" }), podWith("next", { cpu: "4" }));
		await client
			.resource(pods)
			.patch(
				{ namespace: "default", name: "job" },
				"application/merge-patch+json",
				{ status: { phase: "Succeeded" } },
				{ subresource: "status" },
			);
		await clock.advance(100);
		expect(await placements()).toEqual({ job: "a", next: "a" });
	});

	it("binds a pod that a plugin held back once it allows it", async () => {
		let allow: () => void = () => undefined;
		const { create, api } = await setUp({
			configuration: holding,
			plugins: {
				Hold: ({ waitingPods }) => ({
					name: "Hold",
					permit: (_state, { uid }) => {
						allow = () => waitingPods.allow(uid, "Hold");
						return { status: wait };
					},
				}),
			},
		});
		await create(node("a"), pod("held"));
		expect(api.bindings).toEqual([]);
		allow();
		await create();
		expect(api.bindings).toEqual(["held -> a"]);
	});

	it("does not bind a pod that was deleted while a plugin held it back", async () => {
		const permit: PermitPlugin = { name: "Hold", permit: () => ({ status: wait, timeoutMs: 60_000 }) };
		const { create, client, clock, api, placements } = await setUp({
			configuration: holding,
			plugins: { Hold: () => permit },
		});
		await create(node("a"), podWith("held", { cpu: "4" }));
		await client.resource(pods).delete({ namespace: "default", name: "held" });
		await clock.advance(100);
		expect(api.bindings).toEqual([]);
		await create(podWith("next", { cpu: "4" }));
		await clock.advance(59_000);
		expect(await placements()).toEqual({ next: undefined });
		await clock.advance(2_000);
		// Its time is up: the plugin rejected it, and it is told so.
		expect((await client.resource(pods).get({ namespace: "default", name: "next" })).status?.conditions?.[0]?.message).toBe(
			"0/1 nodes are available: 1 rejected due to timeout after waiting 60s at plugin Hold.",
		);
	});

	describe("records what becomes of a node that was chosen", () => {
		const setUpWith = async (points: Partial<AnyPlugin>, extensionPoint: string) => {
			const configuration = configured({ profiles: [{ plugins: { [extensionPoint]: { enabled: [{ name: "Mine" }] } } }] });
			const plugins = { Mine: () => ({ name: "Mine", eventsToRegister: () => [], ...points }) as AnyPlugin };
			const parts = await setUp({ configuration, plugins });
			parts.scheduler.recordAttempts(10);
			await parts.create(node("a"), podWith("p", { cpu: "1" }));
			const last = async () => {
				const { attempts } = await parts.scheduler.explain(await parts.get("p"));
				const attempt = attempts.at(-1);
				const own = attempt?.binding.filter(({ plugin }) => !["VolumeBinding", "DynamicResources"].includes(plugin));
				const said = own?.map(({ point, plugin, code, reasons }) => [point, plugin, code, ...reasons].join(" "));
				return { result: attempt?.result, nodeName: attempt?.nodeName, message: attempt?.message, said };
			};
			return { ...parts, last };
		};

		it("every plugin's word, where all agree", async () => {
			const { last } = await setUpWith({ preBind: async () => undefined }, "preBind");
			expect(await last()).toEqual({
				result: "Scheduled",
				nodeName: "a",
				message: "",
				said: ["PreBind Mine Success", "Bind DefaultBinder Success"],
			});
		});

		it.each<[string, string, Partial<AnyPlugin>, object]>([
			[
				"a Reserve that refuses",
				"reserve",
				{ reserve: () => unschedulable("Mine", "no room"), unreserve: () => undefined },
				{
					result: "Unschedulable",
					nodeName: "a",
					message: "0/1 nodes are available: 1 no room.",
					said: ["Reserve Mine Unschedulable no room"],
				},
			],
			[
				"a Permit that refuses",
				"permit",
				{ permit: () => ({ status: unschedulable("Mine", "not today") }) },
				{
					result: "Unschedulable",
					nodeName: "a",
					message: "0/1 nodes are available: 1 not today.",
					said: ["Permit Mine Unschedulable not today"],
				},
			],
			[
				"a PreBind that fails",
				"preBind",
				{ preBind: async () => errorStatus("Mine", "the disk is broken") },
				{
					result: "SchedulerError",
					nodeName: "a",
					message: 'running PreBind plugin "Mine": the disk is broken',
					said: ["PreBind Mine Error the disk is broken"],
				},
			],
		])("%s", async (_what, extensionPoint, plugin, expected) => {
			const { last } = await setUpWith(plugin, extensionPoint);
			const { said, ...rest } = await last();
			expect({ ...rest, said: said?.filter((text) => !text.startsWith("Reserve VolumeBinding")) }).toEqual(expected);
		});

		it("a wait, and how it ended: allowed, or at an end", async () => {
			const { last, clock } = await setUpWith({ permit: () => ({ status: wait, timeoutMs: 5_000 }) }, "permit");
			const waiting = ["Permit Mine Wait"];
			expect(await last()).toEqual({ result: "Scheduled", nodeName: "a", message: "", said: waiting });
			await clock.advance(5_000);
			const ended = "rejected due to timeout after waiting 5s at plugin Mine";
			expect(await last()).toEqual({
				result: "Unschedulable",
				nodeName: "a",
				message: `0/1 nodes are available: 1 ${ended}.`,
				said: [...waiting, `WaitOnPermit Mine Unschedulable ${ended}`],
			});
		});

		it("that the pod was preempted while it was held back", async () => {
			const holdFirst: Partial<AnyPlugin> = { permit: (_state, { name }) => ({ status: name === "p" ? wait : undefined }) };
			const { last, create } = await setUpWith(holdFirst, "permit");
			await create(podWith("vip", { cpu: "4" }, { priority: 1000 }));
			const { said, result } = await last();
			expect([result, said?.at(-1)]).toEqual(["Unschedulable", "WaitOnPermit DefaultPreemption Unschedulable preempted"]);
		});
	});

	it("has profiles of several names, and leaves pods of other names alone", async () => {
		const packing = { scoringStrategy: { type: "MostAllocated", resources: [{ name: "cpu", weight: 1 }] } };
		const { create, placements } = await setUp({
			configuration: configured({
				profiles: [
					{ schedulerName: "default-scheduler" },
					{
						schedulerName: "packer",
						pluginConfig: [{ name: "NodeResourcesFit", args: packing }],
						plugins: { score: { disabled: [{ name: "NodeResourcesBalancedAllocation" }] } },
					},
				],
			}),
		});
		await create(node("busy"), node("idle"), podWith("there", { cpu: "1" }, { nodeName: "busy" }));
		const wanted = { cpu: "1" };
		await create(podWith("packed", wanted, { schedulerName: "packer" }), podWith("alien", wanted, { schedulerName: "else" }));
		await create(podWith("spread", wanted));
		expect(await placements()).toEqual({ there: "busy", packed: "busy", spread: "idle", alien: undefined });
	});

	it("goes on with another configuration: pods that wait are looked at anew", async () => {
		const { create, clock, placements, scheduler } = await setUp();
		const cordoned = node("a", { spec: { unschedulable: true } });
		await create(cordoned, pod("waits"), pod("other", { schedulerName: "second" }));
		await clock.advance(5_000);
		expect(await placements()).toEqual({ waits: undefined, other: undefined });
		const bold = { plugins: { multiPoint: { disabled: [{ name: "NodeUnschedulable" }, { name: "TaintToleration" }] } } };
		scheduler.reconfigure(configured({ profiles: [{ schedulerName: "default-scheduler", ...bold }, { schedulerName: "second" }] }));
		await clock.advance(15_000);
		expect(await placements()).toEqual({ waits: "a", other: undefined });
		expect(() => scheduler.reconfigure(configured({ profiles: [{ plugins: { filter: { enabled: [{ name: "Nope" }] } } }] }))).toThrow(
			'FilterPlugin "Nope" does not exist',
		);
		scheduler.reconfigure(configured({ profiles: [{ schedulerName: "second", ...bold }] }));
		await clock.advance(15_000);
		expect(await placements()).toEqual({ waits: "a", other: "a" });
	});

	it("places 500 pods without overcommitting a node, and equally for equal seeds", async () => {
		const run = async () => {
			const { create, client, clock, placements, abort } = await setUp();
			await create(...Array.from({ length: 20 }, (_, index) => node(`node-${index}`)));
			const small: Partial<PodSpec> = { containers: [container({ cpu: "150m" })] };
			await Promise.all(Array.from({ length: 500 }, (_, index) => client.resource(pods).create(pod(`p${index}`, small))));
			await clock.advance(1_000);
			abort.abort();
			return placements();
		};
		const placed = await run();
		const perNode = Map.groupBy(Object.values(placed), (nodeName) => nodeName);
		expect(perNode.has(undefined)).toBe(false);
		// 26 pods of 150m fit into 4 cores.
		expect(Math.max(...[...perNode.values()].map((each) => each.length))).toBeLessThanOrEqual(26);
		expect(await run()).toEqual(placed);
	});

	it("stops when told to", async () => {
		const { create, abort, clock, placements } = await setUp();
		abort.abort();
		await create(node("a"), pod("late"));
		await clock.advance(60_000);
		expect(await placements()).toEqual({ late: undefined });
	});
});

describe("attempts on record", () => {
	/** How often a plugin is asked for a score of 4 pods on 3 nodes. */
	async function askedFor(maxNodes: number) {
		let asked = 0;
		const counting = () => ({ name: "Counting", score: () => ++asked * 0, signPod: () => "all pods are alike" });
		const enabled = configured({ profiles: [{ plugins: { multiPoint: { enabled: [{ name: "Counting" }] } } }] });
		const { scheduler, create } = await setUp({ configuration: enabled, plugins: { Counting: counting } });
		const recorder = scheduler.recordAttempts(10, maxNodes);
		await create(node("a"), node("b"), node("c"));
		for (const name of ["p", "q", "r", "s"]) await create(podWith(name, { cpu: "1" }));
		return { asked, kinds: recorder.records().map(({ outcome, isBrief }) => `${outcome.kind}${isBrief ? ", in brief" : ""}`) };
	}

	it("are taken down in full, with every question asked", async () => {
		expect(await askedFor(3)).toEqual({ asked: 12, kinds: Array.from({ length: 4 }, () => "scheduled") });
	});

	it("are brief in large clusters, where what nodes said is remembered", async () => {
		// Of the first pod nothing is kept; the third and the fourth find one node changed.
		expect(await askedFor(2)).toEqual({ asked: 8, kinds: Array.from({ length: 4 }, () => "scheduled, in brief") });
	});
});

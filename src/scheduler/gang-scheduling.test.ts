import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../apimachinery/log.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import type { Pod, PodGroupV1alpha2, PodSpec } from "../apimachinery/schema/generated/types.ts";
import { Client } from "../client/client.ts";
import { InformerFactory } from "../client/informer.ts";
import { nodes, podGroups, pods } from "../client/resources.ts";
import { FakeApi } from "../client/testing/fake-api.ts";
import { readSchedulerConfiguration } from "./configuration/configuration.ts";
import { Scheduler, type SchedulerOptions } from "./scheduler.ts";
import { BindingApi } from "./testing/binding-api.ts";
import { container, node, pod } from "./testing/builders.ts";

const on = { genericWorkload: true, gangScheduling: true };

async function setUp(options: Partial<SchedulerOptions> = {}) {
	const clock = new VirtualClock();
	const random = new SeededRandom("gangs");
	const api = new BindingApi(new FakeApi({ clock, random: random.fork("api") }));
	const client = new Client(api);
	const informers = new InformerFactory({ client, clock });
	const own = { client, clock, random: random.fork("scheduler"), informers, log: silentLog, featureGates: on };
	const scheduler = new Scheduler({ ...own, ...options });
	const abort = new AbortController();
	scheduler.start(abort.signal);
	void informers.start(abort.signal);
	await clock.advance(0);
	const refs: Readonly<Record<string, Parameters<typeof client.resource<KubeObject>>[0]>> = { Node: nodes, PodGroup: podGroups, Pod: pods };
	const create = async (...objects: readonly KubeObject[]) => {
		await Promise.all(objects.map((object) => client.resource(refs[object.kind ?? ""] ?? pods).create(object)));
		await clock.advance(100);
	};
	const get = (name: string): Promise<Pod> => client.resource(pods).get({ namespace: "default", name });
	const placements = async () => {
		const { items } = await client.resource(pods).list("default");
		return Object.fromEntries(items.map(({ metadata, spec }) => [metadata?.name, spec?.nodeName]));
	};
	const bound = async (prefix: string) => Object.entries(await placements()).filter(([name, at]) => name.startsWith(prefix) && at).length;
	const condition = async (name: string) => {
		const { status } = await client.resource(podGroups).get({ namespace: "default", name });
		return status?.conditions?.map(({ type, status: is, reason, message }) => `${type}=${is} ${reason}: ${message}`).join();
	};
	const said = async (name: string) => (await get(name)).status?.conditions?.find(({ type }) => type === "PodScheduled")?.message;
	const remove = async (...names: readonly string[]) => {
		for (const name of names) await client.resource(pods).delete({ namespace: "default", name });
		await clock.advance(100);
	};
	return { clock, client, api, scheduler, create, get, placements, bound, condition, said, remove, abort };
}

const gang = (name: string, minCount: number): PodGroupV1alpha2 => ({
	apiVersion: "scheduling.k8s.io/v1alpha2",
	kind: "PodGroup",
	metadata: { name, namespace: "default" },
	spec: { schedulingPolicy: { gang: { minCount } } },
});
const basic = (name: string): PodGroupV1alpha2 => ({ ...gang(name, 1), spec: { schedulingPolicy: { basic: {} } } });
const member = (group: string, index: number | string, cpu = "2", spec: Partial<PodSpec> = {}): Pod =>
	pod(`${group}-${index}`, { schedulingGroup: { podGroupName: group }, containers: [container({ cpu })], ...spec });
const members = (group: string, count: number, cpu?: string) => Array.from({ length: count }, (_, index) => member(group, index, cpu));

const waits = /^pod group is unschedulable, one or more plugins asked to wait and no plugin rejected pod "g-\d"$/;

describe("a gang", () => {
	it("waits for its PodGroup and for minCount pods, and is scheduled as soon as they are there", async () => {
		const { create, bound, scheduler, condition, api } = await setUp();
		await create(node("a"), node("b"), ...members("g", 2));
		expect(scheduler.queueCounts.gated).toBe(2);
		await create(gang("g", 3));
		expect(scheduler.queueCounts.gated).toBe(2);
		expect(await condition("g")).toBeUndefined();
		await create(member("g", 2));
		expect(await bound("g")).toBe(3);
		expect(api.bindings.length).toBe(3);
		expect(await condition("g")).toBe("PodGroupScheduled=True Scheduled: ");
	});

	it("that does not fit takes nothing, says why, and is scheduled when there is room for all of it", async () => {
		const { create, bound, said, condition, scheduler, placements } = await setUp();
		await create(node("a"), gang("g", 3), ...members("g", 3));
		expect(await bound("g")).toBe(0);
		const texts = await Promise.all(["g-0", "g-1", "g-2"].map(said));
		expect(texts.filter((text) => waits.test(text ?? "")).length).toBe(2);
		expect(texts.filter((text) => text?.startsWith("0/1 nodes are available: 1 Insufficient cpu.")).length).toBe(1);
		expect(await condition("g")).toBe("PodGroupScheduled=False Unschedulable: pod group is unschedulable");
		// Nothing is held for it.
		await create(pod("other", { containers: [container({ cpu: "4" })] }));
		expect((await placements()).other).toBe("a");
		expect(scheduler.queueCounts.unschedulable).toBe(3);
		await create(node("b"));
		expect(await bound("g")).toBe(0);
		await create(node("c"), node("d"));
		await create();
		expect(await bound("g")).toBe(3);
	});

	it("has those of its pods bound that fit beyond minCount", async () => {
		const { create, bound, said, condition } = await setUp();
		await create(node("a"), gang("g", 2), ...members("g", 3));
		expect(await bound("g")).toBe(2);
		expect(await condition("g")).toBe("PodGroupScheduled=True Scheduled: ");
		const texts = await Promise.all(["g-0", "g-1", "g-2"].map(said));
		expect(texts.filter((text) => text?.startsWith("0/1 nodes are available")).length).toBe(1);
	});

	it("is no gang for pods of another scheduler among it", async () => {
		const configuration = readSchedulerConfiguration({
			apiVersion: "kubescheduler.config.k8s.io/v1",
			kind: "KubeSchedulerConfiguration",
			profiles: [{ schedulerName: "default-scheduler" }, { schedulerName: "second" }],
		});
		const { create, bound, said } = await setUp({ configuration });
		await create(node("a"), gang("g", 2), member("g", 0), member("g", 1, "1", { schedulerName: "second" }));
		expect(await bound("g")).toBe(0);
		expect(await said("g-0")).toMatch(/^all pods in a single pod group should have the same \.spec\.schedulerName set, got: "/);
	});

	it("lets one pod that comes later join it", async () => {
		const { create, bound, remove } = await setUp();
		await create(node("a"), gang("g", 2), ...members("g", 2));
		await remove("g-0");
		await create(member("g", "again"));
		expect(await bound("g")).toBe(2);
	});

	it("evicts others only if that makes room for all of it", async () => {
		const { create, bound, clock, client, condition, placements, said } = await setUp();
		const low = ["a", "b"].map((name) => pod(`low-${name}`, { priority: 1, containers: [container({ cpu: "3" })] }));
		await create(node("a"), node("b"), ...low);
		const urgent = (count: number) => Array.from({ length: count }, (_, index) => member("u", index, "3", { priority: 10 }));
		await create(gang("u", 3), ...urgent(3));
		await clock.advance(10_000);
		expect(Object.keys(await placements()).filter((name) => name.startsWith("low")).length).toBe(2);
		expect(await bound("u")).toBe(0);
		await client.resource(podGroups).delete({ namespace: "default", name: "u" });
		for (const name of ["u-0", "u-1", "u-2"]) await client.resource(pods).delete({ namespace: "default", name });
		const two = Array.from({ length: 2 }, (_, index) => member("v", index, "3", { priority: 10 }));
		await create(gang("v", 2), ...two);
		expect(await condition("v")).toMatch(/^PodGroupScheduled=(False Unschedulable: pod group is unschedulable, pod group is waiting|True)/);
		await clock.advance(30_000);
		expect(Object.keys(await placements()).filter((name) => name.startsWith("low"))).toEqual([]);
		expect(await bound("v")).toBe(2);
		expect(await said("v-0")).toMatch(/^pod group is unschedulable|^0\/2 nodes|^$/);
	});
});

describe("a gang that an extender looks after", () => {
	it("is tried while everything else waits, and fits as far as the extender lets it", async () => {
		const file = { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration" };
		const configuration = readSchedulerConfiguration({
			...file,
			extenders: [{ urlPrefix: "http://x", filterVerb: "filter", nodeCacheCapable: true }],
		});
		const allowed = { names: ["a"] };
		const connectExtender = () => ({
			post: async (_url: string, body: string) => {
				const { NodeNames = [] } = JSON.parse(body) as { readonly NodeNames?: readonly string[] };
				const left = NodeNames.filter((name) => allowed.names.includes(name));
				return { status: 200, body: JSON.stringify({ NodeNames: left, FailedNodes: {} }) };
			},
		});
		const { create, bound, placements } = await setUp({ configuration, connectExtender });
		await create(node("a"), node("b"), gang("g", 3), ...members("g", 3));
		expect(await bound("g")).toBe(0);
		allowed.names = ["a", "b"];
		await create(node("c"));
		expect(await bound("g")).toBe(3);
		expect(Object.values(await placements()).toSorted()).toEqual(expect.not.arrayContaining(["c"]));
	});
});

describe("the explanation of a pod of a gang", () => {
	it("tries the gang together, and says how many of it fit", async () => {
		const { create, get, scheduler } = await setUp();
		await create(node("a"), gang("g", 3), ...members("g", 4));
		const explained = await scheduler.explain(await get("g-3"));
		expect(explained.group).toEqual({ name: "default/g", minCount: 3, pods: 4, scheduled: 0, fits: 2 });
		expect(explained.now?.message).toMatch(/^0\/1 nodes are available: 1 Insufficient cpu\./);
		expect((await scheduler.explain(await get("g-0"))).now?.nodeName).toBe("a");
		await create(node("b"));
		const bound = await scheduler.explain(await get("g-0"));
		expect(bound.nodeName).not.toBe("");
		expect(bound.group).toBeUndefined();
	});
});

describe("a group without the policy of a gang", () => {
	it("schedules each of its pods by itself", async () => {
		const { create, bound, condition } = await setUp();
		await create(node("a"), basic("g"), ...members("g", 3));
		expect(await bound("g")).toBe(2);
		expect(await condition("g")).toBe("PodGroupScheduled=True Scheduled: ");
	});

	it("is no group without the feature gate", async () => {
		const { create, bound } = await setUp({ featureGates: { genericWorkload: false, gangScheduling: false } });
		await create(node("a"), gang("g", 3), ...members("g", 3));
		expect(await bound("g")).toBe(2);
	});
});

describe("whatever the cluster", () => {
	/** CPUs of nodes; gangs with the size, minCount and CPUs a pod. */
	const clusters = fc.record({
		nodes: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }),
		gangs: fc.array(
			fc
				.record({ size: fc.integer({ min: 1, max: 5 }), min: fc.integer({ min: 1, max: 5 }), cpu: fc.integer({ min: 1, max: 4 }) })
				.filter(({ size, min }) => min <= size),
			{ minLength: 1, maxLength: 4 },
		),
		order: fc.integer({ min: 0, max: 1_000 }),
	});

	it("no gang is bound in part, and none waits that there is room for", async () => {
		await fc.assert(
			fc.asyncProperty(clusters, async ({ nodes: sizes, gangs, order }) => {
				const { create, bound, clock, placements, abort } = await setUp();
				const random = new SeededRandom(order);
				const all = gangs.flatMap(({ size, cpu }, index) => members(`g${index}`, size, String(cpu)));
				const mixed = all.map((each) => ({ each, at: random.next() })).sort((a, b) => a.at - b.at);
				await create(...sizes.map((cpu, index) => node(`n${index}`, { allocatable: { cpu: String(cpu) } })));
				await create(...gangs.map(({ min }, index) => gang(`g${index}`, min)));
				for (const { each } of mixed) await create(each);
				await clock.advance(60_000);
				const at = Object.entries(await placements());
				const free = sizes.map((cpu, node) =>
					at.reduce((left, [name = "", where]) => (where === `n${node}` ? left - (gangs[Number(name[1])]?.cpu ?? 0) : left), cpu),
				);
				expect(Math.min(...free)).toBeGreaterThanOrEqual(0);
				for (const [index, { min, cpu }] of gangs.entries()) {
					const count = await bound(`g${index}-`);
					expect(count === 0 || count >= min).toBe(true);
					const room = free.reduce((sum, cpus) => sum + Math.floor(cpus / cpu), 0);
					if (count === 0) expect(room).toBeLessThan(min);
				}
				abort.abort();
			}),
			{ numRuns: 60, seed: 11 },
		);
	});
});

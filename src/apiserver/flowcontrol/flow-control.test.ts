import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "../../apimachinery/schema/generated/types.ts";
import { flowSchemas, priorityLevels } from "../bootstrap/flow-control.ts";
import { nominalLimits, shareOut, smoothDemand } from "./concurrency.ts";
import { type Admission, FlowController } from "./flow-controller.ts";
import type { FlowRequest } from "./flow-request.ts";
import { rulesFor } from "./flow-schema-matcher.ts";
import { RetryAfter } from "./retry-after.ts";
import { SeatDemand } from "./seat-demand.ts";
import { dealHand } from "./shuffle-sharding.ts";

const everybody = "system:authenticated";
const user = (name: string, ...groups: string[]) => ({ name, groups: [...groups, everybody] });
const resource = (verb: string, path: string, who: FlowRequest["user"]): FlowRequest => {
	const [group = "", namespace = "", name = "", subresource = ""] = path.split("/");
	return { isResource: true, user: who, verb, group, resource: name, subresource, namespace };
};

describe("matching", () => {
	/** The first schema of those that every cluster has. */
	const classify = (request: FlowRequest) =>
		[...flowSchemas("")]
			.sort((a, b) => (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0))
			.find((schema) => rulesFor(request.user, schema)?.(request) === true)?.metadata?.name;
	const controllers = user("system:kube-controller-manager");
	const node = user("system:node:n1", "system:nodes");
	const account = (namespace: string, name: string) => user(`system:serviceaccount:${namespace}:${name}`, "system:serviceaccounts");

	test.each<[string, FlowRequest]>([
		["exempt", resource("list", "/ns/pods", user("admin", "system:masters"))],
		["probes", { isResource: false, user: user("anyone"), verb: "get", path: "/readyz" }],
		["probes", { isResource: false, user: user("anyone"), verb: "get", path: "/readyz/etcd" }],
		["global-default", { isResource: false, user: user("anyone"), verb: "get", path: "/readyzz" }],
		["global-default", { isResource: false, user: user("anyone"), verb: "post", path: "/readyz" }],
		["system-leader-election", resource("update", "coordination.k8s.io/kube-system/leases", controllers)],
		["workload-leader-election", resource("update", "/app/configmaps", account("kube-system", "op"))],
		["service-accounts", resource("update", "coordination.k8s.io/app/leases", account("app", "op"))],
		["system-leader-election", resource("update", "coordination.k8s.io/app/leases", account("kube-system", "op"))],
		["endpoint-controller", resource("create", "/ns/endpoints", account("kube-system", "endpoint-controller"))],
		["kube-system-service-accounts", resource("delete", "/ns/endpoints", account("kube-system", "endpoint-controller"))],
		["system-node-high", resource("patch", "//nodes/status", node)],
		["system-node-high", resource("update", "coordination.k8s.io/kube-node-lease/leases", node)],
		["system-nodes", resource("list", "/ns/pods", node)],
		["kube-controller-manager", resource("list", "/ns/pods", controllers)],
		["service-accounts", resource("list", "/ns/pods", account("app", "op"))],
		["global-default", resource("list", "/ns/pods", user("jane"))],
	])("%s: %j", (name, request) => {
		expect(classify(request)).toBe(name);
	});

	test.each([
		["/a", "/a", true],
		["/a", "/a/b", true],
		["/a", "/ab", false],
		["/a/*", "/a/b", true],
		["/a/*", "/ab", false],
		["*", "/x", true],
	])("the URL pattern %s and %s: %s", (pattern, path, expected) => {
		const schema = {
			spec: {
				rules: [{ subjects: [{ kind: "User", user: { name: "*" } }], nonResourceRules: [{ verbs: ["*"], nonResourceURLs: [pattern] }] }],
			},
		} as unknown as FlowSchema;
		expect(rulesFor(user("x"), schema)?.({ isResource: false, user: user("x"), verb: "get", path })).toBe(expected);
	});

	test("namespaces: a cluster-wide request wants clusterScope, any other its namespace", () => {
		const schema = (rule: object) =>
			({
				spec: {
					rules: [
						{
							subjects: [{ kind: "Group", group: { name: everybody } }],
							resourceRules: [{ verbs: ["list"], apiGroups: [""], resources: ["pods"], ...rule }],
						},
					],
				},
			}) as unknown as FlowSchema;
		const matches = (rule: object, path: string) => rulesFor(user("x"), schema(rule))?.(resource("list", path, user("x")));
		expect(matches({ namespaces: ["*"] }, "//pods")).toBe(false);
		expect(matches({ clusterScope: true }, "//pods")).toBe(true);
		expect(matches({ clusterScope: true }, "/ns/pods")).toBe(false);
		expect(matches({ namespaces: ["ns"] }, "/ns/pods")).toBe(true);
		expect(matches({ namespaces: ["ns"] }, "/other/pods")).toBe(false);
		expect(matches({ namespaces: ["*"] }, "/ns/pods/status")).toBe(false);
	});
});

describe("shares", () => {
	test("the limits that a kube-apiserver with default flags has", () => {
		const levels = priorityLevels();
		const limits = Object.fromEntries(
			nominalLimits(levels, 600).map(({ nominal, min, max }, index) => [levels[index]?.metadata?.name, [nominal, min, max]]),
		);
		expect(limits).toEqual({
			exempt: [0, 0, 600],
			"catch-all": [13, 13, 613],
			system: [74, 50, 674],
			"node-high": [98, 73, 698],
			"leader-election": [25, 25, 625],
			"workload-high": [98, 49, 698],
			"workload-low": [245, 24, 845],
			"global-default": [49, 24, 649],
		});
	});

	const wish = (nominal: number, min: number, max: number, highest: number, smoothed: number) => ({ nominal, min, max, highest, smoothed });

	test("who wants much borrows from who wants nothing, and all seats are given out", () => {
		const limits = shareOut([wish(50, 10, 200, 300, 300), wish(50, 25, 200, 0, 0)], 100);
		expect(limits).toEqual([75, 25]);
	});

	test("who lent takes back what is its own when it needs it", () => {
		expect(shareOut([wish(50, 10, 200, 300, 300), wish(50, 25, 200, 60, 60)], 100)).toEqual([50, 50]);
	});

	test("nobody gets more than its upper limit", () => {
		expect(shareOut([wish(50, 10, 60, 300, 300), wish(50, 0, 200, 0, 0)], 100)).toEqual([60, 40]);
	});

	test("demand rises at once and falls slowly", () => {
		expect(smoothDemand(0, { average: 8, deviation: 4, highest: 10 })).toBe(10);
		const later = smoothDemand(10, { average: 0, deviation: 0, highest: 0 });
		expect(later).toBeCloseTo(9.77, 5);
		expect(smoothDemand(later, { average: 0, deviation: 0, highest: 0 })).toBeCloseTo(9.545, 2);
	});

	test("statistics are weighted by time", () => {
		const demand = new SeatDemand(0);
		demand.change(4, 0);
		demand.change(-4, 2500);
		expect(demand.turn(10_000)).toEqual({ average: 1, deviation: Math.sqrt(3), highest: 4 });
		expect(demand.turn(20_000)).toEqual({ average: 0, deviation: 0, highest: 0 });
	});
});

describe("hands", () => {
	test("are always the same for one flow, without repeats, within the deck", () => {
		for (const flow of ["a,jane", "a,joe", "b,"]) {
			const hand = dealHand(flow, 128, 6);
			expect(dealHand(flow, 128, 6)).toEqual(hand);
			expect(new Set(hand).size).toBe(6);
			expect(hand.every((card) => card >= 0 && card < 128)).toBe(true);
		}
		expect([...dealHand("x", 4, 4)].sort()).toEqual([0, 1, 2, 3]);
	});

	test("are spread evenly", () => {
		const counts = new Array<number>(16).fill(0);
		for (let flow = 0; flow < 4000; flow++) for (const card of dealHand(`f,${flow}`, 16, 4)) counts[card] = (counts[card] ?? 0) + 1;
		for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
	});
});

describe("Retry-After", () => {
	test("doubles while many are refused, and goes down again", () => {
		const retry = new RetryAfter();
		const refuse = (second: number, count: number) => {
			for (let index = 0; index < count; index++) retry.refused(second * 1000);
			return retry.seconds;
		};
		expect(refuse(1, 5)).toBe(1);
		expect(refuse(2, 10)).toBe(2);
		expect(refuse(3, 10)).toBe(2);
		expect(refuse(4, 50)).toBe(4);
		for (let second = 5; second < 100; second++) refuse(second, 200);
		expect(retry.seconds).toBe(32);
		refuse(200, 1);
		for (let second = 300; second < 340; second += 40) refuse(second, 1);
		expect(retry.seconds).toBeLessThan(32);
	});
});

/** A server of ten seats with one level that queues, one that rejects, and the mandatory ones. */
function serve(queuing: object = { queues: 4, handSize: 2, queueLengthLimit: 3 }) {
	const clock = new VirtualClock();
	const level = (name: string, shares: number, limitResponse: object, more: object = {}) =>
		({
			metadata: { name, uid: `level-${name}` },
			spec: { type: "Limited", limited: { nominalConcurrencyShares: shares, lendablePercent: 0, limitResponse, ...more } },
		}) as PriorityLevelConfiguration;
	const schema = (name: string, to: string, precedence: number) =>
		({
			metadata: { name, uid: `schema-${name}` },
			spec: {
				priorityLevelConfiguration: { name: to },
				matchingPrecedence: precedence,
				distinguisherMethod: { type: "ByUser" },
				rules: [
					{
						subjects: [{ kind: "Group", group: { name } }],
						resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] }],
					},
				],
			},
		}) as FlowSchema;
	const levels = [level("queue", 4, { type: "Queue", queuing }, { borrowingLimitPercent: 0 }), level("reject", 4, { type: "Reject" })];
	const schemas = [schema("queue", "queue", 10), schema("reject", "reject", 20), schema("dangling", "nowhere", 5)];
	let changed: () => void = () => undefined;
	const flow = new FlowController({
		clock,
		seats: 13,
		schemas: () => schemas,
		levels: () => levels,
		onChange: (listener) => {
			changed = listener;
		},
	});
	const begin = (name: string, ...groups: string[]) => flow.begin(resource("get", "/ns/pods", user(name, ...groups)), 1, 15_000);
	return { clock, flow, levels, begin, change: () => changed() };
}

/** How it stands with an admission now. */
async function stateOf(admission: Admission): Promise<string> {
	if (admission.rejected !== undefined) return admission.rejected;
	if (admission.waiting === undefined) return "executing";
	const pending = Symbol();
	const outcome = await Promise.race([admission.waiting, new Promise((resolve) => setImmediate(() => resolve(pending)))]);
	return outcome === pending ? "waiting" : String(outcome ?? "executing");
}
const statesOf = (admissions: readonly Admission[]) => Promise.all(admissions.map(stateOf));

describe("admission", () => {
	test("as many as there are seats begin, the rest waits in turn, and begins when seats come free", async () => {
		const { begin } = serve();
		const all = ["a", "a", "a", "a", "a", "a"].map((name) => begin(name, "queue"));
		expect(all[0]).toMatchObject({ schemaUid: "schema-queue", levelUid: "level-queue" });
		expect(await statesOf(all)).toEqual(["executing", "executing", "executing", "executing", "waiting", "waiting"]);
		all[0]?.release();
		all[0]?.release();
		expect(await statesOf(all.slice(4))).toEqual(["executing", "waiting"]);
		all[4]?.release();
		expect(await stateOf(all[5] as Admission)).toBe("executing");
	});

	test("a level without queues rejects", async () => {
		const { begin } = serve();
		const all = ["a", "b", "c", "d", "e"].map((name) => begin(name, "reject"));
		expect(await statesOf(all)).toEqual(["executing", "executing", "executing", "executing", "concurrency-limit"]);
	});

	test("a full queue rejects; another flow's queues still take its requests", async () => {
		const { begin } = serve({ queues: 64, handSize: 1, queueLengthLimit: 2 });
		const flood = Array.from({ length: 7 }, () => begin("flood", "queue"));
		expect((await statesOf(flood)).slice(4)).toEqual(["waiting", "waiting", "queue-full"]);
		expect(await stateOf(begin("other", "queue"))).toBe("waiting");
	});

	test("flows take turns: one that floods does not starve one that asks little", async () => {
		const { begin, clock } = serve({ queues: 64, handSize: 1, queueLengthLimit: 50 });
		const flood = Array.from({ length: 20 }, () => begin("flood", "queue"));
		const little = begin("little", "queue");
		await clock.advance(100);
		for (const admission of flood.slice(0, 2)) admission.release();
		expect(await stateOf(little)).toBe("executing");
		expect((await statesOf(flood)).filter((state) => state === "waiting")).toHaveLength(15);
	});

	test("a wait ends after its limit, or when the client leaves", async () => {
		const { begin, clock } = serve();
		const running = Array.from({ length: 4 }, () => begin("a", "queue"));
		const [patient, gone] = [begin("a", "queue"), begin("b", "queue")];
		gone.release();
		expect(await stateOf(gone)).toBe("cancelled");
		await clock.advance(14_999);
		expect(await stateOf(patient)).toBe("waiting");
		await clock.advance(1);
		expect(await stateOf(patient)).toBe("time-out");
		for (const admission of running) admission.release();
		expect(await stateOf(begin("a", "queue"))).toBe("executing");
	});

	test("masters never wait, and a schema without its level is passed over for catch-all", async () => {
		const { begin } = serve();
		expect(await statesOf(Array.from({ length: 50 }, () => begin("root", "system:masters")))).toEqual(new Array(50).fill("executing"));
		const lost = Array.from({ length: 6 }, () => begin("x", "dangling"));
		expect(await statesOf(lost)).toEqual([...new Array(5).fill("executing"), "concurrency-limit"]);
	});

	test("a list takes more seats, and one wider than all seats goes when nobody else does", async () => {
		const { flow } = serve();
		expect([0, 1, 100, 101, 950, 100_000].map(FlowController.listWidth)).toEqual([1, 1, 1, 2, 10, 10]);
		const list = (width: number) => flow.begin(resource("list", "/ns/pods", user("a", "queue")), width, 15_000);
		const [first, wide] = [list(3), list(10)];
		expect(await statesOf([first, wide])).toEqual(["executing", "waiting"]);
		first.release();
		expect(await stateOf(wide)).toBe("executing");
	});

	test("a changed configuration holds from the next request on, and waiters profit at once", async () => {
		const { begin, levels, change } = serve();
		const all = Array.from({ length: 5 }, () => begin("a", "queue"));
		expect(await stateOf(all[4] as Admission)).toBe("waiting");
		const [queue] = levels;
		levels[0] = {
			...queue,
			spec: { ...queue?.spec, limited: { ...queue?.spec?.limited, nominalConcurrencyShares: 8 } },
		} as PriorityLevelConfiguration;
		change();
		begin("root", "system:masters");
		expect(await stateOf(all[4] as Admission)).toBe("executing");
	});

	test("seats that nobody uses are borrowed after a period, as far as it is allowed", async () => {
		const { begin, clock, levels } = serve();
		const [queue, reject] = levels;
		levels[0] = {
			...queue,
			spec: { ...queue?.spec, limited: { ...queue?.spec?.limited, borrowingLimitPercent: 100 } },
		} as PriorityLevelConfiguration;
		levels[1] = {
			...reject,
			spec: { ...reject?.spec, limited: { ...reject?.spec?.limited, lendablePercent: 50 } },
		} as PriorityLevelConfiguration;
		const all = Array.from({ length: 9 }, (_, index) => begin(`user-${index}`, "queue"));
		expect((await statesOf(all)).filter((state) => state === "executing")).toHaveLength(4);
		await clock.advance(10_000);
		expect((await statesOf(all)).filter((state) => state === "executing").length).toBeGreaterThan(4);
		expect(clock.pendingTimers()).toBeGreaterThan(0);
	});

	test("what it counts", async () => {
		const { begin, flow, clock } = serve();
		const all = Array.from({ length: 5 }, () => begin("a", "queue"));
		await clock.advance(1000);
		all[0]?.release();
		const text = flow.metrics
			.families()
			.map((family) => family.render())
			.join("");
		const labels = 'flow_schema="queue",priority_level="queue"';
		expect(text).toContain(`apiserver_flowcontrol_dispatched_requests_total{${labels}} 5\n`);
		expect(text).toContain(`apiserver_flowcontrol_current_executing_requests{${labels}} 4\n`);
		expect(text).toContain(`apiserver_flowcontrol_current_inqueue_requests{${labels}} 0\n`);
		expect(text).toContain(`apiserver_flowcontrol_request_wait_duration_seconds_bucket{execute="true",${labels},le="0.5"} 4\n`);
		expect(text).toContain(`apiserver_flowcontrol_request_wait_duration_seconds_bucket{execute="true",${labels},le="1"} 5\n`);
		expect(text).toContain('apiserver_flowcontrol_nominal_limit_seats{priority_level="queue"} 4\n');
	});
});

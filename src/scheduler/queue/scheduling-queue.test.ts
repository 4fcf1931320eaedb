import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { Node, Pod } from "../../apimachinery/schema/generated/types.ts";
import { assignedPodDelete, nodeAdd } from "../framework/cluster-event.ts";
import { nodeResourcesFit } from "../plugins/node-resources-fit.ts";
import { prioritySort } from "../plugins/priority-sort.ts";
import { schedulingGates } from "../plugins/scheduling-gates.ts";
import { node, pod, podWith } from "../testing/builders.ts";
import { Nominator } from "./nominator.ts";
import type { QueuedPod } from "./queued-pod.ts";
import { QueueingHints } from "./queueing-hints.ts";
import { SchedulingQueue } from "./scheduling-queue.ts";

function setUp() {
	const clock = new VirtualClock();
	const queue = new SchedulingQueue({
		clock,
		nominator: new Nominator(),
		queueSort: prioritySort,
		hints: new QueueingHints([{ schedulerName: "default-scheduler", plugins: [schedulingGates, prioritySort, nodeResourcesFit] }]),
		preEnqueue: (waiting) => schedulingGates.preEnqueue(waiting),
		onReady: () => undefined,
	});
	const pop = () => queue.pop()?.podInfo.name;
	/** Takes the next pod and turns it down, as NodeResourcesFit would. */
	const turnDown = (plugins: readonly string[] = ["NodeResourcesFit"]): QueuedPod => {
		const queued = queue.pop();
		if (queued === undefined) throw new Error("the queue is empty");
		queued.unschedulablePlugins = new Set(plugins);
		queue.addUnschedulable(queued);
		return queued;
	};
	return { clock, queue, pop, turnDown };
}

const bigNode = node("big", { allocatable: { cpu: "64" } });
const greedy = podWith("greedy", { cpu: "8" });

describe("SchedulingQueue", () => {
	it("gives pods by priority, then by the time they came", async () => {
		const { clock, queue, pop } = setUp();
		queue.add(pod("first"));
		queue.add(pod("second"));
		await clock.advance(5);
		queue.add(pod("later"));
		queue.add(pod("important", { priority: 10 }));
		expect([pop(), pop(), pop(), pop(), pop()]).toEqual(["important", "first", "second", "later", undefined]);
	});

	it("reorders a pod whose priority changed", () => {
		const { queue, pop } = setUp();
		queue.add(pod("a"));
		queue.add(pod("b"));
		queue.update(pod("b"), pod("b", { priority: 1 }));
		expect([pop(), pop()]).toEqual(["b", "a"]);
	});

	it("lets a pod that was turned down sleep until an event can help it", () => {
		const { queue, pop, turnDown } = setUp();
		queue.add(greedy);
		turnDown();
		expect(pop()).toBeUndefined();
		queue.moveAll(nodeAdd, undefined, node("small"));
		expect(pop()).toBeUndefined();
		expect(queue.counts).toEqual({ active: 0, backoff: 0, unschedulable: 1, gated: 0 });
		queue.moveAll(nodeAdd, undefined, bigNode);
		expect(queue.counts).toEqual({ active: 0, backoff: 1, unschedulable: 0, gated: 0 });
		// Nobody else is there, so its back-off need not be waited for.
		expect(pop()).toBe("greedy");
	});

	it("makes pods that were turned down wait for those that were not", () => {
		const { queue, pop, turnDown } = setUp();
		queue.add(podWith("greedy", { cpu: "8" }, { priority: 100 }));
		turnDown();
		queue.add(pod("modest"));
		queue.moveAll(nodeAdd, undefined, bigNode);
		expect([pop(), pop()]).toEqual(["modest", "greedy"]);
	});

	it("retries failures after 1, 2, 4, 8 and then 10 seconds, not before", async () => {
		const { clock, queue } = setUp();
		queue.add(pod("unlucky"));
		const waitsMs: number[] = [];
		for (let attempt = 0; attempt < 6; attempt++) {
			const queued = queue.pop();
			expect(queued?.attempts).toBe(attempt + 1);
			if (queued !== undefined) queue.addUnschedulable(queued);
			expect(queue.pop()).toBeUndefined();
			const startMs = clock.now();
			await clock.advanceUntil(() => queue.counts.active === 1, 60_000);
			waitsMs.push(clock.now() - startMs);
		}
		expect(waitsMs).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
	});

	it("does not miss what happened while the pod was being scheduled", () => {
		const { queue, pop } = setUp();
		queue.add(greedy);
		const queued = queue.pop();
		queue.moveAll(nodeAdd, undefined, bigNode);
		if (queued !== undefined) {
			queued.unschedulablePlugins = new Set(["NodeResourcesFit"]);
			queue.addUnschedulable(queued);
		}
		expect(pop()).toBe("greedy");
	});

	it("tries a pod again after five minutes whatever happens", async () => {
		const { clock, queue, turnDown } = setUp();
		queue.add(greedy);
		turnDown();
		await clock.advance(300_000);
		expect(queue.counts.unschedulable).toBe(1);
		await clock.advance(30_000);
		expect(queue.counts).toMatchObject({ active: 1, unschedulable: 0 });
	});

	it("keeps a gated pod out until its gates are gone, whatever else happens", async () => {
		const { clock, queue, pop } = setUp();
		const gated = pod("gated", { schedulingGates: [{ name: "quota" }] });
		queue.add(gated);
		queue.moveAll(nodeAdd, undefined, bigNode);
		await clock.advance(600_000);
		expect(pop()).toBeUndefined();
		expect(queue.counts.gated).toBe(1);
		queue.update(gated, pod("gated"));
		expect(pop()).toBe("gated");
	});

	it("wakes a pod whose own change can help it", () => {
		const { queue, pop, turnDown } = setUp();
		queue.add(greedy);
		turnDown();
		queue.update(greedy, { ...greedy, status: { conditions: [{ type: "PodScheduled", status: "False" }] } });
		expect(pop()).toBeUndefined();
		queue.update(greedy, podWith("greedy", { cpu: "1" }));
		expect(pop()).toBe("greedy");
	});

	it("forgets a deleted pod, and its timers with it", async () => {
		const { clock, queue, pop, turnDown } = setUp();
		queue.add(greedy);
		turnDown();
		queue.delete(greedy);
		await clock.advance(600_000);
		expect(pop()).toBeUndefined();
		expect(clock.pendingTimers()).toBe(0);
	});

	it.each<[string, Pod, Pod | undefined, boolean]>([
		["a pod that had a node", podWith("gone", {}, { nodeName: "n" }), undefined, true],
		["a pod that had none", podWith("gone", { cpu: "8" }), undefined, false],
	])("considers the deletion of %s", (_name, old, changed, wakes) => {
		const { queue, pop, turnDown } = setUp();
		queue.add(greedy);
		turnDown();
		queue.moveAll(assignedPodDelete, old, changed);
		expect(pop()).toBe(wakes ? "greedy" : undefined);
	});
});

describe("QueueingHints", () => {
	it("wakes a pod by any event if the plugin registered nothing", () => {
		const hints = new QueueingHints([{ schedulerName: "default-scheduler", plugins: [{ name: "Custom" }] }]);
		const happened = { event: nodeAdd, old: undefined, object: {} as Node };
		const { queue } = setUp();
		queue.add(greedy);
		const queued = queue.pop();
		if (queued === undefined) throw new Error("the queue is empty");
		queued.unschedulablePlugins = new Set(["Custom"]);
		expect(hints.strategyFor(queued, happened)).toBe("afterBackoff");
		queued.pendingPlugins = new Set(["Custom"]);
		expect(hints.strategyFor(queued, happened)).toBe("immediately");
	});
});

import { describe, expect, it } from "vitest";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { PodInfo } from "../framework/pod-info.ts";
import { node, podWith } from "../testing/builders.ts";
import { SchedulerCache } from "./cache.ts";

const waiting = podWith("p", { cpu: "1" });
const bound = podWith("p", { cpu: "1" }, { nodeName: "n" });

function setUp() {
	const cache = new SchedulerCache();
	cache.addNode(node("n"));
	const milliCpu = (name = "n") => cache.snapshot().get(name)?.requested.milliCpu;
	return { cache, milliCpu };
}

describe("SchedulerCache", () => {
	it("counts an assumed pod once, through its confirmation", () => {
		const { cache, milliCpu } = setUp();
		cache.assume(new PodInfo(waiting), "n");
		expect([milliCpu(), cache.isAssumed(waiting)]).toEqual([1000, true]);
		cache.addPod(bound);
		expect([milliCpu(), cache.isAssumed(waiting)]).toEqual([1000, false]);
		cache.removePod(bound);
		expect([milliCpu(), cache.podsCount]).toEqual([0, 0]);
	});

	it("takes an assumption back, but not what the server has confirmed", () => {
		const { cache, milliCpu } = setUp();
		cache.assume(new PodInfo(waiting), "n");
		cache.forget("uid-p");
		expect(milliCpu()).toBe(0);
		cache.addPod(bound);
		cache.forget("uid-p");
		expect(milliCpu()).toBe(1000);
	});

	it.each([
		["labels", { ...bound, metadata: { ...bound.metadata, labels: { app: "db" } } }, 1],
		["its status", { ...bound, status: { phase: "Running", startTime: "2026-01-01T00:00:00Z" } }, 0],
		["its deletion", { ...bound, metadata: { ...bound.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } }, 1],
	])("shows a pod with %s changed and its spec as it was, and says so to those who count", (_what, changed, changes) => {
		const { cache, milliCpu } = setUp();
		cache.addPod(bound);
		const { version } = cache.snapshot().changes;
		cache.updatePod(bound, changed);
		const [seen] = cache.snapshot().get("n")?.pods ?? [];
		expect(seen?.pod).toBe(changed);
		expect(seen?.labels).toEqual(changed.metadata?.labels ?? {});
		expect(milliCpu()).toBe(1000);
		expect(cache.snapshot().changes.version - version).toBe(changes);
	});

	it("does not count anew what a binding leaves as it was", () => {
		const { cache } = setUp();
		const affine: Pod = { ...waiting, spec: { containers: [], ...waiting.spec, affinity: { podAntiAffinity: {} } } };
		cache.assume(new PodInfo(affine), "n");
		const { version } = cache.snapshot().changes;
		const confirmed: Pod = { ...affine, metadata: { ...affine.metadata }, spec: { containers: [], ...affine.spec, nodeName: "n" } };
		cache.addPod(confirmed);
		expect([cache.snapshot().changes.version, cache.isAssumed(affine)]).toEqual([version, false]);
		const n = cache.snapshot().get("n");
		expect([n?.pods[0]?.pod, n?.podsWithAffinity[0]?.pod]).toEqual([confirmed, confirmed]);
	});

	it("refuses to assume a pod twice", () => {
		const { cache } = setUp();
		cache.assume(new PodInfo(waiting), "n");
		expect(() => cache.assume(new PodInfo(waiting), "n")).toThrow("pod uid-p(default/p) is in the cache, so can't be assumed");
	});

	it("follows a pod that the server put elsewhere, or that grew", () => {
		const { cache, milliCpu } = setUp();
		cache.addNode(node("m"));
		cache.assume(new PodInfo(waiting), "n");
		cache.addPod(podWith("p", { cpu: "1" }, { nodeName: "m" }));
		expect([milliCpu("n"), milliCpu("m")]).toEqual([0, 1000]);
		cache.updatePod(bound, podWith("p", { cpu: "3" }, { nodeName: "m" }));
		expect(milliCpu("m")).toBe(3000);
	});

	it("counts what a resize wants until its status says that it will not be, and what was granted until it is given back", () => {
		const { cache, milliCpu } = setUp();
		const spec = podWith("p", { cpu: "3" }, { nodeName: "n" }).spec;
		const status = (granted: string, reason?: string) => ({
			containerStatuses: (spec?.containers ?? []).map(({ name }) => ({
				...{ name, image: "", imageID: "", ready: true, restartCount: 0 },
				allocatedResources: { cpu: granted },
			})),
			...(reason === undefined ? {} : { conditions: [{ type: "PodResizePending", status: "True", reason }] }),
		});
		const states = [status("1"), status("1", "Infeasible"), status("4"), status("3")];
		const seen = states.map((state) => {
			cache.updatePod(bound, { ...bound, ...(spec === undefined ? {} : { spec }), status: state });
			return milliCpu();
		});
		expect(seen).toEqual([3000, 1000, 4000, 3000]);
	});

	it("knows the pods of a node that it learns of later, and of one that comes back", () => {
		const { cache, milliCpu } = setUp();
		cache.addPod(podWith("p", { cpu: "1" }, { nodeName: "late" }));
		expect(cache.snapshot().nodes.map(({ name }) => name)).toEqual(["n"]);
		cache.addNode(node("late"));
		expect(milliCpu("late")).toBe(1000);
		cache.removeNode(node("late"));
		expect(milliCpu("late")).toBeUndefined();
		cache.addNode(node("late"));
		expect(milliCpu("late")).toBe(1000);
	});

	it("lists nodes with zones taking turns", () => {
		const cache = new SchedulerCache();
		for (const [name, zone] of Object.entries({ a1: "a", a2: "a", a3: "a", b1: "b", c1: "c", c2: "c" })) {
			cache.addNode(node(name, { labels: { "topology.kubernetes.io/zone": zone } }));
		}
		expect(cache.snapshot().nodes.map(({ name }) => name)).toEqual(["a1", "b1", "c1", "a2", "c2", "a3"]);
	});

	it("keeps apart the nodes with affinity", () => {
		const { cache } = setUp();
		const shy = podWith(
			"shy",
			{},
			{
				nodeName: "n",
				affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "zone" }] } },
			},
		);
		const sizes = () => [cache.snapshot().nodesWithAffinityPods.size, cache.snapshot().nodesWithRequiredAntiAffinityPods.size];
		cache.addPod(shy);
		expect(sizes()).toEqual([1, 1]);
		cache.removePod(shy);
		expect(sizes()).toEqual([0, 0]);
	});
});

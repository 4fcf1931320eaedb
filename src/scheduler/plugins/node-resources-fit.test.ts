import { expect, it } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import { SchedulerCache } from "../cache/cache.ts";
import { Framework } from "../framework/framework.ts";
import type { AnyPlugin } from "../framework/plugin.ts";
import { PodInfo } from "../framework/pod-info.ts";
import { createProfile } from "../framework/profile.ts";
import { scheduleOne } from "../framework/schedule-one.ts";
import { node, podWith } from "../testing/builders.ts";
import { createNodeResourcesFit } from "./node-resources-fit.ts";
import { prioritySort } from "./priority-sort.ts";

it("asks nodes anew when devices begin to stand for a resource", () => {
	const gpu = "example.com/gpu";
	const classes = new Set<string>();
	const fit = createNodeResourcesFit({ isOfDevices: (resource) => classes.has(resource) });
	const binder: AnyPlugin = { name: "Binder", bind: async () => undefined };
	const profile = createProfile({ schedulerName: "fit", plugins: [fit, prioritySort, binder].map((plugin) => ({ plugin })) });
	const context = {
		framework: new Framework(profile, { isEmpty: true, forNode: () => [] }),
		random: new SeededRandom("fit"),
		startIndex: 0,
	};
	const cache = new SchedulerCache();
	cache.addNode(node("a"));
	const schedule = (name: string) => scheduleOne(new PodInfo(podWith(name, { cpu: "1", [gpu]: "1" })), cache.snapshot(), context).kind;
	// What a node said of the first two is remembered for pods like them.
	expect(["p0", "p1", "p2"].map(schedule)).toEqual(["unschedulable", "unschedulable", "unschedulable"]);
	classes.add(gpu);
	expect(schedule("p3")).toBe("scheduled");
	classes.delete(gpu);
	expect(schedule("p4")).toBe("unschedulable");
});

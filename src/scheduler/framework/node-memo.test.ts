import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import { SchedulerCache } from "../cache/cache.ts";
import { prioritySort } from "../plugins/priority-sort.ts";
import { node, podWith } from "../testing/builders.ts";
import { Framework } from "./framework.ts";
import type { AnyPlugin } from "./plugin.ts";
import { PodInfo } from "./pod-info.ts";
import { createProfile } from "./profile.ts";
import { scheduleOne } from "./schedule-one.ts";
import { unschedulable } from "./status.ts";

const binder: AnyPlugin = { name: "Binder", bind: async () => undefined };

/** Nodes a, b, c; plugins that note which nodes they are asked about. */
function setUp({ signs = true }: { readonly signs?: boolean } = {}) {
	const asked: string[] = [];
	const cpu: AnyPlugin = {
		name: "Cpu",
		filter(_state, pod, { name, requested, allocatable }) {
			asked.push(`filter ${name}`);
			return requested.milliCpu + pod.requests.milliCpu > allocatable.milliCpu ? unschedulable("Cpu", "full") : undefined;
		},
		score(_state, _pod, { name, requested }) {
			asked.push(`score ${name}`);
			return 100 - requested.milliCpu / 100;
		},
		...(signs ? { signPod: ({ requests }) => requests.milliCpu } : {}),
	};
	const profile = createProfile({ schedulerName: "memo", plugins: [cpu, prioritySort, binder].map((plugin) => ({ plugin })) });
	const framework = new Framework(profile, { isEmpty: true, forNode: () => [] });
	const cache = new SchedulerCache();
	for (const name of ["a", "b", "c"]) cache.addNode(node(name));
	const context = { framework, random: new SeededRandom("memo"), startIndex: 0 };
	let count = 0;
	/** Which questions it took, in short. */
	const schedule = (requests: Readonly<Record<string, string>>) => {
		asked.length = 0;
		const info = new PodInfo(podWith(`p${count++}`, requests));
		const outcome = scheduleOne(info, cache.snapshot(), context);
		if (outcome.kind === "scheduled") cache.assume(info, outcome.nodeName);
		return { asked: asked.map((each) => each.split(" ")[0]).join(" "), outcome, info };
	};
	return { schedule, cache };
}

const all = "filter filter filter score score score";

describe("what nodes said of pods", () => {
	it("is remembered from the second pod on, and asked again of the nodes that changed", () => {
		const { schedule } = setUp();
		const askedFor = ["1", "1", "1", "1"].map((cpu) => schedule({ cpu }).asked);
		expect(askedFor).toEqual([all, all, "filter score", "filter score"]);
	});

	it("is not mixed up between pods of different signatures", () => {
		const { schedule } = setUp();
		expect(["1", "2", "1", "2"].map((cpu) => schedule({ cpu }).asked)).toEqual([all, all, all, all]);
		expect(["1", "2"].map((cpu) => schedule({ cpu }).asked.length < all.length)).toEqual([true, true]);
	});

	it("is not remembered of plugins that do not sign pods", () => {
		const { schedule } = setUp({ signs: false });
		expect(["1", "1", "1"].map((cpu) => schedule({ cpu }).asked)).toEqual([all, all, all]);
	});

	it("holds for refusals, too, until a node has room again", () => {
		const { schedule, cache } = setUp();
		const [first] = ["4", "4", "4", "4", "4"].map((cpu) => schedule({ cpu }));
		const refused = schedule({ cpu: "4" });
		expect([refused.outcome.kind, refused.asked]).toEqual(["unschedulable", ""]);
		cache.forget(first?.info.uid ?? "");
		expect(schedule({ cpu: "4" }).outcome.kind).toBe("scheduled");
	});

	it("is forgotten when a node comes", () => {
		const { schedule, cache } = setUp();
		for (const cpu of ["1", "1", "1"]) schedule({ cpu });
		cache.addNode(node("d"));
		expect(schedule({ cpu: "1" }).asked.split(" ")).toHaveLength(8);
	});

	it("is forgotten when more nodes changed than anybody kept count of", () => {
		const { schedule, cache } = setUp();
		for (const cpu of ["1", "1", "1"]) schedule({ cpu });
		const elsewhere = new PodInfo(podWith("elsewhere", { cpu: "4" }));
		for (let times = 0; times < 10_000; times++) {
			cache.assume(elsewhere, "a");
			cache.forget(elsewhere.uid);
		}
		expect(schedule({ cpu: "1" }).asked).toBe(all);
	});
});

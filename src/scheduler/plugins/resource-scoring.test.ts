import { expect, test } from "vitest";
import { PodInfo } from "../framework/pod-info.ts";
import { cluster, node, podWith } from "../testing/builders.ts";
import { cpuAndMemory, resourceScorer, type ScoringStrategy } from "./resource-scoring.ts";

/** The documentation's shapes: bin packing, and spreading. */
const packing = [
	{ utilization: 0, score: 0 },
	{ utilization: 100, score: 10 },
];
const spreading = [
	{ utilization: 0, score: 10 },
	{ utilization: 100, score: 0 },
];
const ratio = (shape: typeof packing, resources = cpuAndMemory): ScoringStrategy => ({
	type: "RequestedToCapacityRatio",
	resources,
	shape,
});

/** A node of 4 cores, 8 GiB and 4 devices, on which 1 core and 2 GiB are asked for; the pod asks for 1 core, 4 GiB and a device. */
test.each<[string, ScoringStrategy, number]>([
	// (4 - 2) / 4 = 50 and (8 - 6) / 8 = 25
	["what is left", { type: "LeastAllocated", resources: cpuAndMemory }, 37],
	["what is used", { type: "MostAllocated", resources: cpuAndMemory }, 62],
	[
		"… with weights",
		{
			type: "MostAllocated",
			resources: [
				{ name: "cpu", weight: 3 },
				{ name: "memory", weight: 1 },
			],
		},
		56,
	],
	["… of devices", { type: "MostAllocated", resources: [{ name: "example.com/gpu", weight: 1 }] }, 25],
	["… of what the pod does not ask for", { type: "MostAllocated", resources: [{ name: "example.com/fpga", weight: 1 }] }, 0],
	["a shape that packs", ratio(packing), 63],
	["a shape that spreads", ratio(spreading), 38],
	[
		"a shape with a bend",
		ratio(
			[
				{ utilization: 40, score: 2 },
				{ utilization: 60, score: 8 },
			],
			[{ name: "cpu", weight: 1 }],
		),
		50,
	],
	[
		"a shape that gives nothing for cpu",
		ratio([
			{ utilization: 50, score: 0 },
			{ utilization: 75, score: 10 },
		]),
		100,
	],
])("%s", (_what, strategy, expected) => {
	const there = podWith("there", { cpu: "1", memory: "2Gi" }, { nodeName: "n" });
	const snapshot = cluster([node("n", { allocatable: { "example.com/gpu": "4", "example.com/fpga": "2" } })], [there]);
	const waiting = new PodInfo(podWith("p", { cpu: "1", memory: "4Gi", "example.com/gpu": "1" }));
	const [only] = snapshot.nodes;
	expect(only && resourceScorer(strategy)(waiting, only)).toBe(expected);
});

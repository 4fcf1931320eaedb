import { describe, expect, test } from "vitest";
import { createDefaultProfile } from "../default-profile.ts";
import { noDevices } from "../testing/devices.ts";
import { noVolumes } from "../testing/volumes.ts";
import { mergePlugins, type PluginSet, pluginsAt } from "./plugin-lists.ts";

const set = (enabled: readonly string[], disabled: readonly string[] = []): PluginSet => ({
	enabled: enabled.map((name) => ({ name, weight: 0 })),
	disabled,
});

describe("a list on top of the usual one", () => {
	const usual = [
		{ name: "a", weight: 1 },
		{ name: "b", weight: 2 },
	];
	test.each<[string, PluginSet, string]>([
		["nothing", set([]), "a1 b2"],
		["another one comes after", set(["c"]), "a1 b2 c0"],
		["one that is named again keeps its place and gets its weight", { enabled: [{ name: "a", weight: 9 }], disabled: [] }, "a9 b2"],
		["one is off", set([], ["a"]), "b2"],
		["one is off and comes last", set(["a"], ["a"]), "b2 a0"],
		["all are off but one", set(["b"], ["*"]), "b0"],
	])("%s", (_what, asked, expected) => {
		expect(
			mergePlugins(usual, asked)
				.map(({ name, weight }) => `${name}${weight}`)
				.join(" "),
		).toBe(expected);
	});
});

/** The documentation's example of the order is the last line. */
describe("the plugins of a point", () => {
	test.each<[string, PluginSet, readonly string[], string]>([
		["those that run anyway", set([]), ["a", "b"], "a b"],
		["without one", set([], ["a"]), ["a", "b"], "b"],
		["only those that are named", set(["c", "a"], ["*"]), ["a", "b"], "c a"],
		["named ones that run anyway, others that run anyway, other named ones", set(["x", "b"]), ["a", "b", "c"], "b a c x"],
	])("%s", (_what, asked, anyway, expected) => expect(pluginsAt(asked, anyway).join(" ")).toBe(expected));
});

test("the default profile's points are kube-scheduler's, in its order", () => {
	const profile = createDefaultProfile({
		namespaceLabels: () => undefined,
		ownSelectors: () => [],
		volumes: noVolumes(),
		devices: noDevices(),
		binder: { name: "DefaultBinder", bind: async () => undefined },
		preemption: () => ({ name: "DefaultPreemption", preEnqueue: () => undefined, postFilter: () => ({ status: never() }) }),
	});
	const names = (plugins: readonly { readonly name: string }[]) => plugins.map(({ name }) => name);
	expect(names(profile.filter)).toEqual(
		expect.arrayContaining(["NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"]),
	);
	expect(profile.score.map(({ plugin, weight }) => `${plugin.name} ${weight}`)).toEqual([
		"TaintToleration 3",
		"NodeAffinity 2",
		"NodeResourcesFit 1",
		"PodTopologySpread 2",
		"InterPodAffinity 2",
		"DynamicResources 1",
		"NodeResourcesBalancedAllocation 1",
		"ImageLocality 1",
	]);
	expect(names(profile.bind)).toEqual(["DefaultBinder"]);
});

function never(): never {
	throw new Error("not called");
}

import { expect, test } from "vitest";
import { kindOfName, kindOfObject, type NamedKind } from "./kind-names.ts";

const kinds: readonly NamedKind[] = [
	{ group: "", versions: ["v1"], kind: "Pod", resource: "pods", singular: "pod", shortNames: ["po"], namespaced: true },
	{ group: "", versions: ["v1"], kind: "Node", resource: "nodes", singular: "node", shortNames: ["no"], namespaced: false },
	{
		group: "autoscaling",
		versions: ["v2", "v1"],
		kind: "HorizontalPodAutoscaler",
		resource: "horizontalpodautoscalers",
		singular: "horizontalpodautoscaler",
		shortNames: ["hpa"],
		namespaced: true,
	},
];

test.each([
	["Pod", "pods", "v1"],
	["po", "pods", "v1"],
	["nodes", "nodes", "v1"],
	["hpa", "horizontalpodautoscalers", "v2"],
	["hpa.autoscaling", "horizontalpodautoscalers", "v2"],
	["horizontalpodautoscalers.v1.autoscaling", "horizontalpodautoscalers", "v1"],
])("%s is %s of %s", (name, resource, version) => {
	expect(kindOfName(kinds, name)).toMatchObject({ resource, version });
});

test("what is not served is refused in kubectl's words", () => {
	expect(() => kindOfName(kinds, "widgets")).toThrow(`the server doesn't have a resource type "widgets"`);
	const object = { apiVersion: "apps/v1", kind: "Pod" };
	expect(() => kindOfObject(kinds, object)).toThrow('no matches for kind "Pod" in version "apps/v1"');
	expect(kindOfObject(kinds, { apiVersion: "autoscaling/v1", kind: "HorizontalPodAutoscaler" })).toMatchObject({ version: "v1" });
});

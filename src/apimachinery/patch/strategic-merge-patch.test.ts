import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "../json.ts";
import type { Container } from "../schema/generated/types.ts";
import { deepFreeze } from "../testing/deep-freeze.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

/** Applies a patch to the spec of a Pod and returns its spec. */
function patchSpec(spec: JsonObject, patch: JsonObject): unknown {
	return applyStrategicMergePatch<JsonObject>(deepFreeze({ spec }), deepFreeze({ spec: patch }), "Pod").spec;
}

const web = { name: "web", image: "nginx:1", ports: [{ containerPort: 80 }] };
const side = { name: "side", image: "busybox" };
const extra = { name: "extra", image: "redis" };

test.each<[string, JsonObject, JsonObject, JsonObject]>([
	["scalars are replaced", { nodeName: "a", hostname: "h" }, { nodeName: "b" }, { nodeName: "b", hostname: "h" }],
	["null deletes", { nodeName: "a", hostname: "h" }, { nodeName: null }, { hostname: "h" }],
	["null deletes nothing where nothing is", { hostname: "h" }, { nodeName: null }, { hostname: "h" }],
	["maps are merged", { nodeSelector: { a: "1", b: "2" } }, { nodeSelector: { b: null, c: "3" } }, { nodeSelector: { a: "1", c: "3" } }],
	[
		"a list with a merge key is merged item by item",
		{ containers: [web, side] },
		{ containers: [{ name: "web", image: "nginx:2" }] },
		{ containers: [{ ...web, image: "nginx:2" }, side] },
	],
	// As the documentation of `kubectl patch` shows it.
	["a new item comes first", { containers: [web, side] }, { containers: [extra] }, { containers: [extra, web, side] }],
	[
		"$patch: delete takes an item out",
		{ containers: [web, side] },
		{ containers: [{ $patch: "delete", name: "web" }] },
		{ containers: [side] },
	],
	[
		"$patch: replace in a list replaces it",
		{ containers: [web, side] },
		{ containers: [{ $patch: "replace" }, extra] },
		{ containers: [extra] },
	],
	[
		"$patch: replace of an object",
		{ securityContext: { runAsUser: 1, fsGroup: 2 } },
		{ securityContext: { $patch: "replace", runAsUser: 3 } },
		{ securityContext: { runAsUser: 3 } },
	],
	[
		"$patch: delete of an object empties it",
		{ securityContext: { runAsUser: 1 } },
		{ securityContext: { $patch: "delete" } },
		{ securityContext: {} },
	],
	[
		"a list without a strategy is replaced",
		{ containers: [web], tolerations: [{ key: "a" }] },
		{ tolerations: [{ key: "b" }] },
		{
			containers: [web],
			tolerations: [{ key: "b" }],
		},
	],
	[
		"nested lists merge by their own keys",
		{ containers: [web] },
		{ containers: [{ name: "web", ports: [{ containerPort: 81 }] }] },
		{ containers: [{ ...web, ports: [{ containerPort: 81 }, { containerPort: 80 }] }] },
	],
	[
		"$setElementOrder orders what it names; the rest keeps its place",
		{ containers: [web, side] },
		{ "$setElementOrder/containers": [{ name: "extra" }, { name: "web" }], containers: [extra] },
		{ containers: [extra, web, side] },
	],
	[
		"$setElementOrder alone reorders",
		{ containers: [web, side, extra] },
		{ "$setElementOrder/containers": [{ name: "extra" }, { name: "side" }, { name: "web" }] },
		{ containers: [extra, side, web] },
	],
	[
		"a server's own item stays before the item that it stood before",
		{ containers: [side, web] },
		{ "$setElementOrder/containers": [{ name: "web" }, { name: "extra" }], containers: [extra] },
		{ containers: [side, web, extra] },
	],
	[
		"$retainKeys drops the other members of a union",
		{ volumes: [{ name: "v", emptyDir: {} }] },
		{ volumes: [{ $retainKeys: ["name", "configMap"], name: "v", configMap: { name: "c" } }] },
		{ volumes: [{ name: "v", configMap: { name: "c" } }] },
	],
	[
		"nulls and directives in what is new are obeyed too",
		{},
		{
			containers: [
				{ name: "web", command: null },
				{ $patch: "delete", name: "side" },
			],
			affinity: { nodeAffinity: null },
		},
		{ containers: [{ name: "web" }], affinity: {} },
	],
	// From here on, the cases of upstream's own table for this package, put in terms of a Pod.
	["the same value again changes nothing", { nodeName: "a" }, { nodeName: "a" }, { nodeName: "a" }],
	["a value of another type replaces", { nodeSelector: { a: "1" } }, { nodeSelector: "none" }, { nodeSelector: "none" }],
	["an empty list replaces one that is not merged", { tolerations: [{ key: "a" }] }, { tolerations: [] }, { tolerations: [] }],
	["an empty list leaves one that is merged as it is", { containers: [web] }, { containers: [] }, { containers: [web] }],
	["null takes a merged list away", { containers: [web] }, { containers: null }, {}],
	[
		"null in an item takes its field away",
		{ containers: [web] },
		{ containers: [{ name: "web", ports: null }] },
		{ containers: [{ name: "web", image: "nginx:1" }] },
	],
	[
		"a directive in a list that is not merged is taken as it is",
		{ tolerations: [{ key: "a" }] },
		{ tolerations: [{ $patch: "replace" }, { key: "b" }] },
		{ tolerations: [{ $patch: "replace" }, { key: "b" }] },
	],
	["$patch: replace clears a list", { containers: [web, side] }, { containers: [{ $patch: "replace" }] }, { containers: [] }],
	[
		"$patch: replace puts aside what else the patch deletes",
		{ containers: [web, side] },
		{ containers: [extra, { $patch: "replace" }, { $patch: "delete", name: "web" }] },
		{ containers: [extra] },
	],
	[
		"$patch: delete of an item that is not there",
		{ containers: [web] },
		{ containers: [{ $patch: "delete", name: "side" }] },
		{ containers: [web] },
	],
	[
		"$patch: delete takes every item of that key",
		{ containers: [web, { ...web, image: "nginx:3" }, side] },
		{ containers: [{ $patch: "delete", name: "web" }] },
		{ containers: [side] },
	],
	[
		"deletes and adds in one list",
		{ containers: [web, side] },
		{ containers: [extra, { $patch: "delete", name: "side" }] },
		{ containers: [extra, web] },
	],
	["$patch: replace of what is not there is nothing", {}, { securityContext: { $patch: "replace", runAsUser: 3 } }, {}],
	["$patch: delete of what is not there is nothing", { nodeName: "a" }, { securityContext: { $patch: "delete" } }, { nodeName: "a" }],
	[
		"directives deep in what is new go, and what bears them",
		{ nodeName: "a" },
		{ affinity: { nodeAffinity: { $patch: "replace", x: 1 }, podAffinity: {} } },
		{ nodeName: "a", affinity: { podAffinity: {} } },
	],
	[
		"a new list drops its deletions",
		{},
		{ "$setElementOrder/containers": [{ name: "web" }], containers: [web, { $patch: "delete", name: "side" }] },
		{ containers: [web] },
	],
	[
		"$patch: replace of an item's map",
		{ containers: [{ ...web, resources: { limits: { cpu: "1" } } }] },
		{ containers: [{ name: "web", resources: { $patch: "replace", requests: { cpu: "2" } } }] },
		{ containers: [{ ...web, resources: { requests: { cpu: "2" } } }] },
	],
	[
		"$retainKeys with the same keys changes nothing",
		{ volumes: [{ name: "v", emptyDir: {} }] },
		{ volumes: [{ $retainKeys: ["name", "emptyDir"], name: "v" }] },
		{ volumes: [{ name: "v", emptyDir: {} }] },
	],
	[
		"$retainKeys alone clears",
		{ volumes: [{ name: "v", emptyDir: {} }] },
		{ volumes: [{ $retainKeys: ["name"], name: "v" }] },
		{ volumes: [{ name: "v" }] },
	],
	[
		"$retainKeys may name what is nowhere",
		{ volumes: [{ name: "v", emptyDir: {} }] },
		{ volumes: [{ $retainKeys: ["name", "nfs"], name: "v" }] },
		{ volumes: [{ name: "v" }] },
	],
	[
		"$setElementOrder of a list that is nowhere does nothing",
		{ nodeName: "a" },
		{ "$setElementOrder/containers": [{ name: "web" }] },
		{ nodeName: "a" },
	],
	[
		"an empty $setElementOrder keeps what there is",
		{ containers: [web, side] },
		{ "$setElementOrder/containers": [] },
		{ containers: [web, side] },
	],
	[
		"$setElementOrder of nested lists",
		{ containers: [{ ...web, env: [{ name: "A" }, { name: "B" }, { name: "C" }] }] },
		{
			"$setElementOrder/containers": [{ name: "web" }],
			containers: [{ name: "web", "$setElementOrder/env": [{ name: "C" }, { name: "A" }], env: [{ $patch: "delete", name: "B" }] }],
		},
		{ containers: [{ ...web, env: [{ name: "C" }, { name: "A" }] }] },
	],
	[
		"items the order does not name stay before the named one that they stood before",
		{ containers: [{ name: "s1" }, web, { name: "s2" }, side, { name: "s3" }] },
		{ "$setElementOrder/containers": [{ name: "side" }, { name: "web" }] },
		{ containers: [{ name: "s1" }, { name: "s2" }, side, web, { name: "s3" }] },
	],
	[
		"a list of scalars that is not merged is replaced",
		{ containers: [{ ...web, command: ["a", "b"] }] },
		{ containers: [{ name: "web", command: ["c"] }] },
		{ containers: [{ ...web, command: ["c"] }] },
	],
	[
		"the deletions of a list that is no set take its place",
		{ containers: [{ ...web, command: ["a", "b"] }] },
		{ containers: [{ name: "web", "$deleteFromPrimitiveList/command": ["a"] }] },
		{ containers: [{ ...web, command: ["a"] }] },
	],
])("%s", (_, spec, patch, result) => {
	expect(patchSpec(spec, patch)).toEqual(result);
});

test("lists of scalars with strategy merge are sets", () => {
	const object = { metadata: { finalizers: ["a", "b"] } };
	const patch = (metadata: JsonObject) => applyStrategicMergePatch(deepFreeze(object), deepFreeze({ metadata }), "Pod").metadata.finalizers;
	expect(patch({ finalizers: ["b", "c"] })).toEqual(["a", "b", "c"]);
	expect(patch({ "$deleteFromPrimitiveList/finalizers": ["a"] })).toEqual(["b"]);
	expect(patch({ "$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["c", "b"], finalizers: ["c"] })).toEqual([
		"c",
		"b",
	]);
	expect(patch({ finalizers: ["b", "a"] })).toEqual(["b", "a"]);
	expect(patch({ finalizers: ["c", "c"] })).toEqual(["c", "a", "b"]);
	expect(patch({ "$deleteFromPrimitiveList/finalizers": ["a", "z"] })).toEqual(["b"]);
	expect(patch({ "$deleteFromPrimitiveList/finalizers": ["a", "b"] })).toEqual([]);
	expect(patch({ "$deleteFromPrimitiveList/finalizers": null })).toBeUndefined();
	expect(patch({ "$deleteFromPrimitiveList/finalizers": "a" })).toEqual(["a", "b"]);
	expect(patch({ "$deleteFromPrimitiveList/ownerReferences": ["a"] })).toEqual(["a", "b"]);
	expect(patch({ "$setElementOrder/finalizers": ["b", "x", "a"] })).toEqual(["b", "a"]);
	expect(() => patch({ finalizers: [1] })).toThrow(
		expect.objectContaining({ code: 500, message: "list element types are not identical: [[a b] [1]]" }),
	);
	expect(() => patch({ finalizers: [["c"]] })).toThrow(expect.objectContaining({ code: 500 }));
});

test.each<[JsonObject, number, string]>([
	[{ containers: [{ image: "x" }] }, 500, "map: map[image:x] does not contain declared merge key: name"],
	[{ containers: [{ $patch: "drop", name: "x" }] }, 500, "unknown patch type: drop in map: map[$patch:drop name:x]"],
	[{ $patch: "drop" }, 500, "unknown patch type: drop in map: map[$patch:drop]"],
	[{ volumes: [{ $retainKeys: ["name"], name: "v", emptyDir: {} }] }, 400, "invalid patch format of retainKeys"],
	[{ containers: [{ $patch: "merge", name: "x" }] }, 500, "merging lists cannot yet be specified in the patch"],
	[{ containers: [{ $patch: "delete" }] }, 500, "map: map[$patch:delete] does not contain declared merge key: name"],
	[{ securityContext: { $patch: "merge" } }, 500, "unknown patch type: merge in map: map[$patch:merge]"],
	[{ volumes: [{ $retainKeys: "name", name: "v" }] }, 400, "invalid patch format of retainKeys"],
	[{ "$setElementOrder/containers": "web" }, 500, "expected a []interface {}, but received a string"],
	[{ "$setElementOrder/containers": [], containers: null }, 500, "expected a []interface {}, but received a %!s(<nil>)"],
	[{ "$setElementOrder/boxes": [] }, 500, 'unable to find api field in struct PodSpec for the json field "boxes"'],
	[
		{ "$setElementOrder/containers": [{ name: "web" }], containers: [{ name: "extra" }] },
		500,
		"The order in patch list:\n[map[name:extra]]\n doesn't match $setElementOrder list:\n[map[name:web]]\n",
	],
	[
		{ "$setElementOrder/containers": [{ name: "b" }, { name: "a" }], containers: [{ name: "a" }, { name: "b" }] },
		500,
		"The order in patch list:\n[map[name:a] map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:b] map[name:a]]\n",
	],
])("%j is refused", (patch, code, message) => {
	expect(() => patchSpec({ containers: [web], volumes: [{ name: "v" }], securityContext: {} }, patch)).toThrow(
		expect.objectContaining({ code, message }),
	);
});

test("a type without a schema has no strategic merge", () => {
	expect(() => applyStrategicMergePatch({}, {}, "Gadget")).toThrow(expect.objectContaining({ code: 415 }));
});

/** What kubectl apply sends: the changed and new items whole, a delete for each that went, and the order. */
function listPatch(before: readonly Container[], after: readonly Container[]): JsonObject {
	const names = (containers: readonly Container[]) => containers.map(({ name }) => name);
	const changed = after.filter((item) => before.find(({ name }) => name === item.name)?.image !== item.image);
	const gone = names(before).filter((name) => !names(after).includes(name));
	return {
		"$setElementOrder/containers": names(after).map((name) => ({ name })),
		containers: [...changed.map(({ name, image = "" }) => ({ name, image })), ...gone.map((name) => ({ $patch: "delete", name }))],
	};
}

const containers = fc.uniqueArray(
	fc.record({ name: fc.constantFrom<string>("a", "b", "c", "d", "e"), image: fc.constantFrom<string>("1", "2") }),
	{
		selector: ({ name }) => name,
		minLength: 1,
	},
);

test("the patch that kubectl apply computes makes the one list into the other, order and all", () => {
	fc.assert(
		fc.property(containers, containers, (before, after) => {
			expect(patchSpec({ containers: before }, listPatch(before, after))).toEqual({ containers: after });
		}),
	);
});

test("what somebody else added stays, and the items of the patch keep their order", () => {
	fc.assert(
		fc.property(containers, containers, fc.nat(), (before, after, seed) => {
			const position = seed % (before.length + 1);
			const live = before.toSpliced(position, 0, { name: "injected", image: "1" });
			const result = patchSpec({ containers: live }, listPatch(before, after)) as { containers: { name: string }[] };
			const names = result.containers.map(({ name }) => name);
			expect(names.filter((name) => name !== "injected")).toEqual(after.map(({ name }) => name));
			expect(names).toContain("injected");
		}),
	);
});

test("what a patch leaves as it is comes back as the very value that it was", () => {
	const ready = { type: "Ready", status: "False" };
	const scheduled = { type: "PodScheduled", status: "True" };
	const pod = { metadata: { uid: "u" }, status: { conditions: [ready, scheduled], hostIPs: [{ ip: "10.0.0.1" }] } };
	const merge = (patch: JsonObject) => applyStrategicMergePatch(deepFreeze(pod), deepFreeze(patch), "Pod");
	const copy = JSON.parse(JSON.stringify(pod)) as typeof pod;
	expect(merge(copy)).toBe(pod);
	expect(merge({ ...copy, status: { conditions: [{ type: "Ready", reason: null }], podIP: null } })).toBe(pod);
	const changed = merge({ ...copy, status: { ...copy.status, conditions: [{ ...ready, status: "True" }, { ...scheduled }] } });
	expect(changed.status.conditions).toEqual([{ type: "Ready", status: "True" }, scheduled]);
	expect(changed.status.conditions[1]).toBe(scheduled);
	expect([changed.metadata, changed.status.hostIPs]).toEqual([pod.metadata, pod.status.hostIPs]);
	expect(changed.metadata).toBe(pod.metadata);
	expect(changed.status.hostIPs).toBe(pod.status.hostIPs);
});

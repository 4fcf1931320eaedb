import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StatusError } from "../status-error.ts";
import { deepFreeze } from "../testing/deep-freeze.ts";
import { applyConfiguration } from "./apply.ts";
import { fieldsOfConfiguration } from "./extract.ts";
import { hasPath, pathsOf } from "./field-set.ts";
import type { ManagerId } from "./managers.ts";
import { allFields } from "./managers.ts";
import { mergeNodeOf } from "./merge-node.ts";
import { ownersAfterUpdate } from "./update.ts";
import { formatTypeErrors, typeErrorsOf } from "./validate.ts";
import type { Before, ObjectVersions } from "./writes.ts";

const versions = (type: string): ObjectVersions => ({ nodeOf: () => mergeNodeOf(type), convert: (object) => object });
const empty: Before = { object: {}, entries: [] };

function applier(type: string) {
	return (before: Before, manager: string, configuration: unknown, options: { force?: boolean; time?: string } = {}): Before => {
		const { force = false, time = "t" } = options;
		const id: ManagerId = { manager, operation: "Apply", apiVersion: "v1", subresource: "" };
		return applyConfiguration(deepFreeze(before), deepFreeze(configuration), { id, versions: versions(type), force, time });
	};
}

function updated(type: string, before: Before, manager: string, next: unknown): Before {
	const id: ManagerId = { manager, operation: "Update", apiVersion: "v1", subresource: "" };
	return { object: next, entries: ownersAfterUpdate(before, next, { id, versions: versions(type), time: "t" }) };
}

const owners = (state: Before) => Object.fromEntries(state.entries.map(({ manager, fieldsV1 }) => [manager, fieldsV1]));

function statusOf(action: () => unknown) {
	try {
		action();
	} catch (error) {
		if (error instanceof StatusError) return error.status;
		throw error;
	}
	throw new Error("it should have failed");
}

describe("apply", () => {
	const apply = applier("Deployment");
	const deployment = (spec: object) => ({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec });

	it("hands over a field to an autoscaler, as the documentation does", () => {
		const first = apply(empty, "kubectl", deployment({ replicas: 3, paused: true }));
		const scaled = updated("Deployment", first, "kube-controller-manager", deployment({ replicas: 10, paused: true }));
		const status = statusOf(() => apply(scaled, "kubectl", deployment({ replicas: 3, paused: true })));
		expect(status).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message: 'Apply failed with 1 conflict: conflict with "kube-controller-manager" using v1: .spec.replicas',
			reason: "Conflict",
			details: {
				causes: [{ reason: "FieldManagerConflict", message: 'conflict with "kube-controller-manager" using v1', field: ".spec.replicas" }],
			},
			code: 409,
		});
		const given = apply(scaled, "kubectl", deployment({ paused: true }));
		expect(given.object).toEqual(deployment({ replicas: 10, paused: true }));
		expect(owners(given)).toEqual({
			kubectl: { "f:spec": { "f:paused": {} } },
			"kube-controller-manager": { "f:spec": { "f:replicas": {} } },
		});
		const forced = apply(scaled, "kubectl", deployment({ replicas: 3, paused: true }), { force: true });
		expect(forced.object).toEqual(deployment({ replicas: 3, paused: true }));
		expect(owners(forced)).toEqual({ kubectl: { "f:spec": { "f:paused": {}, "f:replicas": {} } } });
	});

	it("shares a field on whose value all agree; who gives it up does not remove it", () => {
		const one = apply(empty, "one", deployment({ replicas: 3 }));
		const both = apply(one, "two", deployment({ replicas: 3, paused: true }));
		expect(owners(both)).toEqual({ one: { "f:spec": { "f:replicas": {} } }, two: { "f:spec": { "f:paused": {}, "f:replicas": {} } } });
		const left = apply(both, "one", deployment({}));
		expect(left.object).toEqual(deployment({ replicas: 3, paused: true }));
		expect(apply(left, "two", deployment({ paused: true })).object).toEqual(deployment({ paused: true }));
	});

	it("lists several conflicts by owner", () => {
		const one = apply(empty, "one", deployment({ replicas: 3, minReadySeconds: 1 }));
		const both = apply(one, "two", deployment({ paused: true }));
		expect(statusOf(() => apply(both, "three", deployment({ replicas: 1, minReadySeconds: 2, paused: false }))).message).toBe(
			'Apply failed with 3 conflicts: conflicts with "one":\n- .spec.minReadySeconds\n- .spec.replicas\nconflicts with "two":\n- .spec.paused',
		);
	});

	it("merges lists by key: each manager has its items, order is kept, items go with their last owner", () => {
		const pod = (...containers: object[]) => ({ metadata: { name: "p" }, spec: { containers } });
		const applyPod = applier("Pod");
		const a = { name: "a", image: "x" };
		const b = { name: "b", image: "x", env: [{ name: "E", value: "1" }] };
		const live = updated("Pod", applyPod(empty, "one", pod(a, { name: "c" })), "hand", pod(a, { name: "side" }, { name: "c" }));
		const both = applyPod(live, "two", pod(b, { name: "c" }));
		expect(both.object).toEqual(pod(a, { name: "side" }, b, { name: "c" }));
		expect(owners(both).two).toEqual({
			"f:spec": {
				"f:containers": {
					'k:{"name":"b"}': {
						".": {},
						"f:env": { 'k:{"name":"E"}': { ".": {}, "f:name": {}, "f:value": {} } },
						"f:image": {},
						"f:name": {},
					},
					'k:{"name":"c"}': { ".": {}, "f:name": {} },
				},
			},
		});
		expect(applyPod(both, "two", pod({ name: "c" })).object).toEqual(pod(a, { name: "side" }, { name: "c" }));
		expect(applyPod(both, "two", pod({ name: "c" }, { name: "b", image: "x" })).object).toEqual(
			pod(a, { name: "side" }, { name: "c" }, { name: "b", image: "x" }),
		);
		const gone = applyPod(both, "one", pod(a));
		expect(gone.object).toEqual(pod(a, { name: "side" }, b, { name: "c" }));
		expect(applyPod(gone, "two", pod(b)).object).toEqual(pod(a, { name: "side" }, b));
	});

	it("takes an item away with the fields that others set in it, but leaves an item of which others own the whole", () => {
		const applyPod = applier("Pod");
		const pod = (...containers: object[]) => ({ metadata: { name: "p" }, spec: { containers } });
		const state = applyPod(empty, "one", pod({ name: "a", image: "x" }, { name: "b", image: "x" }));
		const changed = updated("Pod", state, "hand", pod({ name: "a", image: "y" }, { name: "b", image: "x" }));
		expect(applyPod(changed, "one", pod({ name: "b", image: "x" })).object).toEqual(pod({ name: "b", image: "x" }));
		const shared = applyPod(changed, "two", pod({ name: "a", tty: true }));
		expect(applyPod(shared, "one", pod({ name: "b", image: "x" })).object).toEqual(
			pod({ name: "a", image: "y", tty: true }, { name: "b", image: "x" }),
		);
	});

	it("adds to sets and takes its own out", () => {
		const applyMap = applier("ConfigMap");
		const map = (finalizers: string[]) => ({ metadata: { name: "m", finalizers } });
		const both = applyMap(applyMap(empty, "one", map(["x/a", "x/b"])), "two", map(["x/c", "x/b"]));
		expect(both.object).toEqual(map(["x/a", "x/c", "x/b"]));
		expect(applyMap(both, "one", map([])).object).toEqual(map(["x/c", "x/b"]));
	});

	it("owns what it says nothing of, if it says so: null and empty maps", () => {
		const node = mergeNodeOf("Deployment");
		expect(fieldsOfConfiguration(node, { metadata: { labels: {} }, spec: { replicas: null } })).toEqual({
			"f:metadata": { "f:labels": {} },
			"f:spec": { "f:replicas": {} },
		});
	});
});

describe("owners in other versions", () => {
	/** Two versions of a kind without a schema: what v1 calls `size` and `names`, v2 calls `count` and `labels`. */
	const words = [
		["size", "count"],
		["names", "labels"],
	] as const;
	const renamed = (object: unknown, to: string) => {
		const pairs = words.map(([one, two]) => (to === "v2" ? [one, two] : [two, one]) as [string, string]);
		const names = new Map(pairs);
		const spec = Object.entries((object as { spec?: object }).spec ?? {}).map(([key, value]) => [names.get(key) ?? key, value]);
		return { spec: Object.fromEntries(spec) };
	};
	const both: ObjectVersions = {
		nodeOf: (apiVersion) => (apiVersion === "v3" ? undefined : mergeNodeOf("NoSuchType")),
		convert: (object, _, to) => renamed(object, to),
	};
	const apply = (state: Before, manager: string, apiVersion: string, spec: object, force = false): Before =>
		applyConfiguration(
			state,
			{ spec },
			{ id: { manager, operation: "Apply", apiVersion, subresource: "" }, versions: both, force, time: "t" },
		);
	/** The same state, as a client of the other version finds it. */
	const seenIn = (state: Before, apiVersion: string): Before => ({ ...state, object: renamed(state.object, apiVersion) });

	it("are in conflict by the names that they used", () => {
		const one = apply(empty, "one", "v1", { size: 1 });
		const status = statusOf(() => apply(seenIn(one, "v2"), "two", "v2", { count: 2 }));
		expect(status.message).toBe('Apply failed with 1 conflict: conflict with "one": .spec.size');
		expect(owners(apply(seenIn(one, "v2"), "two", "v2", { count: 2 }, true))).toEqual({
			one: { "f:spec": {} },
			two: { "f:spec": { ".": {}, "f:count": {} } },
		});
	});

	it("keep what another gives up", () => {
		const one = apply(empty, "one", "v1", { size: 1, names: { a: "x" } });
		const both = apply(seenIn(one, "v2"), "two", "v2", { count: 1, labels: { a: "x", b: "y" } });
		const less = apply(both, "two", "v2", { other: 1 });
		expect(less.object).toEqual({ spec: { count: 1, labels: { a: "x" }, other: 1 } });
		const none = apply(seenIn(less, "v1"), "one", "v2", { other: 1 });
		expect(none.object).toEqual({ spec: { other: 1 } });
	});

	it("are forgotten with their version", () => {
		const entries = [
			{ manager: "old", operation: "Update", apiVersion: "v3", fieldsType: "FieldsV1", fieldsV1: { "f:spec": { "f:size": {} } } },
		] as const;
		expect(owners(apply({ object: { spec: { size: 1 } }, entries }, "one", "v1", { size: 2 }))).toEqual({
			one: { "f:spec": { ".": {}, "f:size": {} } },
		});
	});
});

describe("what is not of its type", () => {
	const errors = (type: string, value: unknown) => formatTypeErrors(typeErrorsOf(mergeNodeOf(type), value));

	it.each([
		["Deployment", { spec: { replicaz: 1 } }, ".spec.replicaz: field not declared in schema"],
		["ConfigMap", { data: { a: 1 } }, ".data.a: expected string, got &value.valueUnstructured{Value:1}"],
		["Deployment", { spec: { replicas: "1" } }, ".spec.replicas: expected numeric (int or float), got string"],
		["Deployment", { spec: { paused: "1" } }, ".spec.paused: expected boolean, got &{1}"],
		["Service", { spec: { ports: { port: 80 } } }, ".spec.ports: expected list, got &{map[port:80]}"],
		["Service", { spec: { selector: ["a", 1] } }, ".spec.selector: expected map, got &{[a 1]}"],
		[
			"Pod",
			{ spec: { containers: [{ name: "c", env: [{ name: "A" }, { name: "A" }] }] } },
			'.spec.containers[name="c"].env: duplicate entries for key [name="A"]',
		],
		["Pod", { spec: { tolerations: [{ kye: "a" }] } }, ".spec.tolerations[0].kye: field not declared in schema"],
		["Deployment", { spec: { a: 1 }, b: 2 }, "errors:\n  .spec.a: field not declared in schema\n  .b: field not declared in schema"],
	])("%s %j", (type, value, text) => {
		expect(errors(type, value)).toBe(text);
	});
});

/**
 * Configurations of a Service: a map, a set, a list with keys, an atomic map and list, scalars. No empty list with parts:
 * it claims nothing, and the server's decoder drops it.
 */
const configuration = fc
	.record(
		{
			labels: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2"), { maxKeys: 3 }),
			finalizers: fc.uniqueArray(fc.constantFrom("x/a", "x/b", "x/c"), { minLength: 1, maxLength: 3 }),
			ports: fc.uniqueArray(
				fc.record(
					{ port: fc.constantFrom(80, 443, 9), protocol: fc.constantFrom("TCP", "UDP"), name: fc.constantFrom("p", "q") },
					{ requiredKeys: ["port"] },
				),
				{ minLength: 1, maxLength: 3, selector: ({ port, protocol = "TCP" }) => `${port}/${protocol}` },
			),
			selector: fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("1", "2"), { maxKeys: 2 }),
			externalIPs: fc.array(fc.constantFrom("1.1.1.1", "2.2.2.2"), { maxLength: 2 }),
			type: fc.constantFrom("ClusterIP", "NodePort"),
			clientIP: fc.record({ timeoutSeconds: fc.constantFrom(1, 2) }, { requiredKeys: [] }),
		},
		{ requiredKeys: [] },
	)
	.map(({ labels, finalizers, clientIP, ...spec }) => ({
		metadata: { name: "s", ...(labels && { labels }), ...(finalizers && { finalizers }) },
		spec: { ...spec, ...(clientIP && { sessionAffinityConfig: { clientIP } }) },
	}));
const steps = fc.array(fc.tuple(fc.constantFrom("one", "two"), configuration), { minLength: 1, maxLength: 6 });

describe("the laws of apply", () => {
	const apply = applier("Service");
	const node = mergeNodeOf("Service");
	const run = (list: readonly (readonly [string, unknown])[]) =>
		list.reduce((state, [manager, config]) => apply(state, manager, config, { force: true }), empty);

	it("applying twice is applying once", () => {
		fc.assert(
			fc.property(steps, (list) => {
				const state = run(list);
				const [manager, config] = list.at(-1) ?? ["one", {}];
				const again = apply(state, manager, config);
				expect(again).toEqual(state);
			}),
		);
	});

	it("every claim is in the object, as it was applied", () => {
		fc.assert(
			fc.property(steps, (list) => {
				const state = run(list);
				const [, config] = list.at(-1) ?? ["one", {}];
				// Applying it as somebody else finds nothing to change and nobody to conflict with.
				expect(apply(state, "three", config).object).toBe(state.object);
			}),
		);
	});

	it("every field belongs to somebody who wrote it", () => {
		fc.assert(
			fc.property(steps, (list) => {
				const state = run(list);
				const owned = allFields(state.entries);
				const leaves = pathsOf(fieldsOfConfiguration(node, state.object)).filter((path) => path.at(-1) !== "f:name" || path.length > 2);
				for (const path of leaves) expect([path, hasPath(owned, path)]).toEqual([path, true]);
				for (const { manager, fieldsV1 } of state.entries) {
					const written = list.filter(([writer]) => writer === manager).map(([, config]) => fieldsOfConfiguration(node, config));
					for (const path of pathsOf(fieldsV1)) expect(written.some((set) => hasPath(set, path))).toBe(true);
				}
			}),
		);
	});

	it("two who apply different fields get the same object in either order", () => {
		fc.assert(
			fc.property(configuration, configuration, (a, b) => {
				const [left, right] = [a, { metadata: { name: "s" }, spec: {} as object }];
				const taken = new Set(Object.keys(a.spec));
				right.spec = Object.fromEntries(Object.entries(b.spec).filter(([key]) => !taken.has(key)));
				const ab = apply(apply(empty, "one", left), "two", right);
				const ba = apply(apply(empty, "two", right), "one", left);
				expect(ab).toEqual(ba);
			}),
		);
	});
});

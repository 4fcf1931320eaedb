/**
 * What holds for any two Pods that are objects by the schema, made of words that mean something in Pods: no hook fails,
 * each error has a path into the Pod and prints, and a Pod that is written back as it is changes nothing.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeObject } from "../../../apimachinery/schema/decode.ts";
import type { Pod } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldSchema, type FieldType, type ScalarType, typeSchema } from "../../../apimachinery/schema/schema.ts";
import { FieldError } from "../../../apimachinery/validation/field-error.ts";
import { nowMs } from "../testing/kind-probe.ts";
import { podKind } from "./pod.ts";

/** Names, paths, addresses, and values of the enumerations that a Pod's fields choose from. */
const words = [
	...["", "a", "b", "A b", "a.b", "example.com/x", "kubernetes.io/x", "..", "../a", "/a", "a/../b", "a".repeat(70)],
	...["10.0.0.1", "fd00::1", "010.0.0.1", "metadata.name", "metadata.labels['a']", "limits.cpu", "requests.hugepages-2Mi"],
	...["Always", "Never", "OnFailure", "None", "Exists", "In", "NotIn", "Gt", "Equal", "NoExecute", "Localhost", "RuntimeDefault"],
	...["linux", "windows", "Bidirectional", "Enabled", "Unmasked", "TCP", "DoNotSchedule", "Honor", "Block", "ReadWriteOncePod"],
	...["Restart", "RestartAllContainers", "iqn.2015-02.example.com:a", "eui.0123456789ABCDEF", "D\\u", "host:1", "localhost/a"],
];

const keys = [
	...["a", "cpu", "memory", "hugepages-2Mi", "hugepages-", "example.com/gpu", "ephemeral-storage", "beta.kubernetes.io/os", ""],
	...["kubernetes.io/config.mirror", "scheduler.alpha.kubernetes.io/tolerations", "controller.kubernetes.io/pod-deletion-cost"],
	...["container.apparmor.security.beta.kubernetes.io/a", "seccomp.security.alpha.kubernetes.io/pod"],
];

const scalars: Readonly<Record<ScalarType, fc.Arbitrary<unknown>>> = {
	string: fc.constantFrom(...words),
	int32: fc.constantFrom(-1, 0, 1, 42, 80, 300, 70_000, 2 ** 31 - 1),
	int64: fc.constantFrom(-1, 0, 1, 599, 3600, 2 ** 31, 2 ** 33),
	double: fc.double({ noNaN: true }),
	boolean: fc.boolean(),
	time: fc.constant("2026-01-01T00:00:00Z"),
	microtime: fc.constant("2026-01-01T00:00:00.000000Z"),
	bytes: fc.constant("AAAA"),
	quantity: fc.constantFrom<unknown>("0", "1", "-1", "100m", "1n", "4Mi", "3Mi", "1e400", "0.5", 2),
	intOrString: fc.constantFrom<unknown>(0, 80, 70_000, "http", "A b", ""),
	raw: fc.constant({}),
	fieldsV1: fc.constant({}),
	any: fc.constant(true),
};

function anyValue(type: FieldType, depth: number): fc.Arbitrary<unknown> {
	switch (type.form) {
		case "scalar":
			return scalars[type.scalar];
		case "object":
			return anyObject(type.type, depth);
		case "list":
			return fc.array(anyValue(type.items, depth), { maxLength: 3 });
		case "map":
			return fc.dictionary(fc.constantFrom(...keys), anyValue(type.values, depth), { maxKeys: 3 });
	}
}

const maxDepth = 8;

const memo = new Map<string, fc.Arbitrary<unknown>>();

/** Few of a type's fields at a time: a Pod with all of them says the same wrong things again and again. */
function anyObject(type: string, depth: number): fc.Arbitrary<unknown> {
	const known = memo.get(`${type} ${depth}`);
	if (known !== undefined) return known;
	const fields = [...(typeSchema(type)?.fields.values() ?? [])].filter(({ name }) => name !== "apiVersion" && name !== "kind");
	const entries = fields.map((field: FieldSchema) => fc.tuple(fc.constant(field.name), anyValue(field.type, depth + 1)));
	const made =
		depth > maxDepth || entries.length === 0
			? fc.constant({})
			: fc.uniqueArray(fc.oneof(...entries), { maxLength: 6, selector: ([name]) => name }).map((list) => Object.fromEntries(list));
	memo.set(`${type} ${depth}`, made);
	return made;
}

const metadata = fc.record(
	{
		name: fc.constantFrom("web", "web.1", "a"),
		namespace: fc.constant("default"),
		labels: fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("a", "b"), { maxKeys: 2 }),
		annotations: fc.dictionary(fc.constantFrom(...keys), fc.constantFrom(...words, '[{"key":"a"}]', "[1]", "{", "-1"), { maxKeys: 3 }),
		resourceVersion: fc.constant("1"),
	},
	{ requiredKeys: ["name", "namespace"] },
);

/** A container needs a name and an image to come as far as its other rules. */
const containers = fc.array(
	anyObject("Container", 3).map((container) => ({ image: "nginx", name: "a", ...(container as object) })),
	{ maxLength: 3 },
);

const pods = fc
	.record({
		metadata,
		spec: fc.tuple(anyObject("PodSpec", 1), containers, containers),
		status: anyObject("PodStatus", 1),
	})
	.map(({ metadata: meta, spec: [spec, plain, init], status }) => ({
		apiVersion: "v1",
		kind: "Pod",
		metadata: meta,
		spec: { ...(spec as object), containers: plain, initContainers: init },
		status,
	}));

function decoded(pod: object): Pod {
	const { object } = decodeObject(pod, "Pod", { kind: "Pod", apiVersion: "v1", fieldValidation: "Strict" });
	return (podKind.setDefaults?.(object) ?? object) as Pod;
}

const roots = /^(spec|metadata|status)\b/;

describe("any Pods of the schema", () => {
	it("go through every hook, and what is wrong with them is said of a field", () => {
		fc.assert(
			fc.property(pods, pods, (one, other) => {
				const [pod, old] = [decoded(one), decoded(other)];
				const created = podKind.prepareForCreate?.(pod, { nowMs }) ?? pod;
				const reported = podKind.prepareForStatusUpdate?.({ ...pod, spec: old.spec } as Pod, old, { nowMs }) ?? pod;
				const errors = [
					...(podKind.validate?.(created) ?? []),
					...(podKind.validate?.(pod) ?? []),
					...(podKind.validateUpdate?.(pod, old) ?? []),
					...(podKind.validateStatusUpdate?.(reported, old) ?? []),
				];
				for (const error of errors) {
					expect(error).toBeInstanceOf(FieldError);
					expect(error.field).toMatch(roots);
					expect(String(error)).not.toMatch(/undefined|\[object|NaN/);
				}
				for (const warning of podKind.warnings?.(created) ?? []) expect(warning).not.toMatch(/undefined|\[object|NaN/);
			}),
			{ numRuns: 300, seed: 11 },
		);
	});

	it("may be written back as they are", () => {
		fc.assert(
			fc.property(pods, (one) => {
				const pod = decoded(one);
				const alone = new Set((podKind.validate?.(pod) ?? []).map(String));
				const errors = (podKind.validateUpdate?.(pod, decoded(one)) ?? []).map(String);
				// An update repeats some rules that hold for any Pod; it finds nothing else.
				const ofUpdates = errors.filter((error) => !alone.has(error) && !/(image|activeDeadlineSeconds): /.test(error));
				expect(ofUpdates).toEqual([]);
			}),
			{ numRuns: 300, seed: 12 },
		);
	});
});

import { expect, test } from "vitest";
import type { ObjectMeta } from "../schema/generated/types.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "./object-meta.ts";

const good: ObjectMeta = { name: "web", namespace: "default", resourceVersion: "5", uid: "u", creationTimestamp: "2026-01-01T00:00:00Z" };
const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "u1", controller: true };
const qualified =
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const subdomain =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

test.each<[string, ObjectMeta, string[]]>([
	["good metadata", { ...good, labels: { app: "web" }, finalizers: ["example.com/x"], ownerReferences: [owner] }, []],
	["no name", { namespace: "default" }, ["metadata.name: Required value: name or generateName is required"]],
	["a bad name", { ...good, name: "Web" }, [`metadata.name: Invalid value: "Web": ${subdomain}`]],
	["a bad generateName", { ...good, generateName: "Web-" }, [`metadata.generateName: Invalid value: "Web-": ${subdomain}`]],
	["no namespace", { name: "web" }, ["metadata.namespace: Required value"]],
	["a namespace with dots", { name: "web", namespace: "a.b" }, ['metadata.namespace: Invalid value: "a.b": must not contain dots']],
	["a negative generation", { ...good, generation: -1 }, ["metadata.generation: Invalid value: -1: must be greater than or equal to 0"]],
	["a bad label key", { ...good, labels: { "-a": "" } }, [`metadata.labels: Invalid value: "-a": name part ${qualified}`]],
	["an annotation key in capitals", { ...good, annotations: { "Example.com/A": "anything at all" } }, []],
	["a bad annotation key", { ...good, annotations: { "-": "" } }, [`metadata.annotations: Invalid value: "-": name part ${qualified}`]],
	["annotations at the limit", { ...good, annotations: { a: "x".repeat(256 * 1024 - 1) } }, []],
	[
		"annotations over the limit",
		{ ...good, annotations: { a: "x".repeat(256 * 1024) } },
		["metadata.annotations: Too long: may not be more than 262144 bytes"],
	],
	[
		"an empty owner",
		{ ...good, ownerReferences: [{ apiVersion: "", kind: "", name: "", uid: "" }] },
		[
			'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
			'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
			'metadata.ownerReferences.name: Invalid value: "": must not be empty',
			'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
		],
	],
	[
		"finalizers without a domain",
		{ ...good, finalizers: ["kubernetes", "hold"] },
		['metadata.finalizers[1]: Invalid value: "hold": name is neither a standard finalizer name nor is it fully qualified'],
	],
	[
		"conflicting finalizers",
		{ ...good, finalizers: ["orphan", "foregroundDeletion"] },
		['metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set'],
	],
	[
		"bad managed fields",
		{ ...good, managedFields: [{ operation: "Patch", fieldsType: "FieldsV2", manager: "a\u0000" }] },
		[
			'metadata.managedFields[0].operation: Invalid value: "Patch": must be `Apply` or `Update`',
			'metadata.managedFields[0].fieldsType: Invalid value: "FieldsV2": must be `FieldsV1`',
			'metadata.managedFields[0].manager: Invalid value: "a\\u0000": invalid character U+0000 (at position 1)',
		],
	],
])("%s", (_, meta, errors) => {
	expect(validateObjectMeta(meta, { namespaced: true }).map(String)).toEqual(errors);
});

test("a cluster-scoped object has no namespace", () => {
	const errors = validateObjectMeta(good, { namespaced: false, path: "template.metadata" });
	expect(errors.map(String)).toEqual(["template.metadata.namespace: Forbidden: not allowed on this type"]);
});

test("one controller at most", () => {
	const meta = { ...good, ownerReferences: [owner, { ...owner, name: "api", uid: "u2" }] };
	const [error] = validateObjectMeta(meta, { namespaced: true });
	expect(error?.detail).toBe(
		'Only one reference can have Controller set to true. Found "true" in references for ReplicaSet/web and ReplicaSet/api',
	);
});

test("an Event owns nothing", () => {
	const meta = { ...good, ownerReferences: [{ ...owner, apiVersion: "v1", kind: "Event" }] };
	expect(validateObjectMeta(meta, { namespaced: true })[0]?.detail).toBe("/v1, Kind=Event is disallowed from being an owner");
});

test.each<[string, ObjectMeta, ObjectMeta, string[]]>([
	["nothing changed", good, good, []],
	[
		"no resourceVersion",
		{ ...good, resourceVersion: "" },
		good,
		['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
	],
	["another name", { ...good, name: "api" }, good, ['metadata.name: Invalid value: "api": field is immutable']],
	["another uid", { ...good, uid: "v" }, good, ['metadata.uid: Invalid value: "v": field is immutable']],
	[
		"a lower generation",
		{ ...good, generation: 1 },
		{ ...good, generation: 2 },
		["metadata.generation: Invalid value: 1: must not be decremented"],
	],
	[
		"a new finalizer on an object that goes",
		{ ...good, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a/b", "a/c"] },
		{ ...good, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a/b"] },
		['metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a/c"}'],
	],
	["a new finalizer on an object that stays", { ...good, finalizers: ["a/b"] }, good, []],
])("update: %s", (_, meta, old, errors) => {
	expect(validateObjectMetaUpdate(meta, old).map(String)).toEqual(errors);
});

test("parts that were right once are right, wrong ones are wrong each time and everywhere", () => {
	const [right, wrong] = [{ "example.com/app": "web" }, { "-a": "" }];
	const errorsOf = (meta: ObjectMeta, path?: string) =>
		validateObjectMeta({ ...good, ...meta }, { namespaced: true, ...(path === undefined ? {} : { path }) }).map(String);
	const wrongLabels = { labels: wrong, annotations: right };
	// Annotations take what labels do not: what is right there says nothing of labels.
	const long = { a: "x".repeat(64) };
	expect(errorsOf({ annotations: long })).toEqual([]);
	expect(errorsOf({ labels: long })).toHaveLength(1);
	for (const path of ["metadata", "template.metadata", "metadata"]) {
		expect(errorsOf({ labels: right, annotations: right }, path)).toEqual([]);
		const errors = validateObjectMeta({ ...good, ...wrongLabels }, { namespaced: true, path });
		expect(errors.map(({ field }) => field)).toEqual([`${path}.labels`]);
		expect(validateObjectMetaUpdate({ ...good, ...wrongLabels }, good, path).map(({ field }) => field)).toEqual([`${path}.labels`]);
	}
});

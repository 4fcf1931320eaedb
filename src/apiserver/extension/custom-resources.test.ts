import { beforeEach, describe, expect, it } from "vitest";
import type { JsonValue } from "../../apimachinery/json.ts";
import type { CustomResourceDefinition } from "../../apimachinery/schema/generated/types.ts";
import { admin, type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";
import { type CustomObject, definitionOf, definitionsOf, install, version, waitForDefinition, waitForEnd } from "./testing.ts";

const cronTabSpec = {
	type: "object",
	required: ["cronSpec"],
	properties: {
		cronSpec: { type: "string", pattern: "^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$" },
		image: { type: "string", default: "busybox" },
		replicas: { type: "integer", minimum: 1, maximum: 10 },
	},
} as const;
const cronTabs = definitionOf("CronTab", [version("v1", cronTabSpec)], { names: { shortNames: ["ct"], categories: ["all"] } });
const cronTab = (name: string, spec: object = { cronSpec: "* * * * */5" }): CustomObject => ({
	apiVersion: "stable.example.com/v1",
	kind: "CronTab",
	metadata: { name },
	spec: { ...spec },
});
const conditionsOf = ({ status }: CustomResourceDefinition) =>
	(status?.conditions ?? []).map(({ type, status: state, reason, message }) => `${type}=${state} ${reason}: ${message}`);

let fixture: ServerFixture;
let resource: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	resource = fixture.resource("stable.example.com", "v1", "crontabs");
});

describe("a definition", () => {
	it("gets its names and is established", async () => {
		const { status } = await install(fixture, cronTabs);
		expect(status?.acceptedNames).toEqual({
			plural: "crontabs",
			singular: "crontab",
			shortNames: ["ct"],
			kind: "CronTab",
			listKind: "CronTabList",
			categories: ["all"],
		});
		expect(status?.storedVersions).toEqual(["v1"]);
		expect(conditionsOf({ status } as CustomResourceDefinition)).toEqual([
			"NamesAccepted=True NoConflicts: no conflicts found",
			"Established=True InitialNamesAccepted: the initial names have been accepted",
		]);
	});

	it("waits for names that are in use until they are free", async () => {
		await install(fixture, cronTabs);
		const rival = definitionOf("CronTab", [version("v1", cronTabSpec)], {
			names: { plural: "cronjobs", singular: "ct", shortNames: ["crontab", "cj", "crontabs"] },
		});
		await definitionsOf(fixture).send("create", { body: rival });
		const refused = await waitForDefinition(fixture, "cronjobs.stable.example.com", (object) => conditionsOf(object).length === 2);
		expect(conditionsOf(refused)).toEqual([
			'NamesAccepted=False ListKindConflict: "CronTabList" is already in use',
			"Established=False NotAccepted: not all names are accepted",
		]);
		expect(refused.status?.acceptedNames).toEqual({ plural: "cronjobs", kind: "" });
		await definitionsOf(fixture).send("delete", { name: "crontabs.stable.example.com" });
		const free = await waitForDefinition(fixture, "cronjobs.stable.example.com", (object) =>
			conditionsOf(object).some((text) => text.startsWith("Established=True")),
		);
		expect(free.status?.acceptedNames?.kind).toBe("CronTab");
	});

	it("says how a group of the community got its approval", async () => {
		const definition = definitionOf("Thing", [version("v1", { type: "object" })], { group: "things.k8s.io" });
		const approved = {
			...definition,
			metadata: {
				...definition.metadata,
				annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements/pull/1" },
			},
		};
		await install(fixture, approved);
		const known = await waitForDefinition(fixture, "things.things.k8s.io", (object) => conditionsOf(object).length === 3);
		expect(conditionsOf(known)[2]).toBe(
			"KubernetesAPIApprovalPolicyConformant=True ApprovedAnnotation: approved in https://github.com/kubernetes/enhancements/pull/1",
		);
	});
});

describe("its objects", () => {
	beforeEach(async () => {
		await install(fixture, cronTabs);
	});

	it("are stored with defaults, and without what the schema does not know", async () => {
		const body = { ...cronTab("a", { cronSpec: "* * * * */5", unknown: { x: 1 } }), extra: true };
		const created = (await resource.send("create", { body })) as CustomObject;
		expect(created).toMatchObject({
			apiVersion: "stable.example.com/v1",
			kind: "CronTab",
			metadata: { name: "a", namespace: "default", generation: 1 },
			spec: { cronSpec: "* * * * */5", image: "busybox" },
		});
		expect(created.spec).toEqual({ cronSpec: "* * * * */5", image: "busybox" });
		expect(Object.keys(created)).not.toContain("extra");
		expect(created.metadata?.managedFields?.[0]?.fieldsV1).toEqual({ "f:spec": { ".": {}, "f:cronSpec": {}, "f:image": {} } });
		expect(await resource.send("get", { name: "a" })).toEqual(created);
		const { value } = (await fixture.store.range({ key: "/registry/stable.example.com/crontabs/default/a" })).kvs[0] ?? {};
		expect(JSON.parse(Buffer.from(value ?? []).toString("utf8"))).toMatchObject({
			apiVersion: "stable.example.com/v1",
			spec: created.spec,
		});
	});

	it("are refused, or come with a warning, where they have unknown fields", async () => {
		const body = { ...cronTab("a", { cronSpec: "* * * * */5", unknown: 1 }), extra: true };
		expect(await resource.failure("create", { body, options: { fieldValidation: "Strict" } })).toBe(
			'400 BadRequest: CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.unknown", unknown field "extra"',
		);
		const request = { group: "stable.example.com", version: "v1", resource: "crontabs", namespace: "default" };
		const { warnings } = await fixture.server.handle(admin, { ...request, verb: "create", body, options: { fieldValidation: "Warn" } });
		expect(warnings).toEqual(['unknown field "spec.unknown"', 'unknown field "extra"']);
	});

	it("are checked against the schema", async () => {
		const body = cronTab("a", { cronSpec: "* * * *", image: null, replicas: 11 });
		expect(await resource.failure("create", { body })).toBe(
			'422 Invalid: CronTab.stable.example.com "a" is invalid: [spec.cronSpec: Invalid value: "* * * *": spec.cronSpec in body should match ' +
				"'^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$', spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10]",
		);
		expect(await resource.failure("create", { body: cronTab("a", {}) })).toBe(
			'422 Invalid: CronTab.stable.example.com "a" is invalid: spec.cronSpec: Required value',
		);
	});

	it("are refused where they are deeper than anybody looks, and so are schemas", async () => {
		const nested = (levels: number, inside: JsonValue, wrap: (value: JsonValue) => JsonValue): JsonValue => {
			let value = inside;
			for (let level = 0; level < levels; level++) value = wrap(value);
			return value;
		};
		const deep = nested(50_000, 1, (value) => ({ a: value }));
		expect(await resource.failure("create", { body: cronTab("a", { deep }) })).toBe("400 BadRequest: json: exceeded max depth");
		const schema = (levels: number) =>
			nested(levels, { type: "string" }, (value) => ({ type: "object", properties: { a: value } })) as object;
		const body = (levels: number) => definitionOf("Deep", [version("v1", schema(levels))]);
		expect(await definitionsOf(fixture).failure("create", { body: body(20_000) })).toBe("400 BadRequest: json: exceeded max depth");
		await install(fixture, body(400));
	});

	it("are listed as what they are", async () => {
		await resource.send("create", { body: cronTab("a") });
		const list = await resource.list();
		expect([list.kind, list.apiVersion]).toEqual(["CronTabList", "stable.example.com/v1"]);
		expect(list.items.map(({ kind }) => kind)).toEqual(["CronTab"]);
	});

	it("count their generations", async () => {
		await resource.send("create", { body: cronTab("a") });
		const patch = (body: object) =>
			resource.send("patch", { name: "a", body, patchType: "application/merge-patch+json" }).then(({ metadata }) => metadata?.generation);
		expect(await patch({ metadata: { labels: { a: "b" } } })).toBe(1);
		expect(await patch({ spec: { replicas: 2 } })).toBe(2);
		// The status is no subresource: it is content like any other.
		expect(await patch({ status: { replicas: 2 } })).toBe(3);
	});

	it("take patches, but no strategic merge", async () => {
		await resource.send("create", { body: cronTab("a") });
		const json = [{ op: "replace", path: "/spec/cronSpec", value: "1 1 1 1 1" }];
		const patched = (await resource.send("patch", { name: "a", body: json, patchType: "application/json-patch+json" })) as CustomObject;
		expect(patched.spec?.cronSpec).toBe("1 1 1 1 1");
		expect(await resource.failure("patch", { name: "a", body: {}, patchType: "application/strategic-merge-patch+json" })).toBe(
			"415 UnsupportedMediaType: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
		);
		expect(await resource.failure("update", { name: "a", body: cronTab("a") })).toBe(
			'422 Invalid: CronTab.stable.example.com "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
		);
	});

	it("are watched, and their watches end when the definition changes", async () => {
		let ended = 0;
		const events: string[] = [];
		const request = { group: "stable.example.com", version: "v1", resource: "crontabs", verb: "watch" } as const;
		await fixture.server.watch(admin, request, {
			onEvent: ({ type, object }) => events.push(`${type} ${object.metadata?.name}`),
			onEnd: () => ended++,
		});
		await resource.send("create", { body: cronTab("a") });
		expect([events, ended]).toEqual([["ADDED a"], 0]);
		const body = { spec: { versions: [version("v1", { ...cronTabSpec, required: [] })] } };
		await definitionsOf(fixture).send("patch", {
			name: "crontabs.stable.example.com",
			body,
			patchType: "application/merge-patch+json",
		});
		expect(ended).toBe(1);
		expect((await resource.send("create", { body: cronTab("b", {}) })).metadata?.name).toBe("b");
	});

	it("get defaults that came after them when they are read", async () => {
		await resource.send("create", { body: cronTab("a") });
		const properties = { ...cronTabSpec.properties, tier: { type: "string", default: "free" } };
		await definitionsOf(fixture).send("patch", {
			name: "crontabs.stable.example.com",
			body: { spec: { versions: [version("v1", { ...cronTabSpec, properties })] } },
			patchType: "application/merge-patch+json",
		});
		expect(((await resource.send("get", { name: "a" })) as CustomObject).spec).toEqual({
			cronSpec: "* * * * */5",
			image: "busybox",
			tier: "free",
		});
	});
});

describe("rules", () => {
	const spec = {
		type: "object",
		properties: { min: { type: "integer", maximum: 9 }, max: { type: "integer" }, name: { type: "string" } },
		"x-kubernetes-validations": [
			{ rule: "self.min <= self.max", message: "min is at most max" },
			{ rule: "!has(oldSelf.name) || self.name == oldSelf.name", message: "name stays" },
		],
	} as const;
	let ranges: ResourceDriver;
	beforeEach(async () => {
		await install(fixture, definitionOf("Range", [version("v1", spec, { subresources: { status: {} } })]));
		ranges = fixture.resource("stable.example.com", "v1", "ranges");
	});
	const range = (value: object) => ({ metadata: { name: "a" }, spec: value });

	it("hold for what is written", async () => {
		expect(await ranges.failure("create", { body: range({ min: 2, max: 1 }) })).toBe(
			'422 Invalid: Range.stable.example.com "a" is invalid: spec: Invalid value: "object": min is at most max',
		);
		await ranges.send("create", { body: range({ min: 1, max: 2, name: "x" }) });
		const patch = (body: object) => ({ name: "a", body, patchType: "application/merge-patch+json" }) as const;
		expect(await ranges.failure("patch", patch({ spec: { name: "y" } }))).toContain("name stays");
		expect(await ranges.failure("patch", patch({ spec: { name: "y", min: 3 } }))).toContain("name stays");
		await ranges.send("patch", { ...patch({ status: { ok: true } }), subresource: "status" });
	});

	it("are left alone where they would stumble", async () => {
		expect(await ranges.failure("create", { body: range({ min: "x", max: 1 }) })).toBe(
			'422 Invalid: Range.stable.example.com "a" is invalid: [spec.min: Invalid value: "string": spec.min in body must be of type integer: "string", ' +
				'<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
		);
	});

	it("have to compile", async () => {
		const body = definitionOf("Bad", [version("v1", { ...spec, "x-kubernetes-validations": [{ rule: "self.nope == 1" }] })]);
		expect(await definitionsOf(fixture).failure("create", { body })).toContain(
			"compilation failed: ERROR: <input>:1:5: undefined field 'nope'",
		);
	});
});

describe("the end of a definition", () => {
	beforeEach(async () => {
		await install(fixture, cronTabs);
		await resource.send("create", { body: cronTab("a") });
	});

	it("takes its objects with it", async () => {
		const answer = (await definitionsOf(fixture).send("delete", { name: "crontabs.stable.example.com" })) as CustomResourceDefinition;
		expect(answer.metadata?.finalizers).toEqual(["customresourcecleanup.apiextensions.k8s.io"]);
		expect(conditionsOf(answer)[2]).toBe(
			"Terminating=True InstanceDeletionPending: CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
		);
		expect(answer.metadata?.generation).toBe(1);
		await waitForEnd(fixture, "crontabs.stable.example.com");
		expect(await resource.failure("get", { name: "a" })).toBe("404 NotFound: the server could not find the requested resource");
		expect((await fixture.store.range({ key: "/registry/stable.example.com/", rangeEnd: "/registry/stable.example.com0" })).kvs).toEqual(
			[],
		);
		// The same name again is another definition, without objects.
		await install(fixture, cronTabs);
		expect((await resource.list()).items).toEqual([]);
	});

	it("waits for objects that are held, and takes no new ones", async () => {
		await resource.send("patch", {
			name: "a",
			body: { metadata: { finalizers: ["example.com/hold"] } },
			patchType: "application/merge-patch+json",
		});
		await definitionsOf(fixture).send("delete", { name: "crontabs.stable.example.com" });
		await waitForDefinition(fixture, "crontabs.stable.example.com", (object) => conditionsOf(object)[2]?.includes("InProgress") === true);
		expect(await resource.failure("create", { body: cronTab("b") })).toBe(
			"405 MethodNotAllowed: create not allowed while custom resource definition is terminating",
		);
		await fixture.clock.advance(61_000);
		const stuck = await waitForDefinition(
			fixture,
			"crontabs.stable.example.com",
			(object) => conditionsOf(object)[2]?.includes("InstanceDeletionCheck") === true,
		);
		expect(conditionsOf(stuck)[2]).toBe(
			"Terminating=True InstanceDeletionCheck: could not confirm zero CustomResources remaining: context deadline exceeded",
		);
		await resource.send("patch", { name: "a", body: { metadata: { finalizers: null } }, patchType: "application/merge-patch+json" });
		await waitForEnd(fixture, "crontabs.stable.example.com");
	});
});

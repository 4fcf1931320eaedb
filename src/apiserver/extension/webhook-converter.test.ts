import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { JsonObject, JsonValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";
import { toBundle, WebhookServer } from "../webhooks/webhook-server.test-kit.ts";
import { type CustomObject, definitionOf, definitionsOf, install, version, waitForDefinition } from "./testing.ts";

const old = version(
	"v1beta1",
	{ type: "object", properties: { host: { type: "string" }, port: { type: "integer", default: 80 } } },
	{ storage: false },
);
const present = version("v1", { type: "object", properties: { address: { type: "string" } } });
const webhook = (versions = ["v1"]) => ({
	strategy: "Webhook",
	webhook: { clientConfig: { url: "https://convert.example.com" }, conversionReviewVersions: versions },
});
const services = definitionOf("Backend", [old, present], { conversion: webhook() });

interface Review {
	readonly apiVersion: string;
	readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly CustomObject[] };
}

/** `{host, port}` to `{address}` and back. */
function convert(object: CustomObject, apiVersion: string): CustomObject {
	const { host, port, address } = object.spec ?? {};
	const [first = "", second = ""] = String(address).split(":");
	const spec = apiVersion.endsWith("/v1") ? { address: `${host}:${port}` } : { host: first, port: Number(second) };
	return { ...object, apiVersion, spec };
}

/** Converts well until a test says how it fails. */
class Converter {
	readonly reviews: Review[] = [];
	answer = ({ apiVersion, request: { uid, desiredAPIVersion, objects } }: Review): JsonValue => {
		const convertedObjects = objects.map((object) => convert(object, desiredAPIVersion)) as unknown as JsonValue[];
		return { kind: "ConversionReview", apiVersion, response: { uid, result: { status: "Success" }, convertedObjects } };
	};

	async call(_client: object, review: JsonObject): Promise<JsonObject> {
		this.reviews.push(review as unknown as Review);
		// Others get their turn meanwhile, as when a server is asked.
		await new Promise((resolve) => setImmediate(resolve));
		return this.answer(review as unknown as Review) as JsonObject;
	}

	/** How many objects it was asked for, review by review. */
	get sizes(): readonly number[] {
		return this.reviews.map(({ request }) => request.objects.length);
	}
}

const backend = (name: string, apiVersion: string, spec: Readonly<Record<string, JsonValue>>): CustomObject => ({
	apiVersion: `stable.example.com/${apiVersion}`,
	kind: "Backend",
	metadata: { name },
	spec,
});
const specOf = (object: KubeObject) => (object as CustomObject).spec;
const namesOf = (events: readonly { readonly type: string; readonly object: KubeObject }[]) =>
	events.map(({ type, object }) => `${type} ${object.metadata?.name} ${JSON.stringify(specOf(object))}`);
const settled = async () => {
	for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const webhookOf = "conversion webhook for stable.example.com/v1, Kind=Backend";
const without = (field: string) => (object: CustomObject) =>
	Object.fromEntries(Object.entries(object).filter(([name]) => name !== field)) as JsonValue;
const metadata = (more: Readonly<Record<string, JsonValue>>) => (object: CustomObject) =>
	({ ...object, metadata: { ...object.metadata, ...more } }) as unknown as JsonValue;

let converter: Converter;
let fixture: ServerFixture;
let beta: ResourceDriver;
let stable: ResourceDriver;

beforeEach(async () => {
	converter = new Converter();
	fixture = await startServer({ conversion: converter });
	beta = fixture.resource("stable.example.com", "v1beta1", "backends");
	stable = fixture.resource("stable.example.com", "v1", "backends");
	await install(fixture, services);
});

describe("objects that a webhook converts", () => {
	it("are shown in every version, whichever they are written in", async () => {
		const created = await beta.send("create", { body: backend("a", "v1beta1", { host: "one" }) });
		expect(specOf(created)).toEqual({ host: "one", port: 80 });
		expect(created.metadata?.resourceVersion).toBeDefined();
		expect(specOf(await stable.send("get", { name: "a" }))).toEqual({ address: "one:80" });
		await stable.send("create", { body: backend("b", "v1", { address: "two:81" }) });
		expect((await beta.list()).items.map(specOf)).toEqual([
			{ host: "one", port: 80 },
			{ host: "two", port: 81 },
		]);
	});

	it("are asked for once, and together", async () => {
		for (const name of ["a", "b", "c"]) await stable.send("create", { body: backend(name, "v1", { address: `${name}:1` }) });
		expect(converter.sizes).toEqual([]);
		await beta.list();
		await beta.list();
		await beta.send("get", { name: "b" });
		expect(converter.sizes).toEqual([3]);
	});

	it("are changed in either version", async () => {
		await stable.send("create", { body: backend("a", "v1", { address: "one:80" }) });
		const patch = { name: "a", patchType: "application/merge-patch+json", body: { spec: { port: 443 } } } as const;
		expect(specOf(await beta.send("patch", patch))).toEqual({ host: "one", port: 443 });
		const current = await stable.send("get", { name: "a" });
		expect(specOf(current)).toEqual({ address: "one:443" });
		await stable.send("update", { name: "a", body: { ...current, spec: { address: "two:443" } } });
		expect(specOf(await beta.send("get", { name: "a" }))).toEqual({ host: "two", port: 443 });
		await beta.send("delete", { name: "a" });
		expect((await stable.list()).items).toEqual([]);
	});

	it("come over a watch in order, one that needs nobody after one that does", async () => {
		await stable.send("create", { body: backend("a", "v1", { address: "one:1" }) });
		const events = await beta.watch();
		await stable.send("create", { body: backend("b", "v1", { address: "two:2" }) });
		const current = await stable.send("get", { name: "a" });
		await stable.send("update", { name: "a", body: { ...current, spec: { address: "one:3" } } });
		await stable.send("delete", { name: "b" });
		await settled();
		expect(namesOf(events)).toEqual([
			'ADDED a {"host":"one","port":1}',
			'ADDED b {"host":"two","port":2}',
			'MODIFIED a {"host":"one","port":3}',
			'DELETED b {"host":"two","port":2}',
		]);
	});

	it("come over a watch from an old revision", async () => {
		const first = await stable.send("create", { body: backend("a", "v1", { address: "one:1" }) });
		await stable.send("create", { body: backend("b", "v1", { address: "two:2" }) });
		await stable.send("delete", { name: "a" });
		const { resourceVersion = "" } = first.metadata ?? {};
		const events = await beta.watch({ options: { resourceVersion } });
		await settled();
		expect(namesOf(events)).toEqual(['ADDED b {"host":"two","port":2}', 'DELETED a {"host":"one","port":1}']);
	});

	it("end a watch that they cannot be shown on", async () => {
		const events = await beta.watch();
		converter.answer = () => ({});
		await stable.send("create", { body: backend("a", "v1", { address: "one:1" }) });
		await settled();
		expect(events.map(({ type, object }) => `${type} ${(object as { message?: string }).message}`)).toEqual([
			"ERROR conversion webhook for stable.example.com/v1, Kind=Backend failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got /, Kind=",
		]);
	});

	it("are stored in the present storage version by a write that changes nothing", async () => {
		await stable.send("create", { body: backend("a", "v1", { address: "one:1" }) });
		const { metadata } = await definitionsOf(fixture).send("get", { name: "backends.stable.example.com" });
		const turned = definitionOf(
			"Backend",
			[
				{ ...old, storage: true },
				{ ...present, storage: false },
			],
			{ conversion: webhook() },
		);
		const body = { ...turned, metadata };
		await definitionsOf(fixture).send("update", { name: "backends.stable.example.com", body });
		await waitForDefinition(fixture, "backends.stable.example.com", ({ status }) => status?.storedVersions?.includes("v1beta1") === true);
		const before = await stable.send("get", { name: "a" });
		const after = await stable.send("update", { name: "a", body: before });
		expect(after.metadata?.resourceVersion).not.toBe(before.metadata?.resourceVersion);
		expect(specOf(after)).toEqual({ address: "one:1" });
		converter.reviews.length = 0;
		expect(specOf(await beta.send("get", { name: "a" }))).toEqual({ host: "one", port: 1 });
		expect(converter.reviews).toEqual([]);
		const again = await beta.send("update", { name: "a", body: await beta.send("get", { name: "a" }) });
		expect(again.metadata?.resourceVersion).toBe(after.metadata?.resourceVersion);
	});

	it("have owners of fields in each version, who lose to each other", async () => {
		const apply = (driver: ResourceDriver, fieldManager: string, body: CustomObject, force = false) =>
			({ driver, options: { name: "a", patchType: "application/apply-patch+yaml", body, options: { fieldManager, force } } }) as const;
		const first = apply(beta, "old", backend("a", "v1beta1", { host: "one", port: 1 }));
		await first.driver.send("patch", first.options);
		const equal = apply(stable, "equal", backend("a", "v1", { address: "one:1" }));
		await equal.driver.send("patch", equal.options);
		const other = apply(stable, "new", backend("a", "v1", { address: "two:1" }));
		expect(await other.driver.failure("patch", other.options)).toBe(
			'409 Conflict: Apply failed with 2 conflicts: conflicts with "equal":\n- .spec.address\nconflicts with "old":\n- .spec.host',
		);
		const forced = apply(stable, "new", backend("a", "v1", { address: "two:1" }), true);
		const owners = ({ metadata }: KubeObject) =>
			metadata?.managedFields?.map(({ manager, fieldsV1 }) => `${manager} ${JSON.stringify(fieldsV1)}`);
		// The port is still as it was: its owner keeps it.
		expect(owners(await forced.driver.send("patch", forced.options))).toEqual([
			'new {"f:spec":{"f:address":{}}}',
			'old {"f:spec":{"f:port":{}}}',
		]);
		const patch = { name: "a", patchType: "application/merge-patch+json", options: { fieldManager: "patch" } } as const;
		expect(owners(await stable.send("patch", { ...patch, body: { spec: { address: "two:2" } } }))).toEqual([
			'patch {"f:spec":{"f:address":{}}}',
		]);
	});

	it("keep their owners where an update cannot be converted for them, and refuse an apply", async () => {
		const body = backend("a", "v1beta1", { host: "one", port: 1 });
		const apply = { name: "a", patchType: "application/apply-patch+yaml", options: { fieldManager: "old" } } as const;
		await beta.send("patch", { ...apply, body });
		const current = await stable.send("get", { name: "a" });
		const { answer } = converter;
		converter.answer = (review) => (review.request.desiredAPIVersion.endsWith("/v1") ? answer(review) : {});
		const updated = await stable.send("update", { name: "a", body: { ...current, spec: { address: "two:2" } } });
		expect(updated.metadata?.managedFields?.map(({ manager }) => manager)).toEqual(["old"]);
		const failing = { ...apply, options: { fieldManager: "new" }, body: backend("a", "v1", { address: "three:3" }) };
		expect(await stable.failure("patch", failing)).toMatch(
			/^500 Unknown: conversion webhook for stable.example.com\/v1, Kind=Backend failed/,
		);
	});

	it("keep what makes them themselves", async () => {
		await stable.send("create", { body: backend("a", "v1", { address: "one:1" }) });
		const { answer } = converter;
		converter.answer = (review) => {
			const made = answer(review) as unknown as { response: { convertedObjects: KubeObject[] } };
			const [object = {}] = made.response.convertedObjects;
			const metadata = { ...object.metadata, labels: { new: "label" }, generation: 77, finalizers: ["example.com/mine"] };
			return { ...made, response: { ...made.response, convertedObjects: [{ ...object, metadata }] } } as unknown as JsonValue;
		};
		const { metadata } = await beta.send("get", { name: "a" });
		expect(metadata).toMatchObject({ labels: { new: "label" }, generation: 1 });
		expect(metadata?.finalizers).toBeUndefined();
	});
});

describe("a conversion that fails", () => {
	const about = "500 Unknown: conversion webhook for stable.example.com/v1, Kind=Backend";
	const fails = async (change: (response: Readonly<Record<string, JsonValue>>, review: Review) => JsonValue) => {
		const { answer } = converter;
		converter.answer = (review) => {
			const made = answer(review) as unknown as { response: Readonly<Record<string, JsonValue>> };
			return { ...made, response: change(made.response, review) } as unknown as JsonValue;
		};
		return beta.failure("get", { name: "a" });
	};

	beforeEach(async () => {
		await stable.send("create", { body: backend("a", "v1", { address: "one:1" }) });
	});

	it("says why: the webhook", async () => {
		expect(await fails((response) => ({ ...response, result: { status: "Failure", message: "no such thing" } }))).toBe(
			`${about} failed: no such thing`,
		);
		expect(await fails((response) => ({ ...response, result: {} }))).toBe(`${about} failed: response.result.status was '', not 'Success'`);
	});

	it("says why: the answer is not to the question", async () => {
		expect(await fails((response) => ({ ...response, uid: "other" }))).toMatch(
			/failed: expected response\.uid="[0-9a-f-]{36}", got "other"$/,
		);
	});

	it("says why: not as many objects", async () => {
		expect(await fails((response) => ({ ...response, convertedObjects: [] }))).toBe(`${about} returned 0 objects, expected 1`);
	});

	it("says why: not the object that was asked for", async () => {
		const withObject = (change: (object: KubeObject) => KubeObject) => {
			const { answer } = converter;
			return fails((response, review) => {
				const original = (answer(review) as unknown as { response: { convertedObjects: KubeObject[] } }).response.convertedObjects[0] ?? {};
				return { ...response, convertedObjects: [change(original)] } as unknown as JsonValue;
			});
		};
		const good = converter.answer;
		expect(await withObject((object) => ({ ...object, apiVersion: "stable.example.com/v1" }))).toBe(
			`${about} returned invalid object at index 0: invalid groupVersion (expected stable.example.com/v1beta1, received stable.example.com/v1)`,
		);
		converter.answer = good;
		expect(await withObject((object) => ({ ...object, kind: "Other" }))).toBe(
			`${about} returned invalid object at index 0: invalid kind (expected Backend, received Other)`,
		);
		converter.answer = good;
		expect(await withObject((object) => ({ ...object, metadata: { ...object.metadata, name: "b" } }))).toBe(
			`${about} returned invalid object: must have the same name: a != b`,
		);
	});

	it.each<[string, (object: CustomObject) => JsonValue, string]>([
		["nothing", () => null, "unexpected end of JSON input"],
		["no object", () => 5, "json: cannot unmarshal number into Go value of type map[string]interface {}"],
		["no kind", () => ({ a: "b" }), "Object 'Kind' is missing in '{\"a\":\"b\"}'"],
		["no metadata", without("metadata"), `${webhookOf} returned invalid object: must have the same name: a != `],
		[
			"labels that are none",
			metadata({ labels: "x" }),
			`${webhookOf} returned invalid metadata: invalid metadata.labels of type string in converted object`,
		],
		[
			"a label without a text",
			metadata({ labels: { a: 1 } }),
			`${webhookOf} returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object`,
		],
		[
			"a label that may not be",
			metadata({ labels: { a: "b c" } }),
			`${webhookOf} returned invalid metadata: metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
		],
		[
			"an annotation that may not be",
			metadata({ annotations: { "": "b" } }),
			`${webhookOf} returned invalid metadata: [metadata.annotation: Invalid value: "": name part must be non-empty, metadata.annotation: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')]`,
		],
	])("says why: %s", async (_, change, text) => {
		const { answer } = converter;
		const convertedOf = (review: Review) =>
			(answer(review) as unknown as { response: { convertedObjects: CustomObject[] } }).response.convertedObjects;
		const message = await fails((response, review) => ({ ...response, convertedObjects: convertedOf(review).map(change) }));
		expect(message).toBe(`500 Unknown: ${text}`);
	});

	it("says which one of several it was", async () => {
		await stable.send("create", { body: backend("b", "v1", { address: "two:2" }) });
		const { answer } = converter;
		const answerWith = (second: (object: CustomObject) => JsonValue) => {
			converter.answer = (review) => {
				const made = answer(review) as unknown as { response: { convertedObjects: CustomObject[] } };
				const [first, ...others] = made.response.convertedObjects;
				return { ...made, response: { ...made.response, convertedObjects: [first, ...others.map(second)] } } as unknown as JsonValue;
			};
			return beta.failure("list");
		};
		expect(await answerWith(() => 5)).toContain("returned invalid converted object at index 1: json: cannot unmarshal number");
		expect(await answerWith((object) => ({ ...object, kind: "Other" }) as unknown as JsonValue)).toContain(
			"returned invalid converted object at index 2: invalid kind (expected Backend, received Other)",
		);
		expect(await answerWith(metadata({ labels: [] }))).toContain(
			"returned invalid metadata in object at index 2: invalid metadata.labels of type []interface {} in converted object",
		);
	});

	it("does not store what is to be written", async () => {
		converter.answer = () => ({});
		expect(await beta.failure("create", { body: backend("b", "v1beta1", { host: "one" }) })).toMatch(
			/^500 Unknown: conversion webhook for/,
		);
		expect((await stable.list()).items.map(({ metadata }) => metadata?.name)).toEqual(["a"]);
	});
});

describe("a definition whose webhook", () => {
	it("speaks the old review is answered without uid and kind", async () => {
		const other = definitionOf("Gadget", [old, present], { conversion: webhook(["v7", "v1beta1"]) });
		await install(fixture, other);
		const { answer } = converter;
		converter.answer = (review) => {
			const made = answer(review) as unknown as { response: Readonly<Record<string, JsonValue>> };
			const { uid: _uid, ...response } = made.response;
			return { response };
		};
		const body = { ...backend("a", "v1", { address: "one:1" }), kind: "Gadget" };
		await fixture.resource("stable.example.com", "v1", "gadgets").send("create", { body });
		const shown = await fixture.resource("stable.example.com", "v1beta1", "gadgets").send("get", { name: "a" });
		expect(specOf(shown)).toEqual({ host: "one", port: 1 });
		expect(converter.reviews[0]?.apiVersion).toBe("apiextensions.k8s.io/v1beta1");
	});

	it("does not answer is told in Go's words, and only where it is needed", async () => {
		fixture = await startServer();
		// A port that nobody may listen on without being somebody.
		const webhook = { clientConfig: { url: "https://127.0.0.1:1/convert" }, conversionReviewVersions: ["v1"] };
		await install(fixture, { ...services, spec: { ...services.spec, conversion: { strategy: "Webhook", webhook } } });
		await fixture.resource("stable.example.com", "v1", "backends").send("create", { body: backend("a", "v1", { address: "one:1" }) });
		expect(await fixture.resource("stable.example.com", "v1beta1", "backends").failure("get", { name: "a" })).toBe(
			'500 Unknown: conversion webhook for stable.example.com/v1, Kind=Backend failed: Post "https://127.0.0.1:1/convert?timeout=30s": dial tcp 127.0.0.1:1: connect: connection refused',
		);
	});

	it("never answers is given up after half a minute of the machine's time", async () => {
		// The certificate is good for some days around now.
		const machine = new VirtualClock(new WallClock().now());
		fixture = await startServer({ outside: { clock: machine } });
		const asked = Promise.withResolvers<void>();
		await using server = await WebhookServer.start(() => asked.resolve());
		const clientConfig = { url: `${server.url}/convert`, caBundle: toBundle(server.authority.cert) };
		const webhook = { clientConfig, conversionReviewVersions: ["v1"] };
		await install(fixture, { ...services, spec: { ...services.spec, conversion: { strategy: "Webhook", webhook } } });
		await fixture.resource("stable.example.com", "v1", "backends").send("create", { body: backend("a", "v1", { address: "one:1" }) });
		const failed = fixture.resource("stable.example.com", "v1beta1", "backends").failure("get", { name: "a" });
		await asked.promise;
		await machine.advance(30_000);
		expect(await failed).toBe(`500 Unknown: ${webhookOf} failed: Post "${server.url}/convert?timeout=30s": context deadline exceeded`);
	});
});

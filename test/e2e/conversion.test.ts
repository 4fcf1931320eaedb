/** A definition of two versions, a webhook that converts between them over TLS, and the real kubectl: what works, and how each failure looks. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/apimachinery/meta.ts";
import { sendJson, WebhookServer } from "../../src/apiserver/webhooks/webhook-server.test-kit.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { RunningTool } from "../tools/running-tool.ts";

interface Backend extends KubeObject {
	readonly spec: { readonly host?: string; readonly port?: number; readonly address?: string };
}

interface Review {
	readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly Backend[] };
}

/** `{host, port}` of v1beta1 is `{address}` of v1. */
function convert({ spec, ...object }: Backend, apiVersion: string): Backend {
	const [host = "", port = ""] = spec.address?.split(":") ?? [];
	return {
		...object,
		apiVersion,
		spec: apiVersion.endsWith("/v1") ? { address: `${spec.host}:${spec.port}` } : { host, port: Number(port) },
	};
}

const respond = ({ request: { uid, desiredAPIVersion, objects } }: Review, more: object = {}) => ({
	kind: "ConversionReview",
	apiVersion: "apiextensions.k8s.io/v1",
	response: {
		uid,
		result: { status: "Success" },
		convertedObjects: objects.map((object) => convert(object, desiredAPIVersion)),
		...more,
	},
});

const definition = (storageVersion: string, { url, caBundle }: { readonly url: string; readonly caBundle: string }) => {
	const version = (name: string, properties: object) => ({
		name,
		served: true,
		storage: name === storageVersion,
		schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } } },
	});
	const clientConfig = { url: `${url}/convert`, caBundle };
	return JSON.stringify({
		apiVersion: "apiextensions.k8s.io/v1",
		kind: "CustomResourceDefinition",
		metadata: { name: "backends.example.com" },
		spec: {
			group: "example.com",
			scope: "Namespaced",
			names: { kind: "Backend", plural: "backends" },
			conversion: { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } },
			versions: [
				version("v1", { address: { type: "string" } }),
				version("v1beta1", { host: { type: "string" }, port: { type: "integer", minimum: 1 } }),
			],
		},
	});
};
const beta = (name: string, host: string, port = 80) =>
	`apiVersion: example.com/v1beta1\nkind: Backend\nmetadata: { name: ${name} }\nspec: { host: ${host}, port: ${port} }\n`;
const stable = (name: string, address: string) =>
	`apiVersion: example.com/v1\nkind: Backend\nmetadata: { name: ${name} }\nspec: { address: "${address}" }\n`;

let cluster: TestCluster;
let hook: WebhookServer;
const run = (args: string, input?: string) => cluster.kubectl.run(args.split(" "), input);
const fails = async (args: string, input?: string) => (await cluster.kubectl.try(args.split(" "), input)).stderr;
const specOf = (version: string, name: string) => run(`get backends.${version}.example.com ${name} -o jsonpath={.spec}`);
/** Answers with what a test makes of the right answer. */
const answerWith = (change: (right: ReturnType<typeof respond>, review: Review) => unknown) => {
	hook.answer = ({ body }, response) => {
		const review = JSON.parse(body) as Review;
		sendJson(response, change(respond(review), review));
	};
};

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
	hook = await WebhookServer.start(() => undefined);
	await run("apply -f -", definition("v1", hook));
	await run("wait --for=condition=Established crd/backends.example.com");
});
beforeEach(() => answerWith((right) => right));
afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
	await hook[Symbol.asyncDispose]();
});

describe("two versions of an object", { timeout: 120_000 }, () => {
	it("are created, read and changed as if each were the only one", async () => {
		expect(await run("create -f -", beta("web", "web.example.com"))).toBe("backend.example.com/web created\n");
		expect(await specOf("v1beta1", "web")).toBe('{"host":"web.example.com","port":80}');
		expect(await specOf("v1", "web")).toBe('{"address":"web.example.com:80"}');
		expect(await run("get backends -o jsonpath={.items[*].apiVersion}")).toBe("example.com/v1");
		await run('patch backends.v1.example.com web --type=merge -p {"spec":{"address":"other:81"}}');
		expect(await specOf("v1beta1", "web")).toBe('{"host":"other","port":81}');
		// What is refused is what the version that was written in refuses.
		expect(await fails('patch backends.v1beta1.example.com web --type=merge -p {"spec":{"port":0}}')).toBe(
			'The Backend "web" is invalid: spec.port: Invalid value: 0: spec.port in body should be greater than or equal to 1\n',
		);
	});

	it("are applied, by clients and by the server, in one version and in the other", async () => {
		expect(await run("apply -f -", stable("applied", "one:1"))).toBe("backend.example.com/applied created\n");
		expect(await run("apply -f -", beta("applied", "two", 2))).toBe("backend.example.com/applied configured\n");
		expect(await specOf("v1", "applied")).toBe('{"address":"two:2"}');

		expect(await run("apply --server-side --field-manager=beta -f -", beta("owned", "one", 1))).toBe(
			"backend.example.com/owned serverside-applied\n",
		);
		// Whose host and port it is loses both with the address.
		expect(await fails("apply --server-side --field-manager=stable -f -", stable("owned", "three:3"))).toContain(
			'conflicts with "beta":\n- .spec.host\n- .spec.port\n',
		);
		await run("apply --server-side --field-manager=stable --force-conflicts -f -", stable("owned", "three:3"));
		const owners = 'jsonpath={range .metadata.managedFields[*]}{.manager}:{.apiVersion}:{.fieldsV1}{"\\n"}{end}';
		const show = ["get", "backends.v1beta1.example.com", "owned", "--show-managed-fields", "-o", owners];
		expect(await cluster.kubectl.run(show)).toBe('stable:example.com/v1:{"f:spec":{"f:address":{}}}\n');
	});

	it("come over watches in the version that was asked for", async () => {
		const watch = (version: string) =>
			RunningTool.watching(cluster.kubectl, [
				"get",
				`backends.${version}.example.com`,
				"--watch-only",
				"--output-watch-events",
				"-o",
				'jsonpath={.type} {.object.metadata.name} {.object.spec}{"\\n"}',
			]);
		await using old = await watch("v1beta1");
		await using present = await watch("v1");
		await run("create -f -", beta("seen", "one"));
		await run("apply -f -", stable("seen", "two:2"));
		await run("delete backend seen");
		const [text] = await old.sees(/ADDED seen[\s\S]*DELETED seen .*\n/);
		expect(text.split("\n")).toEqual([
			'ADDED seen {"host":"one","port":80}',
			'MODIFIED seen {"host":"two","port":2}',
			'DELETED seen {"host":"two","port":2}',
			"",
		]);
		await present.sees(/ADDED seen {"address":"one:80"}\nMODIFIED seen {"address":"two:2"}\nDELETED seen {"address":"two:2"}\n/);
	});
});

describe("a webhook that fails", { timeout: 120_000 }, () => {
	const about = "conversion webhook for example.com/v1, Kind=Backend";
	const get = () => fails("get backends.v1beta1.example.com victim");

	beforeAll(async () => {
		await run("create -f -", stable("victim", "one:1"));
	});
	afterEach(async () => {
		// Nobody else notices.
		expect(await specOf("v1", "victim")).toBe('{"address":"one:1"}');
		expect(await run("get namespace default -o name")).toBe("namespace/default\n");
	});

	it.each<[string, Parameters<typeof answerWith>[0], RegExp | string]>([
		[
			"says that it cannot",
			(_, review) => respond(review, { result: { status: "Failure", message: "no port in it" } }),
			`Error from server: ${about} failed: no port in it\n`,
		],
		[
			"lies about the request's uid",
			(_, review) => respond(review, { uid: "other" }),
			/^Error from server: conversion webhook for example\.com\/v1, Kind=Backend failed: expected response\.uid="[0-9a-f-]{36}", got "other"\n$/,
		],
		[
			"gives fewer objects back",
			(_, review) => respond(review, { convertedObjects: [] }),
			`Error from server: ${about} returned 0 objects, expected 1\n`,
		],
		[
			"gives objects of another version back",
			(_, review) => respond(review, { convertedObjects: review.request.objects }),
			`Error from server: ${about} returned invalid object at index 0: invalid groupVersion (expected example.com/v1beta1, received example.com/v1)\n`,
		],
		[
			"gives another object back",
			(right, review) =>
				respond(review, {
					convertedObjects: right.response.convertedObjects.map((object) => ({
						...object,
						metadata: { ...object.metadata, name: "thief" },
					})),
				}),
			`Error from server: ${about} returned invalid object: must have the same name: victim != thief\n`,
		],
		[
			"gives labels back that are none",
			(right, review) =>
				respond(review, {
					convertedObjects: right.response.convertedObjects.map((object) => ({
						...object,
						metadata: { ...object.metadata, labels: { a: 1 } },
					})),
				}),
			`Error from server: ${about} returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object\n`,
		],
		[
			"answers to something else",
			() => ({ kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", response: {} }),
			`Error from server: ${about} failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got admission.k8s.io/v1, Kind=AdmissionReview\n`,
		],
	])("because it %s", async (_, change, text) => {
		answerWith(change);
		expect(await get()).toEqual(typeof text === "string" ? text : expect.stringMatching(text));
		expect(await fails("get backends.v1beta1.example.com victim --watch-only --request-timeout=20s")).toContain(about);
	});

	it.each([
		["no JSON at all", 200, "<html>", "couldn't get version/kind; json parse error: invalid character '<' looking for beginning of value"],
		["nothing", 200, "", "0-length response with status code: 200 and content type: application/json"],
		["that it is broken", 500, "{}", 'an error on the server ("unknown") has prevented the request from succeeding'],
	])("because it answers %s", async (_, status, body, text) => {
		hook.answer = (_seen, response) => void response.writeHead(status, { "content-type": "application/json" }).end(body);
		expect(await get()).toBe(`Error from server: ${about} failed: ${text}\n`);
	});

	it("stores nothing of what it could not convert", async () => {
		answerWith((_, review) => respond(review, { result: { status: "Failure", message: "no" } }));
		expect(await fails("create -f -", beta("never", "one"))).toBe(
			`Error from server: error when creating "STDIN": conversion webhook for example.com/v1beta1, Kind=Backend failed: no\n`,
		);
		expect(await run("get backends.v1.example.com never --ignore-not-found")).toBe("");
	});
});

describe("a storage migration", { timeout: 120_000 }, () => {
	it("writes every object again, and lets the old version go", async () => {
		const storedVersions = () => run("get crd backends.example.com -o jsonpath={.status.storedVersions}");
		await run("apply -f -", definition("v1beta1", hook));
		expect(await storedVersions()).toBe('["v1","v1beta1"]');
		const withoutOld = JSON.parse(definition("v1beta1", hook)) as { spec: { versions: { name: string }[] } };
		withoutOld.spec.versions = withoutOld.spec.versions.filter(({ name }) => name === "v1beta1");
		expect(await fails("apply -f -", JSON.stringify(withoutOld))).toContain(
			'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
		);
		const before = JSON.parse(await run("get backends.v1beta1.example.com -o json")) as { items: Backend[] };
		expect(before.items.map(({ metadata }) => metadata?.name)).toEqual(["applied", "owned", "victim", "web"]);
		await run("replace -f -", JSON.stringify(before));

		// Others may still ask for the other version.
		const conversions = () => hook.seen.filter(({ body }) => body.includes('"desiredAPIVersion":"example.com/v1beta1"')).length;
		const asked = conversions();
		const after = JSON.parse(await run("get backends.v1beta1.example.com -o json")) as { items: Backend[] };
		expect(after.items.map(({ spec }) => spec)).toEqual(before.items.map(({ spec }) => spec));
		// They lie in the store as they are shown.
		expect(conversions()).toBe(asked);
		await run('patch crd backends.example.com --subresource=status --type=merge -p {"status":{"storedVersions":["v1beta1"]}}');
		await run("apply -f -", JSON.stringify(withoutOld));
		expect(await storedVersions()).toBe('["v1beta1"]');
		expect(await fails("get backends.v1.example.com web")).toContain("the server could not find the requested resource");
	});

	it("is of no use without the webhook, which others do not notice", async () => {
		const { url, port } = hook;
		await run("apply -f -", definition("v1beta1", hook));
		await hook[Symbol.asyncDispose]();
		await run("create -f -", beta("late", "one"));
		expect(await fails("get backends.v1.example.com late")).toBe(
			`Error from server: conversion webhook for example.com/v1beta1, Kind=Backend failed: Post "${url}/convert?timeout=30s": dial tcp 127.0.0.1:${port}: connect: connection refused\n`,
		);
		expect(await specOf("v1beta1", "web")).toBe('{"host":"other","port":81}');
		hook = await WebhookServer.start(() => undefined);
	});
});

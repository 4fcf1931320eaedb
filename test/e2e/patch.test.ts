/** Patches over HTTP, byte for byte: strict decoding with the cases of upstream's own test of field validation. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { type RawAnswer, send } from "../tools/https.ts";

let test: TestCluster;
beforeAll(async () => {
	test = await startTestCluster();
	await test.run("create deployment web --image=nginx --replicas=0");
});
afterAll(() => test[Symbol.asyncDispose]());

const path = "/apis/apps/v1/namespaces/default/deployments/web";
const patch = (type: string, body: string, validation: string) =>
	send(test, `${path}?${validation === "" ? "" : `fieldValidation=${validation}`}`, {
		method: "PATCH",
		headers: { "content-type": `application/${type}` },
		body,
	});

/** The texts of `Warning: 299 - "…"` headers. */
function warningsOf({ headers }: RawAnswer): readonly string[] {
	const joined = [headers.warning ?? []].flat().join(", ");
	return [...joined.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) => text.replaceAll(/\\(.)/g, "$1"));
}

const messageOf = ({ text }: RawAnswer) => (JSON.parse(text) as { message: string }).message;

const mergeBody = `{"spec": {
	"unknown1": "val1", "unknownDupe": "valDupe", "unknownDupe": "valDupe2", "paused": true, "paused": false,
	"template": {"spec": {"containers": [
		{"name": "nginx", "image": "nginx:latest", "unknownNested": "val1", "imagePullPolicy": "Always", "imagePullPolicy": "Never"}
	]}}
}}`;
const jsonBody = `[
	{"op": "add", "path": "/spec/unknown1", "value": "val1", "foo": "bar"},
	{"op": "add", "path": "/spec/unknown2", "path": "/spec/unknown3", "value": "val1"},
	{"op": "add", "path": "/spec/paused", "value": true},
	{"op": "add", "path": "/spec/template/spec/containers/0/unknownNested", "value": "val1"}
]`;
const nested = 'unknown field "spec.template.spec.containers[0].unknownNested"';
const ofObject = [
	'duplicate field "spec.unknownDupe"',
	'duplicate field "spec.paused"',
	'duplicate field "spec.template.spec.containers[0].imagePullPolicy"',
	nested,
	'unknown field "spec.unknown1"',
	'unknown field "spec.unknownDupe"',
];

describe.each([
	["merge-patch+json", mergeBody, ofObject],
	["strategic-merge-patch+json", mergeBody, ofObject],
	[
		"json-patch+json",
		jsonBody,
		[
			'json patch unknown field "[0].foo"',
			'json patch duplicate field "[1].path"',
			nested,
			'unknown field "spec.unknown1"',
			'unknown field "spec.unknown3"',
		],
	],
])("%s with unknown and duplicate fields", (type, body, texts) => {
	it("is refused under Strict", async () => {
		const answer = await patch(type, body, "Strict");
		expect(answer.code).toBe(422);
		for (const text of texts) expect(messageOf(answer)).toContain(text);
		expect(messageOf(answer)).toMatch(/^ "" is invalid: patch: Invalid value: ".*": strict decoding error: /);
	});

	it.each(["Warn", ""])("is warned of under %j", async (validation) => {
		const answer = await patch(type, body, validation);
		expect(answer.code).toBe(200);
		expect([...warningsOf(answer)].sort()).toEqual([...texts].sort());
	});

	it("is taken without a word under Ignore", async () => {
		const answer = await patch(type, body, "Ignore");
		expect([answer.code, warningsOf(answer)]).toEqual([200, []]);
	});
});

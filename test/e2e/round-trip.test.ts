/** Every kind's sample goes in as JSON, YAML and protobuf, comes out as JSON and YAML, and is the same object throughout. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { generatedResources } from "../../src/apimachinery/schema/resources.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { type RawAnswer, send } from "../tools/https.ts";
import { encodeProtobuf } from "../tools/protobuf.ts";
import { samples } from "./manifests.ts";

interface Sent {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion?: string };
}

let test: TestCluster;
beforeAll(async () => {
	test = await startTestCluster();
});
afterAll(() => test[Symbol.asyncDispose]());

const json = "application/json";
const yaml = "application/yaml";
const protobuf = "application/vnd.kubernetes.protobuf";

function resourceOf({ apiVersion, kind }: Sent) {
	const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
	const found = generatedResources.find(
		(one) => one.group === group && one.version === version && one.kind === kind && one.subresource === "",
	);
	if (found === undefined) throw new Error(`no resource of ${apiVersion} ${kind}`);
	const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
	return { type: found.type, collection: `${root}/${found.namespaced ? "namespaces/default/" : ""}${found.resource}` };
}

function bodyOf(object: Sent, contentType: string, type: string): string | Buffer {
	if (contentType === json) return JSON.stringify(object);
	return contentType === yaml ? stringify(object, { aliasDuplicateObjects: false }) : encodeProtobuf(object, type);
}

function write(method: string, path: string, object: Sent, contentType: string, type: string) {
	return send(test, path, { method, headers: { "content-type": contentType }, body: bodyOf(object, contentType, type) });
}

function read(answer: RawAnswer, code: number): Sent {
	if (answer.code !== code) throw new Error(`${answer.code}: ${answer.text}`);
	return JSON.parse(answer.text) as Sent;
}

/** Without what each creation draws anew, or the clock decides. */
function timeless(object: Sent): unknown {
	const drawn = new Set([
		"uid",
		"creationTimestamp",
		"time",
		"resourceVersion",
		"clusterIP",
		"clusterIPs",
		"nodePort",
		"lastTransitionTime",
		"lastPhaseTransitionTime",
	]);
	const text = JSON.stringify(object, (key, value: unknown) => (drawn.has(key) ? undefined : value));
	return JSON.parse(text.replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "UID").replaceAll(/kube-api-access-\w{5}/g, "TOKEN"));
}

describe.each(samples.map((sample) => [sample.resource, sample.yaml] as const))("%s", (_, manifest) => {
	const sample = parse(manifest) as Sent;
	const { type, collection } = resourceOf(sample);

	it("is the same object in whatever form it is sent", async () => {
		const made: unknown[] = [];
		for (const form of [json, yaml, protobuf]) {
			made.push(timeless(read(await write("POST", `${collection}?dryRun=All&fieldValidation=Strict`, sample, form, type), 201)));
		}
		expect(made[1]).toEqual(made[0]);
		expect(made[2]).toEqual(made[0]);
	});

	it("comes back as it is, and may be written back in whatever form without changing", async () => {
		const path = `${collection}/${sample.metadata.name}`;
		read(await write("POST", collection, sample, json, type), 201);
		await eventually(async () => {
			const object = read(await send(test, path), 200);
			const asYaml = parse((await send(test, path, { headers: { accept: yaml } })).text) as Sent;
			// A controller was faster.
			if (asYaml.metadata.resourceVersion !== object.metadata.resourceVersion) return undefined;
			expect(timeless(asYaml)).toEqual(timeless(object));
			return true;
		});
		for (const form of [json, yaml, protobuf]) {
			await eventually(async () => {
				const current = read(await send(test, path), 200);
				const answer = await write("PUT", `${path}?fieldValidation=Strict`, current, form, type);
				// A controller was faster.
				if (answer.code === 409) return undefined;
				expect(timeless(read(answer, 200))).toEqual(timeless(current));
				return true;
			});
		}
	});
});

import { expect, test } from "vitest";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { decodeDeleteBody, decodeObjectBody } from "./body.ts";

/** As kubectl 1.35 sends them: `create configmap a --from-literal=k=v`, and a delete of `drain --disable-eviction`. */
const configMap =
	"6b3873000a0f0a0276311209436f6e6669674d617012220a180a016112001a0764656661756c7422002a0032003800420012060a016b1201761a002200";
const deleteOptions = "6b3873000a130a027631120d44656c6574654f7074696f6e7312001a002200";

const protobuf = (hex: string) => ({ contentType: "application/vnd.kubernetes.protobuf", bytes: Buffer.from(hex, "hex") });

function endpoint(name: string): GeneratedResource {
	const found = generatedResources.find(({ resource, subresource }) => resource === name && subresource === "");
	if (found === undefined) throw new Error(`no resource ${name}`);
	return found;
}

test("protobuf bodies are the objects that JSON bodies would be", async () => {
	const { body } = await decodeObjectBody(protobuf(configMap), endpoint("configmaps"));
	expect(body).toEqual({ kind: "ConfigMap", apiVersion: "v1", metadata: { name: "a", namespace: "default" }, data: { k: "v" } });
	expect(await decodeDeleteBody(protobuf(deleteOptions))).toEqual({ kind: "DeleteOptions", apiVersion: "v1" });
});

test("a protobuf body whose kind can be read is refused by its kind", async () => {
	const damaged = configMap.replace("12060a016b120176", "12060a016b1a7f76");
	await expect(decodeObjectBody(protobuf(damaged), endpoint("configmaps"))).rejects.toMatchObject({
		code: 400,
		reason: "BadRequest",
		message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF',
	});
	await expect(decodeObjectBody(protobuf(configMap), { ...endpoint("pods"), type: "" })).rejects.toMatchObject({
		code: 400,
		message:
			'ConfigMap in version "v1" cannot be handled as a Pod: object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message',
	});
});

test("custom resources do not come in protobuf", async () => {
	const custom = { ...endpoint("pods"), kind: "CronTab", type: "com.example.stable.v1.CronTab" };
	await expect(decodeObjectBody(protobuf(configMap), custom)).rejects.toMatchObject({
		code: 415,
		message: "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
	});
});

test("a protobuf body whose envelope cannot be read is refused with its first bytes", async () => {
	await expect(decodeObjectBody(protobuf(configMap.slice(0, 100)), endpoint("configmaps"))).rejects.toMatchObject({
		code: 400,
		message:
			"the object provided is unrecognized (must be of type ConfigMap): unexpected EOF (6b3873000a0f0a0276311209436f6e6669674d617012220a180a01611200 ...)",
	});
});

test.each([
	["kind", { kind: {} }, "object"],
	["kind", { kind: ["ConfigMap"] }, "array"],
	["apiVersion", { apiVersion: 1 }, "number"],
	["apiVersion", { apiVersion: true }, "bool"],
])("a %s that is no text is refused: %j", async (field, object, goType) => {
	const text = JSON.stringify(object);
	await expect(
		decodeObjectBody({ contentType: "application/json", bytes: Buffer.from(text) }, endpoint("configmaps")),
	).rejects.toMatchObject({
		code: 400,
		message: `the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal ${goType} into Go struct field .${field} of type string (${text})`,
	});
});

test.each([
	["of nothing", "a: *x", "Unresolved alias"],
	[
		"of aliases of aliases",
		`a: &a [${"x,".repeat(20)}x]\nb: &b [${"*a,".repeat(20)}*a]\nc: [${"*b,".repeat(20)}*b]`,
		"Excessive alias count",
	],
])("a YAML text with aliases %s is refused", async (_name, text, why) => {
	await expect(
		decodeObjectBody({ contentType: "application/yaml", bytes: Buffer.from(text) }, endpoint("configmaps")),
	).rejects.toMatchObject({
		code: 400,
		message: expect.stringContaining(`error converting YAML to JSON: yaml: ${why}`),
	});
});

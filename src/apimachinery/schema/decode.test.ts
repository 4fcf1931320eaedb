import { expect, test } from "vitest";
import { deepFreeze } from "../testing/deep-freeze.ts";
import { decodeObject, decodeValue, type FieldValidation } from "./decode.ts";

function deployment(spec: unknown, metadata: unknown = { name: "web" }) {
	return deepFreeze({ apiVersion: "apps/v1", kind: "Deployment", metadata, spec });
}

function container(fields: object) {
	return deployment({ template: { spec: { containers: [{ name: "web", ...fields }] } } });
}

function decode(value: unknown, fieldValidation: FieldValidation = "Strict", type = "Deployment") {
	return decodeObject(value, type, { fieldValidation, kind: type, apiVersion: "apps/v1" });
}

test("a well-formed object is not copied", () => {
	const value = container({ image: "nginx", resources: { limits: { cpu: "500m" } }, ports: [{ containerPort: 80 }] });
	expect(decode(value).object).toBe(value);
});

const head = 'Deployment in version "v1" cannot be handled as a Deployment: ';
test.each<[string, unknown, string]>([
	[
		"a number as text",
		deployment({ replicas: "3" }),
		"json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
	],
	[
		"a fraction",
		deployment({ replicas: 1.5 }),
		"json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
	],
	[
		"more than 32 bits",
		deployment({ replicas: 2 ** 31 }),
		"json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32",
	],
	[
		"an object for a list",
		deployment({ template: { spec: { containers: { name: "web" } } } }),
		"json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
	],
	[
		"a scalar for an item",
		deployment({ template: { spec: { containers: ["web"] } } }),
		"json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.containers of type v1.Container",
	],
	["a list for an object", deployment([]), "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec"],
	[
		"a number in an environment variable",
		container({ env: [{ name: "PORT", value: 80 }] }),
		"json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
	],
	[
		"a number for a named string",
		container({ imagePullPolicy: 1 }),
		"json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.imagePullPolicy of type v1.PullPolicy",
	],
	[
		"a boolean as text",
		container({ stdin: "yes" }),
		"json: cannot unmarshal string into Go struct field Container.spec.template.spec.containers.stdin of type bool",
	],
	[
		"a number as a label",
		deployment({}, { labels: { version: 1 } }),
		"json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
	],
	[
		"text for labels",
		deployment({}, { labels: "web" }),
		"json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string",
	],
	[
		"a quantity that is none",
		container({ resources: { limits: { cpu: "lots" } } }),
		"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
	],
	[
		"a time that is none",
		deployment({}, { creationTimestamp: "today" }),
		'parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"',
	],
	["a time that is no text", deployment({}, { creationTimestamp: 5 }), "json: cannot unmarshal number into Go value of type string"],
	[
		"neither number nor text",
		deployment({ strategy: { rollingUpdate: { maxSurge: true } } }),
		"json: cannot unmarshal bool into Go value of type int32",
	],
	[
		"unknown fields",
		deployment({ replica: 1, template: { spec: { containers: [{ name: "web", img: "x", ports: [{ port: 1 }] }] } } }),
		'strict decoding error: unknown field "spec.replica", unknown field "spec.template.spec.containers[0].img", unknown field "spec.template.spec.containers[0].ports[0].port"',
	],
])("%s", (_, value, message) => {
	expect(() => decode(value)).toThrow(expect.objectContaining({ code: 400, reason: "BadRequest", message: head + message }));
});

test("a body that is no object", () => {
	expect(() => decode([])).toThrow(`${head}json: cannot unmarshal array into Go value of type v1.Deployment`);
});

test.each([
	["not base64!", "illegal base64 data at input byte 3"],
	["YWJj*", "illegal base64 data at input byte 4"],
	["YWJjZ", "illegal base64 data at input byte 4"],
])("secret data %j", (text, message) => {
	expect(() => decode({ data: { key: text } }, "Strict", "Secret")).toThrow(message);
});

test("line breaks in base64 are dropped", () => {
	expect(decode({ data: { key: "YW\nJj\n" } }, "Strict", "Secret").object).toEqual({ data: { key: "YWJj" } });
});

test("unknown and duplicate fields are dropped with a warning, or silently", () => {
	const options = { fieldValidation: "Warn", duplicateFields: ["spec.replicas"] } as const;
	expect(decodeObject(deployment({ replicas: 1, replica: 1 }), "Deployment", options)).toEqual({
		object: deployment({ replicas: 1 }),
		unknownFields: ["spec.replica"],
		warnings: ['unknown field "spec.replica"', 'duplicate field "spec.replicas"'],
	});
	expect(decode(deployment({ replicas: 1, replica: 1 }), "Ignore")).toEqual({
		object: deployment({ replicas: 1 }),
		unknownFields: [],
		warnings: [],
	});
	expect(() => decodeObject(deployment({}), "Deployment", { ...options, fieldValidation: "Strict" })).toThrow(
		`${head}strict decoding error: duplicate field "spec.replicas"`,
	);
});

test("null is absent; in a list or a map it is Go's zero value", () => {
	const value = deployment(
		{ replicas: null, template: { spec: { containers: [{ name: "web", args: ["a", null] }] } } },
		{ name: "web", creationTimestamp: null, annotations: { note: null } },
	);
	expect(decode(value).object).toEqual(
		deployment({ template: { spec: { containers: [{ name: "web", args: ["a", ""] }] } } }, { name: "web", annotations: { note: "" } }),
	);
});

test("optional empty lists and maps are left out; empty objects and lists without omitempty stay", () => {
	const value = container({ args: [], volumeMounts: [], resources: {}, securityContext: {} });
	expect(decode(value).object).toEqual(container({ resources: {}, securityContext: {} }));
	const slice = { metadata: { name: "web", labels: {} }, addressType: "IPv4", endpoints: [] };
	expect(decode(slice, "Strict", "EndpointSlice").object).toEqual({ ...slice, metadata: { name: "web" } });
});

test("quantities and times are stored in canonical form", () => {
	const value = container({ resources: { limits: { cpu: 0.5, memory: "1024Mi" } } });
	expect(decode(value).object).toEqual(container({ resources: { limits: { cpu: "500m", memory: "1Gi" } } }));
	const lease = { spec: { renewTime: "2026-01-01T02:00:00.123456+02:00" } };
	expect(decode(lease, "Strict", "Lease").object).toEqual({ spec: { renewTime: "2026-01-01T00:00:00.123456Z" } });
});

test("keys that objects inherit are unknown fields, and harmless in maps", () => {
	const value = JSON.parse('{"data":{"a":null,"__proto__":"x"},"constructor":1}');
	const { object, unknownFields } = decode(value, "Warn", "ConfigMap");
	expect(JSON.stringify(object)).toBe('{"data":{"a":"","__proto__":"x"}}');
	expect(unknownFields).toEqual(["constructor"]);
});

test("a type that the schema does not have is taken as it is", () => {
	const value = { anything: [null] };
	expect(decodeValue(value, "Gadget")).toEqual({ value, unknownFields: [] });
});

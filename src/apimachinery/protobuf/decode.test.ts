import { expect, test } from "vitest";
import { decodeEnvelope, ProtobufError, readEnvelope } from "./decode.ts";

/** Bodies that kubectl 1.35.2 sent, by its arguments. */
const sent = {
	"create configmap a --from-literal=k=v":
		"6b3873000a0f0a0276311209436f6e6669674d617012220a180a016112001a0764656661756c7422002a0032003800420012060a016b1201761a002200",
	"create secret generic s --from-literal=password=hunter2":
		"6b3873000a0c0a027631120653656372657412310a180a017312001a0764656661756c7422002a0032003800420012130a0870617373776f7264120768756e746572321a001a002200",
	"create deployment web --image=nginx --replicas=3":
		"6b3873000a150a07617070732f7631120a4465706c6f796d656e7412b2010a260a0377656212001a0764656661756c7422002a003200380042005a0a0a036170701203776562127a0803120c0a0a0a0361707012037765621a600a1c0a0012001a0022002a003200380042005a0a0a036170701203776562124012220a056e67696e7812056e67696e782a0042006a007200800100880100900100a201001a00320042004a0052005800600068008201008a01009a0100c2010022020a00280038001a0c0800100018002000280038001a002200",
	"create pdb b --min-available=50% --selector=app=x":
		"6b3873000a200a09706f6c6963792f76311213506f6444697372757074696f6e427564676574123f0a180a016212001a0764656661756c7422002a0032003800420012170a09080110001a03353025120a0a080a036170701201781a0a080018002000280030001a002200",
	"drain n --disable-eviction": "6b3873000a130a027631120d44656c6574654f7074696f6e7312001a002200",
} as const;

/** Written by the protobuf serializer of k8s.io/apimachinery v0.36, in base64. */
const pod =
	"azhzAAoJCgJ2MRIDUG9kEocCCkgKA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViigEmCgdrdWJlY3RsEgAaADIAOhMKEXsiZjptZXRhZGF0YSI6e319QgAShAEKCQoBdhIEEgIKABJQCgFjEgVuZ2lueCoAQg8KDQoDY3B1EgYKBDI1MG1SIQoVEhMKAS8SCggBEAAaBGh0dHAaACIAEAAYACAFKAAwAGoAcgCAAQCIAQCQAQCiAQAaACAAMgBCAEoAUgBYAGAAaAByBCABIAKCAQCKAQCaAQCoAQDCAQAaNAoAEh8KBVJlYWR5EgRUcnVlGgAiCAiA8tbKBhAAKgAyADgAGgAiACoAMgBKAFoAcgCIAQAaACIA";
const customResourceDefinition =
	"azhzAAozChdhcGlleHRlbnNpb25zLms4cy5pby92MRIYQ3VzdG9tUmVzb3VyY2VEZWZpbml0aW9uEqcBChMKA2NyZBIAGgAiACoAMgA4AEIAEoEBCgAaCAoAEgAiACoAIgA6bwoCdjEQARgBIl8KXQoAEgAiACoGb2JqZWN0MgA6AEIJCgd7ImEiOjF9UABgAHoAkAEAwgEmCiQKABIAIgAqBnN0cmluZzIAOgBQAGAAegCQAQCoAgC4AgDAAgDyAQIIAagCALgCAMACACoCCgA4AFAAGgwSCAoAEgAiACoAIAAaACIA";

function decode(body: Buffer, endpointType = "Pod"): unknown {
	return decodeEnvelope(readEnvelope(body), endpointType);
}

const hex = (text: string) => Buffer.from(text, "hex");
const base64 = (text: string) => Buffer.from(text, "base64");

test("a ConfigMap of kubectl: what is not set is not there", () => {
	expect(decode(hex(sent["create configmap a --from-literal=k=v"]))).toEqual({
		kind: "ConfigMap",
		apiVersion: "v1",
		metadata: { name: "a", namespace: "default" },
		data: { k: "v" },
	});
});

test("a Secret of kubectl: bytes are base64", () => {
	expect(decode(hex(sent["create secret generic s --from-literal=password=hunter2"]))).toEqual({
		kind: "Secret",
		apiVersion: "v1",
		metadata: { name: "s", namespace: "default" },
		data: { password: "aHVudGVyMg==" },
	});
});

test("a Deployment of kubectl: empty messages are there, as in its JSON", () => {
	expect(decode(hex(sent["create deployment web --image=nginx --replicas=3"]))).toEqual({
		kind: "Deployment",
		apiVersion: "apps/v1",
		metadata: { name: "web", namespace: "default", labels: { app: "web" } },
		spec: {
			replicas: 3,
			selector: { matchLabels: { app: "web" } },
			template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "nginx", image: "nginx", resources: {} }] } },
			strategy: {},
		},
		status: {},
	});
});

test("a PodDisruptionBudget of kubectl: IntOrString, and counts whose zero is written", () => {
	expect(decode(hex(sent["create pdb b --min-available=50% --selector=app=x"]))).toEqual({
		kind: "PodDisruptionBudget",
		apiVersion: "policy/v1",
		metadata: { name: "b", namespace: "default" },
		spec: { minAvailable: "50%", selector: { matchLabels: { app: "x" } } },
		status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
	});
});

test("DeleteOptions of kubectl are of any group version", () => {
	expect(decode(hex(sent["drain n --disable-eviction"]))).toEqual({ kind: "DeleteOptions", apiVersion: "v1" });
});

test("a Pod of client-go: inline messages, pointers to zero, packed numbers, times, quantities, managed fields", () => {
	expect(decode(base64(pod))).toEqual({
		kind: "Pod",
		apiVersion: "v1",
		metadata: { name: "web", labels: { app: "web" }, managedFields: [{ manager: "kubectl", fieldsV1: { "f:metadata": {} } }] },
		spec: {
			volumes: [{ name: "v", emptyDir: {} }],
			containers: [
				{
					name: "c",
					image: "nginx",
					resources: { limits: { cpu: "250m" } },
					livenessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 5 },
				},
			],
			terminationGracePeriodSeconds: 0,
			automountServiceAccountToken: false,
			securityContext: { supplementalGroups: [1, 2] },
		},
		status: { conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }] },
	});
});

test("a CustomResourceDefinition of client-go: schemas that may be a boolean or a list", () => {
	expect(decode(base64(customResourceDefinition))).toMatchObject({
		kind: "CustomResourceDefinition",
		spec: {
			versions: [
				{
					name: "v1",
					schema: {
						openAPIV3Schema: { type: "object", default: { a: 1 }, additionalProperties: true, items: { type: "string" } },
					},
					subresources: { status: {} },
				},
			],
		},
	});
});

test("an envelope without a kind is of the endpoint's", () => {
	const body = field(0, Buffer.from("k8s\0"), field(2, field(1, field(1, Buffer.from("a")))));
	expect(decode(body, "ConfigMap")).toEqual({ metadata: { name: "a" } });
});

test("what is no message is refused with Go's texts", () => {
	const configMap = hex(sent["create configmap a --from-literal=k=v"]);
	const refusal = (body: Buffer, endpointType?: string) => {
		try {
			return decode(body, endpointType);
		} catch (error) {
			return error instanceof ProtobufError ? error.message : error;
		}
	};
	expect(refusal(Buffer.alloc(0))).toBe("empty data");
	expect(refusal(Buffer.from("k8s\0"))).toBe("empty body");
	expect(refusal(Buffer.from('{"kind":"Pod"}'))).toBe(
		"provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
	);
	expect(refusal(configMap.subarray(0, 40))).toBe("unexpected EOF");
	const object = (raw: Buffer) => enclose("v1", "ConfigMap", raw);
	expect(refusal(enclose("v1", "ConfigMop", Buffer.alloc(0)))).toBe(
		'no kind "ConfigMop" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
	);
	expect(refusal(object(hex("0a")))).toBe("unexpected EOF");
	expect(refusal(object(hex("0801")))).toBe("proto: wrong wireType = 0 for field Metadata");
	expect(refusal(object(hex("00")))).toBe("proto: ConfigMap: illegal tag 0 (wire type 0)");
	expect(refusal(object(hex("0c")))).toBe("proto: ConfigMap: wiretype end group for non-group");
	expect(refusal(object(hex("7e")))).toBe("proto: illegal wireType 6");
	expect(refusal(object(hex("78ffffffffffffffffffff01")))).toBe("proto: integer overflow");
	expect(refusal(object(hex("0affffffffffffffffff01")))).toBe("proto: negative length found during unmarshaling");
	expect(refusal(configMap, "Widget")).toBe(
		"object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message",
	);
});

test("fields that nobody knows are passed over, groups too", () => {
	const unknown = hex("7801" + "790000000000000000" + "7a0161" + "7b7b0801" + "7c7c" + "7d00000000");
	expect(decode(enclose("v1", "ConfigMap", Buffer.concat([unknown, field(1, field(1, Buffer.from("a")))])))).toEqual({
		kind: "ConfigMap",
		apiVersion: "v1",
		metadata: { name: "a" },
	});
});

test("a body that is cut off or damaged anywhere is read or refused, and nothing else", () => {
	const body = hex(sent["create deployment web --image=nginx --replicas=3"]);
	const isHandled = (damaged: Buffer) => {
		try {
			decode(damaged);
			return true;
		} catch (error) {
			return error instanceof ProtobufError;
		}
	};
	for (let index = 0; index < body.length; index++) {
		expect(isHandled(body.subarray(0, index))).toBe(true);
		for (let bit = 0; bit < 8; bit++) {
			const damaged = Buffer.from(body);
			damaged[index] = (damaged[index] ?? 0) ^ (1 << bit);
			expect(isHandled(damaged)).toBe(true);
		}
	}
});

test("nesting has a limit", () => {
	let schema = Buffer.alloc(0);
	// JSONSchemaProps.not, in itself.
	for (let depth = 0; depth < 5000; depth++) schema = field(28, schema);
	const definition = field(2, field(7, field(4, field(1, schema))));
	const body = enclose("apiextensions.k8s.io/v1", "CustomResourceDefinition", definition);
	expect(() => decode(body)).toThrow(new ProtobufError("proto: exceeded max recursion depth"));
});

test("years that RFC 3339 cannot write are refused", () => {
	const creationTimestamp = field(8, Buffer.concat([hex("08"), hex("ffffffffffffff7f")]));
	expect(() => decode(enclose("v1", "ConfigMap", field(1, creationTimestamp)))).toThrow(
		new ProtobufError("Time.MarshalJSON: year outside of range [0,9999]"),
	);
});

/** Field `number` with bytes; 0 for the bytes alone. */
function field(number: number, ...parts: readonly Buffer[]): Buffer<ArrayBuffer> {
	const value = Buffer.concat(parts);
	return number === 0 ? value : Buffer.concat([varint(number * 8 + 2), varint(value.length), value]);
}

function varint(value: number): Buffer {
	const bytes: number[] = [];
	let rest = value;
	for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
	return Buffer.from([...bytes, rest]);
}

function enclose(apiVersion: string, kind: string, raw: Buffer): Buffer {
	return field(0, Buffer.from("k8s\0"), field(1, field(1, Buffer.from(apiVersion)), field(2, Buffer.from(kind))), field(2, raw));
}

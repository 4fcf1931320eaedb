/**
 * Kubernetes' protobuf bodies as the JSON objects that they stand for. client-go, and with it kubectl since 1.32, writes
 * built-in kinds in this form unless it is told otherwise; the API server answers in JSON, which every client takes.
 *
 *   "k8s\0" Unknown{ typeMeta{apiVersion, kind}, raw, … }     raw is the message of the object itself
 *
 * The object is what the same client would have sent as JSON: see messages.ts for what becomes of zero values.
 * Not read: objects within objects in protobuf (only lists and watch events have them, which no request holds).
 *
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding; texts of k8s.io/apimachinery's
 * serializer/protobuf and runtime packages.
 */
import type { JsonObject } from "../json.ts";
import { generatedResources } from "../schema/resources.ts";
import { hasMessage, readMessage } from "./messages.ts";
import { readEach } from "./scalars.ts";
import { ProtobufError, WireReader, wireTypes } from "./wire-reader.ts";

export { ProtobufError } from "./wire-reader.ts";

const prefix = Buffer.from("k8s\0", "latin1");

/** What is around every object. */
export interface Envelope {
	/** "" if the client leaves it to the endpoint. */
	readonly apiVersion: string;
	/** "" if the client leaves it to the endpoint. */
	readonly kind: string;
	/** The object's message. */
	readonly raw: Buffer;
}

/** Kinds that are taken and given only by subresources of other groups' resources, by apiVersion and kind. */
const subresourceKinds: Readonly<Record<string, string>> = {
	"autoscaling/v1/Scale": "Scale",
	"policy/v1/Eviction": "Eviction",
	"authentication.k8s.io/v1/TokenRequest": "AuthenticationTokenRequest",
};

/**
 * Reads a body down to the object's own message, which stays bytes.
 * @throws ProtobufError
 */
export function readEnvelope(body: Buffer): Envelope {
	if (body.length === 0) throw new ProtobufError("empty data");
	if (!body.subarray(0, prefix.length).equals(prefix)) {
		throw new ProtobufError(`provided data does not appear to be a protobuf message, expected prefix [${prefix.join(" ")}]`);
	}
	if (body.length === prefix.length) throw new ProtobufError("empty body");
	const envelope = { apiVersion: "", kind: "", raw: Buffer.alloc(0) };
	const reader = new WireReader(body.subarray(prefix.length));
	while (!reader.atEnd) {
		const number = reader.readTag("Unknown");
		if (number !== 1 && number !== 2) {
			reader.skip();
			continue;
		}
		reader.expect(wireTypes.bytes, number === 1 ? "typeMeta" : "raw");
		if (number === 1) Object.assign(envelope, readTypeMeta(reader));
		else envelope.raw = reader.readBytes() as Buffer<ArrayBuffer>;
	}
	return envelope;
}

function readTypeMeta(reader: WireReader): { apiVersion: string; kind: string } {
	const meta = { apiVersion: "", kind: "" };
	readEach("TypeMeta", reader, (number) => {
		if (number !== 1 && number !== 2) return false;
		const field = number === 1 ? "apiVersion" : "kind";
		reader.expect(wireTypes.bytes, field);
		meta[field] = reader.readString();
		return true;
	});
	return meta;
}

/**
 * Decodes the object in an envelope. It is of the kind that the envelope names, whatever the endpoint takes.
 * @param endpointType name in the schema table of what the endpoint takes: the type where the envelope names none
 * @throws ProtobufError
 */
export function decodeEnvelope({ apiVersion, kind, raw }: Envelope, endpointType: string): JsonObject {
	if (!hasMessage(endpointType)) {
		const custom = "object *unstructured.Unstructured does not implement the protobuf marshalling interface";
		throw new ProtobufError(`${custom} and cannot be encoded to a protobuf message`);
	}
	const typeName = apiVersion === "" || kind === "" ? endpointType : typeNameOf(apiVersion, kind);
	const meta = { ...(kind === "" ? {} : { kind }), ...(apiVersion === "" ? {} : { apiVersion }) };
	return readMessage(typeName, new WireReader(raw), meta) as JsonObject;
}

function typeNameOf(apiVersion: string, kind: string): string {
	// Every group version has DeleteOptions under its own name; they are one type.
	if (kind === "DeleteOptions") return kind;
	const typeName = typeNames().get(`${apiVersion}/${kind}`);
	if (typeName !== undefined) return typeName;
	const scheme = "pkg/api/legacyscheme/scheme.go:30";
	throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}" in scheme "${scheme}"`);
}

/** Type names by apiVersion and kind; a pure memo, as the table of resources never changes. */
let knownTypeNames: ReadonlyMap<string, string> | undefined;

function typeNames(): ReadonlyMap<string, string> {
	knownTypeNames ??= new Map([
		...Object.entries(subresourceKinds),
		...generatedResources
			.filter(({ subresource }) => subresource === "")
			.map(({ group, version, kind, type }): [string, string] => [`${group === "" ? "" : `${group}/`}${version}/${kind}`, type]),
	]);
	return knownTypeNames;
}

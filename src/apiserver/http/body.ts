/**
 * Decodes request bodies: objects in JSON, YAML or protobuf, the four patch formats, DeleteOptions. Structure only: what the fields
 * of an object may be is the pipeline's business.
 * Source of the texts: the handlers of k8s.io/apiserver (create.go, patch.go, rest.go).
 */
import type { ApiRequest, PatchType } from "../../apimachinery/api-request.ts";
import { isJsonObject } from "../../apimachinery/json.ts";
import { findDuplicateKeys } from "../../apimachinery/json-parse.ts";
import { describeJsonError } from "../../apimachinery/json-syntax.ts";
import { parseApiVersion } from "../../apimachinery/meta.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { newBadRequest, newRequestEntityTooLarge, type StatusError } from "../../apimachinery/status-error.ts";

import { bareType, bodyEncoding, newUnsupportedType } from "./media-types.ts";

const patchTypes: readonly PatchType[] = [
	"application/json-patch+json",
	"application/merge-patch+json",
	"application/strategic-merge-patch+json",
	"application/apply-patch+yaml",
];

const customTypes = ["application/json", "application/yaml"];

/** Operations that one JSON patch may hold. */
const maxJsonPatchOperations = 10_000;
/** Bytes of a body that an error repeats. */
const summaryLength = 30;

/** A body as it came, with its type. */
export interface RawBody {
	readonly contentType: string | undefined;
	readonly bytes: Buffer;
}

/** The object of a create or update, or the patch, and the keys that stood twice in its text. */
export type ObjectBody = Pick<ApiRequest, "body" | "duplicateFields">;

/**
 * Decodes the object of a create or update.
 * @throws StatusError UnsupportedMediaType or BadRequest
 */
export async function decodeObjectBody(body: RawBody, resource: GeneratedResource): Promise<ObjectBody> {
	// The type of a custom resource is the name of its definition; nothing says how it would be written in protobuf.
	const isCustom = resource.type.includes(".");
	if (isCustom && bodyEncoding(body.contentType) === "protobuf") throw newUnsupportedType(customTypes);
	const value = await decodeValue(body, resource, (why) => newUnrecognized(why, resource.kind, body.bytes));
	if (!isJsonObject(value)) {
		const why = `json: cannot unmarshal ${goTypeOf(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`;
		throw newUnrecognized(`couldn't get version/kind; json parse error: ${why}`, resource.kind, body.bytes);
	}
	for (const field of ["apiVersion", "kind"]) {
		const said = value[field];
		if (said === undefined || said === null || typeof said === "string") continue;
		const why = `json: cannot unmarshal ${goTypeOf(said)} into Go struct field .${field} of type string`;
		throw newUnrecognized(`couldn't get version/kind; json parse error: ${why}`, resource.kind, body.bytes);
	}
	// A YAML text with a key twice is refused by its parser; protobuf has no keys.
	const duplicateFields = bodyEncoding(body.contentType) === "json" ? findDuplicateKeys(body.bytes.toString("utf8")) : [];
	return { body: value, ...(duplicateFields.length === 0 ? {} : { duplicateFields }) };
}

/**
 * Decodes DeleteOptions; undefined without a body.
 * @throws StatusError UnsupportedMediaType or BadRequest
 */
export async function decodeDeleteBody(body: RawBody): Promise<unknown> {
	if (body.bytes.length === 0) return undefined;
	return decodeValue(body, deleteOptions, (why) => newUnrecognized(why, deleteOptions.kind, body.bytes));
}

/**
 * The patch format that a request's Content-Type names.
 * @throws StatusError UnsupportedMediaType
 */
export function patchTypeOf(contentType: string | undefined): PatchType {
	const type = bareType(contentType);
	const known = patchTypes.find((candidate) => candidate === type);
	if (known === undefined) throw newUnsupportedType(patchTypes);
	return known;
}

/**
 * Decodes a patch document, and finds the keys that stood twice in its JSON.
 * @throws StatusError BadRequest, or RequestEntityTooLarge for a JSON patch of too many operations
 */
export async function decodePatchBody(type: PatchType, bytes: Buffer): Promise<ObjectBody> {
	const body = await decodePatch(type, bytes);
	const duplicateFields = type === "application/apply-patch+yaml" ? [] : findDuplicateKeys(bytes.toString("utf8"));
	return { body, ...(duplicateFields.length === 0 ? {} : { duplicateFields }) };
}

async function decodePatch(type: PatchType, bytes: Buffer): Promise<unknown> {
	switch (type) {
		case "application/json-patch+json": {
			const patch = parseJson(bytes, (why) => newBadRequest(`error decoding patch: ${why}`));
			if (!Array.isArray(patch)) throw newBadRequest(`error decoding patch: ${cannotUnmarshal(patch, "[]handlers.jsonPatchOp")}`);
			if (patch.length > maxJsonPatchOperations) {
				throw newRequestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${patch.length}`);
			}
			return patch;
		}
		case "application/merge-patch+json":
			return parseJsonObject(bytes, (why) => newBadRequest(`error decoding patch: ${why}`));
		case "application/strategic-merge-patch+json":
			return parseJsonObject(bytes, newBadRequest);
		case "application/apply-patch+yaml": {
			const fail = (why: string) => newBadRequest(`error decoding YAML: ${why}`);
			const patch = await parseYaml(bytes, fail);
			if (!isJsonObject(patch)) throw fail(`error unmarshaling JSON: ${cannotUnmarshal(patch, "map[string]interface {}")}`);
			return patch;
		}
		default:
			return type satisfies never;
	}
}

type Failure = (why: string) => StatusError;

/** What an endpoint takes. */
type Endpoint = Pick<GeneratedResource, "kind" | "type" | "version">;
const deleteOptions: Endpoint = { kind: "DeleteOptions", type: "DeleteOptions", version: "v1" };

async function decodeValue(body: RawBody, endpoint: Endpoint, fail: Failure): Promise<unknown> {
	const encoding = bodyEncoding(body.contentType);
	switch (encoding) {
		case "json":
			return parseJson(body.bytes, (why) => fail(`couldn't get version/kind; json parse error: ${why}`));
		case "yaml":
			return parseYaml(body.bytes, fail);
		case "protobuf":
			return parseProtobuf(body.bytes, endpoint, fail);
		default:
			return encoding satisfies never;
	}
}

/** Loaded with its table of field numbers when the first such body comes. */
async function parseProtobuf(bytes: Buffer, endpoint: Endpoint, fail: Failure): Promise<unknown> {
	const { decodeEnvelope, ProtobufError, readEnvelope } = await import("../../apimachinery/protobuf/decode.ts");
	let failure = fail;
	try {
		const envelope = readEnvelope(bytes);
		const kind = envelope.kind || endpoint.kind;
		const version = envelope.apiVersion === "" ? endpoint.version : parseApiVersion(envelope.apiVersion).version;
		failure = (why) => newBadRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${endpoint.kind}: ${why}`);
		return decodeEnvelope(envelope, endpoint.type);
	} catch (error) {
		if (error instanceof ProtobufError) throw failure(error.message);
		throw error;
	}
}

function parseJsonObject(bytes: Buffer, fail: Failure): unknown {
	const value = parseJson(bytes, fail);
	if (!isJsonObject(value)) throw fail(cannotUnmarshal(value, "map[string]interface {}"));
	return value;
}

function parseJson(bytes: Buffer, fail: Failure): unknown {
	const text = bytes.toString("utf8");
	let value: unknown;
	try {
		value = JSON.parse(text) as unknown;
	} catch (error) {
		throw fail(describeJsonError(text) ?? String(error));
	}
	if (isTooDeep(text)) throw fail("exceeded max depth");
	return value;
}

/**
 * Levels that a body may nest. Go's decoder has the same words for more than 10,000; here whatever walks a value does so on the
 * stack, and no object of the API comes near.
 */
const maxDepth = 1_000;

/** @param text valid JSON */
function isTooDeep(text: string): boolean {
	if (text.length < 2 * maxDepth) return false;
	let depth = 0;
	let isString = false;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (isString) {
			if (code === 0x5c) index++;
			else if (code === 0x22) isString = false;
		} else if (code === 0x22) isString = true;
		else if (code === 0x5b || code === 0x7b) {
			if (++depth > maxDepth) return true;
		} else if (code === 0x5d || code === 0x7d) depth--;
	}
	return false;
}

/** YAML includes JSON, which is what most "YAML" bodies are and which parses far faster. */
async function parseYaml(bytes: Buffer, fail: Failure): Promise<unknown> {
	const text = bytes.toString("utf8");
	if (text.trimStart().startsWith("{")) {
		let value: unknown;
		try {
			value = JSON.parse(text) as unknown;
		} catch {
			// Flow-style YAML, perhaps: let the YAML parser say.
		}
		if (value !== undefined && isTooDeep(text)) throw fail("exceeded max depth");
		if (value !== undefined) return value;
	}
	const { parseDocument } = await import("yaml");
	const document = parseDocument(text, { prettyErrors: false });
	const [error] = document.errors;
	if (error !== undefined) {
		const line = text.slice(0, error.pos[0]).split("\n").length;
		throw fail(`error converting YAML to JSON: yaml: line ${line}: ${error.message}`);
	}
	try {
		return document.toJS({ maxAliasCount: 100 }) as unknown;
	} catch (failure) {
		// An alias of nothing, or too many of them.
		if (failure instanceof ReferenceError) throw fail(`error converting YAML to JSON: yaml: ${failure.message}`);
		throw failure;
	}
}

function newUnrecognized(why: string, kind: string, bytes: Buffer): StatusError {
	return newBadRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summarize(bytes)})`);
}

/** The body's first bytes: text if it looks like JSON, else hexadecimal. */
function summarize(bytes: Buffer): string {
	if (bytes.length === 0) return "<empty>";
	const text = bytes.subarray(0, summaryLength).toString(bytes[0] === 0x7b ? "utf8" : "hex");
	return bytes.length > summaryLength ? `${text} ...` : text;
}

function cannotUnmarshal(value: unknown, goType: string): string {
	return `json: cannot unmarshal ${goTypeOf(value)} into Go value of type ${goType}`;
}

function goTypeOf(value: unknown): string {
	if (Array.isArray(value)) return "array";
	if (value === null) return "null";
	return typeof value === "boolean" ? "bool" : typeof value;
}

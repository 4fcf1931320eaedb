/**
 * Media types of requests and answers: what a body is, and what the caller accepts. Kubernetes' protobuf is read
 * but never written: a caller that takes JSON beside it, as all clients do, gets JSON.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
 */
import { newNotAcceptable, newUnsupportedMediaType } from "../../apimachinery/status-error.ts";

export const jsonType = "application/json";
export const yamlType = "application/yaml";
export const protobufType = "application/vnd.kubernetes.protobuf";

/** What a body may be. */
const bodyTypes = [jsonType, yamlType, protobufType];
/** What an answer can be. */
const answerTypes = [jsonType, yamlType];

export type Encoding = "json" | "yaml";

/** `application/json;as=Table;g=meta.k8s.io;v=v1`: another shape of the object that is asked for. */
export interface Conversion {
	readonly kind: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
	/** `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`. */
	readonly apiVersion: string;
}

export interface Accepted {
	readonly encoding: Encoding;
	readonly conversion?: Conversion;
}

export interface MediaRange {
	/** Lower case, e.g. `application/json`. */
	readonly type: string;
	readonly parameters: Readonly<Record<string, string>>;
	/** 0 to 1. */
	readonly quality: number;
}

/** Reads an Accept header; the best first, equals in the caller's order. */
export function parseAccept(header: string): MediaRange[] {
	return header
		.split(",")
		.map((part) => part.trim())
		.filter((part) => part !== "")
		.map(parseMediaRange)
		.filter((range) => range.quality > 0)
		.sort((a, b) => b.quality - a.quality);
}

function parseMediaRange(text: string): MediaRange {
	const [type = "", ...parts] = text.split(";").map((part) => part.trim());
	const parameters: Record<string, string> = {};
	for (const part of parts) {
		const equals = part.indexOf("=");
		if (equals > 0) parameters[part.slice(0, equals).toLowerCase()] = part.slice(equals + 1).replace(/^"(.*)"$/, "$1");
	}
	const quality = Number(parameters.q ?? 1);
	return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 1 : quality };
}

/**
 * Chooses how to answer a request for an API object.
 * @throws StatusError NotAcceptable when nothing that is accepted is served
 */
export function negotiateObject(accept: string | undefined): Accepted {
	return negotiate(accept, ["json", "yaml"]) ?? refuse(answerTypes);
}

/**
 * Chooses how to answer a watch: only JSON can be streamed.
 * @throws StatusError NotAcceptable
 */
export function negotiateStream(accept: string | undefined): Accepted {
	return negotiate(accept, ["json"]) ?? refuse([`${jsonType};stream=watch`]);
}

function negotiate(accept: string | undefined, encodings: readonly Encoding[]): Accepted | undefined {
	if (accept === undefined || accept.trim() === "") return { encoding: "json" };
	for (const range of parseAccept(accept)) {
		const encoding = encodingOf(range.type);
		if (encoding === undefined || !encodings.includes(encoding)) continue;
		const { as, g, v } = range.parameters;
		if (as === undefined) return { encoding };
		if (isConversionKind(as) && g === "meta.k8s.io" && (v === "v1" || v === "v1beta1")) {
			return { encoding, conversion: { kind: as, apiVersion: `${g}/${v}` } };
		}
	}
	return undefined;
}

function refuse(served: readonly string[]): never {
	throw newNotAcceptable(`only the following media types are accepted: ${served.join(", ")}`);
}

/** How to write an error: as the caller likes it, else JSON. Never refuses. */
export function negotiateStatus(accept: string | undefined): Encoding {
	for (const range of parseAccept(accept ?? "")) {
		const encoding = encodingOf(range.type);
		if (encoding !== undefined) return encoding;
	}
	return "json";
}

/** Whether the caller takes gzip. */
export function acceptsGzip(header: string | undefined): boolean {
	return parseAccept(header ?? "").some(({ type }) => type === "gzip" || type === "*");
}

/**
 * What the body of a create or update is.
 * @throws StatusError UnsupportedMediaType
 */
export function bodyEncoding(contentType: string | undefined): Encoding | "protobuf" {
	const type = bareType(contentType);
	if (type === "" || type === jsonType) return "json";
	if (type === yamlType) return "yaml";
	if (type === protobufType) return "protobuf";
	throw newUnsupportedType(bodyTypes);
}

/** Kubernetes' text for a body that nobody understands. */
export function newUnsupportedType(accepted: readonly string[]) {
	return newUnsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`);
}

/** `application/json; charset=utf-8` → `application/json`. */
export function bareType(contentType: string | undefined): string {
	return (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function encodingOf(type: string): Encoding | undefined {
	switch (type) {
		case jsonType:
		case "*/*":
		case "application/*":
			return "json";
		case yamlType:
			return "yaml";
		default:
			return undefined;
	}
}

function isConversionKind(kind: string): kind is Conversion["kind"] {
	return kind === "Table" || kind === "PartialObjectMetadata" || kind === "PartialObjectMetadataList";
}

/**
 * Turns what the pipeline answers into bytes, in the form that the caller asked for: the object, its metadata alone or a
 * table; as JSON, indented JSON or YAML. A list's JSON is made in pieces from bytes that the watch cache holds already,
 * so that a large list is never copied into one string.
 */
import type { KubeList, KubeObject } from "../../apimachinery/meta.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { newNotAcceptable, type StatusError } from "../../apimachinery/status-error.ts";
import { encodeListItem, encodeObject } from "../encoding.ts";
import type { KindDefinition, PrintContext } from "../registry/kind.ts";
import { type Accepted, type Conversion, type Encoding, jsonType, yamlType } from "./media-types.ts";
import { partialMetadata, readTableOptions, TablePrinter } from "./table.ts";

/** A body to send, made while it is sent. */
export interface Answer {
	readonly contentType: string;
	readonly pieces: Iterable<Buffer | string>;
}

/** Where an object comes from: what the shape of a table depends on. */
export interface AnswerContext extends PrintContext {
	readonly resource: GeneratedResource;
	readonly kind: KindDefinition | undefined;
	readonly accepted: Accepted;
	readonly query: URLSearchParams;
	readonly pretty: boolean;
}

/**
 * Encodes an object, list or Status.
 * @throws StatusError NotAcceptable or BadRequest for a conversion that is not possible
 */
export async function encodeAnswer(object: KubeObject | KubeList, context: AnswerContext): Promise<Answer> {
	const { accepted, pretty } = context;
	return encodePieces(jsonPieces(object, context), accepted.encoding, pretty);
}

/** Any value, e.g. a Status or a discovery document, as JSON or YAML. */
export async function encodeValue(value: unknown, encoding: Encoding, pretty: boolean): Promise<Answer> {
	return encodePieces([JSON.stringify(value), "\n"], encoding, pretty);
}

/** `pretty` as the query says; else indented for browsers, curl and wget. */
export function wantsPretty(query: URLSearchParams, userAgent: string): boolean {
	const pretty = query.get("pretty");
	if (pretty !== null) return pretty !== "0" && pretty.toLowerCase() !== "false";
	return /^(?:curl|Wget|Mozilla)\//.test(userAgent);
}

/** An object in another shape, for single answers and for watch events. */
export function convertObject(
	object: KubeObject,
	conversion: Conversion,
	printer: TablePrinter | undefined,
	context: Pick<AnswerContext, "resource" | "nowMs">,
): KubeObject {
	if (isStatus(object)) return object;
	switch (conversion.kind) {
		case "Table":
			return printer?.table(object, context) ?? object;
		case "PartialObjectMetadata":
			return partialMetadata(object, conversion.apiVersion);
		case "PartialObjectMetadataList":
			throw newNoList(context.resource);
		default:
			return conversion.kind satisfies never;
	}
}

/** The printer for a conversion to Table; undefined for any other. */
export function printerFor(context: Pick<AnswerContext, "resource" | "kind" | "accepted" | "query">): TablePrinter | undefined {
	const { conversion } = context.accepted;
	if (conversion?.kind !== "Table") return undefined;
	return new TablePrinter(context.resource, context.kind, readTableOptions(context.query, conversion.apiVersion));
}

function jsonPieces(object: KubeObject | KubeList, context: AnswerContext): Iterable<Buffer | string> {
	const { conversion } = context.accepted;
	const printer = printerFor(context);
	if (!isList(object)) {
		return [encodeObject(conversion === undefined ? object : convertObject(object, conversion, printer, context)), "\n"];
	}
	if (printer !== undefined) return printer.listPieces(object, context);
	if (conversion === undefined) return listPieces(object, context.kind?.isCustom === true ? encodeObject : encodeListItem);
	if (conversion.kind === "PartialObjectMetadata") {
		const type = `*${goPackage(context.resource)}.${context.resource.kind}List`;
		throw newNotAcceptable(`you requested PartialObjectMetadata, but the requested object is a list (${type})`);
	}
	return metadataListPieces(object, conversion.apiVersion);
}

/** @param encodeItem items of custom resources say what they are, those of built-in kinds do not */
function* listPieces(list: KubeList, encodeItem: (object: KubeObject) => Buffer): Generator<Buffer | string> {
	yield `{"kind":${JSON.stringify(list.kind)},"apiVersion":${JSON.stringify(list.apiVersion)},"metadata":${JSON.stringify(list.metadata ?? {})},"items":[`;
	let first = true;
	for (const item of list.items) {
		if (!first) yield ",";
		first = false;
		yield encodeItem(item);
	}
	yield "]}\n";
}

function* metadataListPieces(list: KubeList, apiVersion: string): Generator<string> {
	yield `{"kind":"PartialObjectMetadataList","apiVersion":"${apiVersion}","metadata":${JSON.stringify(list.metadata ?? {})},"items":[`;
	let separator = "";
	for (const item of list.items) {
		yield separator + JSON.stringify(partialMetadata(item, apiVersion));
		separator = ",";
	}
	yield "]}\n";
}

async function encodePieces(pieces: Iterable<Buffer | string>, encoding: Encoding, pretty: boolean): Promise<Answer> {
	if (encoding === "json" && !pretty) return { contentType: jsonType, pieces };
	const value = JSON.parse(Buffer.concat(Array.from(pieces, (piece) => Buffer.from(piece))).toString("utf8")) as unknown;
	if (encoding === "json") return { contentType: jsonType, pieces: [JSON.stringify(value, null, 2), "\n"] };
	const { stringify } = await import("yaml");
	return { contentType: yamlType, pieces: [stringify(value, { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false })] };
}

/** What is no list cannot be a list of metadata. */
export function newNoList(resource: GeneratedResource): StatusError {
	const type = `*${goPackage(resource)}.${resource.kind}`;
	return newNotAcceptable(`you requested PartialObjectMetadataList, but the requested object is not a list (${type})`);
}

/** The Go package of a group's internal types, which some of kube-apiserver's texts show. */
function goPackage({ group }: GeneratedResource): string {
	return group === "" || group === "events.k8s.io" ? "core" : (group.split(".")[0] ?? "");
}

function isList(object: KubeObject | KubeList): object is KubeList {
	return "items" in object && Array.isArray(object.items);
}

function isStatus(object: KubeObject): boolean {
	return object.kind === "Status" && object.apiVersion === "v1";
}

/**
 * The bridge from client-side to server-side apply: kubectl's note of what it last applied, in an annotation.
 *
 * As long as an object has the note, `kubectl apply --server-side` keeps it up to date, so that one may go back. And
 * what the note says, as long as the object still is so, kubectl may take from any owner without being told to force.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply-to-server-side-apply
 */
import { goJson } from "../go-text.ts";
import { isJsonObject, type JsonObject, withoutKey } from "../json.ts";
import { compareObjects } from "./compare.ts";
import { fieldsOfConfiguration } from "./extract.ts";
import { difference, emptySet, type FieldSet } from "./field-set.ts";
import type { MergeNode } from "./merge-node.ts";
import { typeErrorsOf } from "./validate.ts";

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
/** The manager whose applies know of the note. */
export const kubectlManager = "kubectl";

/** The note on an object; undefined without one. */
export function lastAppliedOf(object: unknown): string | undefined {
	const note = annotationsOf(object)?.[lastAppliedAnnotation];
	return typeof note === "string" && note !== "" ? note : undefined;
}

/** What a configuration is noted as. */
export function noteOf(configuration: JsonObject): string {
	const metadata = isJsonObject(configuration.metadata) ? configuration.metadata : {};
	const annotations = annotationsOf(configuration);
	const kept = annotations === undefined ? metadata : { ...metadata, annotations: withoutKey(annotations, lastAppliedAnnotation) };
	return `${goJson({ ...configuration, metadata: withoutKey(kept, "managedFields") })}\n`;
}

/** What kubectl may take from others, by the note on the live object. Nothing if the note is of another version. */
export function fieldsOfLastApplied(node: MergeNode, live: unknown, apiVersion: string): FieldSet {
	const noted = parse(lastAppliedOf(live));
	if (noted?.apiVersion !== apiVersion || typeErrorsOf(node, noted).length > 0) return emptySet;
	const { changed, removed } = compareObjects(node, noted, live);
	return difference(difference(fieldsOfConfiguration(node, noted), changed), removed);
}

function parse(note: string | undefined): JsonObject | undefined {
	if (note === undefined) return undefined;
	try {
		const value: unknown = JSON.parse(note);
		return isJsonObject(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

function annotationsOf(object: unknown): JsonObject | undefined {
	if (!isJsonObject(object) || !isJsonObject(object.metadata)) return undefined;
	const { annotations } = object.metadata;
	return isJsonObject(annotations) ? annotations : undefined;
}

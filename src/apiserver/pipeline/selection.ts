/**
 * Which objects of a resource a list or watch is about: namespace, name, labels and fields.
 */
import type { RequestOptions } from "../../apimachinery/api-request.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { parseFieldSelector, parseLabelSelector } from "../../apimachinery/selector.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";
import type { KindDefinition } from "../registry/kind.ts";

export interface Selection {
	/** Undefined: all namespaces. */
	readonly namespace: string | undefined;
	/** The only name that can match, if the field selector says so. */
	readonly name: string | undefined;
	matches(object: KubeObject): boolean;
}

/** Throws BadRequest for a selector that can't be parsed or names a field that can't be selected. */
export function parseSelection(definition: KindDefinition, namespace: string, options: RequestOptions): Selection {
	const labels = options.labelSelector ? parse(() => parseLabelSelector(options.labelSelector ?? "")) : undefined;
	const fields = options.fieldSelector ? parse(() => parseFieldSelector(options.fieldSelector ?? "")) : undefined;
	const known = new Set(["metadata.name", "metadata.namespace", ...Object.keys(selectableFields(definition))]);
	for (const { field } of fields?.requirements ?? []) {
		if (!known.has(field)) throw newBadRequest(unknownFieldText(definition, field));
	}
	const byName = fields?.requirements.find(({ field, operator }) => field === "metadata.name" && operator !== "!=");
	return {
		namespace: namespace === "" ? undefined : namespace,
		name: byName?.value,
		matches(object) {
			if (labels !== undefined && !labels.matches(object.metadata?.labels)) return false;
			return fields === undefined || fields.matches(fieldsOf(definition, object));
		},
	};
}

/**
 * Kinds that let other fields than the name be selected have a conversion of their own upstream, with its own words.
 * Source: AddFieldLabelConversionFunc in pkg/apis, and DefaultMetaV1FieldSelectorConversion.
 */
function unknownFieldText(definition: KindDefinition, field: string): string {
	if (definition.selectableFields === undefined) {
		return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
	}
	if (definition.group === "batch") return `field label ${JSON.stringify(field)} not supported for batchv1.${definition.kind}`;
	return `field label not supported: ${field}`;
}

/** The names that a kind's field selectors may use, found out from an empty object. */
function selectableFields(definition: KindDefinition): Readonly<Record<string, string>> {
	return definition.selectableFields?.({ metadata: {} }) ?? {};
}

function fieldsOf(definition: KindDefinition, object: KubeObject): Readonly<Record<string, string>> {
	return {
		...definition.selectableFields?.(object),
		"metadata.name": object.metadata?.name ?? "",
		"metadata.namespace": object.metadata?.namespace ?? "",
	};
}

function parse<T>(parser: () => T): T {
	try {
		return parser();
	} catch (error) {
		throw newBadRequest(error instanceof Error ? error.message : String(error));
	}
}

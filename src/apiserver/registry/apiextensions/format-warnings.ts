/**
 * Warnings for formats that nobody checks: they are accepted, but do nothing.
 * Source: WarningsOnCreate and WarningsOnUpdate in
 * k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go of Kubernetes 1.36.
 */
import type { CustomResourceDefinition, JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";
import { isKnownFormat } from "../../extension/schema/formats.ts";
import { asSchema, itemsOf, propertiesOf, valuesOf } from "./schema-node.ts";

/** @param old what was warned about already is not said again */
export function formatWarnings(definition: CustomResourceDefinition, old: CustomResourceDefinition | undefined): readonly string[] {
	const before = old === undefined ? new Set() : unknownFormats(old);
	return [...unknownFormats(definition)]
		.filter((format) => !before.has(format))
		.map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

function unknownFormats({ spec }: CustomResourceDefinition): ReadonlySet<string> {
	const formats = new Set<string>();
	const waiting = (spec?.versions ?? []).flatMap(({ schema }) => asSchema(schema?.openAPIV3Schema) ?? []).reverse();
	for (let schema = waiting.pop(); schema !== undefined; schema = waiting.pop()) {
		const { type, format = "" } = schema;
		if (type === "string" && format !== "" && !isKnownFormat(format, type)) formats.add(format);
		waiting.push(...innerOf(schema).reverse());
	}
	return formats;
}

/** The schemas right below one. */
function innerOf(schema: JSONSchemaProps): JSONSchemaProps[] {
	const { allOf = [], anyOf = [], oneOf = [], not } = schema;
	const named = propertiesOf(schema).map(([, property]) => property);
	return [itemsOf(schema), ...allOf, ...oneOf, ...anyOf, not, ...named, valuesOf(schema)].filter((inner) => inner !== undefined);
}

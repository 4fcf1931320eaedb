/**
 * Defaults in a CustomResourceDefinition have to be what the schema around them allows.
 * Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go of Kubernetes 1.36.
 */
import type { JsonObject, JsonValue } from "../../../apimachinery/json.ts";
import type { JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { validateEmbedded, validateResource } from "./embedded.ts";
import { metaFields } from "./meta-fields.ts";
import { pruned } from "./prune.ts";
import { SchemaTree } from "./schema-tree.ts";
import { validateValue } from "./validate.ts";

/** Where the walk is, inside of the resource that is nearest above. */
interface Place {
	readonly path: string;
	/** In apiVersion, kind or metadata of a resource. */
	readonly isMeta: boolean;
	/** Puts a value where this place is in a resource that is otherwise well formed. */
	surround(value: JsonValue): JsonValue;
}

const resource: JsonObject = { apiVersion: "validation/v1", kind: "Validation" };

/** What is wrong with the defaults of a structural schema. */
export function validateDefaults(schema: JSONSchemaProps, path: string): readonly FieldError[] {
	const errors: FieldError[] = [];
	visit(new SchemaTree(schema, true), { path, isMeta: false, surround: (value) => value }, errors);
	return errors;
}

function visit(tree: SchemaTree, above: Place, errors: FieldError[]): void {
	const place: Place = tree.isResource ? { ...above, isMeta: false, surround: (value) => value } : above;
	const { default: value } = tree.props;
	if (value !== undefined) errors.push(...validateDefault(value as JsonValue, tree, place));
	const { items } = tree;
	if (items !== undefined) visit(items, { ...place, path: `${place.path}.items`, surround: (item) => place.surround([item]) }, errors);
	for (const [name, property] of tree.properties) {
		visit(
			property,
			{
				path: `${place.path}.properties[${name}]`,
				isMeta: place.isMeta || (tree.isResource && metaFields.has(name)),
				surround: (item) => place.surround({ ...(tree.isResource ? resource : {}), [name]: item }),
			},
			errors,
		);
	}
}

function validateDefault(value: JsonValue, tree: SchemaTree, { path, isMeta, surround }: Place): readonly FieldError[] {
	const at = `${path}.default`;
	if (isMeta) {
		const problems = validateResource(surround(value) as JsonObject, "");
		if (problems.length === 0) return validateValue(value, tree, { path: at });
		const texts = [...new Set(problems.map(String))];
		const text = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
		return [fieldInvalid(at, value, `must result in valid metadata: ${text}`)];
	}
	const unknown = pruned(value, tree) === value ? [] : [fieldInvalid(at, value, "must not have unknown fields")];
	const embedded = validateEmbedded(value, tree, at, false);
	return [...unknown, ...(embedded.length > 0 ? embedded : validateValue(value, tree, { path: at }))];
}

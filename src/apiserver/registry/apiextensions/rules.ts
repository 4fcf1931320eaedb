/**
 * Whether the rules of a definition's schemas compile, and what they may cost. Loaded when the first definition with a rule
 * comes. Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go of Kubernetes 1.36.
 */
import { compileRules } from "../../../apimachinery/cel/index.ts";
import type { JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";
import type { FieldError } from "../../../apimachinery/validation/field-error.ts";

/** A schema, with where errors say that it is. */
export interface PlacedSchema {
	readonly schema: JSONSchemaProps;
	readonly path: string;
}

/**
 * @param schemaErrors what is wrong with the schemas otherwise
 * @param old what is stored: where its rules cost too much, the costs of new ones are not held against them
 */
export function ruleErrors(
	schemas: readonly PlacedSchema[],
	schemaErrors: readonly FieldError[],
	old: readonly PlacedSchema[],
): readonly FieldError[] {
	const ignoreCosts = old.some(({ schema, path }) =>
		compileRules(schema, { path }).errors.some(({ type }) => type === "FieldValueForbidden"),
	);
	return schemas.flatMap(({ schema, path }) => compileRules(schema, { path, schemaErrors, ignoreCosts }).errors);
}

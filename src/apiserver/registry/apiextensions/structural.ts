/**
 * What makes a schema structural: every field has one type, said once, outside of allOf, anyOf, oneOf and not, so that
 * objects can be pruned and filled in by it.
 * Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{validation,complete}.go of Kubernetes 1.36.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */

import { compileRegex } from "../../../apimachinery/cel/regex/regex.ts";
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import type { FieldErrors } from "../validation/primitives.ts";
import { itemsOf, propertiesOf, valuesOf } from "./schema-node.ts";

type Level = "root" | "item" | "field";

const intOrString: readonly JSONSchemaProps[] = [{ type: "integer" }, { type: "string" }];

/** What is not structural in the schema at `path`, in order of the texts. */
export function validateStructural(schema: JSONSchemaProps, path: string): FieldErrors {
	const errors = [...validateNode(schema, "root", path), ...validateCompleteness(schema, schema, path, path)];
	return errors
		.map((error) => [String(error), error] as const)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([, error]) => error);
}

function validateNode(schema: JSONSchemaProps, level: Level, path: string): FieldErrors {
	const items = itemsOf(schema);
	const values = valuesOf(schema);
	return [
		...(schema.type === "array" && items === undefined ? [fieldRequired(`${path}.items`, "must be specified")] : []),
		...(items === undefined ? [] : validateNode(items, "item", `${path}.items`)),
		...propertiesOf(schema).flatMap(([name, property]) => validateNode(property, "field", `${path}.properties[${name}]`)),
		...(schema.additionalProperties !== undefined && level === "root"
			? [fieldForbidden(`${path}.additionalProperties`, "must not be used at the root")]
			: []),
		...(values === undefined ? [] : validateNode(values, "field", `${path}.additionalProperties`)),
		...validateExtensions(schema, path),
		...validateJunctors(schema, { skipAnyOf: isIntOrString(schema), skipFirstAllOf: isIntOrString(schema.allOf?.[0] ?? {}) }, path),
		...validateType(schema, level, path),
		...validateMeta(schema, level, path),
	];
}

/** `anyOf: [{type: integer}, {type: string}]`, which an int-or-string may say. */
const isIntOrString = ({ anyOf }: JSONSchemaProps): boolean => anyOf?.length === 2 && jsonEqual(anyOf, intOrString);

function validateExtensions(schema: JSONSchemaProps, path: string): FieldErrors {
	if (schema["x-kubernetes-int-or-string"] !== true) return [];
	return (["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] as const)
		.filter((extension) => schema[extension] === true)
		.map((extension) => fieldInvalid(`${path}.${extension}`, true, "must be false if x-kubernetes-int-or-string is true"));
}

const missingTypeTexts: Readonly<Record<Level, string>> = {
	root: "must not be empty at the root",
	item: "must not be empty for specified array items",
	field: "must not be empty for specified object fields",
};

function validateType(schema: JSONSchemaProps, level: Level, path: string): FieldErrors {
	const { type = "" } = schema;
	const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
	const isFree = schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
	const errors: FieldError[] = [];
	const EMBEDDED = "must be object if x-kubernetes-embedded-resource is true";
	if (isEmbedded && type !== "object") {
		errors.push(type === "" ? fieldRequired(`${path}.type`, EMBEDDED) : fieldInvalid(`${path}.type`, type, EMBEDDED));
	} else if (type === "" && !isFree) errors.push(fieldRequired(`${path}.type`, missingTypeTexts[level]));
	if (isEmbedded && schema.additionalProperties !== undefined) {
		errors.push(fieldForbidden(`${path}.additionalProperties`, "must not be used if x-kubernetes-embedded-resource is set"));
	}
	if (level === "root" && type !== "" && type !== "object") {
		errors.push(fieldInvalid(`${path}.type`, type, "must be object at the root"));
	}
	return errors;
}

/** apiVersion, kind and metadata of a resource are Kubernetes' own. */
function validateMeta(schema: JSONSchemaProps, level: Level, path: string): FieldErrors {
	const { kind, apiVersion, metadata } = schema.properties ?? {};
	const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
	const isResource = level === "root" || isEmbedded;
	const errors: FieldError[] = [];
	for (const [name, property] of Object.entries({ kind, apiVersion })) {
		if (property === undefined || !isResource || property.type === "string") continue;
		errors.push(fieldInvalid(`${path}.properties[${name}].type`, property.type ?? "", "must be string"));
	}
	const at = `${path}.properties[metadata]`;
	if (metadata !== undefined && isResource && metadata.type !== "object") {
		errors.push(fieldInvalid(`${at}.type`, metadata.type ?? "", "must be object"));
	}
	if (metadata !== undefined && level === "root" && !restrictsNameOnly(metadata)) {
		errors.push(fieldForbidden(at, "must not specify anything other than name and generateName, but metadata is implicitly specified"));
	}
	const NO_PROPERTIES = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
	const isKept = schema["x-kubernetes-preserve-unknown-fields"] === true;
	if (isEmbedded && !isKept && propertiesOf(schema).length === 0) errors.push(fieldRequired(`${path}.properties`, NO_PROPERTIES));
	return errors;
}

function restrictsNameOnly({ type: _type, default: _default, properties = {}, ...rest }: JSONSchemaProps): boolean {
	const isNames = Object.keys(properties).every((name) => name === "name" || name === "generateName");
	return isNames && Object.keys(rest).length === 0;
}

interface Skips {
	/** The schema's own anyOf is that of an int-or-string. */
	readonly skipAnyOf?: boolean;
	/** The anyOf in the first part of allOf is. */
	readonly skipFirstAllOf?: boolean;
}

/** What stands under allOf, anyOf, oneOf and not restricts values, and nothing more. */
function validateJunctors(schema: JSONSchemaProps, { skipAnyOf = false, skipFirstAllOf = false }: Skips, path: string): FieldErrors {
	const { anyOf = [], allOf = [], oneOf = [], not, pattern = "" } = schema;
	const problem = pattern === "" ? undefined : patternProblem(pattern);
	return [
		...(skipAnyOf ? [] : anyOf.flatMap((part, index) => validateNested(part, {}, `${path}.anyOf[${index}]`))),
		...allOf.flatMap((part, index) => validateNested(part, { skipAnyOf: skipFirstAllOf && index === 0 }, `${path}.allOf[${index}]`)),
		...oneOf.flatMap((part, index) => validateNested(part, {}, `${path}.oneOf[${index}]`)),
		...(not === undefined ? [] : validateNested(not, {}, `${path}.not`)),
		...(problem === undefined
			? []
			: [fieldInvalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${problem}`)]),
	];
}

function patternProblem(pattern: string): string | undefined {
	const compiled = compileRegex(pattern);
	return "problem" in compiled ? compiled.problem : undefined;
}

const nestedRules: readonly (readonly [field: keyof JSONSchemaProps, isSet: (value: unknown) => boolean, detail: string])[] = [
	["type", isText, "must be empty to be structural"],
	["additionalProperties", isThere, "must be undefined to be structural"],
	["default", isThere, "must be undefined to be structural"],
	["title", isText, "must be empty to be structural"],
	["description", isText, "must be empty to be structural"],
	["nullable", isTrue, "must be false to be structural"],
	["x-kubernetes-preserve-unknown-fields", isTrue, "must be false to be structural"],
	["x-kubernetes-embedded-resource", isTrue, "must be false to be structural"],
	["x-kubernetes-int-or-string", isTrue, "must be false to be structural"],
	["x-kubernetes-list-map-keys", isFilled, "must be empty to be structural"],
	["x-kubernetes-list-type", isThere, "must be undefined to be structural"],
	["x-kubernetes-map-type", isThere, "must be undefined to be structural"],
	["x-kubernetes-validations", isFilled, "must be empty to be structural"],
];

function isText(value: unknown): boolean {
	return typeof value === "string" && value !== "";
}

function isThere(value: unknown): boolean {
	return value !== undefined;
}

function isTrue(value: unknown): boolean {
	return value === true;
}

function isFilled(value: unknown): boolean {
	return Array.isArray(value) && value.length > 0;
}

function validateNested(schema: JSONSchemaProps, skips: Skips, path: string): FieldErrors {
	const items = itemsOf(schema);
	return [
		...validateJunctors(schema, skips, path),
		...(items === undefined ? [] : validateNested(items, {}, `${path}.items`)),
		...propertiesOf(schema).flatMap(([name, property]) => validateNested(property, {}, `${path}.properties[${name}]`)),
		...nestedRules.filter(([field, isSet]) => isSet(schema[field])).map(([field, , detail]) => fieldForbidden(`${path}.${field}`, detail)),
		...(schema.properties?.metadata === undefined
			? []
			: [fieldForbidden(`${path}.properties[metadata]`, "must not be specified in a nested context")]),
	];
}

/** Whatever a restriction speaks of is there outside of it. @param nested what restricts, @param schema what it restricts */
function validateCompleteness(nested: JSONSchemaProps, schema: JSONSchemaProps, path: string, nestedPath: string): FieldErrors {
	const { not, allOf = [], anyOf = [], oneOf = [] } = nested;
	return [
		...(not === undefined ? [] : validateNestedCompleteness(not, schema, path, `${nestedPath}.not`)),
		...Object.entries({ allOf, anyOf, oneOf }).flatMap(([junctor, parts]) =>
			parts.flatMap((part, index) => validateNestedCompleteness(part, schema, path, `${nestedPath}.${junctor}[${index}]`)),
		),
	];
}

function validateNestedCompleteness(nested: JSONSchemaProps, schema: JSONSchemaProps, path: string, nestedPath: string): FieldErrors {
	const nestedItems = itemsOf(nested);
	const because = (at: string) => `because it is defined in ${at}`;
	const parts: readonly (readonly [suffix: string, nested: JSONSchemaProps, schema: JSONSchemaProps | undefined])[] = [
		...(nestedItems === undefined ? [] : [[".items", nestedItems, itemsOf(schema)] as const]),
		...propertiesOf(nested).map(([name, property]) => [`.properties[${name}]`, property, schema.properties?.[name]] as const),
	];
	return [
		...validateCompleteness(nested, schema, path, nestedPath),
		...parts.flatMap(([suffix, part, whole]) =>
			whole === undefined
				? [fieldRequired(path + suffix, because(nestedPath + suffix))]
				: validateNestedCompleteness(part, whole, path + suffix, nestedPath + suffix),
		),
	];
}

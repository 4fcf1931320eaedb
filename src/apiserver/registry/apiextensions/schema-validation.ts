/**
 * What a CustomResourceDefinition's schema may say at all. Expressions of x-kubernetes-validations: rules.ts. Defaults are
 * not tried against their schema: that comes with the issue that serves custom resources.
 * Source: ValidateCustomResourceDefinitionOpenAPISchema in
 * k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go of Kubernetes 1.36.
 */
import type { JSONSchemaProps, ValidationRule } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotOneOf,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import type { FieldErrors } from "../validation/primitives.ts";
import { asSchema, byName, isReadable, itemsOf, propertiesOf, unsupportedFields, valuesOf } from "./schema-node.ts";
import { validateStructural } from "./structural.ts";

const types = ["array", "boolean", "integer", "number", "object", "string"];
const metaFields = ["apiVersion", "kind", "metadata"];
const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/** Fields at the root that keep their meaning where the status is checked by itself, by their Go names. */
const atRootWithStatus: readonly (readonly [goName: string, field: keyof JSONSchemaProps | undefined])[] = [
	["Description", "description"],
	["Type", "type"],
	["Format", "format"],
	["Title", "title"],
	["Maximum", "maximum"],
	["ExclusiveMaximum", "exclusiveMaximum"],
	["Minimum", "minimum"],
	["ExclusiveMinimum", "exclusiveMinimum"],
	["MaxLength", "maxLength"],
	["MinLength", "minLength"],
	["Pattern", "pattern"],
	["MaxItems", "maxItems"],
	["MinItems", "minItems"],
	["UniqueItems", "uniqueItems"],
	["MultipleOf", "multipleOf"],
	["Required", "required"],
	["Items", "items"],
	["Properties", "properties"],
	["ExternalDocs", "externalDocs"],
	["Example", "example"],
	["XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields"],
	["XValidations", "x-kubernetes-validations"],
];

/** A whole schema at `path`, as `spec.validation.openAPIV3Schema`. */
export function validateSchema(schema: JSONSchemaProps, path: string, hasStatus: boolean): FieldErrors {
	const canRead = isReadable(schema);
	const errors = [
		...(hasStatus ? validateWithStatus(schema, path) : []),
		...(schema.nullable === true ? [fieldForbidden(`${path}.nullable`, "nullable cannot be true at the root")] : []),
		...(canRead ? validateStructural(schema, path) : []),
		...validateNode(schema, { isRoot: true }, path),
	];
	// Whatever else cannot be read has errors of its own.
	return canRead || errors.length > 0 ? errors : [fieldInvalid(path, "", "OpenAPIV3Schema 'schema' is not supported")];
}

function validateWithStatus(schema: JSONSchemaProps, path: string): FieldErrors {
	const { type = "" } = schema;
	if (type !== "" && type !== "object") {
		const text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
		return [fieldInvalid(`${path}.type`, type, text)];
	}
	const allowed = atRootWithStatus.map(([, field]) => field as string);
	if (Object.keys(schema).every((field) => allowed.includes(field))) return [];
	const names = atRootWithStatus.map(([goName]) => goName).join(" ");
	return [fieldInvalid(path, schema, `only [${names}] fields are allowed at the root of the schema if the status subresource is enabled`)];
}

interface Place {
	readonly isRoot?: boolean;
	/** In apiVersion, kind or metadata of a resource. */
	readonly isMeta?: boolean;
	/** Why nothing may be filled in here. */
	readonly noDefaults?: string;
}

function validateNode(schema: JSONSchemaProps, place: Place, path: string): FieldErrors {
	return [
		...validateStandard(schema, place, path),
		...validateMaps(schema, path),
		...validateChildren(schema, place, path),
		...validateExtensions(schema, path),
		...validateListKeys(schema, path),
		...(schema["x-kubernetes-validations"] ?? []).flatMap((rule, index) =>
			validateRule(rule, schema, `${path}.x-kubernetes-validations[${index}]`),
		),
	];
}

/** What of OpenAPI Kubernetes does without. */
function validateStandard(schema: JSONSchemaProps, { isMeta, noDefaults }: Place, path: string): FieldErrors {
	const { type = "" } = schema;
	const errors: FieldError[] = [];
	if (type !== "" && !types.includes(type)) errors.push(fieldNotSupported(`${path}.type`, type, types));
	if (schema.default !== undefined && noDefaults !== undefined) {
		errors.push(fieldForbidden(`${path}.default`, `must not be set ${noDefaults}`));
	}
	for (const [field, isSet] of unsupportedFields) {
		if (isSet(schema[field])) errors.push(fieldForbidden(`${path}.${field}`, `${field} is not supported`));
	}
	if (type === "null") errors.push(fieldForbidden(`${path}.type`, "type cannot be set to null, use nullable as an alternative"));
	if (Array.isArray(schema.items) && schema.items.length > 0) {
		errors.push(fieldForbidden(`${path}.items`, "items must be a schema object and not an array"));
	}
	if (isMeta === true && schema["x-kubernetes-embedded-resource"] === true) {
		errors.push(fieldForbidden(`${path}.x-kubernetes-embedded-resource`, "must not be used inside of resource meta"));
	}
	if (schema.uniqueItems === true) {
		const text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
		errors.push(fieldForbidden(`${path}.uniqueItems`, text));
	}
	return errors;
}

/** An object is a struct or a map, not both. */
function validateMaps(schema: JSONSchemaProps, path: string): FieldErrors {
	const { additionalProperties: values } = schema;
	if (values === undefined || values === true || propertiesOf(schema).length === 0) return [];
	return [fieldForbidden(`${path}.additionalProperties`, "additionalProperties and properties are mutual exclusive")];
}

function validateChildren(schema: JSONSchemaProps, { isRoot = false, ...place }: Place, path: string): FieldErrors {
	const values = valuesOf(schema);
	const items = itemsOf(schema);
	const isResource = isRoot || schema["x-kubernetes-embedded-resource"] === true;
	const inValues = place.isMeta === true ? { ...place, noDefaults: "inside additionalProperties applying to object metadata" } : place;
	const inProperty = (name: string): Place => {
		if (!isResource || !metaFields.includes(name)) return place;
		return { ...place, isMeta: true, ...(isRoot ? { noDefaults: `in top-level ${name}` } : {}) };
	};
	const { not, allOf = [], oneOf = [], anyOf = [] } = schema;
	return [
		...(values === undefined ? [] : validateNode(values, inValues, `${path}.additionalProperties`)),
		...propertiesOf(schema).flatMap(([name, property]) => validateNode(property, inProperty(name), `${path}.properties[${name}]`)),
		...(not === undefined ? [] : validateNode(not, place, `${path}.not`)),
		...Object.entries({ allOf, oneOf, anyOf }).flatMap(([junctor, parts]) =>
			parts.flatMap((part, index) => validateNode(part, place, `${path}.${junctor}[${index}]`)),
		),
		...byName(schema.definitions).flatMap(([name, part]) => validateNode(part, place, `${path}.definitions[${name}]`)),
		...(items === undefined ? [] : validateNode(items, place, `${path}.items`)),
		...(Array.isArray(schema.items) ? schema.items : []).flatMap((part: unknown, index: number) =>
			validateNode(asSchema(part) ?? {}, place, `${path}.items[${index}]`),
		),
		...byName(schema.dependencies).flatMap(([name, part]) => validateNode(part, place, `${path}.dependencies[${name}]`)),
	];
}

function validateExtensions(schema: JSONSchemaProps, path: string): FieldErrors {
	const { type = "" } = schema;
	const mapType = schema["x-kubernetes-map-type"];
	const listType = schema["x-kubernetes-list-type"];
	const errors: FieldError[] = [];
	const mustBe = (wanted: string, extension: string) => {
		const text = `must be ${wanted} if ${extension} is specified`;
		errors.push(type === "" ? fieldRequired(`${path}.type`, text) : fieldInvalid(`${path}.type`, type, text));
	};
	if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
		errors.push(fieldInvalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined"));
	}
	if (mapType !== undefined && type !== "object") mustBe("object", "x-kubernetes-map-type");
	if (mapType !== undefined && mapType !== "atomic" && mapType !== "granular") {
		errors.push(fieldNotOneOf(`${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]));
	}
	if (listType !== undefined && type !== "array") mustBe("array", "x-kubernetes-list-type");
	else if (listType === "set") errors.push(...validateSetItems(itemsOf(schema), `${path}.items`));
	if (listType !== undefined && !["atomic", "set", "map"].includes(listType)) {
		errors.push(fieldNotOneOf(`${path}.x-kubernetes-list-type`, listType, ["atomic", "set", "map"]));
	}
	return errors;
}

/** Items of a set are told apart as a whole. */
function validateSetItems(items: JSONSchemaProps | undefined, path: string): FieldErrors {
	const ATOMIC = "must be atomic as item of a list with x-kubernetes-list-type=set";
	const listType = items?.["x-kubernetes-list-type"];
	if (items?.type === "array" && listType !== undefined && listType !== "atomic") {
		return [fieldInvalid(`${path}.x-kubernetes-list-type`, listType, ATOMIC)];
	}
	if (items?.type === "object" && items["x-kubernetes-map-type"] !== "atomic") {
		return [fieldInvalid(`${path}.x-kubernetes-map-type`, listType ?? null, ATOMIC)];
	}
	return [];
}

/** Items of a map list are told apart by keys that each item has. */
function validateListKeys(schema: JSONSchemaProps, path: string): FieldErrors {
	const listType = schema["x-kubernetes-list-type"];
	const keys = schema["x-kubernetes-list-map-keys"] ?? [];
	const items = itemsOf(schema);
	const errors: FieldError[] = [];
	const NOT_MAP = "must be map if x-kubernetes-list-map-keys is non-empty";
	if (keys.length > 0 && listType === undefined) errors.push(fieldRequired(`${path}.x-kubernetes-list-type`, NOT_MAP));
	else if (keys.length > 0 && listType !== "map") errors.push(fieldInvalid(`${path}.x-kubernetes-list-type`, listType, NOT_MAP));
	if (listType === "map") {
		if (keys.length === 0) {
			errors.push(fieldRequired(`${path}.x-kubernetes-list-map-keys`, "must not be empty if x-kubernetes-list-type is map"));
		}
		if (schema.items === undefined) {
			errors.push(fieldRequired(`${path}.items`, "must have a schema if x-kubernetes-list-type is map"));
		} else if (items === undefined) {
			const text = "must only have a single schema if x-kubernetes-list-type is map";
			errors.push(fieldInvalid(`${path}.items`, schema.items, text));
		} else if (items.type !== "object") {
			const text = "must be object if parent array's x-kubernetes-list-type is map";
			errors.push(fieldInvalid(`${path}.items.type`, items.type ?? "", text));
		} else errors.push(...keys.flatMap((key, index) => validateListKey(key, index, keys, items, path)));
	}
	if (items !== undefined && (listType === "map" || listType === "set")) {
		if (items.nullable === true) {
			errors.push(fieldForbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`));
		}
		if (listType === "map") errors.push(...keys.flatMap((key) => validateKeyPresence(key, items, path)));
	}
	return errors;
}

function validateListKey(key: string, index: number, keys: readonly string[], items: JSONSchemaProps, path: string): FieldErrors {
	const at = `${path}.x-kubernetes-list-map-keys`;
	const property = items.properties?.[key];
	const errors: FieldError[] = [];
	if (property === undefined) errors.push(fieldInvalid(at, keys, "entries must all be names of item properties"));
	else if (property.type === "array" || property.type === "object") {
		const text = "must be a scalar type if parent array's x-kubernetes-list-type is map";
		errors.push(fieldInvalid(`${path}.items.properties[${key}].type`, items.type, text));
	}
	if (keys.indexOf(key) < index) errors.push(fieldInvalid(at, keys, "must not contain duplicate entries"));
	return errors;
}

function validateKeyPresence(key: string, items: JSONSchemaProps, path: string): FieldErrors {
	const property = items.properties?.[key];
	if (property === undefined) return [];
	const at = `${path}.items.properties[${key}]`;
	const reason = "this property is in x-kubernetes-list-map-keys, so it";
	return [
		...((items.required ?? []).includes(key) || property.default !== undefined
			? []
			: [fieldRequired(`${at}.default`, `${reason} must have a default or be a required property`)]),
		...(property.nullable === true ? [fieldForbidden(`${at}.nullable`, `${reason} cannot be nullable`)] : []),
	];
}

const hasLineBreak = (text: string): boolean => /[\n\r]/.test(text);

function validateRule(rule: Partial<ValidationRule>, schema: JSONSchemaProps, path: string): FieldErrors {
	const { rule: expression = "", message = "", messageExpression = "", reason, fieldPath = "" } = rule;
	const errors: FieldError[] = [];
	if (expression.trim() === "") errors.push(fieldRequired(`${path}.rule`, "rule is not specified"));
	else if (message !== "" && message.trim() === "") {
		errors.push(fieldInvalid(`${path}.message`, message, "message must be non-empty if specified"));
	} else if (hasLineBreak(message.trim())) {
		errors.push(fieldInvalid(`${path}.message`, message, "message must not contain line breaks"));
	} else if (hasLineBreak(expression.trim()) && message.trim() === "") {
		errors.push(fieldRequired(`${path}.message`, "message must be specified if rule contains line breaks"));
	}
	if (messageExpression !== "" && messageExpression.trim() === "") {
		errors.push(fieldRequired(`${path}.messageExpression`, "messageExpression must be non-empty if specified"));
	}
	if (reason !== undefined && !reasons.includes(reason)) errors.push(fieldNotSupported(`${path}.reason`, reason, reasons));
	if (fieldPath !== "" && fieldPath.trim() === "") {
		errors.push(fieldInvalid(`${path}.fieldPath`, fieldPath, "fieldPath must be non-empty if specified"));
	}
	if (hasLineBreak(fieldPath)) errors.push(fieldInvalid(`${path}.fieldPath`, fieldPath, "fieldPath must not contain line breaks"));
	if (fieldPath !== "" && isReadable(schema) && "problem" in findField(fieldPath, schema, true)) {
		errors.push(fieldInvalid(`${path}.fieldPath`, fieldPath, "fieldPath must be a valid path"));
	}
	return errors;
}

type Found = { readonly schema: JSONSchemaProps; readonly names: readonly string[] } | { readonly problem: string };

/** The field that a path such as `.spec.color` or `.spec['a.b']` leads to in a schema, or why it leads nowhere. */
export function findField(path: string, root: JSONSchemaProps, allowsBrackets: boolean): Found {
	const tokens = path.match(/[.[\]]|'(?:[^'\\]|\\.)*'|[^.[\]]+/g) ?? [];
	const names: string[] = [];
	let schema = root;
	for (let at = 0; at < tokens.length; ) {
		const token = tokens[at];
		if (token !== "." && token !== "[") return { problem: `expected [ or . but got: ${token}` };
		if (token === "[" && !allowsBrackets) return { problem: "array notation is not allowed" };
		const quoted = tokens[at + 1];
		if (quoted === undefined || (token === "[" && tokens[at + 2] === undefined)) return { problem: "unexpected end of JSON path" };
		const name = token === "[" ? quoted.replace(/^'|'$/g, "") : quoted;
		const next = schema.properties === undefined ? valuesOf(schema) : schema.properties[name];
		if (next === undefined) return { problem: "does not refer to a valid field" };
		schema = next;
		names.push(name);
		at += token === "[" ? 3 : 2;
	}
	return { schema, names };
}

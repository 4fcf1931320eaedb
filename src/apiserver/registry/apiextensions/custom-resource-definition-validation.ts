/**
 * What a CustomResourceDefinition has to say. Kubernetes validates its internal form, and error texts have the paths of
 * that: what all versions say alike (their schema, subresources, columns, selectable fields) stands once in the spec,
 * `spec.validation.openAPIV3Schema`; what differs stands in each version. A conversion webhook's client is at
 * `spec.conversion.webhookClientConfig`.
 * Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/{v1/conversion.go,validation/validation.go} of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type {
	CustomResourceColumnDefinition,
	CustomResourceConversion,
	CustomResourceDefinition,
	CustomResourceDefinitionNames,
	CustomResourceDefinitionSpec,
	CustomResourceDefinitionVersion,
	CustomResourceSubresources,
	JSONSchemaProps,
	SelectableField,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1035Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { type InternalShape, internalValue } from "../validation/internal-value.ts";
import { type FieldErrors, validateEach, validateImmutable, validateRequired } from "../validation/primitives.ts";
import { validateWebhookClient } from "../validation/webhook-client.ts";
import type { PlacedSchema } from "./rules.ts";
import { findField, validateSchema } from "./schema-validation.ts";

const approvalAnnotation = "api-approved.kubernetes.io";
const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const reviewVersions = ["v1", "v1beta1"];
const maxSelectableFields = 8;
const maxWarningBytes = 256;

type PartialSpec = Partial<Omit<CustomResourceDefinitionSpec, "names">> & { readonly names?: Partial<CustomResourceDefinitionNames> };

/** What versions may say alike, by the name of its field in a version. */
type Shared = Pick<CustomResourceDefinitionVersion, "schema" | "subresources" | "additionalPrinterColumns" | "selectableFields">;
const sharedFields = ["schema", "subresources", "additionalPrinterColumns", "selectableFields"] as const;

export function validateDefinition(object: CustomResourceDefinition, old?: CustomResourceDefinition): FieldErrors {
	const { metadata, status } = object;
	const spec: PartialSpec = object.spec ?? {};
	const { group = "", names = {} } = spec;
	const nameFits = metadata?.name === `${names.plural ?? ""}.${group}`;
	return [
		...(nameFits ? [] : [fieldInvalid("metadata.name", metadata?.name ?? "", 'must be spec.names.plural+"."+spec.group')]),
		...validateSpec(spec),
		...(old === undefined ? [] : validateKept(spec, old)),
		...validateNames(status?.acceptedNames ?? {}, "status.acceptedNames"),
		...(status === undefined ? [] : validateStoredVersions(status.storedVersions, spec.versions ?? [])),
		...validateApproval(group, metadata?.annotations, old),
		...validatePreservation(spec, old),
	];
}

/** Where objects are stored, and under which kind, stays. */
function validateKept(spec: PartialSpec, old: CustomResourceDefinition): FieldErrors {
	const isEstablished = old.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") ?? false;
	const oldSpec: PartialSpec = old.spec ?? {};
	return [
		...(isEstablished
			? [
					...validateImmutable(spec.scope, oldSpec.scope, "spec.scope"),
					...validateImmutable(spec.names?.kind, oldSpec.names?.kind, "spec.names.kind"),
				]
			: []),
		...validateImmutable(spec.group, oldSpec.group, "spec.group"),
		...validateImmutable(spec.names?.plural, oldSpec.names?.plural, "spec.names.plural"),
	];
}

export const validateDefinitionStatus = ({ status }: CustomResourceDefinition): FieldErrors =>
	validateNames(status?.acceptedNames ?? {}, "status.acceptedNames");

/** Every version that objects are stored in is there. */
function validateStoredVersions(stored: readonly string[] | undefined, versions: readonly CustomResourceDefinitionVersion[]): FieldErrors {
	const path = "status.storedVersions";
	if (stored === undefined || stored.length === 0) return [fieldInvalid(path, stored ?? null, "must have at least one stored version")];
	return [
		...versions
			.filter(({ storage, name }) => storage && !stored.includes(name))
			.map(({ name }) => fieldInvalid(path, stored, `must have the storage version ${name}`)),
		...validateEach(stored, path, (version, at) =>
			versions.some(({ name }) => name === version) ? [] : [fieldInvalid(at, version, missingVersionText(version))],
		),
	];
}

const missingVersionText = (version: string): string =>
	`missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;

type Annotations = Readonly<Record<string, string>> | undefined;

/** Groups of the Kubernetes community need their approval: a URL, or a word that they do not have it. */
function validateApproval(group: string, annotations: Annotations, old: CustomResourceDefinition | undefined): FieldErrors {
	const isProtected = ["k8s.io", "kubernetes.io"].some((domain) => group === domain || group.endsWith(`.${domain}`));
	const state = approvalState(annotations);
	if (!isProtected || (old !== undefined && approvalState(old.metadata?.annotations) === state)) return [];
	const path = `metadata.annotations[${approvalAnnotation}]`;
	const text = `protected groups must have approval annotation "${approvalAnnotation}"`;
	const see = ", see https://github.com/kubernetes/enhancements/pull/1111";
	if (state === "missing") return [fieldRequired(path, text + see)];
	if (state !== "invalid") return [];
	return [fieldInvalid(path, annotations?.[approvalAnnotation], `${text} with either a URL or a reason starting with "unapproved"${see}`)];
}

function approvalState(annotations: Annotations): "missing" | "bypassed" | "approved" | "invalid" {
	const approval = annotations?.[approvalAnnotation] ?? "";
	if (approval === "") return "missing";
	if (approval.startsWith("unapproved")) return "bypassed";
	return (URL.parse(approval)?.host ?? "") === "" ? "invalid" : "approved";
}

function validatePreservation({ preserveUnknownFields }: PartialSpec, old: CustomResourceDefinition | undefined): FieldErrors {
	if (preserveUnknownFields !== true || old?.spec?.preserveUnknownFields === true) return [];
	const text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
	return [fieldInvalid("spec.preserveUnknownFields", true, text)];
}

function validateSpec(spec: PartialSpec): FieldErrors {
	const { versions = [], names = {} } = spec;
	const scopes = ["Cluster", "Namespaced"];
	return [
		...validateGroup(spec.group ?? ""),
		...(spec.scope !== undefined && spec.scope !== "" && !scopes.includes(spec.scope)
			? [fieldNotOneOf("spec.scope", spec.scope, scopes)]
			: validateRequired(spec.scope, "spec.scope")),
		...validateVersions(versions),
		...(["plural", "singular", "kind", "listKind"] as const).flatMap((field) => validateRequired(names[field], `spec.names.${field}`)),
		...validateNames(names, "spec.names"),
		...validateShared(commonOf(versions), "spec", versions.some(hasStatus)),
		...validateConversion(spec.conversion),
	];
}

function validateGroup(group: string): FieldErrors {
	if (group === "") return [fieldRequired("spec.group")];
	const texts = isDns1123Subdomain(group);
	if (texts.length > 0) return [fieldInvalid("spec.group", group, texts.join(","))];
	return group.includes(".") ? [] : [fieldInvalid("spec.group", group, "should be a domain with at least one dot")];
}

const hasStatus = ({ subresources }: Partial<CustomResourceDefinitionVersion>): boolean => subresources?.status !== undefined;

/** What all versions say alike. */
function commonOf(versions: readonly CustomResourceDefinitionVersion[]): Shared {
	const [first] = versions;
	const common = sharedFields.filter(
		(field) => first?.[field] !== undefined && versions.every((version) => jsonEqual(version[field], first[field])),
	);
	return Object.fromEntries(common.map((field) => [field, first?.[field]]));
}

function withoutCommon(version: CustomResourceDefinitionVersion, common: Shared): CustomResourceDefinitionVersion {
	return Object.fromEntries(Object.entries(version).filter(([field]) => !(field in common))) as unknown as CustomResourceDefinitionVersion;
}

const versionShape: InternalShape = [
	["Name", "name", ""],
	["Served", "served", false],
	["Storage", "storage", false],
	["Deprecated", "deprecated", false],
	["DeprecationWarning", "deprecationWarning", null],
	["Schema", "schema", null],
	["Subresources", "subresources", null],
	["AdditionalPrinterColumns", "additionalPrinterColumns", null],
	["SelectableFields", "selectableFields", null],
];

function validateVersions(versions: readonly CustomResourceDefinitionVersion[]): FieldErrors {
	const common = commonOf(versions);
	const own = versions.map((version) => withoutCommon(version, common));
	const isUnique = new Set(versions.map(({ name }) => name)).size === versions.length;
	const stored = versions.filter(({ storage }) => storage).length;
	const shown = internalValue(own, versionShape);
	return [
		...validateEach(versions, "spec.versions", ({ schema }, path) =>
			schema?.openAPIV3Schema === undefined ? [fieldRequired(`${path}.schema.openAPIV3Schema`, "schemas are required")] : [],
		),
		...own.flatMap((version, index) => validateVersion(version, versions[index] ?? version, `spec.versions[${index}]`)),
		...(isUnique ? [] : [fieldInvalid("spec.versions", shown, "must contain unique version names")]),
		...(stored === 1 ? [] : [fieldInvalid("spec.versions", shown, "must have exactly one version marked as storage version")]),
	];
}

/** @param whole the version with what it has in common with the others */
function validateVersion(version: CustomResourceDefinitionVersion, whole: CustomResourceDefinitionVersion, path: string): FieldErrors {
	const texts = isDns1035Label(version.name ?? "");
	return [
		...(texts.length === 0 ? [] : [fieldInvalid(`${path}.name`, version.name ?? "", texts.join(","))]),
		...warningProblems(version).map((text) => fieldInvalid(`${path}.deprecationWarning`, version.deprecationWarning, text)),
		...validateShared(version, path, hasStatus(whole), whole.schema?.openAPIV3Schema),
	];
}

function warningProblems({ deprecated = false, deprecationWarning: warning }: CustomResourceDefinitionVersion): readonly string[] {
	if (warning === undefined) return [];
	if (!deprecated) return ["can only be set for deprecated versions"];
	const unprintable = /[^\P{C}]|[^\P{Z} ]/u.exec(warning);
	const at = unprintable === null ? 0 : Buffer.byteLength(warning.slice(0, unprintable.index));
	return [
		...(Buffer.byteLength(warning) > maxWarningBytes ? [`must be <= ${maxWarningBytes} characters long`] : []),
		...(warning === "" ? ["must not be an empty string"] : []),
		...(unprintable === null ? [] : [`must only contain printable UTF-8 characters; non-printable character found at index ${at}`]),
	];
}

/** Schema, subresources, columns and selectable fields, in a version or in the spec for all of them. */
function validateShared(shared: Shared, path: string, withStatus: boolean, wholeSchema?: JSONSchemaProps): FieldErrors {
	const { schema, subresources, additionalPrinterColumns, selectableFields = [] } = shared;
	const inner = schema?.openAPIV3Schema;
	const known = inner ?? wholeSchema;
	return [
		...(inner === undefined
			? []
			: validateSchema(inner, `${path}.${path === "spec" ? "validation" : "schema"}.openAPIV3Schema`, withStatus)),
		...validateSubresources(subresources, `${path}.subresources`),
		...validateEach(additionalPrinterColumns, `${path}.additionalPrinterColumns`, validateColumn),
		...(known === undefined ? [] : validateSelectableFields(selectableFields, known, `${path}.selectableFields`)),
	];
}

/** Every schema of a definition, once, with where errors say that it is. */
function schemasOf({ versions = [] }: PartialSpec): readonly PlacedSchema[] {
	const common = commonOf(versions).schema?.openAPIV3Schema;
	if (common !== undefined) return [{ schema: common, path: "spec.validation.openAPIV3Schema" }];
	return versions.flatMap(({ schema }, index) =>
		schema?.openAPIV3Schema === undefined
			? []
			: [{ schema: schema.openAPIV3Schema, path: `spec.versions[${index}].schema.openAPIV3Schema` }],
	);
}

/** Rules of the schemas: `x-kubernetes-validations`. */
export function validateRules(
	{ spec }: CustomResourceDefinition,
	old: CustomResourceDefinition | undefined,
	errors: FieldErrors,
): Promise<FieldErrors> | undefined {
	const schemas = schemasOf(spec ?? {});
	if (!schemas.some(({ schema }) => JSON.stringify(schema).includes('"x-kubernetes-validations"'))) return undefined;
	return import("./rules.ts").then(({ ruleErrors }) => ruleErrors(schemas, errors, schemasOf(old?.spec ?? {})));
}

function validateSubresources(subresources: CustomResourceSubresources | undefined, path: string): FieldErrors {
	const scale = subresources?.scale;
	if (scale === undefined) return [];
	const replicas = (field: "specReplicasPath" | "statusReplicasPath", part: string): FieldErrors => {
		const jsonPath = scale[field] ?? "";
		const at = `${path}.scale.${field}`;
		if (jsonPath === "") return [fieldRequired(at)];
		return validatePlace(jsonPath, [part], `should be a json path under ${part.slice(0, -1)}`, at);
	};
	const { labelSelectorPath = "" } = scale;
	return [
		...replicas("specReplicasPath", ".spec."),
		...replicas("statusReplicasPath", ".status."),
		...(labelSelectorPath === ""
			? []
			: validatePlace(
					labelSelectorPath,
					[".spec.", ".status."],
					"should be a json path under either .spec or .status",
					`${path}.scale.labelSelectorPath`,
				)),
	];
}

function validatePlace(jsonPath: string, parts: readonly string[], detail: string, path: string): FieldErrors {
	if (!jsonPath.startsWith(".")) return validateSimplePath(jsonPath, path);
	return parts.some((part) => jsonPath.startsWith(part)) ? [] : [fieldInvalid(path, jsonPath, detail)];
}

const validateSimplePath = (jsonPath: string, path: string): FieldErrors =>
	jsonPath.startsWith(".") ? [] : [fieldInvalid(path, jsonPath, "must be a simple json path starting with .")];

function validateColumn(column: Partial<CustomResourceColumnDefinition>, path: string): FieldErrors {
	const { name, type = "", format = "", jsonPath = "" } = column;
	const TYPES = `must be one of ${columnTypes.join(",")}`;
	const errors: FieldError[] = [...validateRequired(name, `${path}.name`)];
	if (type === "") errors.push(fieldRequired(`${path}.type`, TYPES));
	else if (!columnTypes.includes(type)) errors.push(fieldInvalid(`${path}.type`, type, TYPES));
	if (format !== "" && !columnFormats.includes(format)) {
		errors.push(fieldInvalid(`${path}.format`, format, `must be one of ${columnFormats.join(",")}`));
	}
	return [...errors, ...(jsonPath === "" ? [fieldRequired(`${path}.JSONPath`)] : validateSimplePath(jsonPath, `${path}.JSONPath`))];
}

/** Fields that field selectors may name (KEP-4358): scalars outside of metadata. */
function validateSelectableFields(fields: readonly SelectableField[], schema: JSONSchemaProps, path: string): FieldErrors {
	const seen = new Set<string>();
	const errors = fields.flatMap(({ jsonPath = "" }, index): FieldErrors => {
		const at = `${path}[${index}].jsonPath`;
		if (jsonPath === "") return [fieldRequired(at)];
		const found = findField(jsonPath, schema, false);
		if ("problem" in found) return [fieldInvalid(at, jsonPath, `is an invalid path: ${found.problem}`)];
		const name = found.names.join(".");
		const isSeen = seen.has(name);
		seen.add(name);
		const SCALARS = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
		return [
			...(found.names[0] === "metadata" ? [fieldInvalid(at, jsonPath, "must not point to fields in metadata")] : []),
			...(["string", "boolean", "integer"].includes(found.schema.type ?? "") ? [] : [fieldInvalid(at, jsonPath, SCALARS)]),
			...(isSeen ? [fieldDuplicate(at, jsonPath)] : []),
		];
	});
	return seen.size > maxSelectableFields ? [...errors, fieldTooMany(path, seen.size, maxSelectableFields)] : errors;
}

function validateNames(names: Partial<CustomResourceDefinitionNames>, path: string): FieldErrors {
	const { plural = "", singular = "", kind = "", listKind = "" } = names;
	const label = (field: string, value: string): FieldErrors => {
		const texts = isDns1035Label(value);
		return texts.length === 0 ? [] : [fieldInvalid(`${path}.${field}`, value, texts.join(","))];
	};
	const mixedCase = (field: string, value: string): FieldErrors => {
		const texts = value === "" ? [] : isDns1035Label(value.toLowerCase());
		const detail = `may have mixed case, but should otherwise match: ${texts.join(",")}`;
		return texts.length === 0 ? [] : [fieldInvalid(`${path}.${field}`, value, detail)];
	};
	return [
		...(plural === "" ? [] : label("plural", plural)),
		...(singular === "" ? [] : label("singular", singular)),
		...mixedCase("kind", kind),
		...mixedCase("listKind", listKind),
		...(names.shortNames ?? []).flatMap((name, index) => label(`shortNames[${index}]`, name)),
		...(kind !== "" && kind === listKind ? [fieldInvalid(`${path}.listKind`, listKind, "kind and listKind may not be the same")] : []),
		...(names.categories ?? []).flatMap((name, index) => label(`categories[${index}]`, name)),
	];
}

function validateConversion(conversion: CustomResourceConversion | undefined): FieldErrors {
	if (conversion === undefined) return [];
	const path = "spec.conversion";
	const { strategy = "", webhook } = conversion;
	const client = webhook?.clientConfig;
	const versions = webhook?.conversionReviewVersions ?? [];
	if (strategy !== "Webhook") {
		const UNUSED = "should not be set when strategy is not set to Webhook";
		return [
			...(strategy === "" ? [fieldRequired(`${path}.strategy`)] : []),
			...(strategy === "" || strategy === "None" ? [] : [fieldNotOneOf(`${path}.strategy`, strategy, ["None", "Webhook"])]),
			...(client === undefined ? [] : [fieldForbidden(`${path}.webhookClientConfig`, UNUSED)]),
			...(versions.length === 0 ? [] : [fieldForbidden(`${path}.conversionReviewVersions`, UNUSED)]),
		];
	}
	return [
		...(client === undefined
			? [fieldRequired(`${path}.webhookClientConfig`, "required when strategy is set to Webhook")]
			: validateWebhookClient(client, `${path}.webhookClientConfig`)),
		...validateReviewVersions(versions, `${path}.conversionReviewVersions`),
	];
}

/** Versions of ConversionReview, one of them known to this server. */
function validateReviewVersions(versions: readonly string[], path: string): FieldErrors {
	if (versions.length === 0) return [fieldRequired(path)];
	return [
		...versions.flatMap((version, index) =>
			versions.indexOf(version) < index
				? [fieldInvalid(`${path}[${index}]`, version, "duplicate version")]
				: isDns1035Label(version).map((text) => fieldInvalid(`${path}[${index}]`, version, text)),
		),
		...(versions.some((version) => reviewVersions.includes(version))
			? []
			: [fieldInvalid(path, versions, `must include at least one of ${reviewVersions.join(", ")}`)]),
	];
}

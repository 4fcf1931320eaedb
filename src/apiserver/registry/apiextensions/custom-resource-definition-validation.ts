/**
 * What a CustomResourceDefinition has to say. The schema is checked at its root only; the rest comes with the issue that
 * serves custom resources. Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
 */
import type {
	CustomResourceColumnDefinition,
	CustomResourceDefinition,
	CustomResourceDefinitionNames,
	CustomResourceDefinitionSpec,
	CustomResourceDefinitionVersion,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1035Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, validateEach, validateEnum, validateImmutable, validateRequired } from "../validation/primitives.ts";
import { validateWebhookClient } from "../validation/webhook-client.ts";

const approvalAnnotation = "api-approved.kubernetes.io";
const columnTypes = ["boolean", "date", "integer", "number", "string"];

export function validateDefinition({ metadata, spec }: CustomResourceDefinition): FieldErrors {
	const { group = "", names = {} }: PartialSpec = spec ?? {};
	const nameFits = metadata?.name === `${names.plural ?? ""}.${group}`;
	return [
		...(nameFits ? [] : [fieldInvalid("metadata.name", metadata?.name ?? "", 'must be spec.names.plural+"."+spec.group')]),
		...validateApproval(group, metadata?.annotations),
		...validateSpec(spec ?? {}),
	];
}

export function validateDefinitionUpdate(object: CustomResourceDefinition, old: CustomResourceDefinition): FieldErrors {
	const established = old.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") ?? false;
	const [spec, oldSpec]: readonly PartialSpec[] = [object.spec ?? {}, old.spec ?? {}];
	const versions = (spec?.versions ?? []).map(({ name }) => name);
	return [
		...(established
			? [
					...validateImmutable(spec?.scope, oldSpec?.scope, "spec.scope"),
					...validateImmutable(spec?.names?.kind, oldSpec?.names?.kind, "spec.names.kind"),
				]
			: []),
		...validateImmutable(spec?.group, oldSpec?.group, "spec.group"),
		...validateImmutable(spec?.names?.plural, oldSpec?.names?.plural, "spec.names.plural"),
		...validateEach(object.status?.storedVersions, "status.storedVersions", (version, path) =>
			versions.includes(version) ? [] : [fieldInvalid(path, version, missingVersionText(version))],
		),
	];
}

const missingVersionText = (version: string): string =>
	`missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;

type PartialSpec = Partial<Omit<CustomResourceDefinitionSpec, "names">> & { readonly names?: Partial<CustomResourceDefinitionNames> };

/** Groups of the Kubernetes community need their approval. */
function validateApproval(group: string, annotations: Readonly<Record<string, string>> | undefined): FieldErrors {
	const protectedGroup = ["k8s.io", "kubernetes.io"].some((domain) => group === domain || group.endsWith(`.${domain}`));
	if (!protectedGroup || (annotations?.[approvalAnnotation] ?? "") !== "") return [];
	const text = `protected groups must have approval annotation "${approvalAnnotation}", see https://github.com/kubernetes/enhancements/pull/1111`;
	return [fieldRequired(`metadata.annotations[${approvalAnnotation}]`, text)];
}

function validateSpec(spec: PartialSpec): FieldErrors {
	const { versions = [], preserveUnknownFields = false } = spec;
	return [
		...validateGroup(spec.group ?? ""),
		...validateEnum(spec.scope, "spec.scope", ["Cluster", "Namespaced"]),
		...validateVersions(versions),
		...validateNames(spec.names ?? {}),
		...(preserveUnknownFields ? [fieldInvalid("spec.preserveUnknownFields", true, "must be false")] : []),
		...validateConversion(spec),
	];
}

function validateGroup(group: string): FieldErrors {
	if (group === "") return [fieldRequired("spec.group")];
	const texts = isDns1123Subdomain(group);
	if (texts.length > 0) return [fieldInvalid("spec.group", group, texts.join(","))];
	return group.includes(".") ? [] : [fieldInvalid("spec.group", group, "should be a domain with at least one dot")];
}

function validateVersions(versions: readonly CustomResourceDefinitionVersion[]): FieldErrors {
	const unique = new Set(versions.map(({ name }) => name)).size === versions.length;
	const stored = versions.filter(({ storage }) => storage).length;
	return [
		...validateEach(versions, "spec.versions", validateVersion),
		...(unique ? [] : [fieldInvalid("spec.versions", versions, "must contain unique version names")]),
		...(stored === 1 ? [] : [fieldInvalid("spec.versions", versions, "must have exactly one version marked as storage version")]),
	];
}

function validateVersion(version: CustomResourceDefinitionVersion, path: string): FieldErrors {
	const texts = isDns1035Label(version.name ?? "");
	const schema = version.schema?.openAPIV3Schema;
	const schemaPath = `${path}.schema.openAPIV3Schema`;
	return [
		...(texts.length === 0 ? [] : [fieldInvalid(`${path}.name`, version.name ?? "", texts.join(","))]),
		...(schema === undefined ? [fieldRequired(schemaPath, "schemas are required")] : validateRootType(schema.type ?? "", schemaPath)),
		...(version.deprecationWarning !== undefined && version.deprecated !== true
			? [fieldInvalid(`${path}.deprecationWarning`, version.deprecationWarning, "can only be set for deprecated versions")]
			: []),
		...validateEach(version.additionalPrinterColumns, `${path}.additionalPrinterColumns`, validateColumn),
	];
}

function validateRootType(type: string, path: string): FieldErrors {
	if (type === "") return [fieldRequired(`${path}.type`, "must not be empty at the root")];
	return type === "object" ? [] : [fieldInvalid(`${path}.type`, type, "must be object at the root")];
}

function validateColumn({ name, type, jsonPath }: CustomResourceColumnDefinition, path: string): FieldErrors {
	return [
		...validateRequired(name, `${path}.name`),
		...(type === undefined || type === ""
			? [fieldRequired(`${path}.type`, `must be one of ${columnTypes.join(",")}`)]
			: columnTypes.includes(type)
				? []
				: [fieldInvalid(`${path}.type`, type, `must be one of ${columnTypes.join(",")}`)]),
		...validateRequired(jsonPath, `${path}.JSONPath`),
	];
}

function validateNames(names: Partial<CustomResourceDefinitionNames>): FieldErrors {
	const path = "spec.names";
	const { plural = "", singular = "", kind = "", listKind = "" } = names;
	const label = (field: string, value: string) => {
		const texts = value === "" ? [] : isDns1035Label(value);
		return texts.length === 0 ? [] : [fieldInvalid(`${path}.${field}`, value, texts.join(","))];
	};
	const mixedCase = (field: string, value: string) => {
		const texts = value === "" ? [] : isDns1035Label(value.toLowerCase());
		return texts.length === 0
			? []
			: [fieldInvalid(`${path}.${field}`, value, `may have mixed case, but should otherwise match: ${texts.join(",")}`)];
	};
	return [
		...Object.entries({ plural, singular, kind, listKind }).flatMap(([field, value]) => validateRequired(value, `${path}.${field}`)),
		...label("plural", plural),
		...label("singular", singular),
		...mixedCase("kind", kind),
		...mixedCase("listKind", listKind),
		...(names.shortNames ?? []).flatMap((name, index) => label(`shortNames[${index}]`, name)),
		...(kind !== "" && kind === listKind ? [fieldInvalid(`${path}.listKind`, listKind, "kind and listKind may not be the same")] : []),
		...(names.categories ?? []).flatMap((name, index) => label(`categories[${index}]`, name)),
	];
}

function validateConversion({ conversion }: PartialSpec): FieldErrors {
	if (conversion === undefined) return [];
	const path = "spec.conversion";
	const errors = validateEnum(conversion.strategy, `${path}.strategy`, ["None", "Webhook"]);
	if (conversion.strategy !== "Webhook") return errors;
	const client = conversion.webhook?.clientConfig;
	if (client === undefined) {
		return [...errors, fieldRequired(`${path}.webhookClientConfig`, "required when strategy is set to Webhook")];
	}
	return [...errors, ...validateWebhookClient(client, `${path}.webhookClientConfig`)];
}

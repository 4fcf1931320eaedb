/**
 * What admission policies and their bindings share. Their expressions: expressions.ts. Source: pkg/apis/admissionregistration/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import { parseApiVersion } from "../../../apimachinery/meta.ts";
import type {
	MatchCondition,
	MatchResources,
	ObjectMeta,
	ParamKind,
	ParamRef,
	Variable,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isCIdentifier, isDns1035Label, isDns1123Subdomain, isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import type { Column } from "../kind.ts";
import { ageColumn, formatLabelSelector, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, invalidFor, validateEach } from "../validation/primitives.ts";
import { validateMatchResources } from "./admission-rule.ts";

/** `rules.example.com/v1/ReplicaLimit`, `<unset>` for none. */
export const formatParamKind = (paramKind: ParamKind | undefined): string =>
	paramKind === undefined ? "<unset>" : `${paramKind.apiVersion ?? ""}/${paramKind.kind ?? ""}`;

export function validateParamKind(paramKind: ParamKind | undefined, path: string): FieldErrors {
	if (paramKind === undefined) return [];
	const { apiVersion = "", kind = "" } = paramKind;
	const kindTexts = isDns1035Label(kind.toLowerCase());
	return [
		...(apiVersion === "" ? [fieldRequired(`${path}.apiVersion`)] : validateApiVersion(apiVersion, `${path}.apiVersion`)),
		...(kind === "" ? [fieldRequired(`${path}.kind`)] : []),
		...(kind !== "" && kindTexts.length > 0
			? [fieldInvalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${kindTexts.join(",")}`)]
			: []),
	];
}

function validateApiVersion(apiVersion: string, path: string): FieldErrors {
	if (apiVersion.split("/").length > 2) return [fieldInvalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
	const { group, version } = parseApiVersion(apiVersion);
	const groupTexts = group === "" ? [] : isDns1123Subdomain(group);
	const versionTexts = version === "" ? ["version must be specified"] : isDns1035Label(version);
	return [
		...(groupTexts.length === 0 ? [] : [fieldInvalid(path, group, groupTexts.join(","))]),
		...(versionTexts.length === 0 ? [] : [fieldInvalid(path, version === "" ? apiVersion : version, versionTexts.join(","))]),
	];
}

/** What every policy must match: at least one rule says so. */
export function validateMatchConstraints(match: MatchResources | undefined, path: string): FieldErrors {
	if (match === undefined) return [fieldRequired(path)];
	return [
		...validateMatchResources(match, path),
		...((match.resourceRules ?? []).length === 0 ? [fieldRequired(`${path}.resourceRules`)] : []),
	];
}

export function validateVariables(variables: readonly Variable[] | undefined, path: string): FieldErrors {
	return validateEach(variables, path, ({ name, expression }: Partial<Variable>, at) => [
		...((name ?? "").trim() === "" ? [fieldRequired(`${at}.name`, "name is not specified")] : validateIdentifier(name ?? "", `${at}.name`)),
		...((expression ?? "").trim() === "" ? [fieldRequired(`${at}.expression`, "expression is not specified")] : []),
	]);
}

interface Conditional {
	readonly paramKind?: ParamKind;
	readonly matchConditions?: readonly MatchCondition[];
}

/** Match conditions are judged again when they change, or when what their `params` are does. */
export function conditionsToKeep(spec: Conditional, old: Conditional | undefined): readonly MatchCondition[] | undefined {
	return old !== undefined && jsonEqual(spec.paramKind, old.paramKind) ? old.matchConditions : undefined;
}

/** Words that CEL keeps for itself. */
const celWords = "true false null in as break const continue else for function if import let loop package namespace return var void while";
const reserved = new Set(celWords.split(" "));

function validateIdentifier(name: string, path: string): FieldErrors {
	const isIdentifier = isCIdentifier(name).length === 0 && !reserved.has(name);
	return isIdentifier ? [] : [fieldInvalid(path, name, "must be a valid CEL identifier")];
}

/** Exactly one of a name and a selector, and what to do when nothing is found. */
export function validateParamRef(ref: ParamRef | undefined, path: string): FieldErrors {
	if (ref === undefined) return [];
	const { name = "", selector, parameterNotFoundAction: action = "" } = ref;
	const EXCLUSIVE = "name and selector are mutually exclusive";
	const isBoth = name !== "" && selector !== undefined;
	const errors: FieldError[] = [
		...invalidFor(`${path}.name`, name, isPathSegmentName(name)),
		...(isBoth ? [fieldForbidden(`${path}.name`, EXCLUSIVE)] : []),
		...validateLabelSelector(selector, `${path}.selector`),
		...(isBoth ? [fieldForbidden(`${path}.selector`, EXCLUSIVE)] : []),
	];
	if (name === "" && selector === undefined) errors.push(fieldRequired(path, "one of name or selector must be specified"));
	if (action === "") errors.push(fieldRequired(`${path}.parameterNotFoundAction`));
	else if (action !== "Deny" && action !== "Allow") {
		errors.push(fieldNotOneOf(`${path}.parameterNotFoundAction`, action, ["Deny", "Allow"]));
	}
	return errors;
}

export function validatePolicyName(name: string): FieldErrors {
	return name === "" ? [fieldRequired("spec.policyName")] : invalidFor("spec.policyName", name, isDns1123Subdomain(name));
}

const staticSuffix = ".static.k8s.io";

/**
 * Names of that suffix are for what the API server is configured with in files (KEP-5793).
 * Source: pkg/apis/admissionregistration/validation/static_suffix.go of Kubernetes 1.36.
 */
export function staticNameWarnings({ metadata }: { readonly metadata?: ObjectMeta }): readonly string[] {
	if (metadata?.name?.endsWith(staticSuffix) !== true) return [];
	return [
		`metadata.name: names ending with "${staticSuffix}" are reserved for static manifest-based configurations and cannot be managed via the API`,
	];
}

export interface PolicyBinding {
	readonly metadata?: ObjectMeta;
	readonly spec?: { readonly policyName?: string; readonly paramRef?: ParamRef };
}

/** NAME POLICYNAME PARAMREF AGE. */
export function policyBindingColumns<T extends PolicyBinding>(): readonly Column<T>[] {
	return [
		nameColumn(),
		stringColumn(
			"PolicyName",
			"PolicyName indicates the policy definition which the policy binding binded to",
			({ spec }) => spec?.policyName ?? "",
		),
		stringColumn("ParamRef", "ParamRef indicates the param resource which sets the configration param", ({ spec }) =>
			formatParamRef(spec?.paramRef),
		),
		ageColumn(),
	];
}

/** `default/limits`, `*` + `/limits` where the namespace is the request's, a selector, or `<unset>`. */
function formatParamRef(ref: ParamRef | undefined): string {
	const { name = "", namespace = "", selector } = ref ?? {};
	if (name !== "") return `${namespace === "" ? "*" : namespace}/${name}`;
	return selector === undefined ? "<unset>" : formatLabelSelector(selector);
}

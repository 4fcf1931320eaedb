/**
 * What admission policies and their bindings share. Expressions are not compiled: CEL comes with the issue that serves
 * policies. Source: pkg/apis/admissionregistration/validation/validation.go.
 */

import { parseApiVersion } from "../../../apimachinery/meta.ts";
import type { MatchResources, ObjectMeta, ParamKind, ParamRef, Variable } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isCIdentifier, isDns1035Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import type { Column } from "../kind.ts";
import { ageColumn, formatLabelSelector, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, validateEach, validateEnum } from "../validation/primitives.ts";
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

function validateIdentifier(name: string, path: string): FieldErrors {
	return isCIdentifier(name).length === 0 ? [] : [fieldInvalid(path, name, "name is not a valid CEL identifier")];
}

/** Exactly one of a name and a selector, and what to do when nothing is found. */
export function validateParamRef(ref: ParamRef | undefined, path: string): FieldErrors {
	if (ref === undefined) return [];
	const { name = "", selector, parameterNotFoundAction } = ref;
	return [
		...(name !== "" && selector !== undefined
			? [
					fieldForbidden(`${path}.name`, "name and selector are mutually exclusive"),
					fieldForbidden(`${path}.selector`, "name and selector are mutually exclusive"),
				]
			: []),
		...(name === "" && selector === undefined ? [fieldRequired(path, "one of name or selector must be specified")] : []),
		...validateLabelSelector(selector, `${path}.selector`),
		...validateEnum(parameterNotFoundAction, `${path}.parameterNotFoundAction`, ["Allow", "Deny"]),
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

/**
 * What RoleBinding and ClusterRoleBinding share: defaults, validation and columns.
 * Source: pkg/apis/rbac/v1/defaults.go, pkg/apis/rbac/validation/validation.go.
 */

import { jsonEqual } from "../../../apimachinery/json.ts";
import type { ObjectMeta, RbacSubject, RoleRef } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldInvalid,
	fieldNotOneOf,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import type { Column } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn, wide } from "../printing/columns.ts";

const group = "rbac.authorization.k8s.io";

export interface Binding {
	readonly metadata?: ObjectMeta;
	readonly roleRef: RoleRef;
	readonly subjects?: readonly RbacSubject[];
}

/** The API group of the role, and of subjects that are users or groups. */
export function defaultBinding<T extends Binding>(binding: T): T {
	const withRole = mapField(binding, "roleRef", (roleRef: RoleRef) => withDefaults(roleRef, { apiGroup: group }));
	return mapField(withRole, "subjects", eachItem(defaultSubject));
}

function defaultSubject(subject: RbacSubject): RbacSubject {
	return subject.kind === "User" || subject.kind === "Group" ? withDefaults(subject, { apiGroup: group }) : subject;
}

/** `roleKinds`: what the binding may refer to. */
export function validateBinding(binding: Binding, namespaced: boolean, roleKinds: readonly string[]): readonly FieldError[] {
	const { apiGroup = "", kind = "", name = "" }: Partial<RoleRef> = binding.roleRef ?? {};
	return [
		...(apiGroup === group ? [] : [fieldNotSupported("roleRef.apiGroup", apiGroup, [group])]),
		...(roleKinds.includes(kind) ? [] : [fieldNotOneOf("roleRef.kind", kind, roleKinds)]),
		...(name === "" ? [fieldRequired("roleRef.name")] : isPathSegmentName(name).map((text) => fieldInvalid("roleRef.name", name, text))),
		...(binding.subjects ?? []).flatMap((subject, index) => validateSubject(subject, namespaced, `subjects[${index}]`)),
	];
}

/** The role of a binding is fixed: who may change subjects could else give away more than was bound. */
export function validateBindingUpdate(binding: Binding, old: Binding): readonly FieldError[] {
	if (jsonEqual(binding.roleRef, old.roleRef)) return [];
	const { apiGroup = "", kind = "", name = "" }: Partial<RoleRef> = binding.roleRef ?? {};
	return [fieldInvalid("roleRef", { APIGroup: apiGroup, Kind: kind, Name: name }, "cannot change roleRef")];
}

function validateSubject(subject: Partial<RbacSubject>, namespaced: boolean, path: string): readonly FieldError[] {
	const { kind = "", name = "" } = subject;
	const missing = name === "" ? [fieldRequired(`${path}.name`)] : [];
	switch (kind) {
		case "ServiceAccount":
			return [...missing, ...validateAccount(subject, namespaced, path)];
		case "User":
		case "Group":
			return [...missing, ...(subject.apiGroup === group ? [] : [fieldNotSupported(`${path}.apiGroup`, subject.apiGroup ?? "", [group])])];
		default:
			return [...missing, fieldNotOneOf(`${path}.kind`, kind, ["ServiceAccount", "User", "Group"])];
	}
}

function validateAccount({ name = "", apiGroup = "", namespace = "" }: Partial<RbacSubject>, namespaced: boolean, path: string) {
	return [
		...(name === "" ? [] : isDns1123Subdomain(name).map((text) => fieldInvalid(`${path}.name`, name, text))),
		...(apiGroup === "" ? [] : [fieldNotSupported(`${path}.apiGroup`, apiGroup, [""])]),
		...(namespaced || namespace !== "" ? [] : [fieldRequired(`${path}.namespace`)]),
	];
}

/** NAME ROLE AGE, wide USERS GROUPS SERVICEACCOUNTS. */
export function bindingColumns<T extends Binding>(): readonly Column<T>[] {
	const subjects = (kind: string, text: (subject: RbacSubject) => string) => (binding: T) =>
		(binding.subjects ?? [])
			.filter((subject) => subject.kind === kind)
			.map(text)
			.join(", ");
	return [
		nameColumn(),
		stringColumn("Role", "RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace.", ({ roleRef }) =>
			[roleRef?.kind, roleRef?.name].join("/"),
		),
		ageColumn(),
		wide(
			stringColumn(
				"Users",
				"Users in the roleBinding",
				subjects("User", ({ name }) => name),
			),
		),
		wide(
			stringColumn(
				"Groups",
				"Groups in the roleBinding",
				subjects("Group", ({ name }) => name),
			),
		),
		wide(
			stringColumn(
				"ServiceAccounts",
				"ServiceAccounts in the roleBinding",
				subjects("ServiceAccount", ({ name, namespace = "" }) => (namespace === "" ? name : `${namespace}/${name}`)),
			),
		),
	];
}

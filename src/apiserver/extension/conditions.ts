/**
 * The conditions of a CustomResourceDefinition, and what its status has to become. Pure.
 * Source: k8s.io/apiextensions-apiserver/pkg/controller/{status,establish,apiapproval,nonstructuralschema} of Kubernetes 1.36.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type {
	CustomResourceDefinition,
	CustomResourceDefinitionCondition,
	CustomResourceDefinitionNames,
	CustomResourceDefinitionStatus,
} from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { approvalAnnotation, approvalState, approvalTexts, isProtectedGroup } from "../registry/apiextensions/approval.ts";
import { validateStructural } from "../registry/apiextensions/structural.ts";

export type NewCondition = Omit<CustomResourceDefinitionCondition, "lastTransitionTime">;

export function findCondition({ status }: CustomResourceDefinition, type: string): CustomResourceDefinitionCondition | undefined {
	return status?.conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(definition: CustomResourceDefinition, type: string): boolean {
	return findCondition(definition, type)?.status === "True";
}

/** The conditions with this one in its place; its time changes only with its status. */
export function withCondition(
	conditions: readonly CustomResourceDefinitionCondition[],
	condition: NewCondition,
	nowMs: number,
): readonly CustomResourceDefinitionCondition[] {
	const old = conditions.find(({ type }) => type === condition.type);
	if (old === undefined) return [...conditions, { ...condition, lastTransitionTime: formatTime(nowMs) }];
	const isSame = old.status === condition.status && old.lastTransitionTime !== undefined;
	const lastTransitionTime = isSame ? old.lastTransitionTime : formatTime(nowMs);
	const next = { ...condition, ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }) };
	return conditions.map((known) => (known === old ? next : known));
}

const accepted: NewCondition = { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" };
const notAccepted: NewCondition = {
	type: "Established",
	status: "False",
	reason: "NotAccepted",
	message: "not all names are accepted",
};
const installing: NewCondition = {
	type: "Established",
	status: "False",
	reason: "Installing",
	message: "the initial names have been accepted",
};
const established: NewCondition = {
	type: "Established",
	status: "True",
	reason: "InitialNamesAccepted",
	message: "the initial names have been accepted",
};

/**
 * The next status of a definition, one step at a time; undefined if it is as it should be.
 * @param others all definitions
 * @param canServe whether its objects can be read on this server, so that it may count as established
 */
export function planStatus(
	definition: CustomResourceDefinition,
	others: readonly CustomResourceDefinition[],
	{ nowMs, canServe }: { readonly nowMs: number; readonly canServe: boolean },
): CustomResourceDefinitionStatus | undefined {
	const status = definition.status;
	if (status === undefined) return undefined;
	const named = planNames(definition, others, nowMs);
	if (named !== undefined) return named;
	if (isConditionTrue(definition, "NamesAccepted") && !isConditionTrue(definition, "Established") && canServe) {
		return { ...status, conditions: withCondition(status.conditions ?? [], established, nowMs) };
	}
	return planRemarks(definition, status, nowMs);
}

function planNames(
	definition: CustomResourceDefinition,
	others: readonly CustomResourceDefinition[],
	nowMs: number,
): CustomResourceDefinitionStatus | undefined {
	const { status, spec } = definition;
	if (status === undefined || spec === undefined || sameNames(spec.names, status.acceptedNames)) return undefined;
	const { names, condition } = acceptNames(definition, others);
	const old = findCondition(definition, "NamesAccepted");
	const isKnown = old?.status === condition.status && old.reason === condition.reason && old.message === condition.message;
	if (isKnown && sameNames(names, status.acceptedNames)) return undefined;
	const wasEstablished = findCondition(definition, "Established");
	const { lastTransitionTime: _, ...before }: CustomResourceDefinitionCondition = wasEstablished ?? notAccepted;
	const next: NewCondition = before.status !== "True" && condition.status === "True" ? installing : before;
	const conditions = withCondition(withCondition(status.conditions ?? [], condition, nowMs), next, nowMs);
	return { ...status, acceptedNames: names, conditions };
}

const emptyNames: CustomResourceDefinitionNames = { plural: "", kind: "" };

/** Which of the wanted names are free, and what is to be said of the others. */
function acceptNames(definition: CustomResourceDefinition, others: readonly CustomResourceDefinition[]) {
	const wanted = definition.spec?.names ?? emptyNames;
	const own = definition.status?.acceptedNames ?? emptyNames;
	const inGroup = others
		.filter(({ spec }) => spec?.group === definition.spec?.group)
		.map(({ status }) => status?.acceptedNames ?? emptyNames);
	const resources = new Set(inGroup.flatMap(({ plural, singular = "", shortNames = [] }) => [plural, singular, ...shortNames]));
	const kinds = new Set(inGroup.flatMap(({ kind, listKind = "" }) => [kind, listKind]));
	let condition = accepted;
	const conflict = (reason: string, message: string) => {
		condition = { type: "NamesAccepted", status: "False", reason, message };
	};
	const pick = (name: string, mine: string, used: ReadonlySet<string>, reason: string): string => {
		if (name === mine || !used.has(name)) return name;
		conflict(reason, inUse(name));
		return mine;
	};
	const plural = pick(wanted.plural, own.plural, resources, "PluralConflict");
	const singular = pick(wanted.singular ?? "", own.singular ?? "", resources, "SingularConflict");
	const taken = (wanted.shortNames ?? []).filter(
		(name) => !(own.shortNames ?? []).includes(name) && name !== own.plural && name !== own.singular && resources.has(name),
	);
	if (taken.length > 0) conflict("ShortNamesConflict", aggregate(taken.map(inUse)));
	const shortNames = taken.length > 0 ? own.shortNames : wanted.shortNames;
	const kind = pick(wanted.kind, own.kind, kinds, "KindConflict");
	const listKind = pick(wanted.listKind ?? "", own.listKind ?? "", kinds, "ListKindConflict");
	const names: CustomResourceDefinitionNames = {
		plural,
		...(singular === "" ? {} : { singular }),
		...(shortNames === undefined ? {} : { shortNames }),
		kind,
		...(listKind === "" ? {} : { listKind }),
		...(wanted.categories === undefined ? {} : { categories: wanted.categories }),
	};
	return { names, condition };
}

const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`;

/** Go's text of several errors. */
function aggregate(texts: readonly string[]): string {
	const different = [...new Set(texts)];
	return different.length === 1 ? (different[0] ?? "") : `[${different.join(", ")}]`;
}

function sameNames(a: CustomResourceDefinitionNames, b: CustomResourceDefinitionNames | undefined): boolean {
	return b !== undefined && jsonEqual(withoutEmpty(a), withoutEmpty(b));
}

function withoutEmpty(names: CustomResourceDefinitionNames): object {
	return Object.fromEntries(Object.entries(names).filter(([, value]) => value !== "" && !(Array.isArray(value) && value.length === 0)));
}

/** Conditions that say something of the definition and change nothing. */
function planRemarks(
	definition: CustomResourceDefinition,
	status: CustomResourceDefinitionStatus,
	nowMs: number,
): CustomResourceDefinitionStatus | undefined {
	const wanted: readonly (readonly [string, NewCondition | undefined])[] = [
		["KubernetesAPIApprovalPolicyConformant", approvalCondition(definition)],
		["NonStructuralSchema", structuralViolations(definition)],
	];
	for (const [type, condition] of wanted) {
		const old = findCondition(definition, type);
		const conditions = status.conditions ?? [];
		if (condition === undefined) {
			// The group of a definition never changes: its approval is never without anything to be said of it.
			if (old !== undefined && type === "NonStructuralSchema")
				return { ...status, conditions: conditions.filter((known) => known !== old) };
			continue;
		}
		if (old?.status === condition.status && old.reason === condition.reason && old.message === condition.message) continue;
		return { ...status, conditions: withCondition(conditions, condition, nowMs) };
	}
	return undefined;
}

const approvals = {
	invalid: { status: "False", reason: "InvalidAnnotation" },
	missing: { status: "False", reason: "MissingAnnotation" },
	approved: { status: "True", reason: "ApprovedAnnotation" },
	bypassed: { status: "False", reason: "UnapprovedAnnotation" },
} as const;

/** Undefined for groups that are not the Kubernetes community's. */
function approvalCondition({ metadata, spec }: CustomResourceDefinition): NewCondition | undefined {
	if (!isProtectedGroup(spec?.group ?? "")) return undefined;
	const state = approvalState(metadata?.annotations);
	const annotation = metadata?.annotations?.[approvalAnnotation] ?? "";
	return { type: "KubernetesAPIApprovalPolicyConformant", ...approvals[state], message: approvalTexts[state](annotation) };
}

/** Undefined for schemas that are structural, as all are that were written since apiextensions.k8s.io/v1. */
function structuralViolations({ spec }: CustomResourceDefinition): NewCondition | undefined {
	if (spec?.preserveUnknownFields !== true) return undefined;
	const errors = spec.versions.flatMap(({ schema }, index) =>
		schema?.openAPIV3Schema === undefined
			? []
			: validateStructural(schema.openAPIV3Schema, `spec.versions[${index}].schema.openAPIV3Schema`),
	);
	if (errors.length === 0) return undefined;
	return { type: "NonStructuralSchema", status: "True", reason: "Violations", message: aggregate(errors.map(String)) };
}

/** scheduling.k8s.io/v1 PriorityClass: a name for a pod priority. */
import type { PriorityClass } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldNotOneOf } from "../../../apimachinery/validation/field-error.ts";
import { withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, booleanColumn, integerColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, validateImmutable } from "../validation/primitives.ts";

/** What users may give; above it is the system's. */
const maxUserPriority = 1_000_000_000;
const systemPrefix = "system-";
const systemClasses: ReadonlyMap<string, number> = new Map([
	["system-node-critical", 2_000_001_000],
	["system-cluster-critical", 2_000_000_000],
]);

export const priorityClass = defineKind<PriorityClass>({
	group: "scheduling.k8s.io",
	kind: "PriorityClass",
	resource: "priorityclasses",
	singular: "priorityclass",
	shortNames: ["pc"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults: (object) => withDefaults(object, { value: 0, preemptionPolicy: "PreemptLowerPriority" }),
	validate: (object) => [...validateValue(object), ...validatePolicy(object.preemptionPolicy)],
	validateUpdate: (object, old) => [
		...(object.value === old.value ? [] : [fieldForbidden("value", "may not be changed in an update.")]),
		...validateImmutable(object.preemptionPolicy, old.preemptionPolicy, "preemptionPolicy"),
	],
	columns: [
		nameColumn(),
		integerColumn(
			"Value",
			"value represents the integer value of this priority class. This is the actual priority that pods receive when they have the name of this class in their pod spec.",
			({ value }) => value,
		),
		booleanColumn(
			"Global-Default",
			"globalDefault specifies whether this PriorityClass should be considered as the default priority for pods that do not have any priority class. Only one PriorityClass can be marked as `globalDefault`. However, if more than one PriorityClasses exists with their `globalDefault` field set to true, the smallest value of such global default PriorityClasses will be used as the default priority.",
			({ globalDefault }) => globalDefault ?? false,
		),
		ageColumn(),
		// Shown although nobody asks for wide: the table has it without a priority.
		stringColumn(
			"PreemptionPolicy",
			"preemptionPolicy is the Policy for preempting pods with lower priority. One of Never, PreemptLowerPriority. Defaults to PreemptLowerPriority if unset.",
			({ preemptionPolicy }) => preemptionPolicy ?? "",
		),
	],
});

function validatePolicy(policy: string | undefined): FieldErrors {
	const policies = ["PreemptLowerPriority", "Never"];
	return policy === undefined || policies.includes(policy) ? [] : [fieldNotOneOf("preemptionPolicy", policy, policies)];
}

function validateValue({ metadata, value = 0, globalDefault = false }: PriorityClass): FieldErrors {
	const name = metadata?.name ?? "";
	if (!name.startsWith(systemPrefix)) {
		return value > maxUserPriority
			? [fieldForbidden("value", `maximum allowed value of a user defined priority is ${maxUserPriority}`)]
			: [];
	}
	const problem = systemClassProblem(name, value, globalDefault);
	const text = `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${problem}`;
	return problem === undefined ? [] : [fieldForbidden("metadata.name", text)];
}

function systemClassProblem(name: string, value: number, globalDefault: boolean): string | undefined {
	const expected = systemClasses.get(name);
	if (expected === undefined) return `${name} is not a known system priority class`;
	if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
	return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

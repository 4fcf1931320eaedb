/** flowcontrol.apiserver.k8s.io/v1 FlowSchema: which requests belong to which priority level. */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { FlowSchema, FlowSchemaSpec } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { internalValue } from "../validation/internal-value.ts";
import { type FieldErrors, invalidFor, validateEach } from "../validation/primitives.ts";
import { validateFlowRule } from "./flow-rule.ts";
import { flowSchemaShape, mandatoryFlowSchemas, validateFlowConditions } from "./mandatory.ts";

const maxPrecedence = 10_000;
const methods: readonly string[] = ["ByNamespace", "ByUser"];

export const flowSchema = defineKind<FlowSchema>({
	group: "flowcontrol.apiserver.k8s.io",
	kind: "FlowSchema",
	resource: "flowschemas",
	singular: "flowschema",
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) => mapField(object, "spec", (spec) => withDefaults(spec, { matchingPrecedence: 1000 })),
	validate: ({ metadata, spec }) => [
		...validateSpec(metadata?.name ?? "", spec ?? {}),
		...validateMandatory(metadata?.name ?? "", spec ?? {}),
	],
	validateStatusUpdate: ({ status }) => validateFlowConditions(status?.conditions),
	columns: [
		nameColumn(),
		stringColumn(
			"PriorityLevel",
			"`name` is the name of the priority level configuration being referenced Required.",
			({ spec }) => spec?.priorityLevelConfiguration?.name ?? "",
		),
		{
			...stringColumn<FlowSchema>(
				"MatchingPrecedence",
				"`matchingPrecedence` is used to choose among the FlowSchemas that match a given request. The chosen FlowSchema is among those with the numerically lowest (which we take to be logically highest) MatchingPrecedence.  Each MatchingPrecedence value must be ranged in [1,10000]. Note that if the precedence is not specified, it will be set to 1000 as default.",
				() => "",
			),
			// A number in a column that says it is text: Kubernetes' own.
			cell: ({ spec }) => spec?.matchingPrecedence ?? 0,
		},
		stringColumn(
			"DistinguisherMethod",
			"`distinguisherMethod` defines how to compute the flow distinguisher for requests that match this schema. `nil` specifies that the distinguisher is disabled and thus will always be the empty string.",
			({ spec }) => spec?.distinguisherMethod?.type ?? "<none>",
		),
		ageColumn(),
		stringColumn(
			"MissingPL",
			"references a broken or non-existent PriorityLevelConfiguration",
			({ status }) => status?.conditions?.find(({ type }) => type === "Dangling")?.status ?? "?",
		),
	],
	compareRows: (a, b) => precedence(a) - precedence(b) || ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1),
});

const precedence = ({ spec }: FlowSchema): number => spec?.matchingPrecedence ?? 0;

function validateSpec(name: string, spec: Partial<FlowSchemaSpec>): FieldErrors {
	const { matchingPrecedence = 0, distinguisherMethod, priorityLevelConfiguration, rules } = spec;
	const level = priorityLevelConfiguration?.name ?? "";
	const levelPath = "spec.priorityLevelConfiguration.name";
	return [
		...validatePrecedence(name, matchingPrecedence),
		...(distinguisherMethod === undefined || methods.includes(distinguisherMethod.type)
			? []
			: [fieldNotSupported("spec.distinguisherMethod.type", { Type: distinguisherMethod.type }, methods)]),
		...(level === ""
			? [fieldRequired(levelPath, "must reference a priority level")]
			: invalidFor(levelPath, level, isDns1123Subdomain(level))),
		...validateEach(rules, "spec.rules", validateFlowRule),
	];
}

/** Two schemas belong to the server: every request finds one of them. */
function validateMandatory(name: string, spec: Partial<FlowSchemaSpec>): FieldErrors {
	const fixed = mandatoryFlowSchemas[name];
	if (fixed === undefined || jsonEqual(spec, fixed)) return [];
	return [fieldInvalid("spec", internalValue(spec, flowSchemaShape), `spec of '${name}' must equal the fixed value`)];
}

function validatePrecedence(name: string, value: number): FieldErrors {
	const texts = [
		...(value <= 0 ? ["must be a positive value"] : []),
		...(value > maxPrecedence ? [`must not be greater than ${maxPrecedence}`] : []),
		...(value === 1 && name !== "exempt" ? ["only the schema named 'exempt' may have matchingPrecedence 1"] : []),
	];
	return texts.map((text) => fieldInvalid("spec.matchingPrecedence", value, text));
}

/**
 * Whether the expressions of policies and match conditions compile. Loaded when the first object with one comes.
 * Source: pkg/apis/admissionregistration/validation/validation.go of Kubernetes 1.36.
 */
import { type CelType, compileFor, type Purpose, type Visible } from "../../../apimachinery/cel/index.ts";
import type {
	MatchCondition,
	MutatingAdmissionPolicy,
	MutatingWebhook,
	ValidatingAdmissionPolicy,
	Variable,
} from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";

type Errors = readonly FieldError[];

function expressionErrors(text: string | undefined, path: string, visible: Visible, purpose: Purpose): Errors {
	if (text === undefined || text.trim() === "") return [];
	const compiled = compileFor(text, visible, purpose);
	return "problem" in compiled ? [fieldInvalid(path, text, compiled.problem)] : [];
}

/** Conditions see no variables. */
function conditionErrors(conditions: readonly MatchCondition[] | undefined, path: string, params: boolean): Errors {
	return (conditions ?? []).flatMap(({ expression = "" }: Partial<MatchCondition>, index) =>
		expressionErrors(expression.trim(), `${path}[${index}].expression`, { params, authorizer: true }, "condition"),
	);
}

/** Each variable sees those before it. */
function variableErrors(
	variables: readonly Variable[] | undefined,
	visible: Visible,
): { readonly errors: Errors; readonly types: Readonly<Record<string, CelType>> } {
	const errors: FieldError[] = [];
	const types: Record<string, CelType> = {};
	for (const [index, { name = "", expression = "" }] of ((variables ?? []) as readonly Partial<Variable>[]).entries()) {
		if (expression.trim() === "") continue;
		const compiled = compileFor(expression, { ...visible, variables: { ...types } }, "variable");
		if ("problem" in compiled) errors.push(fieldInvalid(`spec.variables[${index}].expression`, expression, compiled.problem));
		else types[name] = compiled.checked.type;
	}
	return { errors, types };
}

export function validatingPolicyErrors({ spec = {} }: ValidatingAdmissionPolicy): Errors {
	const params = spec.paramKind !== undefined;
	const variables = variableErrors(spec.variables, { params, authorizer: true });
	const visible: Visible = { params, authorizer: true, variables: variables.types };
	return [
		...conditionErrors(spec.matchConditions, "spec.matchConditions", params),
		...variables.errors,
		...(spec.validations ?? []).flatMap(({ expression, messageExpression }, index) => {
			const path = `spec.validations[${index}]`;
			return [
				...expressionErrors(expression, `${path}.expression`, visible, "condition"),
				...expressionErrors(messageExpression, `${path}.messageExpression`, { ...visible, authorizer: false }, "message"),
			];
		}),
		...(spec.auditAnnotations ?? []).flatMap(({ valueExpression = "" }, index) =>
			expressionErrors(valueExpression.trim(), `spec.auditAnnotations[${index}].valueExpression`, visible, "annotation"),
		),
	];
}

export function mutatingPolicyErrors({ spec = {} }: MutatingAdmissionPolicy): Errors {
	const params = spec.paramKind !== undefined;
	const variables = variableErrors(spec.variables, { params, authorizer: true, patches: true });
	const visible: Visible = { params, authorizer: true, variables: variables.types, patches: true };
	return [
		...conditionErrors(spec.matchConditions, "spec.matchConditions", params),
		...variables.errors,
		...(spec.mutations ?? []).flatMap(({ applyConfiguration, jsonPatch }, index) => {
			const path = `spec.mutations[${index}]`;
			return [
				...expressionErrors(applyConfiguration?.expression, `${path}.applyConfiguration.expression`, visible, "applyConfiguration"),
				...expressionErrors(jsonPatch?.expression, `${path}.jsonPatch.expression`, visible, "jsonPatch"),
			];
		}),
	];
}

export function webhookErrors(webhooks: readonly Pick<MutatingWebhook, "matchConditions">[] | undefined): Errors {
	return (webhooks ?? []).flatMap(({ matchConditions }, index) =>
		conditionErrors(matchConditions, `webhooks[${index}].matchConditions`, false),
	);
}

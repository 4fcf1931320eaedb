/** Policies with their expressions compiled: once a version of the policy, whose object is the key. */
import {
	type CelType,
	type CompiledExpression,
	compileFor,
	type Program,
	type Purpose,
	type Visible,
} from "../../../apimachinery/cel/index.ts";
import type {
	MatchCondition,
	MutatingAdmissionPolicy,
	Mutation,
	ValidatingAdmissionPolicy,
	Validation,
	Variable,
} from "../../../apimachinery/schema/generated/types.ts";

/** An expression, or why there is none: what was stored has compiled once, and could have been stored by another version. */
export interface PolicyExpression {
	readonly text: string;
	readonly program: Program | undefined;
	readonly problem: string;
}

export interface CompiledCondition {
	readonly name: string;
	readonly expression: PolicyExpression;
}

export interface CompiledBasics {
	readonly conditions: readonly CompiledCondition[];
	readonly variables: ReadonlyMap<string, PolicyExpression>;
}

export interface CompiledValidation {
	readonly validation: Validation;
	readonly expression: PolicyExpression;
	readonly message: PolicyExpression | undefined;
}

export interface CompiledAnnotation {
	readonly key: string;
	readonly expression: PolicyExpression;
}

export interface CompiledValidatingPolicy extends CompiledBasics {
	readonly validations: readonly CompiledValidation[];
	readonly annotations: readonly CompiledAnnotation[];
}

export interface CompiledMutation {
	readonly patchType: string;
	readonly expression: PolicyExpression;
}

export interface CompiledMutatingPolicy extends CompiledBasics {
	readonly mutations: readonly CompiledMutation[];
}

interface Spec {
	readonly paramKind?: unknown;
	readonly matchConditions?: readonly MatchCondition[];
	readonly variables?: readonly Variable[];
}

function expressionOf(text: string, visible: Visible, purpose: Purpose): PolicyExpression & { readonly compiled?: CompiledExpression } {
	const compiled = compileFor(text, visible, purpose);
	if ("problem" in compiled) return { text, program: undefined, problem: compiled.problem };
	return { text, program: compiled.program, problem: "", compiled };
}

function basicsOf(
	{ paramKind, matchConditions = [], variables = [] }: Spec,
	patches: boolean,
): CompiledBasics & { readonly visible: Visible } {
	const params = paramKind !== undefined;
	const own = new Map<string, PolicyExpression>();
	const types: Record<string, CelType> = {};
	for (const { name, expression } of variables) {
		const compiled = expressionOf(expression, { params, authorizer: true, patches, variables: { ...types } }, "variable");
		own.set(name, compiled);
		if (compiled.compiled !== undefined) types[name] = compiled.compiled.checked.type;
	}
	return {
		conditions: matchConditions.map(({ name, expression }) => ({
			name,
			expression: expressionOf(expression.trim(), { params, authorizer: true }, "condition"),
		})),
		variables: own,
		visible: { params, authorizer: true, patches, variables: types },
	};
}

/** Match conditions alone, as webhooks have them. */
export function compileConditions(matchConditions: readonly MatchCondition[]): CompiledBasics {
	return basicsOf({ matchConditions }, false);
}

export function compileValidatingPolicy({ spec = {} }: ValidatingAdmissionPolicy): CompiledValidatingPolicy {
	const { visible, ...basics } = basicsOf(spec, false);
	return {
		...basics,
		validations: (spec.validations ?? []).map((validation) => {
			const { expression, messageExpression = "" } = validation;
			const forMessage = { ...visible, authorizer: false };
			return {
				validation,
				expression: expressionOf(expression, visible, "condition"),
				message: messageExpression.trim() === "" ? undefined : expressionOf(messageExpression, forMessage, "message"),
			};
		}),
		annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
			key,
			expression: expressionOf(valueExpression.trim(), visible, "annotation"),
		})),
	};
}

export function compileMutatingPolicy({ spec = {} }: MutatingAdmissionPolicy): CompiledMutatingPolicy {
	const { visible, ...basics } = basicsOf(spec, true);
	const mutation = ({ patchType, applyConfiguration, jsonPatch }: Mutation): CompiledMutation =>
		patchType === "JSONPatch"
			? { patchType, expression: expressionOf(jsonPatch?.expression ?? "", visible, "jsonPatch") }
			: { patchType, expression: expressionOf(applyConfiguration?.expression ?? "", visible, "applyConfiguration") };
	return { ...basics, mutations: (spec.mutations ?? []).map(mutation) };
}

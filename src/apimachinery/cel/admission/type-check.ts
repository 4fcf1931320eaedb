/**
 * Whether the expressions of a ValidatingAdmissionPolicy fit the kinds that it names: what its status warns of.
 * Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/typechecking.go;
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
 */
import { parseApiVersion } from "../../meta.ts";
import type {
	ExpressionWarning,
	NamedRuleWithOperations,
	ParamKind,
	ValidatingAdmissionPolicy,
	Variable,
} from "../../schema/generated/types.ts";
import { generatedResources } from "../../schema/resources.ts";
import { compileExpression } from "../kubernetes.ts";
import type { CelType } from "../types/types.ts";
import { environmentOf, type Visible } from "./environment.ts";
import { resourceType } from "./resource-type.ts";

/** So many kinds are looked at. */
const maxKinds = 10;

interface Kind {
	/** `apps/v1, Kind=Deployment`. */
	readonly text: string;
	readonly type: CelType;
}

/** One warning an expression, with what is wrong for each kind. */
export function typeCheckPolicy({ spec = {} }: ValidatingAdmissionPolicy): readonly ExpressionWarning[] {
	const kinds = kindsOf(spec.matchConstraints?.resourceRules ?? []);
	if (kinds.length === 0) return [];
	const params = spec.paramKind !== undefined;
	const paramsType = spec.paramKind === undefined ? undefined : typeOfKind(spec.paramKind);
	const contexts = kinds.map((kind) => {
		const visible: Visible = { params, authorizer: true, object: kind.type, ...(paramsType === undefined ? {} : { paramsType }) };
		return { kind, visible: { ...visible, variables: variableTypes(spec.variables ?? [], visible) } };
	});
	const warn = (expression: string | undefined, fieldRef: string): readonly ExpressionWarning[] => {
		if (expression === undefined || expression.trim() === "") return [];
		const problems = contexts.flatMap(({ kind, visible }) => {
			const compiled = compileExpression(expression, environmentOf(visible));
			return "problem" in compiled ? [`${kind.text}: ${compiled.problem}`] : [];
		});
		return problems.length === 0 ? [] : [{ fieldRef, warning: problems.join("\n") }];
	};
	return (spec.validations ?? []).flatMap(({ expression, messageExpression }, index) => [
		...warn(expression, `spec.validations[${index}].expression`),
		...warn(messageExpression, `spec.validations[${index}].messageExpression`),
	]);
}

function variableTypes(variables: readonly Variable[], visible: Visible): Readonly<Record<string, CelType>> {
	const types: Record<string, CelType> = {};
	for (const { name, expression } of variables) {
		const compiled = compileExpression(expression, environmentOf({ ...visible, variables: { ...types } }));
		types[name] = "problem" in compiled ? { kind: "dyn" } : compiled.checked.type;
	}
	return types;
}

/** Kinds that rules name one by one; a rule with a star names none. */
function kindsOf(rules: readonly NamedRuleWithOperations[]): readonly Kind[] {
	const found = new Map<string, Kind>();
	for (const { apiGroups = [], apiVersions = [], resources = [] } of rules) {
		if ([apiGroups, apiVersions, resources].some((list) => list.includes("*"))) continue;
		for (const entry of generatedResources) {
			const { group, version, resource, subresource, kind } = entry;
			if (subresource !== "" || !apiGroups.includes(group) || !apiVersions.includes(version) || !resources.includes(resource)) continue;
			const type = resourceType(entry.type);
			const text = `${group}/${version}, Kind=${kind}`;
			if (type !== undefined) found.set(text, { text, type });
		}
	}
	return [...found.values()].sort((a, b) => (a.text < b.text ? -1 : 1)).slice(0, maxKinds);
}

function typeOfKind({ apiVersion = "", kind = "" }: ParamKind): CelType | undefined {
	const { group, version } = parseApiVersion(apiVersion);
	const entry = generatedResources.find(
		(each) => each.group === group && each.version === version && each.kind === kind && each.subresource === "",
	);
	return entry === undefined ? undefined : resourceType(entry.type);
}

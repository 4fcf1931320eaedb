/**
 * What expressions about who somebody is and what is asked may refer to: the claims of a token, the user that they made, and
 * the request that an authorization webhook would be asked about.
 * Source: k8s.io/apiserver/pkg/authentication/cel/compile.go and pkg/authorization/cel/compile.go.
 */
import type { Environment } from "../environment.ts";
import { type CompiledExpression, compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import type { Expr } from "../syntax/ast.ts";
import { boolType, dynType, formatType, listType, mapType, objectType, stringType } from "../types/types.ts";

const texts = listType(stringType);
const textsByKey = mapType(stringType, texts);

const userInfo = objectType("kubernetes.UserInfo", { username: stringType, uid: stringType, groups: texts, extra: textsByKey });

const requirements = listType(objectType("kubernetes.SelectorRequirement", { key: stringType, operator: stringType, values: texts }));
const selector = (name: string) => objectType(name, { rawSelector: stringType, requirements });
const accessReview = objectType("kubernetes.SubjectAccessReviewSpec", {
	resourceAttributes: objectType("kubernetes.ResourceAttributes", {
		namespace: stringType,
		verb: stringType,
		group: stringType,
		version: stringType,
		resource: stringType,
		subresource: stringType,
		name: stringType,
		fieldSelector: selector("kubernetes.FieldSelectorAttributes"),
		labelSelector: selector("kubernetes.LabelSelectorAttributes"),
	}),
	nonResourceAttributes: objectType("kubernetes.NonResourceAttributes", { path: stringType, verb: stringType }),
	user: stringType,
	groups: texts,
	extra: textsByKey,
	uid: stringType,
});

const claimsEnvironment = kubernetesEnvironment.extend({ variables: { claims: mapType(stringType, dynType) } });
const userEnvironment = kubernetesEnvironment.extend({ variables: { user: userInfo } });
const reviewEnvironment = kubernetesEnvironment.extend({ variables: { request: accessReview } });

type Compiled = CompiledExpression | { readonly problem: string };

/** A value made of `claims`: its type shows when it is computed. */
export function compileClaim(text: string): Compiled {
	return compileIn(claimsEnvironment, text);
}

/** A condition on `claims`. */
export function compileClaimCondition(text: string): Compiled {
	return mustBeBool(compileIn(claimsEnvironment, text), () => "must evaluate to bool");
}

/** A condition on `user`. */
export function compileUserCondition(text: string): Compiled {
	return mustBeBool(compileIn(userEnvironment, text), () => "must evaluate to bool");
}

/** A condition on `request`, the spec of a SubjectAccessReview. */
export function compileReviewCondition(text: string): Compiled {
	return mustBeBool(compileIn(reviewEnvironment, text), (type) => `must evaluate to bool but got ${type}`);
}

function compileIn(environment: Environment, text: string): Compiled {
	const compiled = compileExpression(text, environment);
	return "problem" in compiled ? { problem: `compilation failed: ${compiled.problem}` } : compiled;
}

function mustBeBool(compiled: Compiled, problem: (type: string) => string): Compiled {
	if ("problem" in compiled || compiled.checked.type.kind === boolType.kind) return compiled;
	return { problem: problem(formatType(compiled.checked.type)) };
}

/** Whether an expression selects this claim, as `claims.name`, `has(claims.name)` or `claims.?name`. */
export function selectsClaim({ checked }: CompiledExpression, claim: string): boolean {
	const seen = new Set<Expr>();
	const waiting: Expr[] = [checked.expr];
	for (let expr = waiting.pop(); expr !== undefined; expr = waiting.pop()) {
		if (seen.has(expr)) continue;
		seen.add(expr);
		if (isSelection(expr, claim)) return true;
		waiting.push(...partsOf(expr));
	}
	return false;
}

const isClaims = (expr: Expr | undefined): boolean => expr?.kind === "ident" && expr.name === "claims";

function isSelection(expr: Expr, claim: string): boolean {
	if (expr.kind === "select") return isClaims(expr.operand) && expr.field === claim;
	if (expr.kind !== "call" || expr.function !== "_?._" || !isClaims(expr.args[0])) return false;
	const [, field] = expr.args;
	return field?.kind === "literal" && field.literal.type === "string" && field.literal.value === claim;
}

function partsOf(expr: Expr): readonly Expr[] {
	switch (expr.kind) {
		case "literal":
		case "ident":
			return [];
		case "select":
			return [expr.operand];
		case "call":
			return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
		case "list":
			return expr.elements;
		case "map":
			return expr.entries.flatMap(({ key, value }) => [key, value]);
		case "struct":
			return expr.fields.map(({ value }) => value);
		case "comprehension":
			return [expr.range, expr.accuInit, expr.condition, expr.step, expr.result];
		default: {
			const unknown: never = expr;
			return unknown;
		}
	}
}

/**
 * What an AuthenticationConfiguration computes by expressions in CEL: names, groups, uid and extra fields of a user from the
 * claims of a token, and conditions on both.
 * Source: k8s.io/apiserver/pkg/authentication/cel and plugin/pkg/authenticator/token/oidc (evaluation and texts);
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
 */
import { CelList, type CelValue, jsonToCel, type Program, perCallLimit } from "../../apimachinery/cel/index.ts";
import type { JsonObject } from "../../apimachinery/json.ts";
import type { UserInfo } from "../../apimachinery/user.ts";

export interface ClaimExpression {
	readonly text: string;
	readonly program: Program;
}

/** One key of `extra`. */
export interface ExtraExpression extends ClaimExpression {
	readonly key: string;
}

/** A condition; what is said where it does not hold. */
export interface ValidationRule extends ClaimExpression {
	readonly message: string;
}

/** An expression that cannot be evaluated, gives something else than is wanted, or does not hold. */
export class ClaimExpressionError extends Error {
	override readonly name = "ClaimExpressionError";
}

/** @throws ClaimExpressionError */
export function evaluateText(expression: ClaimExpression, claims: JsonObject, what: string): string {
	const value = run(expression, "claims", claims);
	if (typeof value !== "string") throw new ClaimExpressionError(`${what} claim expression must return a string`);
	return value;
}

/** Nothing, one text or several; empty ones are left out. @throws ClaimExpressionError */
export function evaluateTexts(expression: ClaimExpression, claims: JsonObject): readonly string[] {
	return textsOf(run(expression, "claims", claims));
}

/** The extra fields that have a value. @throws ClaimExpressionError */
export function evaluateExtra(expressions: readonly ExtraExpression[], claims: JsonObject): Readonly<Record<string, readonly string[]>> {
	const values = expressions.map((expression) => ({ expression, value: run(expression, "claims", claims) }));
	return Object.fromEntries(
		values.flatMap(({ expression, value }) => {
			const texts = explained(() => textsOf(value), `error evaluating extra claim expression: ${expression.text}`);
			return texts.length === 0 ? [] : [[expression.key, texts]];
		}),
	);
}

/** All are evaluated before one is judged, as an error weighs more than a condition that does not hold. @throws ClaimExpressionError */
export function checkClaims(rules: readonly ValidationRule[], claims: JsonObject): void {
	check(rules, "claims", claims);
}

/** @throws ClaimExpressionError */
export function checkUser(rules: readonly ValidationRule[], { name, uid = "", groups, extra = {} }: UserInfo): void {
	check(rules, "user", { username: name, uid, groups, extra });
}

/** Puts where it happened before what went wrong. */
export function explained<T>(evaluate: () => T, where: string): T {
	try {
		return evaluate();
	} catch (error) {
		if (error instanceof ClaimExpressionError) throw new ClaimExpressionError(`${where}: ${error.message}`);
		throw error;
	}
}

function check(rules: readonly ValidationRule[], variable: string, input: JsonObject): void {
	const results = rules.map((rule) => ({ rule, value: run(rule, variable, input) }));
	for (const { rule, value } of results) {
		if (value !== true) throw new ClaimExpressionError(`validation expression '${rule.text}' failed: ${rule.message}`);
	}
}

function run({ text, program }: ClaimExpression, variable: string, input: JsonObject): CelValue {
	const outcome = program.evaluate((name) => (name === variable ? jsonToCel(input) : undefined), perCallLimit);
	if ("error" in outcome) throw new ClaimExpressionError(`expression '${text}' resulted in error: ${outcome.error}`);
	return outcome.value;
}

function textsOf(value: CelValue): readonly string[] {
	if (value === null || value === "") return [];
	if (typeof value === "string") return [value];
	if (!(value instanceof CelList)) throw new ClaimExpressionError(notTexts);
	return Array.from({ length: value.size }, (_, index) => {
		const item = value.at(index);
		if (typeof item !== "string") throw new ClaimExpressionError(notTexts);
		return item;
	}).filter((text) => text !== "");
}

const notTexts = "expression must return a string or a list of strings";

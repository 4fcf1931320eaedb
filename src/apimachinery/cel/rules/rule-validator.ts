/**
 * Running the rules of a schema on an object. Rules run from the outside in; a rule with `oldSelf` runs where there is an old
 * value to compare with. All of them share a budget.
 *
 * What an update did not touch is not held against it (ratcheting): a rule that fails on an unchanged value warns.
 *
 * Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go; k8s.io/apiserver/pkg/apis/cel/config.go;
 * KEP-4008 (CRD validation ratcheting).
 */
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual, ownValue } from "../../json.ts";
import type { JSONSchemaProps, ValidationRule } from "../../schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../validation/field-error.ts";
import type { Program } from "../program/program.ts";
import { type Adapter, adapterOf } from "../schema/schema-values.ts";
import { EvaluationError } from "../values/errors.ts";
import { CelOptional, type CelValue } from "../values/values.ts";
import { childField, defaultMessage, errorForReason, fieldBelow, keyField, rootField, usableMessage } from "./rule-texts.ts";

/** What one expression may cost, and all expressions of one object. */
export const perCallLimit = 1_000_000;
export const objectBudget = 10_000_000;

export interface CompiledRule {
	readonly rule: ValidationRule;
	/** How errors name it. */
	readonly text: string;
	readonly program: Program;
	/** What makes its message; undefined for a text that is fixed. */
	readonly message: Program | undefined;
	readonly usesOldSelf: boolean;
}

interface RuleParts {
	readonly schema: JSONSchemaProps;
	readonly isResource: boolean;
	readonly rules: readonly CompiledRule[];
	readonly properties: ReadonlyMap<string, RuleNode>;
	readonly values: RuleNode | undefined;
	readonly items: RuleNode | undefined;
	readonly allOf: readonly RuleNode[];
}

/** The rules of one place of a schema, and those of its parts. Only places with rules, there or inside, have one. */
export class RuleNode {
	readonly parts: RuleParts;
	readonly adapt: Adapter;

	constructor(parts: RuleParts) {
		this.parts = parts;
		this.adapt = parts.rules.length === 0 ? () => null : adapterOf(parts.schema, parts.isResource);
	}
}

export interface RuleResult {
	readonly errors: readonly FieldError[];
	/** Rules that fail on what the update left as it was. */
	readonly warnings: readonly string[];
	/** What is left of the budget; negative when it did not suffice. */
	readonly remainingBudget: number;
}

export class RuleValidator {
	readonly #root: RuleNode;

	constructor(root: RuleNode) {
		this.#root = root;
	}

	/**
	 * @param oldObject what is stored; undefined on create
	 * @param field path of the object, for objects that are part of another
	 */
	validate(object: JsonObject, oldObject?: JsonObject, budget = objectBudget, field = rootField): RuleResult {
		const run = new RuleRun(budget);
		const correlation = oldObject === undefined ? {} : { current: new Correlation(object, oldObject) };
		run.visit(this.#root, field, object, oldObject, correlation);
		return { errors: run.errors, warnings: run.warnings, remainingBudget: run.budget };
	}
}

/** A value and the one that it was, compared when somebody asks. */
class Correlation {
	readonly #value: JsonValue;
	readonly old: JsonValue;
	#isEqual: boolean | undefined;

	constructor(value: JsonValue, old: JsonValue) {
		this.#value = value;
		this.old = old;
	}

	get isUnchanged(): boolean {
		this.#isEqual ??= jsonEqual(this.#value, this.old);
		return this.#isEqual;
	}
}

/** What a value is compared with: its old self, or else the nearest part around it that has one. */
interface Ratchet {
	readonly current?: Correlation | undefined;
	readonly parent?: Correlation | undefined;
}

const isUnchanged = ({ current, parent }: Ratchet): boolean => (current ?? parent)?.isUnchanged ?? false;

function inside(ratchet: Ratchet, value: JsonValue, old: JsonValue | undefined): Ratchet {
	const { current } = ratchet;
	if (current === undefined) return ratchet;
	return { current: old === undefined ? undefined : new Correlation(value, old), parent: current };
}

/** One walk over an object. */
class RuleRun {
	readonly errors: FieldError[] = [];
	readonly warnings: string[] = [];
	budget: number;

	constructor(budget: number) {
		this.budget = budget;
	}

	visit(node: RuleNode, field: string, value: JsonValue, old: JsonValue | undefined, ratchet: Ratchet): void {
		if (value === null || this.budget < 0) return;
		this.#runRules(node, field, value, old ?? undefined, ratchet);
		for (const part of node.parts.allOf) {
			if (this.budget < 0) return;
			this.visit(part, field, value, old, { parent: ratchet.parent });
		}
		if (Array.isArray(value)) this.#visitItems(node, field, value, old, ratchet);
		else if (isJsonObject(value)) this.#visitFields(node, field, value, old, ratchet);
	}

	#visitFields(node: RuleNode, field: string, value: JsonObject, old: JsonValue | undefined, ratchet: Ratchet): void {
		const { schema, values, properties } = node.parts;
		const isGranular = (schema["x-kubernetes-map-type"] ?? "granular") === "granular";
		const oldFields = isGranular && isJsonObject(old) ? old : undefined;
		const isRoot = ratchet.current !== undefined && ratchet.parent === undefined;
		const visit = (child: RuleNode, name: string, path: string) => {
			const inner = ownValue(value, name);
			if (inner === undefined) return;
			const oldInner = oldFields === undefined ? undefined : ownValue(oldFields, name);
			// apiVersion and kind of both are those of the request: that they are equal says nothing.
			const isHidden = isRoot && (name === "apiVersion" || name === "kind");
			this.visit(child, path, inner, oldInner, isHidden ? {} : inside(ratchet, inner, oldInner));
		};
		if (values !== undefined) for (const key of Object.keys(value)) visit(values, key, keyField(field, key));
		for (const [name, child] of properties) visit(child, name, childField(field, name));
	}

	#visitItems(node: RuleNode, field: string, value: readonly JsonValue[], old: JsonValue | undefined, ratchet: Ratchet): void {
		const { schema, items } = node.parts;
		if (items === undefined) return;
		const oldItem = correlateItems(schema, Array.isArray(old) ? old : undefined);
		for (const [index, item] of value.entries()) {
			if (this.budget < 0) return;
			const oldValue = oldItem(item);
			this.visit(items, `${field}[${index}]`, item, oldValue, inside(ratchet, item, oldValue));
		}
	}

	#fail(error: FieldError): void {
		this.errors.push(error);
	}

	#runRules(node: RuleNode, field: string, value: JsonValue, old: JsonValue | undefined, ratchet: Ratchet): void {
		const { rules, schema } = node.parts;
		if (rules.length === 0) return;
		const type = schema.type ?? "";
		if (this.budget <= 0) {
			this.#endBudget(field, type);
			return;
		}
		const variables = new RuleVariables(node.adapt, value, old);
		for (const compiled of rules) {
			const isOptional = compiled.rule.optionalOldSelf === true;
			if (compiled.usesOldSelf && old === undefined && !isOptional) continue;
			const outcome = compiled.program.evaluate((name) => variables.get(name, isOptional), perCallLimit);
			if (outcome.cost > this.budget) {
				this.#endBudget(field, type);
				return;
			}
			this.budget -= outcome.cost;
			if ("error" in outcome) {
				this.#fail(fieldInvalid(field, type, failureText(outcome.error, outcome.isOverLimit, compiled.text)));
				if (outcome.isOverLimit) {
					this.budget = -1;
					return;
				}
			} else if (outcome.value !== true && !this.#reject(compiled, field, type, variables, ratchet)) return;
		}
	}

	#endBudget(field: string, type: string): void {
		this.#fail(fieldInvalid(field, type, "validation failed due to running out of cost budget, no further validation rules will be run"));
		this.budget = -1;
	}

	/** Says that a rule does not hold; false when the budget ended over its message. */
	#reject(compiled: CompiledRule, field: string, type: string, variables: RuleVariables, ratchet: Ratchet): boolean {
		const { rule } = compiled;
		const at = rule.fieldPath === undefined || rule.fieldPath === "" ? field : fieldBelow(field, rule.fieldPath);
		const add = (error: FieldError) => {
			if (!compiled.usesOldSelf && isUnchanged(ratchet)) this.warnings.push(error.toString());
			else this.#fail(error);
		};
		const message = this.#message(compiled, variables);
		if ("end" in message) {
			add(fieldInvalid(at, type, message.end));
			this.budget = -1;
			return false;
		}
		add(errorForReason(at, type, message.text, rule.reason));
		return true;
	}

	#message({ rule, message }: CompiledRule, variables: RuleVariables): { readonly text: string } | { readonly end: string } {
		if (message === undefined) return { text: defaultMessage(rule) };
		const outcome = message.evaluate((name) => variables.get(name, rule.optionalOldSelf === true), perCallLimit);
		if (outcome.cost > this.budget) {
			return { end: "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run" };
		}
		if ("error" in outcome && outcome.isOverLimit) {
			const shown = JSON.stringify(rule.messageExpression);
			return { end: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${shown}` };
		}
		this.budget -= outcome.cost;
		const made = "value" in outcome && typeof outcome.value === "string" ? usableMessage(outcome.value) : undefined;
		return { text: made ?? defaultMessage(rule) };
	}
}

function failureText(error: string, isOverLimit: boolean, rule: string): string {
	if (error.startsWith("no such overload"))
		return `'${error}': call arguments did not match a supported operator, function or macro signature for rule: ${rule}`;
	if (isOverLimit) return `'${error}': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`;
	return `${error} evaluating rule: ${rule}`;
}

/** `self` and `oldSelf`, made when a rule asks for them. */
class RuleVariables {
	readonly #adapt: Adapter;
	readonly #value: JsonValue;
	readonly #old: JsonValue | undefined;
	#self: CelValue | undefined;
	#oldSelf: CelValue | undefined;

	constructor(adapt: Adapter, value: JsonValue, old: JsonValue | undefined) {
		this.#adapt = adapt;
		this.#value = value;
		this.#old = old;
	}

	get(name: string, isOptional: boolean): CelValue | undefined {
		if (name === "self") {
			this.#self ??= safely(this.#adapt, this.#value);
			return this.#self;
		}
		if (this.#old !== undefined) this.#oldSelf ??= safely(this.#adapt, this.#old);
		return isOptional ? new CelOptional(this.#oldSelf) : this.#oldSelf;
	}
}

/** A value that is not of its schema's type has been refused already, or is an old one; rules then see nothing. */
function safely(adapt: Adapter, value: JsonValue): CelValue | undefined {
	try {
		return adapt(value);
	} catch (error) {
		if (error instanceof EvaluationError) return undefined;
		throw error;
	}
}

/** Finds the old item of an item: only items of a map list can be told apart. */
function correlateItems(schema: JSONSchemaProps, old: readonly JsonValue[] | undefined): (item: JsonValue) => JsonValue | undefined {
	const keys = schema["x-kubernetes-list-map-keys"] ?? [];
	if (schema["x-kubernetes-list-type"] !== "map" || old === undefined || keys.length === 0) return () => undefined;
	const keyOf = (item: JsonValue): string | undefined =>
		isJsonObject(item) ? JSON.stringify(keys.map((key) => ownValue(item, key) ?? null)) : undefined;
	const byKey = new Map<string | undefined, JsonValue>();
	// Of items with the same key the first counts.
	for (const item of [...old].reverse()) byKey.set(keyOf(item), item);
	return (item) => {
		const key = keyOf(item);
		return key === undefined ? undefined : byKey.get(key);
	};
}

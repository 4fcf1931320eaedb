/**
 * `x-kubernetes-validations` of a schema: compiled once a definition, then run on every write of an object.
 *
 *     const { errors, validator } = compileRules(schema, { path: "spec.validation.openAPIV3Schema" });
 *     // errors: what is wrong with the rules, for the definition's own validation: texts, types, costs
 *     // validator: undefined where no rule is
 *     const { errors, warnings } = validator.validate(object, oldObject);
 *
 * The schema must be structural. `schemaErrors` are the errors that the schema has otherwise: rules on a part with errors are
 * not compiled, as their texts would mislead.
 *
 * Source: k8s.io/apiextensions-apiserver/pkg/{apiserver/schema/cel/compilation,apis/apiextensions/validation/{validation,cel_validation}}.go;
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
import type { JSONSchemaProps, ValidationRule } from "../../schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid } from "../../validation/field-error.ts";
import { estimateCost } from "../check/cost-estimate.ts";
import { unbounded } from "../check/cost-range.ts";
import type { Environment } from "../environment.ts";
import { type CompiledExpression, compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { fittingCount, itemsOf, type SchemaType, schemaType, sizeOfPath, valuesOf } from "../schema/schema-type.ts";
import { optionalType } from "../types/types.ts";
import { ruleText } from "./rule-texts.ts";
import { type CompiledRule, RuleNode, RuleValidator } from "./rule-validator.ts";

/** What one rule, and all rules of a schema, may cost by estimate. */
const maxEstimatedCost = 10_000_000;
const maxEstimatedTotal = 100_000_000;
/** So many rules are named when the total is too much, of those that have a part in it. */
const maxNamedRules = 4;
const minNamedCost = maxEstimatedTotal / 100;

const typeName = "selfType";

export interface RuleOptions {
	/** Where the schema is in the definition: errors have paths below it. */
	readonly path: string;
	/** What is wrong with the schema otherwise. */
	readonly schemaErrors?: readonly FieldError[];
	/** Rules that are stored already are not refused for their cost. */
	readonly ignoreCosts?: boolean;
}

export interface CompiledRules {
	readonly errors: readonly FieldError[];
	readonly validator: RuleValidator | undefined;
}

export function compileRules(schema: JSONSchemaProps, options: RuleOptions): CompiledRules {
	const compiler = new RuleCompiler(options);
	const node = compiler.compile(schema, { schema, path: options.path, isResource: true, cardinality: 1, uncorrelatable: undefined });
	return { errors: compiler.finish(), validator: node === undefined ? undefined : new RuleValidator(node) };
}

interface Place {
	/** The schema of the values here: `allOf` has rules for values that another schema describes. */
	readonly schema: JSONSchemaProps;
	readonly path: string;
	readonly isResource: boolean;
	/** How often values of this place are in one object at most; undefined for no limit. */
	readonly cardinality: number | undefined;
	/** The part around this one whose old values cannot be told apart. */
	readonly uncorrelatable: string | undefined;
	/** Whether errors of rules here are the definition's: not in `allOf`, whose rules are only run. */
	readonly isSilent?: boolean;
}

interface Cost {
	readonly path: string;
	readonly cost: number;
}

class RuleCompiler {
	readonly #options: RuleOptions;
	readonly #errors: FieldError[] = [];
	readonly #costs: Cost[] = [];

	constructor(options: RuleOptions) {
		this.#options = options;
	}

	finish(): readonly FieldError[] {
		const total = this.#costs.reduce((sum, { cost }) => Math.min(sum + cost, unbounded), 0);
		if (total > maxEstimatedTotal && this.#options.ignoreCosts !== true) {
			const named = this.#costs.filter(({ cost }) => cost >= minNamedCost).sort((a, b) => b.cost - a.cost);
			const name = "estimated rule & messageExpression cost total";
			for (const { path } of named.slice(0, maxNamedRules)) {
				this.#errors.push(fieldForbidden(path, `contributed to ${name} exceeding cost limit for entire OpenAPIv3 schema`));
			}
			this.#errors.push(
				fieldForbidden(
					this.#options.path,
					costText(`x-kubernetes-validations ${name} for entire OpenAPIv3 schema`, total, maxEstimatedTotal),
				),
			);
		}
		return this.#errors;
	}

	/** @param rules the schema whose rules and parts are looked at */
	compile(rules: JSONSchemaProps, place: Place): RuleNode | undefined {
		const { schema, path } = place;
		const properties = new Map<string, RuleNode>();
		for (const [name, property] of Object.entries(rules.properties ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
			const described = schema.properties?.[name];
			if (described === undefined) continue;
			const node = this.compile(
				property,
				this.#inside(place, described, `${path}.properties[${name}]`, place.cardinality, isGranular(schema)),
			);
			if (node !== undefined) properties.set(name, node);
		}
		const values = this.#part(valuesOf(rules), valuesOf(schema), place, "additionalProperties", schema.maxProperties, isGranular(schema));
		const items = this.#part(itemsOf(rules), itemsOf(schema), place, "items", schema.maxItems, schema["x-kubernetes-list-type"] === "map");
		const allOf = (rules.allOf ?? []).flatMap(
			(part, index) => this.compile(part, { ...place, path: `${path}.allOf[${index}]`, isSilent: true }) ?? [],
		);
		const own = this.#compileOwn(rules["x-kubernetes-validations"] ?? [], place);
		if (own.length === 0 && properties.size === 0 && values === undefined && items === undefined && allOf.length === 0) return undefined;
		return new RuleNode({ schema, isResource: place.isResource, rules: own, properties, values, items, allOf });
	}

	#part(
		rules: JSONSchemaProps | undefined,
		schema: JSONSchemaProps | undefined,
		place: Place,
		name: string,
		limit: number | undefined,
		isCorrelatable: boolean,
	): RuleNode | undefined {
		if (rules === undefined || schema === undefined) return undefined;
		const { cardinality } = place;
		const inside = cardinality === undefined || limit === undefined ? undefined : Math.min(cardinality * Math.max(limit, 0), unbounded);
		return this.compile(rules, this.#inside(place, schema, `${place.path}.${name}`, inside, isCorrelatable));
	}

	#inside(place: Place, schema: JSONSchemaProps, path: string, cardinality: number | undefined, isCorrelatable: boolean): Place {
		return {
			schema,
			path,
			cardinality,
			isResource: schema["x-kubernetes-embedded-resource"] === true,
			uncorrelatable: place.uncorrelatable ?? (isCorrelatable ? undefined : place.path),
			...(place.isSilent === true ? { isSilent: true } : {}),
		};
	}

	#compileOwn(rules: readonly ValidationRule[], place: Place): readonly CompiledRule[] {
		const { schema, path, isResource } = place;
		const hasErrors = (this.#options.schemaErrors ?? []).some(({ field }) => field.startsWith(path));
		if (rules.length === 0 || hasErrors) return [];
		const type = schemaType(schema, isResource, typeName);
		if (type === undefined) {
			const preserve = schema["x-kubernetes-preserve-unknown-fields"] === true;
			const text = `rule declared on schema that does not support validation rules type: '${schema.type ?? ""}' x-kubernetes-preserve-unknown-fields: '${preserve}'`;
			this.#report(place, fieldInvalid(`${path}.x-kubernetes-validations`, schema.type ?? "", text));
			return [];
		}
		const environment = kubernetesEnvironment.extend({ variables: { self: type.type, oldSelf: type.type } });
		const withOptional = kubernetesEnvironment.extend({ variables: { self: type.type, oldSelf: optionalType(type.type) } });
		return rules.flatMap((rule, index) =>
			this.#compileRule(
				rule,
				{ ...place, path: `${path}.x-kubernetes-validations[${index}]` },
				type,
				rule.optionalOldSelf === true ? withOptional : environment,
			),
		);
	}

	#report(place: Place, error: FieldError): void {
		if (place.isSilent !== true) this.#errors.push(error);
	}

	#compileRule(rule: ValidationRule, place: Place, type: SchemaType, environment: Environment): readonly CompiledRule[] {
		const { rule: text = "", messageExpression = "" }: Partial<ValidationRule> = rule;
		if (text.trim() === "") return [];
		const at = `${place.path}.rule`;
		const shown = shownRule(rule);
		const compiled = compileExpression(text, environment);
		if ("problem" in compiled) {
			this.#report(place, fieldInvalid(at, shown, `compilation failed: ${compiled.problem}`));
			return [];
		}
		if (compiled.checked.type.kind !== "bool") {
			this.#report(place, fieldInvalid(at, shown, "cel expression must evaluate to a bool"));
			return [];
		}
		this.#noteCost(place, at, "estimated rule cost", compiled, type, true);
		const message = messageExpression.trim() === "" ? undefined : this.#compileMessage(messageExpression, place, shown, type, environment);
		const usesOldSelf = compiled.checked.variables.has("oldSelf");
		this.#checkOldSelf(rule, usesOldSelf, place);
		return [{ rule, text: ruleText(rule), program: compiled.program, message: message?.program, usesOldSelf }];
	}

	#compileMessage(text: string, place: Place, shown: unknown, type: SchemaType, environment: Environment): CompiledExpression | undefined {
		const at = `${place.path}.messageExpression`;
		const compiled = compileExpression(text, environment);
		if ("problem" in compiled) {
			this.#report(place, fieldInvalid(at, shown, `messageExpression compilation failed: ${compiled.problem}`));
			return undefined;
		}
		if (compiled.checked.type.kind !== "string") {
			this.#report(place, fieldInvalid(at, shown, "messageExpression must evaluate to a string"));
			return undefined;
		}
		this.#noteCost(place, at, "estimated messageExpression cost", compiled, type, false);
		return compiled;
	}

	/** A message is made for one object; a rule runs for each value of its place. */
	#noteCost(place: Place, at: string, name: string, { checked }: CompiledExpression, type: SchemaType, isRule: boolean): void {
		if (place.isSilent === true) return;
		const { max } = estimateCost(checked, ([, ...path]) => sizeOfPath(type, path));
		const times = isRule ? (place.cardinality ?? fittingCount(type.minBytes)) : 1;
		const cost = Math.min(max * times, unbounded);
		if (cost > maxEstimatedCost && this.#options.ignoreCosts !== true) {
			this.#report(place, fieldForbidden(at, costText(name, cost, maxEstimatedCost)));
		}
		this.#costs.push({ path: at, cost });
	}

	#checkOldSelf(rule: ValidationRule, usesOldSelf: boolean, place: Place): void {
		if (usesOldSelf && place.uncorrelatable !== undefined) {
			const text = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`;
			this.#report(place, fieldInvalid(`${place.path}.rule`, rule.rule, text));
		} else if (!usesOldSelf && rule.optionalOldSelf !== undefined) {
			this.#report(
				place,
				fieldInvalid(`${place.path}.optionalOldSelf`, rule.optionalOldSelf, "may not be set if oldSelf is not used in rule"),
			);
		}
	}
}

const isGranular = (schema: JSONSchemaProps): boolean => (schema["x-kubernetes-map-type"] ?? "granular") === "granular";

/** The rule as Kubernetes' internal type is shown. */
function shownRule(rule: ValidationRule): unknown {
	const { rule: Rule = "", message: Message = "", messageExpression: MessageExpression = "" }: Partial<ValidationRule> = rule;
	return {
		Rule,
		Message,
		MessageExpression,
		Reason: rule.reason ?? null,
		FieldPath: rule.fieldPath ?? "",
		OptionalOldSelf: rule.optionalOldSelf ?? null,
	};
}

function costText(name: string, cost: number, limit: number): string {
	const factor = cost / limit;
	const shown = factor > 100 ? "more than 100x" : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
	return `${name} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/**
 * Type checking: every node gets a type, every name what it refers to. Literals of lists and maps have elements of one type,
 * as Kubernetes configures cel-go.
 * Source: cel-spec, doc/langdef.md#gradual-type-checking; github.com/google/cel-go/checker/{checker,errors}.go.
 */
import type { Environment } from "../environment.ts";
import type { Overload } from "../library/function.ts";
import { compileRegex } from "../regex/regex.ts";
import {
	type CallNode,
	type ComprehensionNode,
	type Expr,
	type ListNode,
	type MapNode,
	qualifiedName,
	type SelectNode,
	type StructNode,
} from "../syntax/ast.ts";
import type { Issue } from "../syntax/source.ts";
import {
	boolType,
	bytesType,
	type CelType,
	doubleType,
	dynType,
	errorType,
	formatType,
	intType,
	isExactly,
	listType,
	mapType,
	nullType,
	optionalType,
	paramType,
	stringType,
	typeType,
	uintType,
} from "../types/types.ts";
import { areAssignable, isAssignable, mostGeneral, Substitution } from "../types/unify.ts";
import { parseDuration, parseTimestamp } from "../values/time-values.ts";

/** What a name or a call refers to. */
export type Reference =
	/** A variable of the environment, or of a comprehension around. */
	| { readonly kind: "variable"; readonly name: string; readonly isLocal: boolean }
	| { readonly kind: "type"; readonly name: string }
	/** `hasTarget` is false where a receiver was the namespace of the function's name: `sets.contains(a, b)`. */
	| { readonly kind: "call"; readonly name: string; readonly overloads: readonly Overload[]; readonly hasTarget: boolean };

export interface Checked {
	readonly expr: Expr;
	readonly types: ReadonlyMap<Expr, CelType>;
	readonly references: ReadonlyMap<Expr, Reference>;
	readonly type: CelType;
	/** Variables of the environment that the expression reads. */
	readonly variables: ReadonlySet<string>;
}

export function check(expr: Expr, environment: Environment): Checked | { readonly issues: readonly Issue[] } {
	return new Checker(environment).run(expr);
}

const literalTypes = {
	null: nullType,
	bool: boolType,
	int: intType,
	uint: uintType,
	double: doubleType,
	string: stringType,
	bytes: bytesType,
};

/** Variables of a comprehension; the innermost scope wins. */
interface Scope {
	readonly variables: ReadonlyMap<string, CelType>;
	readonly outer: Scope | undefined;
}

class Checker {
	readonly #environment: Environment;
	readonly #types = new Map<Expr, CelType>();
	readonly #references = new Map<Expr, Reference>();
	readonly #issues: Issue[] = [];
	readonly #variables = new Set<string>();
	readonly #substitution = new Substitution();
	/** What is tried when all types are right: literals that a function could not read. */
	readonly #literalChecks: (() => void)[] = [];
	#scope: Scope | undefined;
	#freeTypes = 0;

	constructor(environment: Environment) {
		this.#environment = environment;
	}

	run(expr: Expr): Checked | { readonly issues: readonly Issue[] } {
		this.#check(expr);
		if (this.#issues.length === 0) for (const checkLiteral of this.#literalChecks) checkLiteral();
		if (this.#issues.length > 0) return { issues: this.#issues };
		const types = new Map([...this.#types].map(([node, type]) => [node, this.#substitution.apply(type, true)] as const));
		return { expr, types, references: this.#references, type: types.get(expr) ?? dynType, variables: this.#variables };
	}

	#report(at: number, text: string): CelType {
		this.#issues.push({ at, text });
		return errorType;
	}

	#freeType(): CelType {
		return paramType(`_var${this.#freeTypes++}`);
	}

	#assignable(from: CelType, to: CelType): boolean {
		return isAssignable(this.#substitution, from, to);
	}

	/** A node that stands in two places is checked once: both see the same variables. */
	#check(expr: Expr): CelType {
		const known = this.#types.get(expr);
		if (known !== undefined) return known;
		const type = this.#typeOf(expr);
		this.#types.set(expr, type);
		return type;
	}

	#typeOf(expr: Expr): CelType {
		switch (expr.kind) {
			case "literal":
				return literalTypes[expr.literal.type];
			case "ident":
				return this.#lookUp(expr, expr.name) ?? this.#undeclared(expr.at, expr.name);
			case "select":
				return this.#select(expr);
			case "call":
				return this.#call(expr);
			case "list":
				return this.#list(expr);
			case "map":
				return this.#map(expr);
			case "struct":
				return this.#struct(expr);
			case "comprehension":
				return this.#comprehension(expr);
		}
	}

	#undeclared(at: number, name: string): CelType {
		return this.#report(at, `undeclared reference to '${name}' (in container '')`);
	}

	/** A variable or the name of a type; notes which. */
	#lookUp(expr: Expr, written: string): CelType | undefined {
		const isGlobal = written.startsWith(".");
		const name = isGlobal ? written.slice(1) : written;
		for (let scope = isGlobal ? undefined : this.#scope; scope !== undefined; scope = scope.outer) {
			const local = scope.variables.get(name);
			if (local === undefined) continue;
			this.#references.set(expr, { kind: "variable", name, isLocal: true });
			return local;
		}
		const variable = this.#environment.variable(name);
		if (variable !== undefined) {
			this.#variables.add(name);
			this.#references.set(expr, { kind: "variable", name, isLocal: false });
			return variable;
		}
		const type = this.#environment.type(name);
		if (type === undefined) return undefined;
		this.#references.set(expr, { kind: "type", name });
		return typeType(type);
	}

	#select(expr: SelectNode): CelType {
		const name = qualifiedName(expr);
		const named = name === undefined ? undefined : this.#lookUp(expr, name);
		if (named !== undefined) return named;
		const type = this.#fieldType(expr.at, expr.operand, expr.field, false);
		return expr.testOnly ? boolType : this.#substitution.apply(type, false);
	}

	#fieldType(at: number, operand: Expr, field: string, isOptional: boolean): CelType {
		const operandType = this.#substitution.apply(this.#check(operand), false);
		const wrapped = unwrapOptional(operandType);
		const type = this.#plainFieldType(at, wrapped ?? operandType, field);
		return isOptional || wrapped !== undefined ? optionalType(type) : type;
	}

	#plainFieldType(at: number, type: CelType, field: string): CelType {
		switch (type.kind) {
			case "map":
				return type.value;
			case "object":
				return type.field(field) ?? this.#report(at, `undefined field '${field}'`);
			case "param":
				this.#assignable(dynType, type);
				return dynType;
			case "dyn":
			case "error":
				return dynType;
			default:
				this.#report(at, `type '${formatType(type)}' does not support field selection`);
				return dynType;
		}
	}

	#call(expr: CallNode): CelType {
		if (expr.function === "_?._") return this.#optionalSelect(expr);
		for (const arg of expr.args) this.#check(arg);
		if (expr.target === undefined) return this.#resolve(expr, expr.function.replace(/^\./, ""), expr.function, undefined);
		const namespace = qualifiedName(expr.target);
		const qualified = namespace === undefined ? undefined : `${namespace}.${expr.function}`.replace(/^\./, "");
		if (qualified !== undefined && this.#environment.overloads(qualified) !== undefined) {
			return this.#resolve(expr, qualified, qualified, undefined);
		}
		this.#check(expr.target);
		return this.#resolve(expr, expr.function, expr.function, expr.target);
	}

	#optionalSelect(expr: CallNode): CelType {
		const [operand, field] = expr.args;
		if (operand === undefined || field?.kind !== "literal" || field.literal.type !== "string") {
			return this.#report(expr.at, "unsupported optional field selection");
		}
		this.#types.set(field, stringType);
		return this.#substitution.apply(this.#fieldType(expr.at, operand, field.literal.value, true), false);
	}

	#resolve(expr: CallNode, name: string, written: string, target: Expr | undefined): CelType {
		const overloads = this.#environment.overloads(name);
		if (overloads === undefined) return this.#undeclared(expr.at, written);
		const parts = target === undefined ? expr.args : [target, ...expr.args];
		const argTypes = parts.map((part) => this.#types.get(part) ?? errorType);
		if (name === "_&&_" || name === "_||_") return this.#logical(expr, name, overloads, argTypes);
		const fitting: Overload[] = [];
		let result: CelType | undefined;
		for (const overload of overloads) {
			if (overload.isMember !== (target !== undefined) || overload.args.length !== argTypes.length) continue;
			const { args, result: declared } = this.#instantiate(overload);
			if (!areAssignable(this.#substitution, argTypes, args)) continue;
			fitting.push(overload);
			const type = this.#substitution.apply(declared, false);
			if (result === undefined) result = type;
			else if (result.kind !== "dyn" && !isExactly(type, result)) result = dynType;
		}
		if (result === undefined) return this.#noOverload(expr.at, name, argTypes, target !== undefined);
		this.#references.set(expr, { kind: "call", name, overloads: fitting, hasTarget: target !== undefined });
		this.#noteLiteral(name, expr);
		return result;
	}

	#noOverload(at: number, name: string, argTypes: readonly CelType[], isMember: boolean): CelType {
		const shown = argTypes.map((type) => formatType(this.#substitution.apply(type, true)));
		const signature = isMember ? `${shown[0]}.(${shown.slice(1).join(", ")})` : `(${shown.join(", ")})`;
		return this.#report(at, `found no matching overload for '${name}' applied to '${signature}'`);
	}

	/** Each operand is told by itself that it must be a bool. */
	#logical(expr: CallNode, name: string, overloads: readonly Overload[], argTypes: readonly CelType[]): CelType {
		let fits = true;
		for (const [index, type] of argTypes.entries()) {
			if (this.#assignable(type, boolType)) continue;
			fits = false;
			this.#mismatch(expr.args[index]?.at ?? expr.at, boolType, type);
		}
		if (!fits) return errorType;
		this.#references.set(expr, { kind: "call", name, overloads, hasTarget: false });
		return boolType;
	}

	/** An overload with type parameters that are this call's own. */
	#instantiate(overload: Overload): { readonly args: readonly CelType[]; readonly result: CelType } {
		const fresh = new Substitution();
		const collect = (type: CelType): void => {
			if (type.kind === "param") {
				if (fresh.find(type) === undefined) fresh.bind(type.name, this.#freeType());
			} else if (type.kind === "list") collect(type.element);
			else if (type.kind === "map") {
				collect(type.key);
				collect(type.value);
			} else if (type.kind === "opaque") for (const parameter of type.parameters) collect(parameter);
			else if (type.kind === "type" && type.of !== undefined) collect(type.of);
		};
		for (const type of overload.args) collect(type);
		collect(overload.result);
		if (fresh.isEmpty) return overload;
		return { args: overload.args.map((type) => fresh.apply(type, false)), result: fresh.apply(overload.result, false) };
	}

	/** Literals are tried when the expression is compiled: cel-go's validators, which Kubernetes turns on. */
	#noteLiteral(name: string, expr: CallNode): void {
		const arg = expr.args.at(-1);
		if (arg?.kind !== "literal" || arg.literal.type !== "string") return;
		const { value } = arg.literal;
		const isValid: Readonly<Record<string, () => boolean>> = {
			duration: () => parseDuration(value) !== undefined,
			timestamp: () => parseTimestamp(value) !== undefined,
			matches: () => !("problem" in compileRegex(value)),
		};
		const test = Object.hasOwn(isValid, name) ? isValid[name] : undefined;
		if (test === undefined) return;
		this.#literalChecks.push(() => {
			if (!test()) this.#report(arg.at, `invalid ${name} argument`);
		});
	}

	#mismatch(at: number, expected: CelType, found: CelType): CelType {
		return this.#report(at, `expected type '${formatType(expected)}' but found '${formatType(found)}'`);
	}

	#join(expr: Expr, previous: CelType | undefined, current: CelType): CelType {
		if (previous === undefined) return current;
		return this.#assignable(previous, current) ? mostGeneral(previous, current) : this.#mismatch(expr.at, previous, current);
	}

	/** What an element or entry that is written with `?` holds where it holds something. */
	#optionalValue(expr: Expr, type: CelType): CelType {
		const inner = unwrapOptional(type);
		if (inner === undefined && type.kind !== "dyn") this.#mismatch(expr.at, optionalType(type), type);
		return inner ?? type;
	}

	#list({ elements, optionals }: ListNode): CelType {
		let joined: CelType | undefined;
		for (const [index, element] of elements.entries()) {
			const type = this.#check(element);
			joined = this.#join(element, joined, optionals.has(index) ? this.#optionalValue(element, type) : type);
		}
		return listType(joined ?? this.#freeType());
	}

	#map({ entries }: MapNode): CelType {
		let keyType: CelType | undefined;
		let valueType: CelType | undefined;
		for (const { key, value, optional } of entries) {
			keyType = this.#join(key, keyType, this.#check(key));
			const type = this.#check(value);
			valueType = this.#join(value, valueType, optional ? this.#optionalValue(value, type) : type);
		}
		return mapType(keyType ?? this.#freeType(), valueType ?? this.#freeType());
	}

	#struct(expr: StructNode): CelType {
		const name = expr.typeName.replace(/^\./, "");
		const type = this.#environment.type(name);
		if (type === undefined) {
			const isVariable = this.#environment.variable(name) !== undefined;
			return isVariable ? this.#report(expr.at, `'${name}' is not a type`) : this.#undeclared(expr.at, expr.typeName);
		}
		if (type.kind !== "object") return this.#report(expr.at, `'${formatType(type)}' is not a message type`);
		for (const { at, field, value, optional } of expr.fields) {
			const given = this.#check(value);
			const valueType = optional ? this.#optionalValue(value, given) : given;
			const fieldType = type.field(field);
			if (fieldType === undefined) this.#report(at, `undefined field '${field}'`);
			else if (!this.#assignable(fieldType, valueType)) {
				const texts = `'${formatType(fieldType)}' but provided type is '${formatType(valueType)}'`;
				this.#report(at, `expected type of field '${field}' is ${texts}`);
			}
		}
		return type;
	}

	#comprehension(expr: ComprehensionNode): CelType {
		this.#check(expr.range);
		const accuType = this.#check(expr.accuInit);
		const range = this.#substitution.apply(this.#types.get(expr.range) ?? errorType, false);
		const [first, second] = this.#iterationTypes(expr, range);
		const outer = this.#scope;
		const accuScope: Scope = { variables: new Map([[expr.accuVar, accuType]]), outer };
		const loop = new Map([[expr.iterVar, first]]);
		if (expr.iterVar2 !== undefined) loop.set(expr.iterVar2, second);
		this.#scope = { variables: loop, outer: accuScope };
		this.#assert(expr.condition, boolType);
		this.#assert(expr.step, accuType);
		this.#scope = accuScope;
		const result = this.#check(expr.result);
		this.#scope = outer;
		return this.#substitution.apply(result, false);
	}

	#iterationTypes({ range, iterVar2 }: ComprehensionNode, type: CelType): readonly [CelType, CelType] {
		switch (type.kind) {
			case "list":
				return iterVar2 === undefined ? [type.element, type.element] : [intType, type.element];
			case "map":
				return [type.key, type.value];
			case "dyn":
			case "error":
			case "param":
				this.#assignable(dynType, type);
				return [dynType, dynType];
			default: {
				const must = "cannot be range of a comprehension (must be list, map, or dynamic)";
				this.#report(range.at, `expression of type '${formatType(type)}' ${must}`);
				return [errorType, errorType];
			}
		}
	}

	#assert(expr: Expr, wanted: CelType): void {
		const type = this.#check(expr);
		if (!this.#assignable(wanted, type)) this.#mismatch(expr.at, wanted, type);
	}
}

const unwrapOptional = (type: CelType): CelType | undefined =>
	type.kind === "opaque" && type.name === "optional_type" ? type.parameters[0] : undefined;

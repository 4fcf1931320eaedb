/**
 * A checked expression → closures. Each node becomes a function of the frame, which holds the variables by number and counts
 * what the evaluation costs; a limit ends it. Costs are those of cel-go: a name 1, a selection 1, a constant 0, a list 10, a
 * map 30, calls by their function. What only consists of constants is computed here, and costs nothing later, as in cel-go.
 * Source: github.com/google/cel-go/interpreter/{planner,runtimecost,optimizations}.go; github.com/google/cel-go/common/cost.go.
 */
import type { Checked } from "../check/checker.ts";
import type { Environment } from "../environment.ts";
import type { Implementation, Overload } from "../library/function.ts";
import { index, indexIfPresent, insertIntoAccumulator } from "../library/standard.ts";
import { compileRegex } from "../regex/regex.ts";
import type { CallNode, ComprehensionNode, Expr, ListNode, LiteralNode, MapNode, SelectNode, StructNode } from "../syntax/ast.ts";
import type { CelType } from "../types/types.ts";
import { runtimeNames } from "../types/types.ts";
import { CostLimitExceeded, EvaluationError, noSuchKey, noSuchOverload } from "../values/errors.ts";
import {
	ArrayList,
	asBool,
	asString,
	CelDuration,
	CelList,
	CelMap,
	CelOpaque,
	CelOptional,
	CelTimestamp,
	CelTypeValue,
	CelUint,
	type CelValue,
	EntryMap,
	emptyList,
	typeNameOf,
} from "../values/values.ts";
import { type CallCost, callCostOf } from "./function-cost.ts";

const selectCost = 1;
const listCost = 10;
const mapCost = 30;
const structCost = 40;

/** One evaluation: variables by number, and what it has cost. */
class Frame {
	/** A slot may hold an error: an accumulator's, which may still be decided by another element. */
	readonly slots: (CelValue | EvaluationError)[];
	cost = 0;
	readonly limit: number;

	constructor(slots: (CelValue | EvaluationError)[], limit: number) {
		this.slots = slots;
		this.limit = limit;
	}

	spend(cost: number): void {
		this.cost += cost;
		if (this.cost > this.limit) throw new CostLimitExceeded();
	}
}

type Step = (frame: Frame) => CelValue;

export type Outcome =
	| { readonly value: CelValue; readonly cost: number }
	/** `isOverLimit`: the evaluation was ended for what it cost. */
	| { readonly error: string; readonly cost: number; readonly isOverLimit: boolean };

/** A compiled expression. It has no state: it may run again while it runs. */
export class Program {
	readonly #run: Step;
	readonly #slots: number;
	/** Variables of the environment that it reads, with their slots. */
	readonly #inputs: readonly (readonly [name: string, slot: number])[];

	constructor(run: Step, slots: number, inputs: readonly (readonly [name: string, slot: number])[]) {
		this.#run = run;
		this.#slots = slots;
		this.#inputs = inputs;
	}

	/** @param limit what the evaluation may cost at most */
	evaluate(variables: (name: string) => CelValue | undefined, limit: number): Outcome {
		const slots = new Array<CelValue | EvaluationError>(this.#slots).fill(null);
		for (const [name, slot] of this.#inputs) {
			const value = variables(name);
			slots[slot] = value === undefined ? new EvaluationError(`no such attribute(s): ${name}`) : value;
		}
		const frame = new Frame(slots, limit);
		try {
			return { value: this.#run(frame), cost: frame.cost };
		} catch (error) {
			if (error instanceof CostLimitExceeded) return { error: error.message, cost: frame.cost, isOverLimit: true };
			if (error instanceof EvaluationError) return { error: error.message, cost: frame.cost, isOverLimit: false };
			throw error;
		}
	}
}

export function compileProgram(checked: Checked, environment: Environment): Program {
	const compiler = new Compiler(checked, environment);
	return compiler.compile();
}

/** A node's closure; with its value where it is known now. */
interface Compiled {
	readonly run: Step;
	readonly constant?: CelValue;
	/** Names, selections and indices: cel-go evaluates a chain of them as one attribute. */
	readonly isAttribute?: boolean;
}

class Compiler {
	readonly #checked: Checked;
	readonly #environment: Environment;
	readonly #done = new Map<Expr, Compiled>();
	readonly #inputs = new Map<string, number>();
	/** Slots of the comprehensions' variables that are in scope, innermost last. */
	readonly #locals: { readonly name: string; readonly slot: number }[] = [];
	#slots = 0;

	constructor(checked: Checked, environment: Environment) {
		this.#checked = checked;
		this.#environment = environment;
	}

	compile(): Program {
		const { run } = this.#compile(this.#checked.expr);
		return new Program(run, this.#slots, [...this.#inputs]);
	}

	/** A node that stands in two places is compiled once. */
	#compile(expr: Expr): Compiled {
		const known = this.#done.get(expr);
		if (known !== undefined) return known;
		const compiled = this.#node(expr);
		this.#done.set(expr, compiled);
		return compiled;
	}

	#node(expr: Expr): Compiled {
		switch (expr.kind) {
			case "literal":
				return constant(literalValue(expr));
			case "ident":
				return this.#reference(expr);
			case "select":
				return this.#checked.references.has(expr) ? this.#reference(expr) : this.#select(expr);
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

	#reference(expr: Expr): Compiled {
		const reference = this.#checked.references.get(expr);
		if (reference === undefined || reference.kind === "call") throw new Error("a name without a reference");
		if (reference.kind === "type")
			return constant(new CelTypeValue(runtimeTypeName(this.#environment.type(reference.name), reference.name)));
		const slot = reference.isLocal ? this.#localSlot(reference.name) : this.#inputSlot(reference.name);
		return {
			isAttribute: true,
			run: (frame) => {
				const value = frame.slots[slot] ?? null;
				frame.spend(selectCost);
				if (value instanceof EvaluationError) throw value;
				return value;
			},
		};
	}

	#localSlot(name: string): number {
		const local = this.#locals.findLast((each) => each.name === name);
		if (local === undefined) throw new Error(`no local variable ${name}`);
		return local.slot;
	}

	#inputSlot(name: string): number {
		const known = this.#inputs.get(name);
		if (known !== undefined) return known;
		const slot = this.#slots++;
		this.#inputs.set(name, slot);
		return slot;
	}

	/** What a selection adds to its operand: the selection, and one for an operand that is no attribute itself. */
	#qualifierCost({ isAttribute }: Compiled): number {
		return isAttribute === true ? selectCost : 2 * selectCost;
	}

	#select({ operand, field, testOnly }: SelectNode): Compiled {
		const inner = this.#compile(operand);
		const { run } = inner;
		// A test costs what its operand does.
		if (testOnly) return { run: (frame) => hasField(run(frame), field) };
		const cost = this.#qualifierCost(inner);
		return {
			isAttribute: true,
			run: (frame) => {
				const value = run(frame);
				frame.spend(cost);
				return selectField(value, field);
			},
		};
	}

	#call(expr: CallNode): Compiled {
		const { args } = expr;
		switch (expr.function) {
			case "_?._":
				return this.#optionalSelect(expr);
			case "_&&_":
				return this.#logical(expr, false);
			case "_||_":
				return this.#logical(expr, true);
			case "_?:_":
			case "_?_:_":
				return this.#conditional(expr);
			case "@not_strictly_false":
				return this.#notStrictlyFalse(this.#compile(nodeAt(args, 0)));
			case "_[_]":
			case "_[?_]":
				return this.#index(expr);
			case "cel.@mapInsert":
				return this.#mapInsert(args.map((arg) => this.#compile(arg)));
			default:
				return this.#functionCall(expr);
		}
	}

	#optionalSelect({ args }: CallNode): Compiled {
		const inner = this.#compile(nodeAt(args, 0));
		const field = literalText(nodeAt(args, 1));
		const cost = this.#qualifierCost(inner);
		const { run } = inner;
		return {
			isAttribute: true,
			run: (frame) => {
				const value = run(frame);
				frame.spend(cost);
				if (value instanceof CelOptional) return value.value === undefined ? value : optionalField(value.value, field);
				return optionalField(value, field);
			},
		};
	}

	/** `decisive` is the value that ends it; an error of one side does not matter if the other side is that. */
	#logical({ args }: CallNode, decisive: boolean): Compiled {
		const left = this.#compile(nodeAt(args, 0)).run;
		const right = this.#compile(nodeAt(args, 1)).run;
		return {
			run: (frame) => {
				const first = settle(left, frame);
				if (first === decisive) return decisive;
				const second = settle(right, frame);
				if (second === decisive) return decisive;
				// Of two errors, that of the left side is told.
				if (first instanceof EvaluationError) throw first;
				if (second instanceof EvaluationError) throw second;
				if (typeof first !== "boolean" || typeof second !== "boolean") throw noSuchOverload();
				return !decisive;
			},
		};
	}

	#conditional({ args }: CallNode): Compiled {
		const condition = this.#compile(nodeAt(args, 0)).run;
		const whenTrue = this.#compile(nodeAt(args, 1)).run;
		const whenFalse = this.#compile(nodeAt(args, 2)).run;
		return { isAttribute: true, run: (frame) => (asBool(condition(frame)) ? whenTrue(frame) : whenFalse(frame)) };
	}

	#notStrictlyFalse({ run }: Compiled): Compiled {
		return {
			run: (frame) => {
				let value: CelValue = true;
				try {
					value = run(frame);
				} catch (error) {
					if (!(error instanceof EvaluationError)) throw error;
				}
				frame.spend(1);
				return value !== false;
			},
		};
	}

	#index(expr: CallNode): Compiled {
		const inner = this.#compile(nodeAt(expr.args, 0));
		const key = this.#compile(nodeAt(expr.args, 1));
		const cost = this.#qualifierCost(inner);
		const isOptional = expr.function === "_[?_]";
		const { run } = inner;
		return {
			isAttribute: true,
			run: (frame) => {
				const value = run(frame);
				const at = key.run(frame);
				frame.spend(cost);
				if (!isOptional && !(value instanceof CelOptional)) return index(value, at);
				const container = value instanceof CelOptional ? value.value : value;
				return new CelOptional(container === undefined ? undefined : indexIfPresent(container, at));
			},
		};
	}

	#mapInsert([accumulator, key, value]: readonly Compiled[]): Compiled {
		if (accumulator === undefined || key === undefined) throw new Error("an insertion without a key");
		return {
			run: (frame) => {
				const map = accumulator.run(frame);
				const first = key.run(frame);
				const second = value?.run(frame);
				frame.spend(1);
				return insertIntoAccumulator(map, first, second);
			},
		};
	}

	#functionCall(expr: CallNode): Compiled {
		const reference = this.#checked.references.get(expr);
		if (reference?.kind !== "call") throw new Error(`a call of ${expr.function} without a reference`);
		const { name, overloads, hasTarget } = reference;
		const parts = hasTarget && expr.target !== undefined ? [expr.target, ...expr.args] : expr.args;
		const args = parts.map((part) => this.#compile(part));
		const only = overloads.length === 1 ? overloads[0] : undefined;
		const run = name === "matches" ? matcherOf(args) : implementationOf(name, overloads, args.length);
		const inConstant = name === "@in" ? this.#membership(args, run) : undefined;
		if (inConstant !== undefined) return inConstant;
		// Conversions of constants are done once.
		if (args.length === 1 && isConversion(name) && args[0]?.constant !== undefined) {
			const converted = tryConstant(() => run(args[0]?.constant ?? null, null, null, null));
			if (converted !== undefined) return converted;
		}
		return {
			run: callStep(
				run,
				args.map(({ run: each }) => each),
				callCostOf(name, only?.id),
			),
		};
	}

	/** `x in [constants]` looks up instead of searching; cel-go does not count the call, then. */
	#membership([value, list]: readonly Compiled[], run: Implementation): Compiled | undefined {
		const { constant: known } = list ?? {};
		if (value === undefined || !(known instanceof CelList)) return undefined;
		const texts = new Set<CelValue>();
		for (let at = 0; at < known.size; at++) texts.add(known.at(at));
		return {
			run: (frame) => {
				const wanted = value.run(frame);
				return typeof wanted === "string" ? texts.has(wanted) : run(wanted, known, null, null);
			},
		};
	}

	#list({ elements, optionals }: ListNode): Compiled {
		const compiled = elements.map((element) => this.#compile(element));
		if (optionals.size === 0 && compiled.every(({ constant: each }) => each !== undefined)) {
			return constant(elements.length === 0 ? emptyList : new ArrayList(compiled.map(({ constant: each }) => each ?? null)));
		}
		const runs = compiled.map(({ run }) => run);
		return {
			run: (frame) => {
				const items: CelValue[] = [];
				for (let at = 0; at < runs.length; at++) {
					const item = runs[at]?.(frame) ?? null;
					if (!optionals.has(at)) items.push(item);
					else if (!(item instanceof CelOptional))
						throw new EvaluationError(`cannot initialize optional list element from non-optional value`);
					else if (item.value !== undefined) items.push(item.value);
				}
				frame.spend(listCost);
				return new ArrayList(items);
			},
		};
	}

	#map({ entries }: MapNode): Compiled {
		const compiled = entries.map(({ key, value, optional }) => ({ key: this.#compile(key), value: this.#compile(value), optional }));
		if (compiled.every(({ key, value, optional }) => key.constant !== undefined && value.constant !== undefined && !optional)) {
			const make = () => EntryMap.of(compiled.map(({ key, value }) => [key.constant ?? null, value.constant ?? null] as const));
			// An empty one may become the accumulator of a comprehension, which fills it: it is made anew each time.
			if (entries.length === 0) return { run: make };
			const made = tryConstant(make);
			if (made !== undefined) return made;
		}
		return {
			run: (frame) => {
				const made: (readonly [CelValue, CelValue])[] = [];
				for (const { key, value, optional } of compiled) {
					const name = key.run(frame);
					const item = value.run(frame);
					if (!optional) made.push([name, item]);
					else if (!(item instanceof CelOptional)) throw new EvaluationError("cannot initialize optional entry from non-optional value");
					else if (item.value !== undefined) made.push([name, item.value]);
				}
				frame.spend(mapCost);
				return EntryMap.of(made);
			},
		};
	}

	/** A message is a map by its fields' names. */
	#struct({ fields, typeName }: StructNode): Compiled {
		const compiled = fields.map(({ field, value, optional }) => ({ field, run: this.#compile(value).run, optional }));
		return {
			run: (frame) => {
				const made: (readonly [CelValue, CelValue])[] = [];
				for (const { field, run, optional } of compiled) {
					const value = run(frame);
					if (!optional) made.push([field, value]);
					else if (value instanceof CelOptional && value.value !== undefined) made.push([field, value.value]);
				}
				frame.spend(structCost);
				return EntryMap.of(made, typeName.replace(/^\./, ""));
			},
		};
	}

	#comprehension(expr: ComprehensionNode): Compiled {
		const range = this.#compile(expr.range).run;
		const init = this.#compile(expr.accuInit).run;
		const accuSlot = this.#slots++;
		const slot = this.#slots++;
		const slot2 = this.#slots++;
		this.#locals.push({ name: expr.accuVar, slot: accuSlot }, { name: expr.iterVar, slot });
		if (expr.iterVar2 !== undefined) this.#locals.push({ name: expr.iterVar2, slot: slot2 });
		const condition = this.#compile(expr.condition).run;
		const step = this.#compile(expr.step).run;
		this.#locals.length -= expr.iterVar2 === undefined ? 1 : 2;
		const result = this.#compile(expr.result).run;
		this.#locals.length -= 1;
		const isPair = expr.iterVar2 !== undefined;
		const visit = (frame: Frame, first: CelValue, second: CelValue): boolean => {
			frame.slots[slot] = first;
			frame.slots[slot2] = second;
			if (condition(frame) === false) return false;
			frame.slots[accuSlot] = settle(step, frame);
			return true;
		};
		return {
			run: (frame) => {
				const items = range(frame);
				frame.slots[accuSlot] = settle(init, frame);
				if (items instanceof CelList) {
					for (let at = 0; at < items.size; at++) {
						const item = items.at(at);
						if (!(isPair ? visit(frame, BigInt(at), item) : visit(frame, item, null))) break;
					}
				} else if (items instanceof CelMap) {
					for (const key of items.keys()) if (!visit(frame, key, isPair ? (items.get(key) ?? null) : null)) break;
				} else throw new EvaluationError(`got '${typeNameOf(items)}', expected iterable type`);
				return result(frame);
			},
		};
	}
}

/** An error of one element is kept in the accumulator: the next element may decide without it. */
function settle(step: Step, frame: Frame): CelValue | EvaluationError {
	try {
		return step(frame);
	} catch (error) {
		if (error instanceof EvaluationError) return error;
		throw error;
	}
}

const constant = (value: CelValue): Compiled => ({ constant: value, run: () => value });

/** Undefined where it fails: then it fails when it runs. */
function tryConstant(make: () => CelValue): Compiled | undefined {
	try {
		return constant(make());
	} catch (error) {
		if (error instanceof EvaluationError) return undefined;
		throw error;
	}
}

function nodeAt(args: readonly Expr[], at: number): Expr {
	const node = args[at];
	if (node === undefined) throw new Error(`argument ${at} of ${args.length}`);
	return node;
}

function literalText(expr: Expr): string {
	if (expr.kind !== "literal" || expr.literal.type !== "string") throw new Error("a field that is no text");
	return expr.literal.value;
}

function literalValue({ literal }: LiteralNode): CelValue {
	if (literal.type === "null") return null;
	return literal.type === "uint" ? new CelUint(literal.value) : literal.value;
}

function runtimeTypeName(type: CelType | undefined, name: string): string {
	return (type === undefined ? undefined : runtimeNames[type.kind]) ?? name;
}

function selectField(value: CelValue, field: string): CelValue {
	if (value instanceof CelMap) {
		const found = value.get(field);
		if (found === undefined) throw noSuchKey(field);
		return found;
	}
	if (value instanceof CelOptional) return value.value === undefined ? value : optionalField(value.value, field);
	if (value instanceof CelList) throw new EvaluationError("unsupported index type 'string' in list");
	throw noSuchOverload();
}

const optionalField = (value: CelValue, field: string): CelOptional =>
	new CelOptional(value instanceof CelMap ? value.get(field) : undefined);

function hasField(value: CelValue, field: string): boolean {
	if (value instanceof CelOptional) return value.value !== undefined && hasField(value.value, field);
	if (value instanceof CelMap) return value.get(field) !== undefined;
	throw noSuchOverload();
}

function callStep(run: Implementation, args: readonly Step[], cost: CallCost): Step {
	const [a, b] = args;
	if (typeof cost === "number" && args.length === 1 && a !== undefined) {
		return (frame) => {
			const first = a(frame);
			frame.spend(cost);
			return run(first, null, null, null);
		};
	}
	if (args.length === 2 && a !== undefined && b !== undefined) {
		return (frame) => {
			const first = a(frame);
			const second = b(frame);
			// What the result decides is the cost of `join` alone; all others can be known before.
			if (typeof cost === "number") frame.spend(cost);
			else if (cost.length < 2) frame.spend(cost([first, second], null));
			const result = run(first, second, null, null);
			if (typeof cost !== "number" && cost.length >= 2) frame.spend(cost([first, second], result));
			return result;
		};
	}
	return (frame) => {
		const values = args.map((arg) => arg(frame));
		if (typeof cost !== "number" && cost.length < 2) frame.spend(cost(values, null));
		const result = run(values[0] ?? null, values[1] ?? null, values[2] ?? null, values[3] ?? null);
		if (typeof cost === "number") frame.spend(cost);
		else if (cost.length >= 2) frame.spend(cost(values, result));
		return result;
	};
}

const conversionNames = new Set(["int", "uint", "double", "bool", "string", "bytes", "timestamp", "duration"]);
const isConversion = (name: string): boolean => conversionNames.has(name);

/** What a call does: the overload's own, or that which fits the values. */
function implementationOf(name: string, overloads: readonly Overload[], count: number): Implementation {
	const [first, ...others] = overloads;
	const run = first?.run;
	if (run !== undefined && others.every((other) => other.run === run)) return run;
	return (a, b, c, d) => {
		const values = [a, b, c, d].slice(0, count);
		const fitting = overloads.find(({ args }) => args.every((type, at) => isOfType(values[at] ?? null, type)));
		if (fitting?.run === undefined) throw new EvaluationError(`no such overload: ${name}(${values.map(typeNameOf).join(", ")})`);
		return fitting.run(a, b, c, d);
	};
}

/** A constant pattern is compiled once. */
function matcherOf([, pattern]: readonly Compiled[]): Implementation {
	const known = typeof pattern?.constant === "string" ? compileRegex(pattern.constant) : undefined;
	return (text, wanted) => {
		const regex = known ?? compileRegex(asString(wanted));
		if ("problem" in regex) throw new EvaluationError(regex.problem);
		return regex.test(asString(text));
	};
}

function isOfType(value: CelValue, type: CelType): boolean {
	switch (type.kind) {
		case "dyn":
		case "param":
		case "error":
			return true;
		case "bool":
			return typeof value === "boolean";
		case "int":
			return typeof value === "bigint";
		case "uint":
			return value instanceof CelUint;
		case "double":
			return typeof value === "number";
		case "string":
			return typeof value === "string";
		case "bytes":
			return value instanceof Uint8Array;
		case "null":
			return value === null;
		case "timestamp":
			return value instanceof CelTimestamp;
		case "duration":
			return value instanceof CelDuration;
		case "list":
			return value instanceof CelList && (value.size === 0 || isOfType(value.at(0), type.element));
		case "map":
			return value instanceof CelMap;
		case "type":
			return value instanceof CelTypeValue;
		case "opaque":
			return type.name === "optional_type" ? value instanceof CelOptional : value instanceof CelOpaque && value.typeName === type.name;
		case "object":
			return value instanceof CelMap || (value instanceof CelOpaque && value.typeName === type.name);
	}
}

/**
 * What a checked expression may cost, before any data is there: sizes come from literals, from a schema's limits
 * (`EstimateSize`), and from what functions make of both. The figures are part of the API: rules of a definition are refused
 * by them. Source: github.com/google/cel-go/checker/cost.go.
 */
import type { CallNode, ComprehensionNode, Expr, ListNode, MapNode, SelectNode } from "../syntax/ast.ts";
import { accumulator } from "../syntax/macros.ts";
import { type CelType, dynType } from "../types/types.ts";
import { lengthOf } from "../values/values.ts";
import type { Checked } from "./checker.ts";
import { fixed, plus, type Range, times, union, unknownSize, zero } from "./cost-range.ts";
import { type CallEstimate, estimateCall, type Operand } from "./function-estimate.ts";

/**
 * The size of what a path leads to: its first part is a variable, then names of fields, `@items`, `@keys`, `@values` or
 * `@indices`. Undefined for what is not known.
 */
export type EstimateSize = (path: readonly string[], type: CelType) => Range | undefined;

const identCost = fixed(1);
const listCost = fixed(10);
const mapCost = fixed(30);
const structCost = fixed(40);

/** Sizes of keys (or indices) and values of a list or map. */
interface EntrySizes {
	readonly kind: "list" | "map";
	readonly key: Range;
	readonly value: Range;
}

interface LocalVariable {
	readonly name: string;
	readonly path: readonly string[];
	readonly size: Range | undefined;
	readonly entries: EntrySizes | undefined;
}

export function estimateCost(checked: Checked, estimateSize: EstimateSize): Range {
	return new Estimator(checked, estimateSize).cost(checked.expr);
}

class Estimator {
	readonly #checked: Checked;
	readonly #estimateSize: EstimateSize;
	readonly #paths = new Map<Expr, readonly string[]>();
	readonly #sizes = new Map<Expr, Range>();
	readonly #entries = new Map<Expr, EntrySizes>();
	/** Nodes that stand in two places are estimated once, and counted in both. */
	readonly #costs = new Map<Expr, Range>();
	readonly #locals: LocalVariable[] = [];

	constructor(checked: Checked, estimateSize: EstimateSize) {
		this.#checked = checked;
		this.#estimateSize = estimateSize;
	}

	cost(expr: Expr): Range {
		const known = this.#costs.get(expr);
		if (known !== undefined) return known;
		const cost = this.#costOf(expr);
		this.#costs.set(expr, cost);
		return cost;
	}

	#costOf(expr: Expr): Range {
		switch (expr.kind) {
			case "literal":
				return zero;
			case "ident":
				this.#paths.set(expr, this.#local(expr.name)?.path ?? [expr.name]);
				return identCost;
			case "select":
				return this.#select(expr);
			case "call":
				return this.#call(expr);
			case "list":
				return this.#list(expr);
			case "map":
				return this.#map(expr);
			case "struct":
				return expr.fields.reduce((sum, { value }) => plus(sum, this.cost(value)), structCost);
			case "comprehension":
				return isBinding(expr) ? this.#binding(expr) : this.#comprehension(expr);
		}
	}

	#local(name: string): LocalVariable | undefined {
		return this.#locals.findLast((local) => local.name === name);
	}

	#typeOf(expr: Expr): CelType {
		return this.#checked.types.get(expr) ?? dynType;
	}

	#pathOf(expr: Expr): readonly string[] {
		return (expr.kind === "ident" ? this.#local(expr.name)?.path : undefined) ?? this.#paths.get(expr) ?? [];
	}

	#select(expr: SelectNode): Range {
		const reference = this.#checked.references.get(expr);
		if (reference?.kind === "variable") {
			this.#paths.set(expr, [reference.name]);
			return identCost;
		}
		const operand = this.cost(expr.operand);
		// Kubernetes keeps has() free, as it was at first.
		if (expr.testOnly) return operand;
		this.#paths.set(expr, [...this.#pathOf(expr.operand), expr.field]);
		const { kind } = this.#typeOf(expr.operand);
		return kind === "map" || kind === "object" || kind === "param" ? plus(operand, identCost) : operand;
	}

	#call(expr: CallNode): Range {
		if (expr.function === "dyn") return this.#dynCall(expr);
		const reference = this.#checked.references.get(expr);
		const argCosts = expr.args.map((arg) => this.cost(arg));
		const args = expr.args.map((arg) => this.#operand(arg));
		const argSum = argCosts.reduce(plus, zero);
		if (expr.function === "_?._") {
			const [operand] = expr.args;
			const [, field] = expr.args;
			if (operand !== undefined && field?.kind === "literal" && field.literal.type === "string") {
				this.#paths.set(expr, [...this.#pathOf(operand), field.literal.value]);
			}
			return plus(argSum, fixed(1));
		}
		if (reference?.kind !== "call") return zero;
		const target = reference.hasTarget && expr.target !== undefined ? expr.target : undefined;
		const targetCost = target === undefined ? zero : this.cost(target);
		const targetOperand = target === undefined ? undefined : this.#operand(target);
		let cost: Range | undefined;
		let size: Range | undefined;
		for (const { id } of reference.overloads) {
			const estimate = this.#overload(expr, reference.name, id, targetOperand, args, argCosts);
			cost = cost === undefined ? estimate.cost : union(cost, estimate.cost);
			if (estimate.size !== undefined) size = size === undefined ? estimate.size : union(size, estimate.size);
			const [container] = expr.args;
			if (container !== undefined && (id === "index_list" || id === "index_map")) {
				size = this.#entrySizes(container)?.value;
				this.#paths.set(expr, [...this.#pathOf(container), id === "index_list" ? "@items" : "@values"]);
			}
			size ??= this.#size(expr);
		}
		if (size !== undefined) this.#sizes.set(expr, size);
		return plus(targetCost, cost ?? zero);
	}

	/** What one overload costs with its arguments, and the size of what it gives. */
	#overload(
		expr: CallNode,
		name: string,
		id: string,
		target: Operand | undefined,
		args: readonly Operand[],
		argCosts: readonly Range[],
	): CallEstimate {
		const [first = zero, second = zero, third = zero] = argCosts;
		if (id === "logical_and" || id === "logical_or") return { cost: { min: first.min, max: plus(first, second).max } };
		const [, whenTrue, whenFalse] = expr.args;
		if (id === "conditional" && whenTrue !== undefined && whenFalse !== undefined) {
			const entries = unionEntries(this.#entrySizes(whenTrue), this.#entrySizes(whenFalse));
			if (entries !== undefined) this.#entries.set(expr, entries);
			return { cost: plus(first, union(second, third)), size: union(this.#sizeOrUnknown(whenTrue), this.#sizeOrUnknown(whenFalse)) };
		}
		const [left, right] = expr.args;
		if ((id === "add_list" || id === "add_string" || id === "add_bytes") && left !== undefined && right !== undefined) {
			const entries = unionEntries(this.#entrySizes(left), this.#entrySizes(right));
			if (entries !== undefined) this.#entries.set(expr, entries);
		}
		const { cost, size } = estimateCall(name, id, target, args);
		const sum = argCosts.reduce(plus, zero);
		return size === undefined ? { cost: plus(cost, sum) } : { cost: plus(cost, sum), size };
	}

	#operand(expr: Expr): Operand {
		const path = this.#pathOf(expr);
		const isAccumulator = path[0] === accumulator;
		const elementSize = (): Range | undefined => {
			const type = this.#typeOf(expr);
			if (type.kind !== "list") return undefined;
			const size = isAccumulator || path.length === 0 ? undefined : this.#estimateSize([...path, "@items"], type.element);
			return size ?? unknownSize;
		};
		return { expr, type: this.#typeOf(expr), size: this.#size(expr), elementSize };
	}

	/** dyn() only turns type checking off. */
	#dynCall(expr: CallNode): Range {
		const [arg] = expr.args;
		if (arg === undefined) return zero;
		const cost = this.cost(arg);
		this.#copySizes(expr, arg);
		return plus(fixed(1), cost);
	}

	#copySizes(to: Expr, from: Expr): void {
		const size = this.#size(from);
		if (size !== undefined) this.#sizes.set(to, size);
		const entries = this.#entrySizes(from);
		if (entries !== undefined) this.#entries.set(to, entries);
	}

	#list(expr: ListNode): Range {
		const sum = expr.elements.reduce((total, element) => plus(total, this.cost(element)), zero);
		this.#entries.set(expr, { kind: "list", key: fixed(1), value: this.#unionSize(expr.elements) });
		return plus(sum, listCost);
	}

	#map(expr: MapNode): Range {
		const keys = expr.entries.map(({ key }) => key);
		const values = expr.entries.map(({ value }) => value);
		const sum = [...keys, ...values].reduce((total, part) => plus(total, this.cost(part)), zero);
		this.#entries.set(expr, { kind: "map", key: this.#unionSize(keys), value: this.#unionSize(values) });
		return plus(sum, mapCost);
	}

	#unionSize(parts: readonly Expr[]): Range {
		return (
			parts
				.map((part) => this.#sizeOrUnknown(part))
				.reduce<Range | undefined>((all, size) => (all === undefined ? size : union(all, size)), undefined) ?? zero
		);
	}

	#comprehension(expr: ComprehensionNode): Range {
		const before = plus(this.cost(expr.range), this.cost(expr.accuInit));
		this.#pushAccumulator(expr);
		const iteration = this.#iterationVariables(expr);
		this.#locals.push(...iteration);
		const loop = plus(this.cost(expr.condition), this.cost(expr.step));
		this.#locals.length -= iteration.length;
		const result = this.cost(expr.result);
		this.#locals.length -= 1;
		const count = this.#sizeOrUnknown(expr.range);
		const sum = plus(plus(before, result), times(count, loop));
		const { kind } = expr.accuInit;
		if (kind === "literal") {
			const size = this.#size(expr.accuInit);
			if (size !== undefined) this.#sizes.set(expr, size);
		} else if (kind === "list" || kind === "map") {
			this.#sizes.set(expr, count);
			const entries = this.#entrySizes(expr.step);
			if (entries !== undefined) this.#entries.set(expr, entries);
		}
		return sum;
	}

	#pushAccumulator({ accuVar, accuInit }: ComprehensionNode): void {
		this.#locals.push({ name: accuVar, path: this.#pathOf(accuInit), size: this.#size(accuInit), entries: this.#entrySizes(accuInit) });
	}

	#iterationVariables({ range, iterVar, iterVar2 }: ComprehensionNode): readonly LocalVariable[] {
		const entries = this.#entrySizes(range);
		const isList = (entries?.kind ?? this.#typeOf(range).kind) === "list";
		const path = this.#pathOf(range);
		const variable = (name: string, part: string, size: Range | undefined): LocalVariable => ({
			name,
			path: [...path, part],
			size,
			entries: undefined,
		});
		if (iterVar2 === undefined) return [isList ? variable(iterVar, "@items", entries?.value) : variable(iterVar, "@keys", entries?.key)];
		return [
			variable(iterVar, isList ? "@indices" : "@keys", entries?.key),
			variable(iterVar2, isList ? "@items" : "@values", entries?.value),
		];
	}

	/** A name for a value, as `optMap` makes one. */
	#binding(expr: ComprehensionNode): Range {
		const before = plus(this.cost(expr.range), this.cost(expr.accuInit));
		this.#pushAccumulator(expr);
		const result = this.cost(expr.result);
		this.#locals.length -= 1;
		this.#copySizes(expr, expr.result);
		return plus(before, result);
	}

	#sizeOrUnknown(expr: Expr): Range {
		return this.#size(expr) ?? unknownSize;
	}

	#size(expr: Expr): Range | undefined {
		const known = this.#sizes.get(expr);
		if (known !== undefined) return known;
		const literal = literalSize(expr);
		if (literal !== undefined) return literal;
		const path = this.#pathOf(expr);
		const estimated = path.length === 0 ? undefined : this.#estimateSize(path, this.#typeOf(expr));
		if (estimated !== undefined) {
			this.#sizes.set(expr, estimated);
			return estimated;
		}
		if (isScalar(this.#typeOf(expr))) return fixed(1);
		return expr.kind === "ident" ? this.#local(expr.name)?.size : undefined;
	}

	#entrySizes(expr: Expr): EntrySizes | undefined {
		return this.#entries.get(expr) ?? (expr.kind === "ident" ? this.#local(expr.name)?.entries : undefined);
	}
}

function unionEntries(a: EntrySizes | undefined, b: EntrySizes | undefined): EntrySizes | undefined {
	if (a === undefined || b === undefined) return undefined;
	return { kind: a.kind, key: union(a.key, b.key), value: union(a.value, b.value) };
}

function isBinding({ range, condition, accuVar }: ComprehensionNode): boolean {
	const isNever = condition.kind === "literal" && condition.literal.type === "bool" && !condition.literal.value;
	return range.kind === "list" && range.elements.length === 0 && isNever && accuVar !== accumulator;
}

function literalSize(expr: Expr): Range | undefined {
	if (expr.kind === "list") return fixed(expr.elements.length);
	if (expr.kind === "map") return fixed(expr.entries.length);
	if (expr.kind !== "literal") return undefined;
	const { literal } = expr;
	if (literal.type === "string") return fixed(lengthOf(literal.value));
	return fixed(literal.type === "bytes" ? literal.value.length : 1);
}

const scalarKinds: ReadonlySet<CelType["kind"]> = new Set(["bool", "double", "duration", "int", "timestamp", "uint"]);

function isScalar(type: CelType): boolean {
	if (type.kind !== "opaque" || type.name !== "optional_type") return scalarKinds.has(type.kind);
	const [inner] = type.parameters;
	return inner !== undefined && isScalar(inner);
}

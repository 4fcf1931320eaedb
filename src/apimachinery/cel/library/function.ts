/**
 * How functions are declared. A function has overloads, told apart by the types of their arguments; each has an id, by which
 * costs are known. What a call does is either the same for all overloads (operators), or each overload's own.
 */
import type { CelType } from "../types/types.ts";
import type { CelValue } from "../values/values.ts";

/** Arguments that a call does not have are null. Throws EvaluationError. */
export type Implementation = (a: CelValue, b: CelValue, c: CelValue, d: CelValue) => CelValue;

export interface Overload {
	readonly id: string;
	/** `x.f(y)` rather than `f(x, y)`; the target is the first argument. */
	readonly isMember: boolean;
	readonly args: readonly CelType[];
	readonly result: CelType;
	/** Undefined where the function's own implementation serves all overloads. */
	readonly run: Implementation | undefined;
}

export interface FunctionDeclaration {
	readonly name: string;
	readonly overloads: readonly Overload[];
	readonly run: Implementation | undefined;
}

/** `f(a, b)`. */
export function overload(id: string, args: readonly CelType[], result: CelType, run?: Implementation): Overload {
	return { id, isMember: false, args, result, run };
}

/** `a.f(b)`. */
export function member(id: string, args: readonly CelType[], result: CelType, run?: Implementation): Overload {
	return { id, isMember: true, args, result, run };
}

export function declare(name: string, overloads: readonly Overload[], run?: Implementation): FunctionDeclaration {
	return { name, overloads, run };
}

/** Functions of one library, and the names that it gives to types and constants. */
export interface Library {
	readonly functions: readonly FunctionDeclaration[];
	/** Types whose names stand for themselves in expressions. */
	readonly typeNames?: readonly (readonly [name: string, type: CelType])[];
}

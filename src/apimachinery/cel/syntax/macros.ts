/**
 * Macros: calls that stand for a larger expression. Those of the language, of optional values, and the comprehensions with
 * two variables; `cel.bind` only where the environment has it, which is for selectors of devices.
 * Source: cel-spec, doc/langdef.md#macros; github.com/google/cel-go/{parser/macro.go,cel/library.go,ext/{comprehensions,bindings}.go};
 * k8s.io/apiserver/pkg/cel/environment/base.go.
 */
import type { Expr, Literal } from "./ast.ts";

/** The accumulator of a macro's comprehension; no source can name it. */
export const accumulator = "@result";

export interface MacroProblem {
	readonly at: number;
	readonly problem: string;
}

interface MacroCall {
	readonly at: number;
	readonly args: readonly Expr[];
	readonly target: Expr;
}

/** Macros that not every environment has. */
export interface MacroOptions {
	/** `cel.bind(name, value, expression)`. */
	readonly hasBindings: boolean;
}

/** What a call stands for; undefined if it is no macro. */
export function expandMacro(
	at: number,
	name: string,
	args: readonly Expr[],
	target: Expr | undefined,
	{ hasBindings }: MacroOptions,
): Expr | MacroProblem | undefined {
	const [first] = args;
	if (target === undefined) return name === "has" && args.length === 1 && first !== undefined ? expandHas(at, first) : undefined;
	if (hasBindings && name === "bind" && args.length === 3 && target.kind === "ident" && target.name === "cel") return bind(at, args);
	const expand = Object.hasOwn(macros, `${name}/${args.length}`) ? macros[`${name}/${args.length}`] : undefined;
	return expand?.({ at, args, target });
}

function expandHas(at: number, arg: Expr): Expr | MacroProblem {
	if (arg.kind !== "select" || arg.testOnly) return { at: arg.at, problem: "invalid argument to has() macro" };
	return { ...arg, at, testOnly: true };
}

type Expander = (call: MacroCall) => Expr | MacroProblem;

const macros: Readonly<Record<string, Expander>> = {
	"all/2": oneVariable(all, 1),
	"exists/2": oneVariable(exists, 1),
	"exists_one/2": oneVariable(existsOne, 1),
	"existsOne/2": oneVariable(existsOne, 1),
	"map/2": oneVariable((build, [transform]) => append(build, undefined, transform), 1),
	"map/3": oneVariable((build, [predicate, transform]) => append(build, predicate, transform), 2),
	"filter/2": oneVariable((build, [predicate], variable) => append(build, predicate, variable), 1),
	"all/3": twoVariables(all, 1),
	"exists/3": twoVariables(exists, 1),
	"exists_one/3": twoVariables(existsOne, 1),
	"existsOne/3": twoVariables(existsOne, 1),
	"transformList/3": twoVariables((build, [transform]) => append(build, undefined, transform), 1),
	"transformList/4": twoVariables((build, [predicate, transform]) => append(build, predicate, transform), 2),
	"transformMap/3": twoVariables((build, [transform]) => insert(build, undefined, [build.variable(), transform]), 1),
	"transformMap/4": twoVariables((build, [predicate, transform]) => insert(build, predicate, [build.variable(), transform]), 2),
	"transformMapEntry/3": twoVariables((build, [transform]) => insert(build, undefined, [transform]), 1),
	"transformMapEntry/4": twoVariables((build, [predicate, transform]) => insert(build, predicate, [transform]), 2),
	"optMap/2": (call) => optionalMap(call, "optMap", (build, mapped) => build.call("optional.of", [mapped])),
	"optFlatMap/2": (call) => optionalMap(call, "optFlatMap", (_, mapped) => mapped),
};

/** Makes nodes that all stand where the macro's call does. */
class Builder {
	readonly #at: number;
	readonly #variable: string;

	constructor(at: number, variable: string) {
		this.#at = at;
		this.#variable = variable;
	}

	literal(literal: Literal): Expr {
		return { kind: "literal", at: this.#at, literal };
	}

	bool(value: boolean): Expr {
		return this.literal({ type: "bool", value });
	}

	int(value: bigint): Expr {
		return this.literal({ type: "int", value });
	}

	ident(name: string): Expr {
		return { kind: "ident", at: this.#at, name };
	}

	accu(): Expr {
		return this.ident(accumulator);
	}

	/** The first iteration variable. */
	variable(): Expr {
		return this.ident(this.#variable);
	}

	call(name: string, args: readonly Expr[], target?: Expr): Expr {
		return { kind: "call", at: this.#at, function: name, target, args };
	}

	list(elements: readonly Expr[]): Expr {
		return { kind: "list", at: this.#at, elements, optionals: new Set() };
	}

	map(): Expr {
		return { kind: "map", at: this.#at, entries: [] };
	}
}

interface Fold {
	readonly init: Expr;
	readonly condition: Expr;
	readonly step: Expr;
	readonly result: Expr;
}

type FoldMaker = (build: Builder, args: readonly Expr[], variable: Expr) => Fold;

/** The arguments behind the variables; the macro's name says how many there are. */
function bodyOf(args: readonly Expr[], count: number): readonly Expr[] {
	return args.slice(args.length - count);
}

function oneVariable(make: FoldMaker, bodySize: number): Expander {
	return ({ at, args, target }) => {
		const variable = simpleName(args[0]);
		if (typeof variable !== "string") return variable;
		const build = new Builder(at, variable);
		const fold = make(build, bodyOf(args, bodySize), args[0] ?? build.variable());
		return comprehension(at, target, variable, undefined, fold);
	};
}

function twoVariables(make: FoldMaker, bodySize: number): Expander {
	return ({ at, args, target }) => {
		const first = simpleName(args[0]);
		if (typeof first !== "string") return first;
		const second = simpleName(args[1]);
		if (typeof second !== "string") return second;
		if (first === second) return { at: args[1]?.at ?? at, problem: `duplicate variable name: ${first}` };
		const build = new Builder(at, first);
		return comprehension(at, target, first, second, make(build, bodyOf(args, bodySize), build.variable()));
	};
}

function simpleName(arg: Expr | undefined): string | MacroProblem {
	if (arg?.kind !== "ident" || arg.name.startsWith(".")) return { at: arg?.at ?? 0, problem: "argument must be a simple name" };
	return arg.name;
}

function comprehension(at: number, range: Expr, iterVar: string, iterVar2: string | undefined, fold: Fold): Expr {
	const { init, condition, step, result } = fold;
	return { kind: "comprehension", at, range, iterVar, iterVar2, accuVar: accumulator, accuInit: init, condition, step, result };
}

/** Arguments are there: the macro's name says how many. */
function argument(args: readonly Expr[], index: number): Expr {
	const arg = args[index];
	if (arg === undefined) throw new Error(`macro argument ${index} of ${args.length}`);
	return arg;
}

function all(build: Builder, args: readonly Expr[]): Fold {
	return {
		init: build.bool(true),
		condition: build.call("@not_strictly_false", [build.accu()]),
		step: build.call("_&&_", [build.accu(), argument(args, 0)]),
		result: build.accu(),
	};
}

function exists(build: Builder, args: readonly Expr[]): Fold {
	return {
		init: build.bool(false),
		condition: build.call("@not_strictly_false", [build.call("!_", [build.accu()])]),
		step: build.call("_||_", [build.accu(), argument(args, 0)]),
		result: build.accu(),
	};
}

function existsOne(build: Builder, args: readonly Expr[]): Fold {
	const more = build.call("_+_", [build.accu(), build.int(1n)]);
	return {
		init: build.int(0n),
		condition: build.bool(true),
		step: build.call("_?_:_", [argument(args, 0), more, build.accu()]),
		result: build.call("_==_", [build.accu(), build.int(1n)]),
	};
}

function append(build: Builder, predicate: Expr | undefined, element: Expr | undefined): Fold {
	const longer = build.call("_+_", [build.accu(), build.list(element === undefined ? [] : [element])]);
	return { ...collected(build, predicate, longer), init: build.list([]) };
}

function insert(build: Builder, predicate: Expr | undefined, entry: readonly (Expr | undefined)[]): Fold {
	const parts = entry.filter((part) => part !== undefined);
	return { ...collected(build, predicate, build.call("cel.@mapInsert", [build.accu(), ...parts])), init: build.map() };
}

function collected(build: Builder, predicate: Expr | undefined, more: Expr): Omit<Fold, "init"> {
	const step = predicate === undefined ? more : build.call("_?_:_", [predicate, more, build.accu()]);
	return { condition: build.bool(true), step, result: build.accu() };
}

/** `cel.bind(v, x, e)`: e with x as v. */
function bind(at: number, args: readonly Expr[]): Expr | MacroProblem {
	const [variable] = args;
	if (variable?.kind !== "ident" || variable.name.startsWith("."))
		return { at: variable?.at ?? at, problem: "cel.bind() variable names must be simple identifiers" };
	return binding(at, variable.name, argument(args, 1), argument(args, 2));
}

/** A comprehension over nothing, whose accumulator is the name for the value. */
function binding(at: number, name: string, value: Expr, body: Expr): Expr {
	const build = new Builder(at, name);
	return {
		kind: "comprehension",
		at,
		range: build.list([]),
		iterVar: "#unused",
		iterVar2: undefined,
		accuVar: name,
		accuInit: value,
		condition: build.bool(false),
		step: build.ident(name),
		result: body,
	};
}

/** `x.optMap(v, e)`: e with x's value as v, where x has one. */
function optionalMap({ at, args, target }: MacroCall, name: string, wrap: (build: Builder, mapped: Expr) => Expr): Expr | MacroProblem {
	const [variable, body] = args;
	if (variable?.kind !== "ident" || body === undefined) {
		return { at: variable?.at ?? at, problem: `${name}() variable name must be a simple identifier` };
	}
	const build = new Builder(at, variable.name);
	const mapped = binding(at, variable.name, build.call("value", [], target), body);
	return build.call("_?_:_", [build.call("hasValue", [], target), wrap(build, mapped), build.call("optional.none", [])]);
}

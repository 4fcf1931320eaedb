/**
 * The tree of an expression. Macros are gone from it: `has`, `all`, `map` and their like have become selections that only
 * test, and comprehensions. A node may stand in more than one place of the tree (`optMap` uses its target twice), so
 * whoever walks it remembers the nodes that it has seen.
 * Source: the CEL specification's abstract syntax (cel-spec, proto/cel/expr/syntax.proto).
 */

/** A constant of the source. Bytes are a Uint8Array, ints a bigint, doubles a number. */
export type Literal =
	| { readonly type: "null" }
	| { readonly type: "bool"; readonly value: boolean }
	| { readonly type: "int"; readonly value: bigint }
	| { readonly type: "uint"; readonly value: bigint }
	| { readonly type: "double"; readonly value: number }
	| { readonly type: "string"; readonly value: string }
	| { readonly type: "bytes"; readonly value: Uint8Array };

interface Node {
	/** Offset of the token that the node is about: an operator's sign, a call's parenthesis, a selection's dot. */
	readonly at: number;
}

export interface LiteralNode extends Node {
	readonly kind: "literal";
	readonly literal: Literal;
}

export interface IdentNode extends Node {
	readonly kind: "ident";
	readonly name: string;
}

export interface SelectNode extends Node {
	readonly kind: "select";
	readonly operand: Expr;
	readonly field: string;
	/** What `has(a.b)` becomes: whether there is a `b`. */
	readonly testOnly: boolean;
}

export interface CallNode extends Node {
	readonly kind: "call";
	/** Operators have cel-go's names: `_+_`, `!_`, `_?_:_`. */
	readonly function: string;
	readonly target: Expr | undefined;
	readonly args: readonly Expr[];
}

export interface ListNode extends Node {
	readonly kind: "list";
	readonly elements: readonly Expr[];
	/** Indices of the elements that are written `?e`. */
	readonly optionals: ReadonlySet<number>;
}

export interface MapEntry extends Node {
	readonly key: Expr;
	readonly value: Expr;
	readonly optional: boolean;
}

export interface MapNode extends Node {
	readonly kind: "map";
	readonly entries: readonly MapEntry[];
}

export interface FieldEntry extends Node {
	readonly field: string;
	readonly value: Expr;
	readonly optional: boolean;
}

export interface StructNode extends Node {
	readonly kind: "struct";
	readonly typeName: string;
	readonly fields: readonly FieldEntry[];
}

/** Folds a list, or the keys of a map, into an accumulator. */
export interface ComprehensionNode extends Node {
	readonly kind: "comprehension";
	readonly range: Expr;
	/** The element or key; with `iterVar2`, the index or key. */
	readonly iterVar: string;
	/** The element or value. */
	readonly iterVar2: string | undefined;
	readonly accuVar: string;
	readonly accuInit: Expr;
	readonly condition: Expr;
	readonly step: Expr;
	readonly result: Expr;
}

export type Expr = LiteralNode | IdentNode | SelectNode | CallNode | ListNode | MapNode | StructNode | ComprehensionNode;

/** `a.b.c` for a chain of plain selections from an identifier. */
export function qualifiedName(expr: Expr): string | undefined {
	const parts: string[] = [];
	let node = expr;
	while (node.kind === "select") {
		if (node.testOnly) return undefined;
		parts.push(node.field);
		node = node.operand;
	}
	if (node.kind !== "ident") return undefined;
	parts.push(node.name);
	return parts.reverse().join(".");
}

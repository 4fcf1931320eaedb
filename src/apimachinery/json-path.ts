/**
 * JSONPath as printer columns and kubectl use it: fields, indices, slices, wildcards, descent and filters.
 * Source: https://kubernetes.io/docs/reference/kubectl/jsonpath/ and k8s.io/client-go/util/jsonpath.
 */
import { isJsonObject, type JsonValue, jsonEqual, ownValue } from "./json.ts";

type Step =
	| { readonly kind: "field"; readonly name: string }
	| { readonly kind: "wildcard" }
	| { readonly kind: "descent" }
	| { readonly kind: "slice"; readonly from: number | undefined; readonly to: number | undefined; readonly by: number }
	| { readonly kind: "index"; readonly index: number }
	| { readonly kind: "union"; readonly steps: readonly Step[] }
	| { readonly kind: "filter"; readonly left: Operand; readonly operator: string | undefined; readonly right: Operand | undefined };

type Operand = { readonly path: readonly Step[] } | { readonly value: JsonValue };

/** Results of one path; more are not looked for. */
const maxResults = 10_000;

export class JsonPathError extends Error {
	override readonly name = "JsonPathError";
}

export class JsonPath {
	readonly #steps: readonly Step[];

	/** @param source `.spec.replicas`; braces around it are Kubernetes' own and left out. Throws JsonPathError */
	constructor(source: string) {
		this.#steps = new PathParser(source).steps();
	}

	/** All that the path leads to, in order; what is not there is left out. */
	find(value: JsonValue): readonly JsonValue[] {
		return follow(this.#steps, value);
	}
}

function follow(steps: readonly Step[], value: JsonValue): readonly JsonValue[] {
	return steps.reduce<readonly JsonValue[]>((values, step) => values.flatMap((item) => take(step, item)).slice(0, maxResults), [value]);
}

function take(step: Step, value: JsonValue): readonly JsonValue[] {
	switch (step.kind) {
		case "field": {
			const field = isJsonObject(value) ? ownValue(value, step.name) : undefined;
			return field === undefined ? [] : [field];
		}
		case "wildcard":
			return childrenOf(value);
		case "descent":
			return descendantsOf(value);
		case "index": {
			if (!Array.isArray(value)) return [];
			const item = (value as readonly JsonValue[]).at(step.index);
			return item === undefined ? [] : [item];
		}
		case "slice":
			return Array.isArray(value) ? slice(value as readonly JsonValue[], step) : [];
		case "union":
			return step.steps.flatMap((part) => take(part, value));
		case "filter":
			return Array.isArray(value) ? (value as readonly JsonValue[]).filter((item) => passes(step, item)) : [];
		default:
			return step satisfies never;
	}
}

function childrenOf(value: JsonValue): readonly JsonValue[] {
	if (Array.isArray(value)) return value as readonly JsonValue[];
	return isJsonObject(value) ? Object.values(value).filter((item) => item !== undefined) : [];
}

function descendantsOf(value: JsonValue): readonly JsonValue[] {
	const found: JsonValue[] = [];
	const pending: JsonValue[] = [value];
	for (let item = pending.pop(); item !== undefined && found.length < maxResults; item = pending.pop()) {
		found.push(item);
		pending.push(...[...childrenOf(item)].reverse());
	}
	return found;
}

function slice(list: readonly JsonValue[], { from, to, by }: Step & { kind: "slice" }): readonly JsonValue[] {
	return list.slice(from ?? 0, to ?? list.length).filter((_item, index) => index % by === 0);
}

function passes({ left, operator, right }: Step & { kind: "filter" }, item: JsonValue): boolean {
	const values = (operand: Operand) => ("path" in operand ? follow(operand.path, item) : [operand.value]);
	const [a] = values(left);
	if (operator === undefined || right === undefined) return a !== undefined;
	const [b] = values(right);
	if (a === undefined || b === undefined) return false;
	if (operator === "==") return jsonEqual(a, b);
	if (operator === "!=") return !jsonEqual(a, b);
	if ((typeof a !== "number" || typeof b !== "number") && (typeof a !== "string" || typeof b !== "string")) return false;
	if (operator === "<") return a < b;
	if (operator === "<=") return a <= b;
	return operator === ">" ? a > b : a >= b;
}

class PathParser {
	readonly #source: string;
	#at = 0;

	constructor(source: string) {
		this.#source = source;
	}

	steps(): readonly Step[] {
		const steps: Step[] = [];
		if (this.#source[this.#at] === "$" || this.#source[this.#at] === "@") this.#at++;
		while (this.#at < this.#source.length) steps.push(...this.#step());
		return steps;
	}

	#step(): readonly Step[] {
		const rest = this.#source.slice(this.#at);
		if (rest.startsWith("..")) {
			this.#at += 2;
			return rest[2] === "[" ? [{ kind: "descent" }] : [{ kind: "descent" }, this.#name()];
		}
		if (rest.startsWith("[")) return [this.#brackets()];
		if (rest.startsWith(".")) this.#at++;
		// `.` alone is the object itself.
		if (this.#at === this.#source.length) return [];
		return this.#source[this.#at] === "[" ? [this.#brackets()] : [this.#name()];
	}

	#name(): Step {
		const match = /^(?:\\.|[^.[\]\\\s(){}])+/.exec(this.#source.slice(this.#at));
		if (match === null) throw new JsonPathError(`unexpected ${JSON.stringify(this.#source.slice(this.#at, this.#at + 1))}`);
		this.#at += match[0].length;
		return match[0] === "*" ? { kind: "wildcard" } : { kind: "field", name: match[0].replaceAll(/\\(.)/g, "$1") };
	}

	#brackets(): Step {
		const end = closingBracket(this.#source, this.#at);
		if (end === undefined) throw new JsonPathError("unterminated array");
		const inside = this.#source.slice(this.#at + 1, end).trim();
		this.#at = end + 1;
		if (inside.startsWith("?(") && inside.endsWith(")")) return filterOf(inside.slice(2, -1));
		const parts = splitOutsideQuotes(inside, ",");
		const steps = parts.map((part) => bracketStep(part.trim()));
		const [only] = steps;
		return steps.length === 1 && only !== undefined ? only : { kind: "union", steps };
	}
}

function bracketStep(text: string): Step {
	if (text === "*") return { kind: "wildcard" };
	const quoted = quotedText(text);
	if (quoted !== undefined) return { kind: "field", name: quoted };
	if (/^-?\d+$/.test(text)) return { kind: "index", index: Number(text) };
	const match = /^(-?\d+)?:(-?\d+)?(?::(\d+))?$/.exec(text);
	if (match === null) throw new JsonPathError(`invalid array index ${text}`);
	const [, from, to, by] = match;
	return {
		kind: "slice",
		from: from === undefined ? undefined : Number(from),
		to: to === undefined ? undefined : Number(to),
		by: Math.max(1, Number(by ?? 1)),
	};
}

function filterOf(text: string): Step {
	const operators = ["==", "!=", "<=", ">=", "<", ">"];
	for (const operator of operators) {
		const [left, right, ...more] = splitOutsideQuotes(text, operator);
		if (left === undefined || right === undefined || more.length > 0) continue;
		return { kind: "filter", left: operandOf(left.trim()), operator, right: operandOf(right.trim()) };
	}
	return { kind: "filter", left: operandOf(text.trim()), operator: undefined, right: undefined };
}

function operandOf(text: string): Operand {
	if (text.startsWith("@") || text.startsWith("$")) return { path: new PathParser(text).steps() };
	const quoted = quotedText(text);
	if (quoted !== undefined) return { value: quoted };
	try {
		return { value: JSON.parse(text) as JsonValue };
	} catch {
		throw new JsonPathError(`unrecognized identifier ${text}`);
	}
}

function quotedText(text: string): string | undefined {
	const quote = text[0];
	if ((quote !== "'" && quote !== '"') || text.length < 2 || text.at(-1) !== quote) return undefined;
	return text.slice(1, -1).replaceAll(/\\(.)/g, "$1");
}

/** Where the bracket at `start` closes. */
function closingBracket(text: string, start: number): number | undefined {
	let depth = 0;
	let quote = "";
	for (let at = start; at < text.length; at++) {
		const point = text[at] ?? "";
		if (quote !== "") {
			if (point === "\\") at++;
			else if (point === quote) quote = "";
		} else if (point === "'" || point === '"') quote = point;
		else if (point === "[") depth++;
		else if (point === "]" && --depth === 0) return at;
	}
	return undefined;
}

function splitOutsideQuotes(text: string, separator: string): readonly string[] {
	const parts: string[] = [];
	let quote = "";
	let start = 0;
	for (let at = 0; at < text.length; at++) {
		const point = text[at] ?? "";
		if (quote !== "") {
			if (point === quote) quote = "";
		} else if (point === "'" || point === '"') quote = point;
		else if (text.startsWith(separator, at)) {
			parts.push(text.slice(start, at));
			at += separator.length - 1;
			start = at + 1;
		}
	}
	return [...parts, text.slice(start)];
}

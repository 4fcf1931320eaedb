/**
 * Go's text/template, as far as `--template` and `--format` of a node's tools use it: fields, variables of `range`, `if`, `with`, `range`,
 * `else`, `end`, pipes, and the functions json, index, len, join, printf-less comparisons and logic. Not there: `define`, `template`, `block`, methods.
 * Source: https://pkg.go.dev/text/template
 */
import { goJson, goText } from "../../../apimachinery/go-text.ts";
import { isJsonObject, type JsonValue } from "../../../apimachinery/json.ts";

export class TemplateError extends Error {}

type Value = JsonValue | undefined;

interface Scope {
	readonly root: Value;
	readonly dot: Value;
	readonly variables: ReadonlyMap<string, Value>;
}

type Node =
	| { readonly type: "text"; readonly text: string }
	| { readonly type: "print"; readonly pipe: string }
	| {
			readonly type: "block";
			readonly keyword: "if" | "with" | "range";
			readonly pipe: string;
			readonly body: readonly Node[];
			readonly other: readonly Node[];
	  };

/** Throws `TemplateError`. */
export function executeTemplate(template: string, data: JsonValue): string {
	const tokens = tokenize(template);
	const { nodes } = parse(tokens, 0, false);
	return run(nodes, { root: data, dot: data, variables: new Map() });
}

interface Token {
	readonly isAction: boolean;
	readonly text: string;
}

function tokenize(template: string): readonly Token[] {
	const tokens: Token[] = [];
	let rest = template;
	for (;;) {
		const open = rest.indexOf("{{");
		if (open === -1) break;
		const close = rest.indexOf("}}", open);
		if (close === -1) throw new TemplateError("unclosed action");
		let text = rest.slice(0, open);
		let action = rest.slice(open + 2, close);
		rest = rest.slice(close + 2);
		if (/^- /.test(action)) {
			text = text.trimEnd();
			action = action.slice(1);
		}
		if (/ -$/.test(action)) {
			rest = rest.trimStart();
			action = action.slice(0, -1);
		}
		tokens.push({ isAction: false, text }, { isAction: true, text: action.trim() });
	}
	return [...tokens, { isAction: false, text: rest }];
}

function parse(tokens: readonly Token[], from: number, isInner: boolean): { readonly nodes: readonly Node[]; readonly at: number } {
	const nodes: Node[] = [];
	let at = from;
	for (; at < tokens.length; at++) {
		const { isAction, text } = tokens[at] ?? { isAction: false, text: "" };
		if (!isAction) {
			nodes.push({ type: "text", text });
			continue;
		}
		if (text === "end" || text === "else") {
			if (!isInner) throw new TemplateError(`unexpected {{${text}}}`);
			return { nodes, at };
		}
		const block = /^(if|with|range)\s+(.*)$/s.exec(text);
		if (block === null) {
			if (text !== "" && !text.startsWith("/*")) nodes.push({ type: "print", pipe: text });
			continue;
		}
		const body = parse(tokens, at + 1, true);
		const other = tokens[body.at]?.text === "else" ? parse(tokens, body.at + 1, true) : { nodes: [], at: body.at };
		at = other.at;
		nodes.push({ type: "block", keyword: block[1] as "if" | "with" | "range", pipe: block[2] ?? "", body: body.nodes, other: other.nodes });
	}
	if (isInner) throw new TemplateError("unexpected EOF");
	return { nodes, at };
}

function run(nodes: readonly Node[], scope: Scope): string {
	return nodes
		.map((node) => {
			if (node.type === "text") return node.text;
			if (node.type === "print") return printed(evaluate(node.pipe, scope));
			return runBlock(node, scope);
		})
		.join("");
}

function runBlock({ keyword, pipe, body, other }: Extract<Node, { type: "block" }>, scope: Scope): string {
	const declared = /^((?:\$\w+\s*,\s*)?\$\w+)\s*:=\s*(.*)$/s.exec(pipe);
	const names = (declared?.[1] ?? "").split(",").map((name) => name.trim());
	const value = evaluate(declared?.[2] ?? pipe, scope);
	if (!isTrue(value)) return run(other, scope);
	if (keyword === "if") return run(body, scope);
	if (keyword === "with") return run(body, { ...scope, dot: value });
	const entries: readonly (readonly [Value, Value])[] = Array.isArray(value)
		? value.map((item, index) => [index, item] as const)
		: isJsonObject(value)
			? Object.keys(value)
					.sort()
					.map((key) => [key, value[key]] as const)
			: [];
	return entries
		.map(([key, item]) => {
			const variables = new Map(scope.variables);
			if (declared !== null) {
				variables.set(names.at(-1) ?? "", item);
				if (names.length > 1) variables.set(names[0] ?? "", key);
			}
			return run(body, { ...scope, dot: item, variables });
		})
		.join("");
}

function evaluate(pipe: string, scope: Scope): Value {
	let carried: readonly Value[] = [];
	for (const command of split(pipe, "|")) carried = [call(words(command), scope, carried)];
	return carried[0];
}

function call(parts: readonly string[], scope: Scope, carried: readonly Value[]): Value {
	const [first = "", ...rest] = parts;
	const apply = functions[first];
	if (apply === undefined) return operand(first, scope);
	return apply([...rest.map((part) => operand(part, scope)), ...carried]);
}

const functions: Readonly<Record<string, (args: readonly Value[]) => Value>> = {
	json: ([value]) => goJson(value),
	index: ([value, ...keys]) => keys.reduce<Value>((at, key) => member(at, key), value),
	len: ([value]) =>
		typeof value === "string" || Array.isArray(value) ? value.length : Object.keys(isJsonObject(value) ? value : {}).length,
	join: ([list, separator]) => (Array.isArray(list) ? list.map(printed).join(printed(separator)) : ""),
	upper: ([text]) => printed(text).toUpperCase(),
	lower: ([text]) => printed(text).toLowerCase(),
	title: ([text]) => printed(text).replace(/\b\w/g, (letter) => letter.toUpperCase()),
	println: (args) => `${args.map(printed).join(" ")}\n`,
	print: (args) => args.map(printed).join(""),
	eq: ([one, ...others]) => others.some((other) => other === one),
	ne: ([one, other]) => one !== other,
	not: ([value]) => !isTrue(value),
	and: (args) => args.find((value) => !isTrue(value)) ?? args.at(-1),
	or: (args) => args.find(isTrue) ?? args.at(-1),
};

function operand(text: string, scope: Scope): Value {
	if (text.startsWith("(") && text.endsWith(")")) return evaluate(text.slice(1, -1), scope);
	if (/^".*"$/s.test(text)) return JSON.parse(text) as string;
	if (/^`.*`$/s.test(text)) return text.slice(1, -1);
	if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
	if (text === "true" || text === "false") return text === "true";
	if (text === "nil") return null;
	const path = /^(\$\w*)?((?:\.\w+)*|\.)$/.exec(text);
	if (path === null) throw new TemplateError(`function ${JSON.stringify(text)} not defined`);
	const [, variable, fields = ""] = path;
	const start = variable === undefined ? scope.dot : variable === "$" ? scope.root : scope.variables.get(variable);
	return fields
		.split(".")
		.filter((name) => name !== "")
		.reduce<Value>((at, name) => field(at, name), start);
}

/** With the option `missingkey=error`. */
function field(value: Value, name: string): Value {
	if (!isJsonObject(value)) throw new TemplateError(`can't evaluate field ${name} in type interface {}`);
	if (!(name in value)) throw new TemplateError(`map has no entry for key ${JSON.stringify(name)}`);
	return value[name];
}

function member(value: Value, key: Value): Value {
	if (Array.isArray(value) && typeof key === "number") {
		if (key < 0 || key >= value.length) throw new TemplateError(`error calling index: index out of range: ${key}`);
		return value[key];
	}
	return isJsonObject(value) ? value[String(key)] : undefined;
}

function isTrue(value: Value): boolean {
	if (Array.isArray(value)) return value.length > 0;
	if (isJsonObject(value)) return Object.keys(value).length > 0;
	return value !== undefined && value !== null && value !== "" && value !== 0 && value !== false;
}

function printed(value: Value): string {
	return value === undefined || value === null ? "<no value>" : goText(value);
}

/** Cuts at a character outside quotes and parentheses. */
function split(text: string, at: string | RegExp): readonly string[] {
	const parts: string[] = [""];
	let quote = "";
	let depth = 0;
	for (const char of text) {
		if (quote !== "") quote = char === quote ? "" : quote;
		else if (char === '"' || char === "`") quote = char;
		else if (char === "(") depth++;
		else if (char === ")") depth--;
		const isCut = quote === "" && depth === 0 && (typeof at === "string" ? char === at : at.test(char));
		if (isCut) parts.push("");
		else parts[parts.length - 1] += char;
	}
	return parts;
}

function words(text: string): readonly string[] {
	return split(text, /\s/).filter((word) => word !== "");
}

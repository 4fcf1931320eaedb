/**
 * From words to fields: parameter, command and arithmetic expansion, field splitting, pathname expansion, quote
 * removal. Source: POSIX.1-2024, Shell, 2.6; bash's `${x//a/b}`, `${x:1:2}`, `${x^^}`, indexed arrays and braces besides.
 * Not implemented: arrays with gaps or names for indexes, `${!x}`, process substitution; they are refused with a message.
 */
import type { FileSystem } from "../vfs/file-system.ts";
import { evaluateArithmetic } from "./arithmetic.ts";
import { escapeGlob, expandGlob, globSource, hasGlob } from "./glob.ts";
import { ShellError, type ShellState } from "./state.ts";
import type { ArithmeticNode, ParameterOperation, ScriptNode, WordNode, WordPart } from "./syntax.ts";

/** Fields one brace range may make. */
const maxBraceItems = 100_000;

export interface ExpansionContext {
	readonly state: ShellState;
	readonly files: () => FileSystem;
	/** Runs a command substitution and returns its output, without trailing newlines. */
	readonly substitute: (body: ScriptNode) => Promise<string>;
	/** `$-`. */
	readonly flags: () => string;
	/** The value of the arithmetic expression between an array's brackets. */
	readonly subscript: (text: string) => Promise<number>;
}

/** `items[1]`, `items[@]`: an element of an array, or all. */
export const subscripted = /^([A-Za-z_]\w*)\[(.+)\]$/s;

/** Where an index leads; those below 0 count from the end. */
export function indexIn(elements: readonly string[], index: number): number {
	const at = index < 0 ? elements.length + index : index;
	if (at < 0) throw new ShellError(`${index}: bad array subscript`, 1);
	return at;
}

/** What `@` and `*`, of the arguments or in an array's brackets, stand for; undefined: another parameter. */
function listOf(parameter: string, { state }: ExpansionContext): readonly string[] | undefined {
	if (parameter === "@" || parameter === "*") return state.positional;
	const [, name = "", subscript] = (state.flavor === "bash" ? subscripted.exec(parameter) : null) ?? [];
	return subscript === "@" || subscript === "*" ? state.elements(name) : undefined;
}

interface Field {
	text: string;
	/** The field as a pattern: quoted parts are escaped. */
	pattern: string;
}

/** Collects the fields of one word. */
class FieldBuilder {
	readonly fields: Field[] = [];
	#current: Field | undefined;

	/** Text that is neither split nor a pattern; even an empty one makes a field. */
	addQuoted(text: string): void {
		this.#append(text, escapeGlob(text));
	}

	addPattern(pattern: string): void {
		this.#append(pattern, pattern);
	}

	/** The result of an unquoted expansion: split at IFS. */
	addSplit(text: string, ifs: string): void {
		if (ifs === "") {
			if (text !== "") this.#append(text, text);
			return;
		}
		const blanks = [...ifs].filter((char) => " \t\n".includes(char)).join("");
		let word = "";
		let separated = false;
		for (const char of text) {
			if (!ifs.includes(char)) {
				if (separated && word === "") this.breakField();
				word += char;
				separated = false;
				continue;
			}
			if (word !== "") this.#append(word, word);
			else if (!blanks.includes(char) && this.#current === undefined) this.#append("", "");
			word = "";
			separated = true;
			if (!blanks.includes(char)) this.breakField();
		}
		if (word !== "") this.#append(word, word);
		else if (separated) this.breakField();
	}

	breakField(): void {
		if (this.#current !== undefined) this.fields.push(this.#current);
		this.#current = undefined;
	}

	#append(text: string, pattern: string): void {
		this.#current ??= { text: "", pattern: "" };
		this.#current.text += text;
		this.#current.pattern += pattern;
	}
}

/** Expands the words of a command to its arguments. */
export async function expandWords(words: readonly WordNode[], context: ExpansionContext): Promise<string[]> {
	const fields: string[] = [];
	for (const word of words) {
		for (const parts of expandBraces(word.parts)) {
			const builder = new FieldBuilder();
			await addParts(builder, parts, context, false);
			builder.breakField();
			for (const field of builder.fields) fields.push(...expandPath(field, context));
		}
	}
	return fields;
}

/** Expands a word to one string: the value of an assignment, the target of a redirection, the subject of `case`. */
export async function expandToText(word: WordNode, context: ExpansionContext): Promise<string> {
	return (await expandUnsplit(word, context)).text;
}

/** Expands a word to a shell pattern, in which what was quoted is escaped. */
export async function expandToPattern(word: WordNode, context: ExpansionContext): Promise<string> {
	return (await expandUnsplit(word, context)).pattern;
}

/** Whether a text is what a word says as a pattern. */
export async function matchesPattern(text: string, word: WordNode, context: ExpansionContext): Promise<boolean> {
	return new RegExp(`^${globSource(await expandToPattern(word, context))}$`, "u").test(text);
}

async function expandUnsplit(word: WordNode, context: ExpansionContext): Promise<Field> {
	const builder = new FieldBuilder();
	await addParts(builder, word.parts, context, true);
	builder.breakField();
	return { text: builder.fields.map(({ text }) => text).join(" "), pattern: builder.fields.map(({ pattern }) => pattern).join(" ") };
}

function expandPath(field: Field, { state, files }: ExpansionContext): string[] {
	if (state.options.noglob || !hasGlob(field.pattern)) return [field.text];
	const found = expandGlob(files(), state.cwd, field.pattern);
	return found.length === 0 ? [field.text] : found;
}

async function addParts(builder: FieldBuilder, parts: readonly WordPart[], context: ExpansionContext, whole: boolean): Promise<void> {
	for (const part of parts) await addPart(builder, part, context, whole);
}

/** @param whole no field splitting. */
async function addPart(builder: FieldBuilder, part: WordPart, context: ExpansionContext, whole: boolean): Promise<void> {
	const { state } = context;
	switch (part.type) {
		case "Literal":
		case "SingleQuoted":
		case "Escaped":
			builder.addQuoted(part.value);
			return;
		case "Glob":
			builder.addPattern(part.pattern);
			return;
		case "TildeExpansion":
			builder.addQuoted(part.user === null ? (state.get("HOME") ?? "/root") : `~${part.user}`);
			return;
		case "DoubleQuoted":
			if (part.parts.length === 0) builder.addQuoted("");
			for (const inner of part.parts) await addQuotedPart(builder, inner, context);
			return;
		case "ProcessSubstitution":
			throw new ShellError("process substitution is not supported by the simulated shell");
		case "ParameterExpansion":
			if (part.operation === null && !whole) {
				const list = listOf(part.parameter, context);
				list?.forEach((value, index) => {
					if (index > 0) builder.breakField();
					builder.addSplit(value, ifsOf(state));
				});
				if (list !== undefined) return;
			}
			break;
		default:
	}
	const text = await expandPart(part, context, false);
	if (whole) builder.addPattern(text);
	else builder.addSplit(text, ifsOf(state));
}

async function addQuotedPart(builder: FieldBuilder, part: WordPart, context: ExpansionContext): Promise<void> {
	if (part.type === "ParameterExpansion" && /^@$|\[@\]$/.test(part.parameter) && part.operation === null) {
		listOf(part.parameter, context)?.forEach((value, index) => {
			if (index > 0) builder.breakField();
			builder.addQuoted(value);
		});
		return;
	}
	builder.addQuoted(await expandPart(part, context, true));
}

/** The text of one part, unsplit. */
async function expandPart(part: WordPart, context: ExpansionContext, quoted: boolean): Promise<string> {
	switch (part.type) {
		case "Literal":
		case "SingleQuoted":
		case "Escaped":
			return part.value;
		case "Glob":
			return part.pattern;
		case "DoubleQuoted": {
			let text = "";
			for (const inner of part.parts) text += await expandPart(inner, context, true);
			return text;
		}
		case "CommandSubstitution":
			return context.substitute(part.body);
		case "ArithmeticExpansion":
			return String(await arithmetic(part.expression.expression, context));
		case "ParameterExpansion":
			return expandParameter(part.parameter, part.operation, context, quoted);
		case "TildeExpansion":
			return "~";
		default:
			throw new ShellError("bad substitution");
	}
}

/** Value of an arithmetic expression. */
export async function arithmetic(node: ArithmeticNode, context: ExpansionContext): Promise<number> {
	return evaluateArithmetic(node, context.state, (name) => parameterValue(name, context) ?? "");
}

/** Undefined: unset. */
function parameterValue(name: string, { state, flags }: ExpansionContext): string | undefined {
	switch (name) {
		case "?":
			return String(state.status);
		case "$":
			return String(state.pid);
		case "!":
			return state.lastBackgroundPid === undefined ? undefined : String(state.lastBackgroundPid);
		case "#":
			return String(state.positional.length);
		case "-":
			return flags();
		case "0":
			return state.name;
		case "@":
			return state.positional.length === 0 ? undefined : state.positional.join(" ");
		case "*":
			return state.positional.length === 0 ? undefined : state.positional.join((state.get("IFS") ?? " ").charAt(0));
		default:
			if (/^\d+$/.test(name)) return state.positional[Number(name) - 1];
			if (!/^\w+$/.test(name)) throw new ShellError("bad substitution");
			return state.get(name);
	}
}

/** As `parameterValue`, of elements of arrays too. */
async function elementOrParameter(name: string, context: ExpansionContext): Promise<string | undefined> {
	const { state } = context;
	const [, array = "", subscript] = (state.flavor === "bash" ? subscripted.exec(name) : null) ?? [];
	if (subscript === undefined) return parameterValue(name, context);
	const elements = state.elements(array);
	if (subscript === "@") return elements.length === 0 ? undefined : elements.join(" ");
	if (subscript === "*") return elements.length === 0 ? undefined : elements.join((state.get("IFS") ?? " ").charAt(0));
	return elements[indexIn(elements, await context.subscript(subscript))];
}

async function expandParameter(
	name: string,
	operation: ParameterOperation | null,
	context: ExpansionContext,
	quoted: boolean,
): Promise<string> {
	const { state } = context;
	const value = await elementOrParameter(name, context);
	const word = async (node: WordNode | null) => (node === null ? "" : expandToText(node, context));
	switch (operation?.type) {
		case undefined:
			break;
		case "DefaultValue":
			return isMissing(value, operation.checkEmpty) ? word(operation.word) : (value ?? "");
		case "UseAlternative":
			return isMissing(value, operation.checkEmpty) ? "" : word(operation.word);
		case "AssignDefault": {
			if (!isMissing(value, operation.checkEmpty)) return value ?? "";
			const text = await word(operation.word);
			state.set(name, text);
			return text;
		}
		case "ErrorIfUnset":
			if (!isMissing(value, operation.checkEmpty)) return value ?? "";
			throw new ShellError(`${name}: ${(await word(operation.word)) || "parameter not set"}`, 1);
		case "Length":
			return String(listOf(name, context)?.length ?? [...requireSet(name, value, state)].length);
		case "Substring": {
			const offset = await arithmetic(operation.offset.expression, context);
			const length = operation.length === null ? undefined : await arithmetic(operation.length.expression, context);
			return substring(requireSet(name, value, state), offset, length);
		}
		case "PatternRemoval":
			return removePattern(requireSet(name, value, state), await expandToPattern(operation.pattern, context), operation);
		case "PatternReplacement": {
			const pattern = globSource(await expandToPattern(operation.pattern, context));
			const anchored = operation.anchor === "start" ? `^${pattern}` : operation.anchor === "end" ? `${pattern}$` : pattern;
			const replacement = await word(operation.replacement);
			return pattern === "" ? (value ?? "") : (value ?? "").replace(new RegExp(anchored, operation.all ? "gu" : "u"), () => replacement);
		}
		case "CaseModification": {
			const change = (text: string) => (operation.direction === "upper" ? text.toUpperCase() : text.toLowerCase());
			const text = value ?? "";
			return operation.all ? change(text) : change(text.charAt(0)) + text.slice(1);
		}
		default:
			throw new ShellError("bad substitution");
	}
	if (value === undefined && name === "@" && quoted) return "";
	return requireSet(name, value, state);
}

function isMissing(value: string | undefined, emptyCounts: boolean): boolean {
	return value === undefined || (emptyCounts && value === "");
}

function requireSet(name: string, value: string | undefined, state: ShellState): string {
	if (value === undefined && state.options.nounset && name !== "@" && name !== "*") throw new ShellError(`${name}: parameter not set`, 1);
	return value ?? "";
}

function substring(text: string, offset: number, length: number | undefined): string {
	const chars = [...text];
	const start = offset < 0 ? Math.max(0, chars.length + offset) : offset;
	const end = length === undefined ? chars.length : length < 0 ? chars.length + length : start + length;
	return chars.slice(start, end).join("");
}

function removePattern(text: string, pattern: string, { side, greedy }: { side: "prefix" | "suffix"; greedy: boolean }): string {
	if (side === "prefix") return text.replace(new RegExp(`^${globSource(pattern, !greedy)}`, "u"), "");
	// The shortest suffix starts last, the longest first.
	const whole = new RegExp(`^${globSource(pattern)}$`, "u");
	const starts = Array.from({ length: text.length + 1 }, (_, index) => (greedy ? index : text.length - index));
	const start = starts.find((index) => whole.test(text.slice(index)));
	return start === undefined ? text : text.slice(0, start);
}

function ifsOf(state: ShellState): string {
	return state.get("IFS") ?? " \t\n";
}

/** `a{b,c}d` to `abd acd`: one list of parts for each result. */
function expandBraces(parts: readonly WordPart[]): (readonly WordPart[])[] {
	const index = parts.findIndex((part) => part.type === "BraceExpansion");
	const brace = parts[index];
	if (brace === undefined || brace.type !== "BraceExpansion") return [parts];
	const before = parts.slice(0, index);
	const after = expandBraces(parts.slice(index + 1));
	const items = brace.items.flatMap((item): (readonly WordPart[])[] =>
		item.type === "Word" ? expandBraces(item.word.parts) : rangeOf(item).map((value) => [{ type: "Literal", value }]),
	);
	return items.flatMap((item) => after.map((rest) => [...before, ...item, ...rest]));
}

function rangeOf({ start, end, step }: { start: string | number; end: string | number; step?: number }): string[] {
	const numeric = typeof start === "number" && typeof end === "number";
	const from = numeric ? start : String(start).charCodeAt(0);
	const to = numeric ? end : String(end).charCodeAt(0);
	const by = Math.max(1, Math.abs(step ?? 1)) * (from <= to ? 1 : -1);
	const values: string[] = [];
	for (let at = from; by > 0 ? at <= to : at >= to; at += by) {
		if (values.length >= maxBraceItems) throw new ShellError("brace expansion: too many items");
		values.push(numeric ? String(at) : String.fromCharCode(at));
	}
	return values;
}

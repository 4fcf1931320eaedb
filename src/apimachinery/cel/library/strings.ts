/**
 * Texts: cel-go's library of strings in version 2, which Kubernetes 1.36 has. Indices count code points.
 * Source: github.com/google/cel-go/ext/strings.go.
 */
import { dynType, intType, listType, stringType } from "../types/types.ts";
import { EvaluationError } from "../values/errors.ts";
import { ArrayList, asInt, asList, asString, type CelValue, lengthOf, toArray } from "../values/values.ts";
import { formatText } from "./format-string.ts";
import { declare, type Library, member, overload } from "./function.ts";

const outOfRange = (index: number): EvaluationError => new EvaluationError(`index out of range: ${index}`);

function charAt(text: CelValue, index: CelValue): CelValue {
	const points = Array.from(asString(text));
	const at = Number(asInt(index));
	if (at < 0 || at > points.length) throw outOfRange(at);
	return points[at] ?? "";
}

function indexOf(text: CelValue, part: CelValue, from: CelValue): CelValue {
	const whole = asString(text);
	const start = from === null ? 0 : Number(asInt(from));
	if (asString(part) === "") return BigInt(start);
	const points = Array.from(whole);
	if (start < 0) throw outOfRange(start);
	if (start >= points.length) return -1n;
	const skipped = points.slice(0, start).join("").length;
	const found = whole.indexOf(asString(part), skipped);
	return BigInt(found < 0 ? -1 : lengthOf(whole.slice(0, found)));
}

function lastIndexOf(text: CelValue, part: CelValue, from: CelValue): CelValue {
	const whole = asString(text);
	const points = Array.from(whole);
	const start = from === null ? points.length : Number(asInt(from));
	if (asString(part) === "") return BigInt(from === null ? points.length : start);
	if (start < 0 || (from !== null && start >= points.length && points.length > 0)) throw outOfRange(start);
	const found = whole.lastIndexOf(asString(part), points.slice(0, start).join("").length);
	return BigInt(found < 0 ? -1 : lengthOf(whole.slice(0, found)));
}

function substring(text: CelValue, from: CelValue, to: CelValue): CelValue {
	const points = Array.from(asString(text));
	const start = Number(asInt(from));
	const end = to === null ? points.length : Number(asInt(to));
	if (to !== null && start > end) throw new EvaluationError(`invalid substring range. start: ${start}, end: ${end}`);
	if (start < 0 || start > points.length) throw outOfRange(start);
	if (end < 0 || end > points.length) throw outOfRange(end);
	return points.slice(start, end).join("");
}

/** Go's strings.Replace: an empty text to replace stands between all characters. */
function replace(text: CelValue, old: CelValue, fresh: CelValue, limit: CelValue): CelValue {
	const count = limit === null ? -1 : Number(asInt(limit));
	if (count === 0) return asString(text);
	const from = asString(old);
	if (from === "") {
		const points = Array.from(asString(text));
		const places = count < 0 ? points.length + 1 : Math.min(count, points.length + 1);
		return (
			points.map((point, at) => (at < places ? asString(fresh) + point : point)).join("") + (places > points.length ? asString(fresh) : "")
		);
	}
	return split(asString(text), from, count < 0 ? -1 : count + 1).join(asString(fresh));
}

/** Go's strings.SplitN: at most `limit` parts, the last of them the rest. */
function split(text: string, separator: string, limit: number): string[] {
	if (limit === 0) return [];
	const all = separator === "" ? Array.from(text) : text.split(separator);
	if (limit < 0 || all.length <= limit) return all;
	return [...all.slice(0, limit - 1), all.slice(limit - 1).join(separator)];
}

const splitText = (text: CelValue, separator: CelValue, limit: CelValue): CelValue =>
	new ArrayList(split(asString(text), asString(separator), limit === null ? -1 : Number(asInt(limit))));

const join = (list: CelValue, separator: CelValue): CelValue =>
	toArray(asList(list))
		.map(asString)
		.join(separator === null ? "" : asString(separator));

const upper = (text: CelValue): CelValue => asString(text).replace(/[a-z]/g, (letter) => letter.toUpperCase());
const lower = (text: CelValue): CelValue => asString(text).replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** White space by Unicode; each end in one pass. */
function trim(text: CelValue): CelValue {
	const whole = asString(text);
	const isSpace = (code: number) => /[\s\u0085]/.test(String.fromCharCode(code)) && code !== 0xfeff;
	let start = 0;
	let end = whole.length;
	while (start < end && isSpace(whole.charCodeAt(start))) start++;
	while (end > start && isSpace(whole.charCodeAt(end - 1))) end--;
	return whole.slice(start, end);
}

const quoted: Readonly<Record<string, string>> = {
	"\u0007": "\\a",
	"\b": "\\b",
	"\f": "\\f",
	"\n": "\\n",
	"\r": "\\r",
	"\t": "\\t",
	"\v": "\\v",
	"\\": "\\\\",
	'"': '\\"',
};

const quote = (text: CelValue): CelValue =>
	`"${Array.from(asString(text), (point) => (Object.hasOwn(quoted, point) ? (quoted[point] ?? point) : point)).join("")}"`;

const texts = listType(stringType);

export const stringsLibrary: Library = {
	functions: [
		declare("charAt", [member("string_char_at_int", [stringType, intType], stringType, charAt)]),
		declare("indexOf", [
			member("string_index_of_string", [stringType, stringType], intType, indexOf),
			member("string_index_of_string_int", [stringType, stringType, intType], intType, indexOf),
		]),
		declare("lastIndexOf", [
			member("string_last_index_of_string", [stringType, stringType], intType, lastIndexOf),
			member("string_last_index_of_string_int", [stringType, stringType, intType], intType, lastIndexOf),
		]),
		declare("lowerAscii", [member("string_lower_ascii", [stringType], stringType, lower)]),
		declare("upperAscii", [member("string_upper_ascii", [stringType], stringType, upper)]),
		declare("replace", [
			member("string_replace_string_string", [stringType, stringType, stringType], stringType, replace),
			member("string_replace_string_string_int", [stringType, stringType, stringType, intType], stringType, replace),
		]),
		declare("split", [
			member("string_split_string", [stringType, stringType], texts, splitText),
			member("string_split_string_int", [stringType, stringType, intType], texts, splitText),
		]),
		declare("substring", [
			member("string_substring_int", [stringType, intType], stringType, substring),
			member("string_substring_int_int", [stringType, intType, intType], stringType, substring),
		]),
		declare("trim", [member("string_trim", [stringType], stringType, trim)]),
		declare("join", [member("list_join", [texts], stringType, join), member("list_join_string", [texts, stringType], stringType, join)]),
		declare("format", [
			member("string_format", [stringType, listType(dynType)], stringType, (text, args) => formatText(asString(text), asList(args))),
		]),
		declare("strings.quote", [overload("strings_quote", [stringType], stringType, quote)]),
	],
};

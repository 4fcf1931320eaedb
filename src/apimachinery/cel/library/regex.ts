/** `matches`, `find`, `findAll`. Source: cel-spec, doc/langdef.md#regular-expressions; k8s.io/apiserver/pkg/cel/library/regex.go. */
import { type CelRegex, compileRegex } from "../regex/regex.ts";
import { boolType, intType, listType, stringType } from "../types/types.ts";
import { EvaluationError } from "../values/errors.ts";
import { ArrayList, asInt, asString, type CelValue } from "../values/values.ts";
import { declare, type Library, member, overload } from "./function.ts";

function regexOf(pattern: CelValue): CelRegex {
	const regex = compileRegex(asString(pattern));
	if ("problem" in regex) throw new EvaluationError(`Illegal regex: ${regex.problem}`);
	return regex;
}

function find(text: CelValue, pattern: CelValue): CelValue {
	const found = regexOf(pattern).find(asString(text));
	return found === undefined ? "" : asString(text).slice(...found);
}

function findAll(text: CelValue, pattern: CelValue, limit: CelValue): CelValue {
	return new ArrayList([...regexOf(pattern).findAll(asString(text), limit === null ? -1 : Number(asInt(limit)))]);
}

const matches = (text: CelValue, pattern: CelValue): CelValue => regexOf(pattern).test(asString(text));

export const regexLibrary: Library = {
	functions: [
		declare(
			"matches",
			[overload("matches", [stringType, stringType], boolType), member("matches_string", [stringType, stringType], boolType)],
			matches,
		),
		declare("find", [member("string_find_string", [stringType, stringType], stringType, find)]),
		declare("findAll", [
			member("string_find_all_string", [stringType, stringType], listType(stringType), findAll),
			member("string_find_all_string_int", [stringType, stringType, intType], listType(stringType), findAll),
		]),
	],
};

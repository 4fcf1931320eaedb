/** Whether a check holds, and what was seen instead. */
import { celToJson, EvaluationError, jsonToCel, type Program } from "../../apimachinery/cel/index.ts";
import type { JsonValue } from "../../apimachinery/json.ts";
import type { Check, Template } from "./lesson.ts";
import { type Lookout, see } from "./look.ts";
import type { Language, Text } from "./text.ts";

export interface CheckState {
	readonly expected: Text;
	readonly isMet: boolean;
	/** What was seen when it was looked at last. */
	readonly saw: Text;
}

/** What expressions may use besides what they look at: see `builtinVariables`. Functions, because few expressions use all. */
export interface Facts {
	readonly start: () => JsonValue;
	readonly changes: () => JsonValue;
	readonly requests: () => JsonValue;
	readonly commands: () => JsonValue;
	readonly now: () => JsonValue;
}

/** What one evaluation may cost, in CEL's units: far more than any check that a person would write. */
const costLimit = 50_000_000;
/** How many names of a list are said. */
const shownNames = 5;

export type Seen = ReadonlyMap<string, JsonValue>;

/** What a check looks at, now. */
export async function lookAt(check: Pick<Check, "looks">, lookout: Lookout): Promise<Seen> {
	const seen = new Map<string, JsonValue>();
	for (const [name, look] of check.looks) seen.set(name, await see(look, lookout));
	return seen;
}

/** A check whose expression fails (a field is not there yet, say) does not hold. */
export function evaluateCheck(check: Check, seen: Seen, facts: Facts): CheckState {
	const evaluate = evaluator(seen, facts);
	const outcome = evaluate(check.that);
	const isMet = outcome.value === true;
	return { expected: check.expected, isMet, saw: sawText(check, seen, evaluate, outcome.error) };
}

/** Whether an expression holds of what is looked at, and nothing else. */
export function holds(that: Program, seen: Seen): boolean {
	return evaluator(seen)(that).value === true;
}

interface Outcome {
	readonly value?: JsonValue;
	readonly error?: string;
}

type Evaluate = (program: Program) => Outcome;

function evaluator(seen: Seen, facts?: Facts): Evaluate {
	const valueNamed = (name: string) => {
		if (seen.has(name)) return jsonToCel(seen.get(name));
		return facts !== undefined && name in facts ? jsonToCel(facts[name as keyof Facts]()) : undefined;
	};
	return (program) => {
		const outcome = program.evaluate(valueNamed, costLimit);
		if ("error" in outcome) return { error: outcome.error };
		try {
			return { value: celToJson(outcome.value) };
		} catch (error) {
			if (error instanceof EvaluationError) return { error: error.message };
			throw error;
		}
	};
}

function sawText(check: Check, seen: Seen, evaluate: Evaluate, error: string | undefined): Text {
	const remark = check.saw.find(({ when }) => when === undefined || evaluate(when).value === true);
	if (remark !== undefined) return { zh: filled(remark.say.zh, evaluate, "zh"), en: filled(remark.say.en, evaluate, "en") };
	const why = error === undefined ? "" : ` (${error})`;
	return { zh: `${seenText(check, seen, "zh")}${why}`, en: `${seenText(check, seen, "en")}${why}` };
}

function filled(template: Template, evaluate: Evaluate, language: Language): string {
	return template.map((part) => (typeof part === "string" ? part : valueText(evaluate(part).value, language))).join("");
}

/** Of a list what is in it, also of lists in it. */
function valueText(value: JsonValue | undefined, language: Language): string {
	const isNone = value === undefined || value === null || (Array.isArray(value) && value.flat(Number.POSITIVE_INFINITY).length === 0);
	if (isNone) return language === "zh" ? "（没有）" : "(none)";
	if (Array.isArray(value)) return value.map((each) => valueText(each, language)).join(language === "zh" ? "、" : ", ");
	return typeof value === "string" ? value : JSON.stringify(value);
}

/** What there is of what was looked at, where the lesson says nothing better. */
function seenText(check: Check, seen: Seen, language: Language): string {
	const parts = [...check.looks].map(([name, { text }]) => `${text}: ${thereText(seen.get(name) ?? null, language)}`);
	if (parts.length === 0) return language === "zh" ? "还没有发生" : "it has not happened yet";
	return parts.join("; ");
}

function thereText(value: JsonValue, language: Language): string {
	if (value === null) return language === "zh" ? "不存在" : "not there";
	if (!Array.isArray(value)) return language === "zh" ? "存在" : "there";
	const names = value.slice(0, shownNames).map((each) => nameOf(each));
	const rest = value.length > shownNames ? ", …" : "";
	return names.length === 0 ? "0" : `${value.length} (${names.join(", ")}${rest})`;
}

function nameOf(object: JsonValue): string {
	// A member of the store has its name by itself.
	const { metadata, name } = object as { readonly metadata?: { readonly name?: string }; readonly name?: string };
	return metadata?.name ?? name ?? "";
}

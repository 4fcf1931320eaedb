/** Expressions of a lesson's checks, in CEL: compiled when the file is read, so that a mistake in one is told with its line. */
import { compileFree, EvaluationError, type Program } from "../../apimachinery/cel/index.ts";
import type { FileReader } from "./file-reader.ts";
import type { Remark, Template } from "./lesson.ts";
import { languages } from "./text.ts";

/** In a text: `${pod.status.phase}`. */
const hole = /\$\{([^}]*)\}/g;

/** Notes a mistake where it cannot be compiled; undefined then. */
export function readExpression(reader: FileReader, variables: readonly string[]): Program | undefined {
	const text = reader.string();
	return text === "" ? undefined : compiled(reader, text, variables);
}

function compiled(reader: FileReader, text: string, variables: readonly string[]): Program | undefined {
	try {
		const found = compileFree(text.trim(), variables);
		if (!("problem" in found)) return found.program;
		reader.wrong(`${found.problem}\n(it may use ${variables.join(", ")})`);
	} catch (error) {
		if (!(error instanceof EvaluationError)) throw error;
		reader.wrong(error.message);
	}
	return undefined;
}

/** A text with expressions in it. */
function readTemplate(reader: FileReader, variables: readonly string[]): Template {
	const text = reader.string().trimEnd();
	const parts: (string | Program)[] = [];
	let end = 0;
	for (const match of text.matchAll(hole)) {
		parts.push(text.slice(end, match.index));
		const program = compiled(reader, match[1] ?? "", variables);
		if (program !== undefined) parts.push(program);
		end = match.index + match[0].length;
	}
	parts.push(text.slice(end));
	return parts.filter((part) => part !== "");
}

/** One entry of `saw`: `{ when: CEL, zh: …, en: … }`, without `when` for whatever else there is. */
export function readRemark(reader: FileReader, variables: readonly string[]): Remark {
	const fields = reader.fields(["when", ...languages]);
	const when = fields.when.exists ? readExpression(fields.when, variables) : undefined;
	return { when, say: { zh: readTemplate(fields.zh, variables), en: readTemplate(fields.en, variables) } };
}

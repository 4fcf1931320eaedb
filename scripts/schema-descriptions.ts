/**
 * What @kubernetes/client-node's generator loses of Kubernetes' descriptions, and how to put it back: texts of fields
 * that refer to another type, and line breaks, of which it makes spaces one by one. The facts are in
 * schema-descriptions.txt; compare-openapi.ts --write-descriptions makes that file anew from an OpenAPI document.
 *
 * The file: a text as a JSON string, and indented below it the fields it belongs to; then `breaks`, and indented a
 * description's name with those of its gaps between words that are not what their width says (one character: a space,
 * two: an empty line, more: spaces), each as WORD:CHARACTERS with n, t and s for line feed, tab and space.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const descriptionsFile = join(dirname(fileURLToPath(import.meta.url)), "schema-descriptions.txt");

const head = [
	"# Descriptions of Kubernetes' API reference (Apache-2.0) that @kubernetes/client-node does not carry.",
	"# Format: see schema-descriptions.ts. Written by: node scripts/compare-openapi.ts --write-descriptions FILE",
];

const codes: Readonly<Record<string, string>> = { "\n": "n", "\t": "t", " ": "s" };
const characters: Readonly<Record<string, string>> = { n: "\n", t: "\t", s: " " };

/** One description: `where` is `Pod` for a type, `Pod.spec` for a field. */
export interface Description {
	readonly where: string;
	readonly text: string;
	/** Whether client-node has no text at all for it. */
	readonly isLost: boolean;
}

/** Reads the facts; the result restores a description from what client-node has of it. */
export function readDescriptionFacts(): (where: string, text: string) => string {
	const texts = new Map<string, string>();
	const breaks = new Map<string, string[]>();
	let text: string | undefined;
	for (const line of readFileSync(descriptionsFile, "utf8").split("\n")) {
		if (line === "" || line.startsWith("#")) continue;
		if (!line.startsWith(" ")) text = line === "breaks" ? undefined : (JSON.parse(line) as string);
		else if (text !== undefined) for (const where of line.trim().split(" ")) texts.set(where, text);
		else {
			const [where = "", ...gaps] = line.trim().split(" ");
			breaks.set(where, gaps);
		}
	}
	return (where, known) => texts.get(where) ?? restoreBreaks(known, breaks.get(where) ?? []);
}

function restoreBreaks(text: string, gaps: readonly string[]): string {
	const exceptions = new Map(gaps.map((gap): [number, string] => [Number(gap.split(":")[0]), gap.split(":")[1] ?? ""]));
	let word = 0;
	return text.replaceAll(/\s+/g, (gap) => {
		const code = exceptions.get(++word);
		if (code === undefined) return usualGap(gap.length);
		return [...code].map((letter) => characters[letter]).join("");
	});
}

function usualGap(width: number): string {
	return width === 2 ? "\n\n" : " ".repeat(width);
}

/** The contents of the facts file for these descriptions. */
export function formatDescriptionFacts(descriptions: readonly Description[]): string {
	const lost = Map.groupBy(
		descriptions.filter(({ isLost }) => isLost),
		({ text }) => text,
	);
	const breaks = descriptions.filter(({ isLost }) => !isLost).flatMap(({ where, text }) => formatBreaks(where, text));
	return [
		...head,
		...[...lost].flatMap(([text, fields]) => [JSON.stringify(text), `  ${fields.map(({ where }) => where).join(" ")}`]),
		"breaks",
		...breaks,
		"",
	].join("\n");
}

function formatBreaks(where: string, text: string): string[] {
	const gaps: string[] = [];
	let word = 0;
	for (const [gap] of text.matchAll(/\s+/g)) {
		word++;
		if (gap !== usualGap(gap.length)) gaps.push(`${word}:${[...gap].map((character) => codes[character]).join("")}`);
	}
	return gaps.length === 0 ? [] : [`  ${where} ${gaps.join(" ")}`];
}

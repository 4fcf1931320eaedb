/**
 * How a line can go on: what may follow is added at the cursor, and nothing that is typed is changed.
 *
 *   :…                      the lesson's own commands
 *   kubectl …               what kubectl says (engine/kubectl-completion.ts)
 *   the first word          programs on the PATH
 *   another, or after > <   files
 */
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { askKubectl, type CompletionPlace, directives } from "../../engine/kubectl-completion.ts";
import { programsLike } from "../../engine/shell.ts";
import { pad, widthOf } from "../../text/styled-text.ts";
import { type CommandAt, commandAt, type Quote } from "./command-at.ts";

export interface Completion {
	/** What there is of each candidate. */
	readonly typed: string;
	readonly candidates: readonly string[];
	/** What the word stands in. */
	readonly quote: Quote;
	/** Whether the word goes on after a candidate, too. A folder's does in any case. */
	readonly goesOn: boolean;
}

/** The lesson's own commands, each with what may follow it. */
export type LessonWords = Readonly<Record<string, readonly string[]>>;

/** More are not listed. */
const maxListed = 200;

/** @param line up to the cursor. Resolves to no candidates when the signal aborts. */
export async function completionOf(line: string, words: LessonWords, place: CompletionPlace): Promise<Completion> {
	if (line.trimStart().startsWith(":")) return ofLesson(line.trimStart(), words);
	const at = commandAt(line);
	const [program] = at.words;
	if (at.isRedirection) return ofFiles(at, place);
	if (program === undefined && !at.word.includes("/")) {
		// Of all that there are nobody wants a list.
		return { ...at, typed: at.word, candidates: at.word === "" ? [] : programsLike(at.word, place.env), goesOn: false };
	}
	return program === "kubectl" ? await ofKubectl(at, place) : ofFiles(at, place);
}

/** What is to be added at the cursor: as much as all candidates have in common. @param after what follows the cursor */
export function additionOf({ typed, candidates, quote, goesOn }: Completion, after: string): string {
	const common = candidates.reduce(commonStart, candidates[0] ?? "");
	const added = escaped(common.slice(typed.length), quote);
	if (candidates.length !== 1 || goesOn || common.endsWith("/")) return added;
	const end = `${quote} `;
	return after.startsWith(end.slice(0, 1)) ? added : added + end;
}

/** In columns, read downwards, as `ls` has them. */
export function inColumns(candidates: readonly string[], width: number): readonly string[] {
	const listed = candidates.slice(0, maxListed);
	const size = Math.max(...listed.map(widthOf)) + 2;
	const height = Math.ceil(listed.length / Math.max(1, Math.floor((width + 2) / size)));
	const rows = Array.from({ length: height }, (_, row) => {
		const cells = listed.filter((_, index) => index % height === row);
		return cells
			.map((cell) => pad(cell, size))
			.join("")
			.trimEnd();
	});
	const left = candidates.length - listed.length;
	return left > 0 ? [...rows, `… +${left}`] : rows;
}

function ofLesson(line: string, words: LessonWords): Completion {
	const [, command = "", space, argument = ""] = /^(\S*)(\s+)?(.*)$/s.exec(line) ?? [];
	const [typed, all] = space === undefined ? [command, Object.keys(words)] : [argument, words[command] ?? []];
	return { typed, candidates: all.filter((word) => word.startsWith(typed)), quote: "", goesOn: false };
}

async function ofKubectl(at: CommandAt, place: CompletionPlace): Promise<Completion> {
	const args = [...at.words.slice(1), at.word];
	const answer = await askKubectl(args, { ...place, env: { ...place.env, ...at.variables } });
	const typed = valueIn(at.word);
	if (answer === undefined) return { ...at, typed, candidates: [], goesOn: false };
	const says = (directive: number) => (answer.directive & directive) !== 0;
	if (says(directives.extensions)) return ofFiles(at, place, (name) => answer.candidates.some((end) => name.endsWith(`.${end}`)));
	if (says(directives.directories)) return ofFiles(at, place, () => false);
	const candidates = answer.candidates.filter((candidate) => candidate.startsWith(typed));
	if (candidates.length === 0 && !says(directives.noFiles)) return ofFiles(at, place);
	return { ...at, typed, candidates, goesOn: says(directives.noSpace) };
}

/** Of a folder's files those that are wanted, and its folders. */
function ofFiles(at: CommandAt, { env, directory }: CompletionPlace, isWanted: (name: string) => boolean = () => true): Completion {
	const path = valueIn(at.word);
	const end = path.lastIndexOf("/") + 1;
	const [parent, typed] = [path.slice(0, end), path.slice(end)];
	const home = /^~(?=\/)/.test(parent) && at.quote === "" ? parent.replace("~", env.HOME ?? "~") : parent;
	const folder = resolve(directory, home);
	const names = namesIn(folder).filter((name) => name.startsWith(typed) && (typed !== "" || !name.startsWith(".")));
	const candidates = names.flatMap((name) => (isFolder(join(folder, name)) ? [`${name}/`] : isWanted(name) ? [name] : []));
	return { ...at, typed, candidates, goesOn: false };
}

/** Sorted; none that would move the cursor. */
function namesIn(folder: string): readonly string[] {
	try {
		return readdirSync(folder)
			.filter((name) => !/\p{Cc}/u.test(name))
			.sort();
	} catch {
		// It is not there, or not ours to read: nothing is in it for us.
		return [];
	}
}

function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Of `--output=js` it is `js` that goes on. */
function valueIn(word: string): string {
	return word.replace(/^-[^=]*=/, "");
}

function commonStart(one: string, other: string): string {
	const characters = [...one];
	const end = characters.findIndex((_, index) => !other.startsWith(characters.slice(0, index + 1).join("")));
	return end < 0 ? one : characters.slice(0, end).join("");
}

function escaped(text: string, quote: Quote): string {
	if (quote === "'") return text.replaceAll("'", "'\\''");
	return text.replaceAll(quote === '"' ? /[\\"$`]/g : /[\s\\"'`$&|;<>()[\]{}*?!#~]/g, "\\$&");
}

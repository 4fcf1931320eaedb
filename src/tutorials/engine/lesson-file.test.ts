/** Whoever writes a lesson is told every mistake with its place. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { LessonFileError } from "./file-reader.ts";
import { readLesson } from "./lesson-file.ts";

const directory = mkdtempSync(join(tmpdir(), "kubesim-lesson-file-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const good = `section: "1.1"
title: { zh: 题, en: Title }
minutes: 5
steps:
  - kind: do
    id: one
    title: { zh: 一, en: One }
    text: { zh: 做, en: Do }
    begin:
      - apply: pod.yaml
    checks:
      - expected: { zh: 好, en: well }
        look: { pod: pods web }
        that: pod.status.phase == 'Running'
    solution: [kubectl get pods]
    wrong: [{ zh: 错, en: wrong, run: ["true"] }]
    hints: [{ zh: 提示, en: hint }]
`;
writeFileSync(join(directory, "pod.yaml"), "");

function mistakesOf(text: string): readonly string[] {
	writeFileSync(join(directory, "lesson.yaml"), text);
	try {
		readLesson(directory);
		return [];
	} catch (error) {
		if (error instanceof LessonFileError) return error.message.replaceAll(`${directory}/`, "").split("\n");
		throw error;
	}
}

test("a lesson is read with its files", () => {
	expect(mistakesOf(good)).toEqual([]);
	expect(readLesson(directory)).toMatchObject({
		section: "1.1",
		namespace: "default",
		files: ["pod.yaml"],
		cluster: { nodes: 3, speed: 1 },
	});
});

test.each<[string, readonly [RegExp, string], string]>([
	["a field is missing", [/^minutes: 5\n/m, ""], "lesson.yaml:1:1: minutes: it is missing"],
	["a language is missing", [/, en: One/, ""], "lesson.yaml:7:12: steps[0].title.en: it is missing"],
	["a field is misspelt", [/hints:/, "hint:"], "lesson.yaml:17:5: steps[0].hint: there is no such field; there are kind, id,"],
	["a number is too large", [/minutes: 5/, "minutes: 500"], "lesson.yaml:3:10: minutes: it is to be a number from 1 to 120"],
	["a number is no text", [/section: "1.1"/, "section: 1.1"], 'lesson.yaml:1:10: section: it is to be a text: put "1.1" in quotes'],
	[
		"a file is not there",
		[/apply: pod.yaml/, "apply: pods.yaml"],
		"lesson.yaml:10:16: steps[0].begin[0].apply: there is no file pods.yaml in",
	],
	[
		"an action is unknown",
		[/apply: pod.yaml/, "create: pod.yaml"],
		"lesson.yaml:10:17: steps[0].begin[0].create: an action is one of apply:",
	],
	["a look is none", [/pod: pods web/, "pod: pods -x"], "lesson.yaml:13:22: steps[0].checks[0].look.pod: there is no -x here"],
	[
		"an expression uses a name that is not there",
		[/pod.status/, "pods.status"],
		"lesson.yaml:14:15: steps[0].checks[0].that: ERROR: <input>:1:1: undeclared reference to 'pods'",
	],
	["an expression has no end", [/== 'Running'/, "== "], "lesson.yaml:14:15: steps[0].checks[0].that: ERROR: <input>:1:20: Syntax error"],
	[
		"a kind of step is unknown",
		[/kind: do/, "kind: play"],
		"lesson.yaml:5:11: steps[0].kind: it is to be one of read, do, predict, order, fix, observe",
	],
	["no wrong answer is given", [/^ {4}wrong:.*\n/m, ""], "lesson.yaml:5:5: steps[0].wrong: it is missing"],
	["it is no YAML", [/minutes: 5/, "minutes: [5"], "lesson.yaml:4:1: "],
])("%s", (_, [part, instead], expected) => {
	expect(mistakesOf(good.replace(part, instead)).join("\n")).toContain(expected);
});

test("all mistakes are told at once", () => {
	expect(mistakesOf(good.replace("minutes: 5", "minutes: x").replace("id: one", "id: One!"))).toEqual([
		"lesson.yaml:3:10: minutes: it is to be a number from 1 to 120",
		"lesson.yaml:6:9: steps[0].id: an id is of small letters, digits and dashes",
	]);
});

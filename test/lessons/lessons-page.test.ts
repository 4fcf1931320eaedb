/** docs/lessons.md says of every section of the notes whether there is a lesson. `npx vitest run test/lessons/lessons-page.test.ts -u` writes it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { builtinCourse } from "../../src/tutorials/engine/course.ts";
import { type LessonHead, readLesson } from "../../src/tutorials/engine/lesson-file.ts";

interface Section {
	readonly section: string;
	readonly zh: string;
	readonly en: string;
	readonly depth: "full" | "simulated" | "explain";
	readonly planned?: boolean;
}

const sections = parse(readFileSync(join(import.meta.dirname, "sections.yaml"), "utf8")) as readonly Section[];
const course = builtinCourse();
const lessons = new Map(course.heads().map((head) => [head.section, head]));

const depths = { full: "on a cluster", simulated: "simulated", explain: "explained" };

function row({ section, zh, en, depth, planned }: Section): string {
	const lesson = lessons.get(section);
	const how = lesson === undefined ? (planned === true ? "planned" : "") : lessonText(lesson);
	return `| ${section} | ${zh === en ? en : `${zh} · ${en}`} | ${depths[depth]} | ${how} |`;
}

function lessonText({ section, minutes }: LessonHead): string {
	const kinds = readLesson(join(course.directory, section)).steps.map(({ kind }) => kind);
	return `[lesson](../src/tutorials/lessons/${section}/lesson.yaml), ${minutes} minutes: ${kinds.join(", ")}`;
}

test("the page of lessons is up to date", async () => {
	const page = `# Lessons

\`kubesim learn SECTION\` begins one. These are all sections of the study notes. The third column says what a subject asks for: to be done on a cluster as it really is, on something that looks the same from outside, or to be explained. [How to write a lesson](writing-lessons.md).

| section | title | what it asks for | lesson |
| --- | --- | --- | --- |
${sections.map(row).join("\n")}
`;
	await expect(page).toMatchFileSnapshot("../../docs/lessons.md");
});

test("the notes have 144 sections, each once, and every lesson is one of them", () => {
	const names = sections.map(({ section }) => section);
	expect(names).toHaveLength(144);
	expect(new Set(names).size).toBe(144);
	expect([...lessons.keys()].filter((section) => !names.includes(section))).toEqual([]);
});

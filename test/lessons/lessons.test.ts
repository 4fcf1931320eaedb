/** Every built-in lesson is what it says, and so is the one that docs/writing-lessons.md shows. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { builtinCourse, Course, newLesson } from "../../src/tutorials/engine/course.ts";
import { codeBlocks } from "../docs/code-blocks.ts";
import { problemsOf } from "./verified.ts";

const course = builtinCourse();

describe.concurrent("lessons", { timeout: 120_000 }, () => {
	test.for(course.folders())("%s", async (section, { expect }) => {
		const lesson = course.lesson(section);
		expect(lesson.section).toBe(section);
		expect(lesson.steps.some(({ kind }) => kind === "predict" || kind === "fix")).toBe(true);
		expect(await problemsOf(lesson)).toEqual([]);
	});
});

test("a new lesson is the one that the guide shows, and is right as it is", async () => {
	const guide = readFileSync(join(import.meta.dirname, "../../docs/writing-lessons.md"), "utf8");
	const shown = codeBlocks(guide).find(({ text }) => text.startsWith("section:"));
	const directory = mkdtempSync(join(tmpdir(), "kubesim-course-"));
	try {
		expect(readFileSync(newLesson("hello", directory), "utf8")).toBe(shown?.text.replace("section: hello", 'section: "hello"'));
		expect(await problemsOf(new Course(directory).lesson("hello"))).toEqual([]);
		expect(() => newLesson("hello", directory)).toThrow("there is ");
		expect(() => newLesson("../x", directory)).toThrow("a lesson is called by letters");
		expect(() => new Course(directory).lesson("2")).toThrow("there is no lesson 2; there are hello");
		expect(() => new Course(join(directory, "hello"))).toThrow("holds no lesson");
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
});

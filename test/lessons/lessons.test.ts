/** Every built-in lesson is what it says, and so is the one that docs/writing-lessons.md shows. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { builtinCourse, Course } from "../../src/tutorials/engine/course.ts";
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

test("the lesson that the guide shows is a lesson", async () => {
	const guide = readFileSync(join(import.meta.dirname, "../../docs/writing-lessons.md"), "utf8");
	const shown = codeBlocks(guide).find(({ text }) => text.startsWith("section:"));
	const directory = mkdtempSync(join(tmpdir(), "kubesim-course-"));
	try {
		mkdirSync(join(directory, "hello"));
		writeFileSync(join(directory, "hello/lesson.yaml"), shown?.text ?? "");
		expect(await problemsOf(new Course(directory).lesson("hello"))).toEqual([]);
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
});

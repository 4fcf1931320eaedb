/** Every built-in lesson is what it says, typed with the real kubectl. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import { lessonMethods } from "../../src/cli/control/lesson-methods.ts";
import { builtinCourse } from "../../src/tutorials/engine/course.ts";
import { verifyLesson } from "../../src/tutorials/engine/verify.ts";
import { kubectlPath } from "../tools/kubectl.ts";

const course = builtinCourse();

describe.concurrent("lessons", { timeout: 120_000 }, () => {
	test.each(course.folders())("%s", async (section) => {
		const stateDirectory = mkdtempSync(join(tmpdir(), "kubesim-lesson-"));
		try {
			const env = { ...process.env, SHELL: "/bin/sh", PATH: [dirname(kubectlPath()), process.env.PATH].join(delimiter) };
			const random = new SeededRandom(section);
			const { problems } = await verifyLesson(course.lesson(section), { stateDirectory, env, random, methods: lessonMethods });
			expect(problems).toEqual([]);
		} finally {
			rmSync(stateDirectory, { recursive: true, force: true });
		}
	});
});

/** For tests: a lesson is gone through by its solutions, with the real kubectl, as `kubesim learn verify` does. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import { lessonSurroundings } from "../../src/cli/lesson-surroundings.ts";
import type { Lesson } from "../../src/tutorials/engine/lesson.ts";
import { verifyLesson } from "../../src/tutorials/engine/verify.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { kubesimBin } from "../tools/kubesim.ts";

/** What is wrong with it, in words. */
export async function problemsOf(lesson: Lesson): Promise<readonly string[]> {
	const stateDirectory = mkdtempSync(join(tmpdir(), "kubesim-lesson-"));
	try {
		const env = { ...process.env, SHELL: "/bin/sh", PATH: [dirname(kubectlPath()), process.env.PATH].join(delimiter) };
		const surroundings = lessonSurroundings([process.execPath, kubesimBin()]);
		const random = new SeededRandom(lesson.section);
		return (await verifyLesson(lesson, { stateDirectory, env, random, surroundings })).problems;
	} finally {
		rmSync(stateDirectory, { recursive: true, force: true });
	}
}

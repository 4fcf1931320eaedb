/** Where there is no kubectl, every built-in lesson can be shown to its end: what stands in for it knows what the solutions need. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import { lessonSurroundings } from "../../src/cli/lesson-surroundings.ts";
import { builtinCourse } from "../../src/tutorials/engine/course.ts";
import { LessonSession } from "../../src/tutorials/engine/session.ts";
import { SessionError } from "../../src/tutorials/engine/session-error.ts";
import { findProgram } from "../../src/tutorials/engine/shell.ts";
import { kubesimBin } from "../tools/kubesim.ts";

const course = builtinCourse();
const directory = mkdtempSync(join(tmpdir(), "kubesim-shown-"));
const env = { ...process.env, SHELL: "/bin/sh", PATH: "" };

beforeAll(() => {
	env.PATH = pathWithoutKubectl();
	expect(findProgram("kubectl", env)).toBe(undefined);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Cluster seconds a real second: a lesson in which one has to be quick leaves 30 of them, and a call takes a part of a real one. */
const speed = 10;
/** How long the end of a step is waited for, cluster ms, on a machine that is so busy that showing it took too long. */
const patienceMs = 15 * 60_000;

describe.concurrent("without a kubectl", { timeout: 180_000 }, () => {
	test.for(course.folders())("%s is shown, and each step's checks hold", async (section, { expect }) => {
		const session = await LessonSession.open({
			lesson: course.lesson(section),
			stateDirectory: join(directory, "state"),
			env,
			random: new SeededRandom(section),
			surroundings: lessonSurroundings([process.execPath, kubesimBin()]),
			speed,
		});
		let said = "";
		session.subscribe((event) => {
			if (event.type === "typing") said += `$ ${event.command}\n`;
			if (event.type === "output") said += event.text;
		});
		try {
			expect(session.state.hasKubectl).toBe(false);
			while (session.state.phase !== "finished") {
				said = "";
				if (session.state.step.kind !== "read") await shown(session);
				const unmet = session.state.checks.filter(({ isMet }) => !isMet).map(({ expected }) => expected.en);
				expect({ unmet, said: unmet.length === 0 ? "" : said }).toEqual({ unmet: [], said: "" });
				await session.next();
			}
			// The learner's own shell knows of none: who types it is told how to get one.
			expect((await session.run("kubectl get pods")).exitCode).toBe(127);
		} finally {
			await session.close();
		}
	});
});

/** Resolves when all of the solution was typed, and the step is over or does not come to be. */
async function shown(session: LessonSession): Promise<void> {
	await session.showMe().catch(async (error: unknown) => {
		if (!(error instanceof SessionError)) throw error;
		await session.cluster.clock.hurry(() => session.state.phase === "done", patienceMs);
	});
}

/** What is on the PATH but kubectl, which may lie in a folder with others. */
function pathWithoutKubectl(): string {
	const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
	return folders
		.map((folder, index) => {
			if (findProgram("kubectl", { PATH: folder }) === undefined) return folder;
			const others = join(directory, `path-${index}`);
			mkdirSync(others);
			for (const name of readdirSync(folder)) if (name !== "kubectl") symlinkSync(join(folder, name), join(others, name));
			return others;
		})
		.join(delimiter);
}

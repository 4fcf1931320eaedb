/** `kubesim learn`: lessons on a cluster of their own. Loaded when somebody learns. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createEntropyRandom } from "../../apimachinery/random.ts";
import {
	ActionError,
	builtinCourse,
	Course,
	CourseError,
	compareSections,
	findProgram,
	type Language,
	LessonFileError,
	languageOf,
	newLesson,
	OwnClusterError,
	ProgressError,
	ProgressStore,
	runPlain,
	startedSections,
	verifyLesson,
} from "../../tutorials/index.ts";
import { ClusterDirectory, kubesimHome } from "../cluster-directory.ts";
import { CliError, messageOf } from "../errors.ts";
import { lessonSurroundings } from "../lesson-surroundings.ts";
import { ownClusterNamed } from "../own-cluster.ts";
import { formatTable } from "../table.ts";

interface LearnOptions {
	readonly from?: string;
	readonly lang?: Language;
	/** A cluster of the learner's own, by its name. */
	readonly on?: string;
}

interface LearnTime extends LearnOptions {
	readonly restart?: boolean;
	readonly plain?: boolean;
}

/**
 * At a terminal that can move its cursor: the list of lessons, or one of them, where it was left. Elsewhere, and with --plain, linear text: a lesson, and without a
 * section the first one that is not finished.
 */
export async function learn(section: string | undefined, options: LearnTime): Promise<void> {
	await explained(async () => {
		const course = courseOf(options);
		const common = {
			stateDirectory: stateDirectory(options),
			env: { ...process.env },
			random: createEntropyRandom(),
			surroundings: lessonSurroundings(),
			isFresh: options.restart === true,
			...(options.on === undefined ? {} : { own: ownClusterNamed(options.on) }),
			language: languageFor(options),
			input: process.stdin,
			output: process.stdout,
		};
		if (options.plain !== true && process.env.TERM !== "dumb" && process.stdin.isTTY && process.stdout.isTTY) {
			// A mistake in what was asked for is told before the screen is taken.
			const lesson = section === undefined ? undefined : course.lesson(section);
			const { runScreens } = await import("../../tutorials/ui/index.tsx");
			return await runScreens({ ...common, course, section, lesson, explain });
		}
		const lesson = course.lesson(section ?? nextSection(course, options));
		const flags = Object.entries({ from: options.from, on: options.on }).map(([flag, value]) =>
			value === undefined ? "" : ` --${flag} ${value}`,
		);
		const resumeCommand = `kubesim learn ${lesson.section}${flags.join("")}`;
		return await runPlain({ ...common, lesson, resumeCommand });
	});
}

export async function learnList(options: LearnOptions): Promise<void> {
	await explained(() => {
		const language = languageFor(options);
		const rows = courseOf(options)
			.heads()
			.map(({ section, title, minutes }) => [section, stateOf(section, options), String(minutes), title[language]]);
		process.stdout.write(formatTable(["SECTION", "STATE", "MINUTES", "TITLE"], rows));
	});
}

export async function learnStatus(options: LearnOptions & { readonly output?: "json" }): Promise<void> {
	await explained(() => {
		const state = stateDirectory(options);
		const lessons = startedSections(state)
			.toSorted(compareSections)
			.flatMap((section) => {
				const progress = new ProgressStore(state, section).read();
				if (progress === undefined) return [];
				const { step = "", isFinished, outcomes, answers, hints } = progress;
				return [{ section, state: isFinished ? "finished" : "started", step, outcomes, answers, hints }];
			});
		if (options.output === "json") {
			process.stdout.write(`${JSON.stringify(lessons)}\n`);
			return;
		}
		if (lessons.length === 0) process.stderr.write("No lesson has been started. kubesim learn begins the first one.\n");
		else {
			const rows = lessons.map(({ section, state, step, outcomes }) => [section, state, step || "-", String(Object.keys(outcomes).length)]);
			process.stdout.write(formatTable(["SECTION", "STATE", "STEP", "STEPS DONE"], rows));
		}
	});
}

/** Forgets what is kept of a lesson, or of all. */
export async function learnReset(section: string | undefined, options: LearnOptions): Promise<void> {
	await explained(() => {
		const state = stateDirectory(options);
		const started = startedSections(state);
		if (section !== undefined && !started.includes(section))
			throw new CliError(`nothing is kept of lesson ${section}`, { hint: "kubesim learn status shows the lessons that were started." });
		for (const each of section === undefined ? started : [section]) new ProgressStore(state, each).remove();
	});
}

/** Makes a lesson to begin with, in a course of one's own. */
export async function learnNew(section: string, { from = "." }: { readonly from?: string }): Promise<void> {
	await explained(() => {
		const file = newLesson(section, resolve(from));
		process.stdout.write(`${file}\n`);
		process.stderr.write(`Try it: kubesim learn ${section} --from ${from}; and kubesim learn verify ${section} --from ${from}.\n`);
	});
}

/** Goes through lessons by their solutions, and says of each whether it is what it says. Exit code 1 if one is not. */
export async function learnVerify(section: string | undefined, options: LearnOptions): Promise<void> {
	await explained(async () => {
		if (findProgram("kubectl", process.env) === undefined) {
			const hint = "Install it: https://kubernetes.io/docs/tasks/tools/";
			throw new CliError("solutions are typed with kubectl, and there is none on the PATH", { hint });
		}
		const course = courseOf(options);
		let isWell = true;
		for (const each of section === undefined ? course.folders() : [section]) {
			const directory = mkdtempSync(join(tmpdir(), "kubesim-verify-"));
			try {
				const found = await verifyLesson(course.lesson(each), {
					stateDirectory: directory,
					env: process.env,
					random: createEntropyRandom(),
					surroundings: lessonSurroundings(),
				});
				process.stdout.write(`${found.problems.length === 0 ? "ok  " : "BAD "} ${found.section} ${found.tookMs} ms\n`);
				for (const problem of found.problems) process.stdout.write(`     ${problem}\n`);
				isWell &&= found.problems.length === 0;
			} finally {
				rmSync(directory, { recursive: true, force: true });
			}
		}
		if (!isWell) process.exitCode = 1;
	});
}

/** What a user can mend, as such. */
async function explained(run: () => void | Promise<void>): Promise<void> {
	try {
		await run();
	} catch (error) {
		throw mendable(error) ?? error;
	}
}

/** In words, with what helps. */
function explain(error: unknown): string {
	const { message, hint } = error instanceof CliError ? error : (mendable(error) ?? { message: messageOf(error), hint: "" });
	return hint === "" ? message : `${message}\n${hint}`;
}

function mendable(error: unknown): CliError | undefined {
	if (error instanceof LessonFileError) return new CliError(`a lesson has mistakes:\n${error.message}`, { cause: error });
	if (error instanceof CourseError)
		return new CliError(error.message, { hint: "kubesim learn list shows the lessons that there are.", cause: error });
	if (error instanceof ProgressError)
		return new CliError(error.message, { hint: "End it there (:quit), or wait until it has ended.", cause: error });
	if (error instanceof OwnClusterError) return new CliError(error.message, { hint: error.hint, cause: error });
	if (error instanceof ActionError) return new CliError(`the lesson asks for what cannot be done: ${error.message}`, { cause: error });
	return undefined;
}

function courseOf({ from }: LearnOptions): Course {
	return from === undefined ? builtinCourse() : new Course(resolve(from));
}

function nextSection(course: Course, options: LearnOptions): string {
	const folders = course.folders();
	return folders.find((section) => stateOf(section, options) !== "finished") ?? folders[0] ?? "";
}

function stateOf(section: string, options: LearnOptions): string {
	const progress = new ProgressStore(stateDirectory(options), section).read();
	if (progress === undefined) return "-";
	return progress.isFinished ? "finished" : "started";
}

function languageFor({ lang }: LearnOptions): Language {
	return lang ?? languageOf(process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG);
}

/**
 * Beside the clusters, where none of them can be: their names begin with no dot; of lessons on a cluster of the learner's own, with that. Each
 * course has its own, as sections of two may have one name.
 */
function stateDirectory({ from, on }: LearnOptions): string {
	const course = from === undefined ? "" : `-${createHash("sha256").update(resolve(from)).digest("hex").slice(0, 12)}`;
	return join(on === undefined ? kubesimHome() : ClusterDirectory.existing(on).path, `.learn${course}`);
}

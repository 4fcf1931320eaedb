/**
 * Whether a lesson is what it says, by going through it as learners do, with the real kubectl: of each step no check set holds before its
 * solution and after a wrong answer, and all hold after the solution. That both languages are there is seen when the file is read.
 */

import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Lesson, TaskStep } from "./lesson.ts";
import { LessonSession } from "./session.ts";
import type { SessionState } from "./session-state.ts";
import type { Surroundings } from "./surroundings.ts";

export interface VerifyOptions {
	/** Where the lesson's files go meanwhile: an empty folder. */
	readonly stateDirectory: string;
	readonly env: NodeJS.ProcessEnv;
	readonly random: Random;
	readonly surroundings: Surroundings;
}

export interface Verification {
	readonly section: string;
	/** What is wrong, in words; empty if all is well. */
	readonly problems: readonly string[];
	/** Real time that it took, ms. */
	readonly tookMs: number;
}

/**
 * Programs in Go that live for a moment, kubectl above all, take a fifth less of the machine if they collect no garbage meanwhile
 * (https://go.dev/doc/gc-guide#GOGC). Their processes are most of what it takes to verify a lesson.
 */
const shortLived = { GOGC: "off", GOMEMLIMIT: "256MiB" };

/** Cluster seconds a real second while a command runs: what takes a minute in the lesson is over in two seconds. */
const speed = 30;
/** How long the cluster is watched after a wrong answer, and waited for after a right one, cluster ms. */
const wrongSettleMs = 15_000;
const solutionLimitMs = 15 * 60_000;

export async function verifyLesson(lesson: Lesson, options: VerifyOptions): Promise<Verification> {
	const clock = new WallClock();
	const startMs = clock.now();
	const env = { ...shortLived, ...options.env };
	const session = await LessonSession.open({ ...options, env, lesson, isFresh: true, speed });
	const problems: string[] = [];
	try {
		for (;;) {
			const { step } = session.state;
			if (step.kind === "do" || step.kind === "fix" || step.kind === "observe") await verifyTask(session, step, problems);
			else if (step.kind === "predict") session.answer(step.options.findIndex(({ isRight }) => isRight));
			else if (step.kind === "order") session.order(step.items.map((_, index) => session.state.shuffled.indexOf(index)));
			if (problems.length > 0) break;
			await session.next();
			if (session.state.phase === "finished") break;
		}
	} finally {
		await session.close();
	}
	return { section: lesson.section, problems, tookMs: clock.now() - startMs };
}

async function verifyTask(session: LessonSession, step: TaskStep, problems: string[]): Promise<void> {
	if (isOver(session.state)) {
		problems.push(`${step.id}: its checks hold before anything is done`);
		return;
	}
	for (const { idea, run } of step.wrong) {
		for (const command of run) await session.run(command);
		await session.cluster.clock.hurry(() => isOver(session.state), wrongSettleMs);
		if (isOver(session.state)) problems.push(`${step.id}: its checks hold after a wrong answer: ${idea.en}`);
		await session.reset();
	}
	for (const command of step.solution) {
		const { exitCode, output } = await session.run(command);
		if (exitCode !== 0) problems.push(`${step.id}: ${command} exited with ${exitCode}: ${output.trim()}`);
	}
	if (await session.cluster.clock.hurry(() => isOver(session.state), solutionLimitMs)) return;
	const unmet = session.state.checks.filter(({ isMet }) => !isMet).map(({ expected, saw }) => `expected ${expected.en}, saw ${saw.en}`);
	problems.push(`${step.id}: after the solution a check does not hold: ${unmet.join("; ")}`);
}

function isOver({ phase }: SessionState): boolean {
	return phase === "done";
}

/**
 * What a learner waits for: the first step of a lesson by the built bin, a check once the state is right, and a reset. And a whole lesson
 * gone through by its solutions, as CI does.
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { createEntropyRandom } from "../src/apimachinery/random.ts";
import { lessonSurroundings } from "../src/cli/lesson-surroundings.ts";
import { events } from "../src/client/resources.ts";
import { applyManifest } from "../src/tutorials/engine/action.ts";
import { builtinCourse } from "../src/tutorials/engine/course.ts";
import { LessonSession } from "../src/tutorials/engine/session.ts";
import { noSurroundings } from "../src/tutorials/engine/surroundings.ts";
import { verifyLesson } from "../src/tutorials/engine/verify.ts";
import { kubectlPath } from "../test/tools/kubectl.ts";
import { kubesimBin } from "../test/tools/kubesim.ts";
import { hasTmux, Terminal } from "../test/tools/terminal.ts";
import { makeHome } from "./kubesim-process.ts";
import { type Measurement, repeat, timeMs } from "./measure.ts";

const section = "4.1.3";

export async function benchLearn(runs: number): Promise<Measurement[]> {
	const checks: number[] = [];
	const resets: number[] = [];
	const first = await repeat(runs, untilFirstStep);
	const screens: number[] = [];
	const keys: number[] = [];
	await repeat(hasTmux ? runs : 0, async () => {
		const seen = await inTerminal();
		screens.push(seen.firstMs);
		keys.push(...seen.keysMs);
		return 0;
	});
	await repeat(runs, async () => {
		await inSession(async (session) => {
			await session.next();
			checks.push(
				await timeMs(async () => {
					const { cluster } = session.cluster;
					const done = session.until(({ phase }) => phase === "done");
					await applyManifest(pending, session.cluster.lookout);
					await cluster.client.resource(events).list("default");
					await done;
				}),
			);
			resets.push(await timeMs(() => session.reset()));
		});
		return 0;
	});
	const whole = await repeat(runs, wholeLesson);
	return [
		{ name: `\`kubesim learn ${section}\` to its first step, in a new process`, unit: "ms", values: first, promise: 1200 },
		{ name: "the same in a terminal (tmux), to its first screen", unit: "ms", values: screens, promise: 1200 },
		{ name: "a key is pressed, until the terminal shows it", unit: "ms", values: keys, promise: 50 },
		{ name: "a check holds, from the request that makes it true on", unit: "ms", values: checks, promise: 200 },
		{ name: "a step taken back to its beginning", unit: "ms", values: resets, promise: 300 },
		{ name: `the whole lesson ${section} by its solutions and wrong answers, with kubectl`, unit: "ms", values: whole },
	];
}

/** As lesson 4.1.3 asks for: what no node has. */
const pending = `apiVersion: v1
kind: Pod
metadata: { name: cache }
spec: { nodeSelector: { disk: ssd }, containers: [{ name: cache, image: redis }] }
`;

async function untilFirstStep(): Promise<number> {
	const home = makeHome();
	const start = performance.now();
	const child = spawn(process.execPath, [kubesimBin(), "learn", section, "--plain", "--lang", "en"], { env: home.env });
	const elapsed = await new Promise<number>((resolve, reject) => {
		let said = "";
		child.once("error", reject);
		child.once("exit", () => reject(new Error(`it ended: ${said}`)));
		child.stdout.on("data", (chunk: Buffer) => {
			said += chunk.toString();
			if (said.includes("Press Enter")) resolve(performance.now() - start);
		});
	});
	child.removeAllListeners("exit");
	await new Promise((resolve) => {
		child.once("exit", resolve);
		child.stdin.end();
	});
	rmSync(home.directory, { recursive: true, force: true });
	return elapsed;
}

/** The lesson's screen, and keys typed on its command line: by tmux, whose own answer takes some 3 ms of each figure. */
async function inTerminal(): Promise<{ readonly firstMs: number; readonly keysMs: readonly number[] }> {
	const home = makeHome();
	const env = Object.entries({ ...home.env, LANG: "en_US.UTF-8" }).map(([name, value]) => `${name}='${value}'`);
	const start = performance.now();
	using terminal = new Terminal(`env ${env.join(" ")} ${process.execPath} ${kubesimBin()} learn ${section}`);
	await until(() => terminal.screen().includes("Enter goes on"));
	const firstMs = performance.now() - start;
	const keysMs: number[] = [];
	let typed = "";
	for (const key of "kubectl get pods") {
		typed += key;
		const pressed = performance.now();
		terminal.type(key);
		await until(() => terminal.screen().includes(`$ ${typed.trimEnd()}`));
		keysMs.push(performance.now() - pressed);
	}
	terminal.press("C-c");
	terminal.type(":quit");
	terminal.press("Enter");
	await until(() => !terminal.screen().includes("Step 1/"));
	rmSync(home.directory, { recursive: true, force: true });
	return { firstMs, keysMs };
}

async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

async function inSession(use: (session: LessonSession) => Promise<void>): Promise<void> {
	const home = makeHome();
	const session = await LessonSession.open({
		lesson: builtinCourse().lesson(section),
		stateDirectory: join(home.directory, "lessons"),
		env: home.env,
		random: createEntropyRandom(),
		surroundings: noSurroundings,
	});
	try {
		await use(session);
	} finally {
		await session.close();
		rmSync(home.directory, { recursive: true, force: true });
	}
}

async function wholeLesson(): Promise<number> {
	const home = makeHome();
	const { problems, tookMs } = await verifyLesson(builtinCourse().lesson(section), {
		stateDirectory: join(home.directory, "lessons"),
		env: { ...home.env, SHELL: "/bin/sh", PATH: [dirname(kubectlPath()), process.env.PATH].join(delimiter) },
		random: createEntropyRandom(),
		surroundings: lessonSurroundings([process.execPath, kubesimBin()]),
	});
	rmSync(home.directory, { recursive: true, force: true });
	if (problems.length > 0) throw new Error(problems.join("\n"));
	return tookMs;
}

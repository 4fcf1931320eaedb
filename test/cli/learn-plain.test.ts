/** `kubesim learn` as a learner and a teacher meet it: the built bin, a real kubectl, a home of their own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { KubesimHome } from "../tools/kubesim.ts";

const home = new KubesimHome({ LANG: "en_US.UTF-8", LC_ALL: "", SHELL: "/bin/sh" });
afterAll(() => home[Symbol.asyncDispose]());
const course = join(home.directory, "course");

async function sitting(
	use: (lesson: { type: (text: string) => void; sees: (pattern: RegExp) => Promise<unknown> }) => Promise<void>,
): Promise<string> {
	const running = home.spawn(`learn hello --from ${course}`);
	await use({ type: (text) => running.child.stdin.write(text), sees: (pattern) => running.sees(pattern) });
	expect(await running.ended()).toBe(0);
	return running.stdout;
}

interface Status {
	readonly section: string;
	readonly state: string;
	readonly step: string;
	readonly outcomes: Readonly<Record<string, string>>;
}
const status = async () => JSON.parse(await home.run(`learn status -o json --from ${course}`)) as readonly Status[];

test("a lesson is made, listed, begun, left and finished, and its progress is told and forgotten", async () => {
	expect(await home.run("learn list")).toMatch(/^SECTION +STATE +MINUTES +TITLE\n/);
	expect((await home.run(`learn new hello --from ${course}`)).trim()).toBe(join(course, "hello/lesson.yaml"));
	expect(await home.run(`learn list --from ${course} --lang zh`)).toContain("hello     -       5         你好\n");

	// The terminal is closed while a command runs.
	const first = home.spawn(`learn hello --from ${course}`);
	await first.sees(/Press Enter/);
	first.child.stdin.write("\n2\n");
	await first.sees(/Not right\. The API server says AlreadyExists\.\nThe answer is: Not in one namespace/);
	const other = await home.try(`learn hello --from ${course}`);
	expect(other.stderr).toContain(`error: this lesson is open in another terminal (process ${first.child.pid})`);
	first.child.stdin.write("kubectl get configmaps -w\n");
	await first.sees(/kube-root-ca\.crt/);
	first.child.kill("SIGHUP");
	await first.ended();
	expect(await status()).toMatchObject([
		{ section: "hello", state: "started", step: "create", outcomes: { welcome: "done", guess: "done" } },
	]);

	const said = await sitting(async ({ type, sees }) => {
		await sees(/Step 3 of 3 · do: Do it/);
		type("kubectl create configmap greeting --from-literal=text=Hello\n:check\n");
		await sees(/\[ \] expected: the text of greeting is hello\n {4}saw: text is Hello\n/);
		type(":reset\n:show\n");
	});
	expect(said).toContain("$ kubectl create configmap greeting --from-literal=text=hello\nconfigmap/greeting created\n");
	expect(said).toContain("[x] Shown\n\nKeys and values are all there is to it.\n\nThe lesson is done.\n");
	expect(await status()).toMatchObject([{ state: "finished", outcomes: { create: "shown" } }]);
	expect(await home.run("learn status -o json")).toBe("[]\n");
	await home.run(`learn reset hello --from ${course}`);
	expect(await status()).toEqual([]);
});

test("kubesim in a lesson's shell means the lesson's cluster, and what it does is seen by its checks", async () => {
	const file = join(course, "hello/lesson.yaml");
	writeFileSync(file, readFileSync(file, "utf8").replace("map.data.text == 'hello'", "map.data.text == 'hello' || map == null"));
	const said = await sitting(async ({ type, sees }) => {
		await sees(/Press Enter/);
		type("\n1\n");
		// What the altered check asks for holds at once.
		await sees(/The lesson is done/);
	});
	expect(said).not.toContain("There is no kubectl");
	const lesson = home.spawn(`learn hello --restart --from ${course}`);
	await lesson.sees(/Press Enter/);
	lesson.child.stdin.write("\nkubesim node list\nkubesim status\n:quit\n");
	await lesson.ended();
	await eventually(() => (/node-3 +Ready/.test(lesson.stdout) ? true : undefined), { what: () => lesson.stdout });
});

test("a teacher is told what is wrong, and where", async () => {
	const file = join(course, "hello/lesson.yaml");
	const text = readFileSync(file, "utf8");
	const verified = await home.try(`learn verify --from ${course}`);
	expect([verified.exitCode, verified.stdout]).toEqual([
		1,
		expect.stringMatching(/^BAD {2}hello \d+ ms\n {5}create: its checks hold before anything is done\n$/),
	]);
	writeFileSync(file, text.replace("minutes: 5", "minutes: many"));
	for (const command of ["list", "hello", "verify hello"]) {
		const { exitCode, stderr } = await home.try(`learn ${command} --from ${course}`);
		expect([exitCode, stderr]).toEqual([1, `error: a lesson has mistakes:\n${file}:3:10: minutes: it is to be a number from 1 to 120\n`]);
	}
	const unknown = await home.try("learn 99.9");
	expect(unknown.stderr).toMatch(
		/^error: there is no lesson 99\.9; there are [^\n]*3\.3\.1[^\n]*\nkubesim learn list shows the lessons that there are\.\n$/,
	);
	expect((await home.try("learn 3.3.1 --from /nowhere")).stderr).toContain("error: there is no folder /nowhere\n");
});

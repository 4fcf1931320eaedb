/** A lesson under way, on a real cluster in this process. What learners do with kubectl is in test/lessons. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import { configMaps, namespaces, nodes } from "../../client/resources.ts";
import { readLesson } from "./lesson-file.ts";
import { parseLook, see } from "./look.ts";
import { ProgressError } from "./progress.ts";
import { LessonSession, type SessionOptions } from "./session.ts";
import { SessionError } from "./session-error.ts";
import { noSurroundings } from "./surroundings.ts";

const directory = mkdtempSync(join(tmpdir(), "kubesim-session-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const text = (en: string) => `{ zh: "（${en}）", en: "${en}" }`;
const both = `hints: [${text("first")}, ${text("second")}]
    wrong: [{ zh: 错, en: wrong, run: ["true"] }]`;
mkdirSync(join(directory, "lesson"));
writeFileSync(join(directory, "lesson/shop.yaml"), "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n");
writeFileSync(
	join(directory, "lesson/lesson.yaml"),
	`section: "1.1"
title: ${text("Title")}
minutes: 1
namespace: shop
cluster: { nodes: 1 }
setup: [{ apply: shop.yaml }]
steps:
  - kind: do
    id: map
    title: ${text("Map")}
    text: ${text("Make one.")}
    checks:
      - expected: ${text("there is a map of two keys")}
        look: { map: configmaps one, maps: configmaps }
        that: size(map.data) == 2 && size(start.maps) + 1 == size(maps) && changes.exists(c, c.name == 'one' && c.type == 'ADDED')
        saw:
          - { when: map == null, zh: "没有", en: "none, \${size(maps)} other(s): \${maps.map(m, m.metadata.name)} \${maps.map(m, m.data.map(k, k))}" }
          - { zh: "\${size(map.data)} 个", en: "\${size(map.data)} key(s)" }
    solution: ["true"]
    ${both}
  - kind: fix
    id: file
    title: ${text("File")}
    text: ${text("Say it.")}
    checks:
      - expected: ${text("it was said")}
        that: commands.exists(c, c.output == 'said\\n' && c.exitCode == 0)
    solution: ["echo said"]
    ${both}
  - kind: observe
    id: lasting
    title: ${text("Lasting")}
    text: ${text("Look on.")}
    checks:
      - { expected: ${text("two is there for 10 s")}, look: { two: configmaps two }, that: two != null, lasting: 10s }
`,
);

const options: SessionOptions = {
	lesson: readLesson(join(directory, "lesson")),
	stateDirectory: join(directory, "state"),
	env: { PATH: "/usr/bin:/bin", SHELL: "/bin/sh" },
	random: new SeededRandom(1),
	surroundings: noSurroundings,
};
let session: LessonSession;
afterEach(() => session.close());

/** As a learner with a terminal of his own. */
const maps = () => session.cluster.cluster.client.resource(configMaps);
const mapOf = (name: string, ...keys: readonly string[]) => ({
	apiVersion: "v1",
	kind: "ConfigMap",
	metadata: { name, namespace: "shop" },
	data: Object.fromEntries(keys.map((key) => [key, "x"])),
});
const saw = () => session.state.checks.map((check) => check.saw.en);
const done = () => session.until(({ phase }) => phase === "done");

test("a step is done when its checks hold, and says until then what was seen", async () => {
	session = await LessonSession.open({ ...options, isFresh: true });
	expect(session.state).toMatchObject({ phase: "open", stepIndex: 0, hints: [], hintsLeft: 2 });
	expect(saw()).toEqual(["none, 1 other(s): kube-root-ca.crt ca.crt"]);
	await expect(session.next()).rejects.toThrow("this step is not done yet");
	await maps().create(mapOf("one", "a"));
	await session.until(({ checks }) => checks[0]?.saw.en === "1 key(s)");
	session.hint();
	expect(session.state).toMatchObject({ hints: [{ en: "first" }], hintsLeft: 1 });
	await maps().update(mapOf("one", "a", "b"));
	expect((await done()).outcomes).toEqual({ map: "done" });
	await session.next();

	// What is shown counts as shown, what is left out as left out.
	await session.showMe();
	expect(session.state).toMatchObject({
		phase: "done",
		outcomes: { file: "shown" },
		journal: [{ command: "echo said", output: "said\n" }],
	});
	await session.next();

	// Not before it has lasted.
	await maps().create(mapOf("two"));
	const { clock } = session.cluster;
	clock.setSpeed(0);
	const startMs = clock.now();
	expect(await clock.hurry(() => session.state.phase === "done", 60_000)).toBe(true);
	expect(clock.now() - startMs).toBeGreaterThanOrEqual(9_000);
	await session.next();
	expect(session.state.phase).toBe("finished");
});

test("a reset puts everything back, whatever the learner has done", async () => {
	session = await LessonSession.open({ ...options, isFresh: true });
	const { client } = session.cluster.cluster;
	const { url } = session.cluster;
	await client.resource(nodes).delete({ name: "node-1" });
	await client.resource(namespaces).delete({ name: "shop" });
	await session.cluster.clock.hurry(() => session.cluster.timeline.of("Namespace", "shop").at(-1)?.type === "DELETED", 60_000);
	const { kubeconfigFile } = session.cluster;
	const workDirectory = join(dirname(kubeconfigFile), "work");
	writeFileSync(kubeconfigFile, "current-context: elsewhere\n");
	rmSync(join(workDirectory, "shop.yaml"));
	expect((await session.run("false")).exitCode).toBe(1);
	expect(session.state.isKubeconfigBroken).toBe(true);
	await session.reset();
	expect(session.state).toMatchObject({ phase: "open", isKubeconfigBroken: false });
	expect(session.cluster.url).toBe(url);
	expect(readFileSync(kubeconfigFile, "utf8")).toContain(url);
	expect(existsSync(join(workDirectory, "shop.yaml"))).toBe(true);
	await session.cluster.cluster.client.resource(nodes).get({ name: "node-1" });
	// The step goes on as if nothing had been.
	await maps().create(mapOf("one", "a", "b"));
	expect((await done()).outcomes).toEqual({ map: "done" });
});

test("a lesson that was left goes on at its step, with the cluster as it was when the step began", async () => {
	session = await LessonSession.open({ ...options, isFresh: true });
	await maps().create(mapOf("one", "a", "b"));
	await done();
	await session.next();
	session.hint();
	await maps().create(mapOf("later"));
	await expect(LessonSession.open(options)).rejects.toThrow(ProgressError);
	const { url } = session.cluster;
	await session.close();
	session = await LessonSession.open(options);
	expect(session.state).toMatchObject({ stepIndex: 1, phase: "open", outcomes: { map: "done" }, hints: [{ en: "first" }], journal: [] });
	expect(session.cluster.url).toBe(url);
	expect((await maps().list("shop")).items.map(({ metadata }) => metadata?.name)).toEqual(["kube-root-ca.crt", "one"]);
	await session.skip();
	expect(session.state.outcomes).toEqual({ map: "done", file: "skipped" });
	await expect(session.skip()).rejects.toThrow(SessionError);
});

test("who goes on while a solution is still being typed goes on once it is over", async () => {
	session = await LessonSession.open({ ...options, isFresh: true });
	await maps().create(mapOf("one", "a", "b"));
	await done();
	await session.next();
	const shown = session.showMe();
	await session.until(({ phase }) => phase === "done");
	expect(session.state.isShowing).toBe(true);
	await Promise.all([session.next(), shown]);
	expect(session.state).toMatchObject({ stepIndex: 2, phase: "open", isShowing: false, outcomes: { map: "done", file: "shown" } });
});

test("a command that never ends leaves the step as it is, and ends with the lesson", async () => {
	session = await LessonSession.open({ ...options, isFresh: true });
	const endless = session.run("sleep 1000");
	await expect(session.run("true")).rejects.toThrow("another command is running");
	expect(session.state).toMatchObject({ phase: "open", running: "sleep 1000" });
	session.interrupt();
	expect((await endless).exitCode).toBe(130);
	const other = session.run("sleep 1000");
	await session.close();
	expect((await other).exitCode).toBe(137);
});

test("checks look again when another member of the store leads", async () => {
	mkdirSync(join(directory, "members"));
	writeFileSync(
		join(directory, "members/lesson.yaml"),
		`section: "1.2"
title: ${text("Title")}
minutes: 1
cluster: { nodes: 0, storeMembers: 3, speed: 0 }
steps:
  - kind: observe
    id: leader
    title: ${text("Leader")}
    text: ${text("Look on.")}
    checks:
      - expected: ${text("the third leads")}
        look: { store: store }
        that: store.exists(m, m.name == 'control-plane-3' && m.state == 'leader')
        saw: [{ zh: 别的, en: "\${store.filter(m, m.state == 'leader')[0].name} leads" }]
`,
	);
	session = await LessonSession.open({ ...options, lesson: readLesson(join(directory, "members")), isFresh: true });
	expect(saw()).toEqual(["control-plane leads"]);
	const told = new Set<string>();
	session.cluster.subscribe(({ type }) => told.add(type));
	await session.cluster.cluster.storeGroup?.moveLeader("control-plane-3");
	expect((await done()).outcomes).toEqual({ leader: "done" });
	expect(told).toContain("store");

	// As `kubesim store status` has them, with what is wrong with their links.
	const members = () => see(parseLook("store"), session.cluster.lookout);
	const { storeGroup } = session.cluster.cluster;
	await storeGroup?.stopMember("control-plane-2");
	storeGroup?.isolateMember("control-plane-2");
	storeGroup?.setLink("control-plane", "control-plane-3", { delayMs: 1 });
	const number = expect.any(Number);
	const numbers = { term: number, index: number, applied: number, revision: number };
	expect(await members()).toEqual([
		{ name: "control-plane", state: "follower", ...numbers, faults: ["control-plane > control-plane-3: delayed by 1 ms"] },
		{ name: "control-plane-2", state: "stopped", term: 0, index: 0, applied: 0, revision: 0, faults: ["control-plane-2: isolated"] },
		{ name: "control-plane-3", state: "leader", ...numbers, faults: [] },
	]);
});

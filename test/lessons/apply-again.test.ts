/** What a lesson applied is applied once more by a learner, with the real kubectl. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import { readLesson } from "../../src/tutorials/engine/lesson-file.ts";
import { LessonSession } from "../../src/tutorials/engine/session.ts";
import { noSurroundings } from "../../src/tutorials/engine/surroundings.ts";
import { kubectlPath } from "../tools/kubectl.ts";

const lesson = `section: again
title: { zh: 再来, en: Again }
minutes: 1
namespace: default
cluster: { nodes: 1 }
setup: [{ apply: map.yaml }]
steps:
  - { kind: read, id: read, title: { zh: 读, en: Read }, text: { zh: 读, en: Read } }
`;
const map = (...keys: readonly string[]) =>
	JSON.stringify({
		apiVersion: "v1",
		kind: "ConfigMap",
		metadata: { name: "map" },
		data: Object.fromEntries(keys.map((key) => [key, "x"])),
	});

test("a key that is taken out of the file goes, and kubectl warns of nothing", async () => {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-again-"));
	mkdirSync(join(directory, "lesson"));
	writeFileSync(join(directory, "lesson/lesson.yaml"), lesson);
	writeFileSync(join(directory, "lesson/map.yaml"), map("a", "b"));
	const session = await LessonSession.open({
		lesson: readLesson(join(directory, "lesson")),
		stateDirectory: join(directory, "state"),
		env: { SHELL: "/bin/sh", PATH: [dirname(kubectlPath()), process.env.PATH].join(delimiter) },
		random: new SeededRandom(1),
		surroundings: noSurroundings,
	});
	try {
		writeFileSync(join(directory, "state/again/work/map.yaml"), map("b", "c"));
		expect((await session.run("kubectl apply -f map.yaml")).output).toBe("configmap/map configured\n");
		expect((await session.run("kubectl get configmap map -o jsonpath='{.data}'")).output).toBe('{"b":"x","c":"x"}');
	} finally {
		await session.close();
		rmSync(directory, { recursive: true, force: true });
	}
});

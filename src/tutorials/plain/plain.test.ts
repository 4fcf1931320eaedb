import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import { readLesson } from "../engine/lesson-file.ts";
import { noSurroundings } from "../engine/surroundings.ts";
import { runPlain } from "./plain.ts";

const directory = mkdtempSync(join(tmpdir(), "kubesim-plain-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const text = (en: string) => `{ zh: "（${en}）", en: "${en}" }`;
mkdirSync(join(directory, "course"));
writeFileSync(
	join(directory, "course/lesson.yaml"),
	`section: "1.1"
title: ${text("Title")}
minutes: 1
cluster: { nodes: 0 }
steps:
  - { kind: read, id: read, title: ${text("Reading")}, text: ${text("Read **this**.\\n\\n| 名 | B |\\n|---|---|\\n| a | 1 |")} }
  - kind: predict
    id: guess
    title: ${text("Guessing")}
    text: ${text("Which?")}
    options:
      - { zh: 甲, en: A, why: ${text("A is not it.")} }
      - { zh: 乙, en: B, right: true, why: ${text("B is it.")} }
  - kind: order
    id: order
    title: ${text("Ordering")}
    text: ${text("In order?")}
    items: [${["one", "two", "three"].map(text).join(", ")}]
    why: ${text("So it goes.")}
  - kind: do
    id: type
    title: ${text("Typing")}
    text: ${text("Say hello.")}
    checks:
      - expected: ${text("hello was said")}
        that: commands.exists(c, c.output == 'hello\\n')
    solution: ["echo hello"]
    wrong: [{ zh: 错, en: wrong, run: ["echo Hello"] }]
    hints: [${text("Use echo.")}]
    why: ${text("Well said.")}
`,
);

test("a lesson is read, answered and typed line by line", async () => {
	const input = new PassThrough();
	const output = new PassThrough();
	let said = "";
	output.on("data", (chunk: Buffer) => {
		said += chunk.toString();
		// The shuffled items, as they stand there.
		const items = /1\. (.*)\n {2}2\. (.*)\n {2}3\. (.*)\nType the numbers/.exec(said)?.slice(1);
		if (items === undefined || said.includes("[x]") || said.includes("stand where")) return;
		const places = ["one", "two", "three"].map((item) => items.indexOf(item) + 1);
		input.write(
			`${places.toReversed().join(" ")}\n${places.join(" ")}\n:check\n:hint\nkubectl describe pods\nkubectl describe pods\n:wrong\necho hello\n`,
		);
	});
	input.write("\n1\n");
	await runPlain({
		lesson: readLesson(join(directory, "course")),
		stateDirectory: join(directory, "state"),
		env: { PATH: directory, SHELL: "/bin/sh" },
		random: new SeededRandom(1),
		// Soon ahead of the machine's clock.
		speed: 1_000,
		surroundings: noSurroundings,
		language: "en",
		input,
		output,
		resumeCommand: "kubesim learn 1.1",
	});
	for (const part of [
		"== Step 1 of 4 · read: Reading ==",
		"Read **this**.\n\n名  B\n──  ─\na   1\n",
		"Not right. A is not it.\nThe answer is: B\nB is it.",
		"1 stand where they should. Try again.\n[x] Done\n\nSo it goes.",
		"[ ] expected: hello was said\n    saw: it has not happened yet",
		"Hint: Use echo.",
		"there is no such command: :wrong",
		"hello\n[x] Done\n\nWell said.",
		"The lesson is done.",
	])
		expect(said).toContain(part);
	expect(said.match(/The cluster's clock is \d+ s ahead of this machine's\./g)).toHaveLength(1);
	expect(said).toContain("There is no kubectl on the PATH");
});

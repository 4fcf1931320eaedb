/**
 * Every screen at 80x24, in both languages, as it is to look: testing/frames.zh.txt and frames.en.txt are read when they change
 * (`npx vitest run src/tutorials/ui/frames.test.ts -u` writes them anew).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { languages } from "../engine/text.ts";
import { putInOrder } from "./testing/put-in-order.ts";
import { sitDown } from "./testing/sitting.ts";

const directory = mkdtempSync(join(tmpdir(), "kubesim-frames-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const pageDown = "\u001b[6~";
const toLesson = "\u001b";
const clear = "\u000c";

test.each(languages)("the screens in %s", async (language) => {
	const { terminal, shows, ended } = sitDown({
		course: join(import.meta.dirname, "testing/gallery"),
		state: join(directory, language),
		language,
	});
	const frames: string[] = [];
	const see = async (name: string, pattern: RegExp) => {
		const frame = await shows(pattern);
		const rule = "═".repeat(80);
		frames.push(`${rule}\n${name}\n${rule}\n${frame.replaceAll(/\d\d:\d\d:\d\d/g, "hh:mm:ss").trimEnd()}\n`);
	};
	const enter = (line = "") => terminal.press(`${line}\r`);
	await see("the lessons", /› {3}1\.1/);
	enter();
	await shows(/○○○○○/);
	// Where the learner's files are differs from machine to machine.
	terminal.press(clear);
	await see("read", /1\/5[\s\S]*─\n\n\n\n/);
	terminal.press(pageDown);
	await see("read, scrolled", /\| ?Pod|Pod {2,}/);
	terminal.press(pageDown);
	await see("read, to its end", /│ /);
	enter(":help");
	await see("help", /:hint/);
	terminal.press(toLesson);
	await shows(/\[/);
	enter();
	await see("predict", /2\/5[\s\S]*› 1\./);
	enter();
	await see("predict, answered wrongly", /●●○○○[\s\S]*✗ 1\./);
	enter();
	const items = language === "zh" ? [/甲/, /乙/, /丙/] : [/first/, /second/, /third/];
	await putInOrder(items, { press: (keys) => terminal.press(keys), rows: () => terminal.rows(), shows });
	terminal.press(" ");
	await see("order, an item taken up", /3\/5[\s\S]*↕ 1\./);
	terminal.press(" \r");
	await see("order, done", /●●●○○[\s\S]*✓/);
	enter();
	await see("observe", /4\/5[\s\S]*\[ \]/);
	enter("false");
	await shows(/ 1\)/);
	enter("echo one");
	await see("observe, done", /●●●●[\s\S]*✓[\s\S]*\none\n/);
	enter();
	await shows(/5\/5[\s\S]*\[ \]/);
	enter(":hint");
	await shows(/`?echo`?\n/);
	enter("echo one");
	await see("fix, a hint and half of it", /\[x\][\s\S]*\[ \][\s\S]*\$ echo one\none\n/);
	terminal.resize(40, 10);
	await see("too small", /80/);
	terminal.resize(80, 24);
	await shows(/\[x\]/);
	enter(":show");
	await see("fix, shown", /●●●●●[\s\S]*✓[\s\S]*\ntwo\n/);
	enter();
	await see("finished", /★/);
	enter();
	await see("the lessons, one finished", /› ✓ 1\.1/);
	terminal.press("q");
	await ended;
	await expect(frames.join("\n")).toMatchFileSnapshot(`testing/frames.${language}.txt`);
});

/** The screens in a window without a window: a whole small lesson by keys alone, with its cluster and the pieces of it that one may look at. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { sleep } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { Course } from "../engine/course.ts";
import type { Language } from "../engine/text.ts";
import { widthOf } from "../text/styled-text.ts";
import { putInOrder } from "./testing/put-in-order.ts";
import { type Sitting, sitDown } from "./testing/sitting.ts";
import { VirtualTerminal } from "./testing/virtual-terminal.ts";
import { screenWordsIn } from "./words.ts";

const lesson = `
section: "1.1"
title: { zh: 标签, en: Labels }
minutes: 5
cluster: { nodes: 2, latency: none }
steps:
  - kind: read
    id: welcome
    title: { zh: 欢迎, en: Welcome }
    text: { zh: 节点可以有**标签**。, en: "Nodes can have **labels**." }
  - kind: predict
    id: guess
    title: { zh: 先猜, en: Guess }
    text: { zh: 标签能改吗？, en: "Can labels change?" }
    options:
      - { zh: 不能, en: "No", why: { zh: 可以改。, en: They can. } }
      - { zh: 能, en: "Yes", right: true, why: { zh: 随时可以。, en: At any time. } }
  - kind: order
    id: order
    title: { zh: 排序, en: Order }
    text: { zh: 先后, en: What comes first }
    items: [{ zh: 甲, en: first }, { zh: 乙, en: second }, { zh: 丙, en: third }]
    why: { zh: 就是这样。, en: That is how it is. }
  - kind: do
    id: label
    title: { zh: 动手, en: Do it }
    text: { zh: 说 disk=ssd。, en: Say disk=ssd. }
    checks:
      - expected: { zh: 说了 disk=ssd, en: disk=ssd was said }
        that: commands.exists(c, c.command == 'echo disk=ssd')
        saw: [{ zh: 没有, en: it was not }]
    solution: [echo disk=ssd]
    wrong: [{ zh: 别的, en: something else, run: [echo disk=hdd] }]
    hints: [{ zh: 用 echo, en: use echo }]
    why: { zh: 标签是键值对。, en: Labels are keys and values. }
`;

const down = "\u001b[B";
const pageUp = "\u001b[5~";

const clock = new WallClock();
let directory: string;

// Each try begins with nothing learnt.
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "kubesim-screens-"));
	for (const [section, more] of [
		["1.1", lesson],
		["2.1", lesson.replace('"1.1"', '"2.1"').replace("Labels", "More labels")],
	] as const) {
		mkdirSync(join(directory, "course", section), { recursive: true });
		writeFileSync(join(directory, "course", section, "lesson.yaml"), more);
	}
	return () => rmSync(directory, { recursive: true, force: true });
});

function start(language: Language, section?: string, terminal = new VirtualTerminal(), isFresh = false): Sitting {
	return sitDown({
		course: join(directory, "course"),
		state: join(directory, `state-${language}`),
		language,
		terminal,
		isFresh,
		...(section === undefined ? {} : { section }),
	});
}

it("leads from the list of lessons to a finished lesson by keys alone, at 80x24", async () => {
	const { terminal, shows, ended } = start("en");
	expect(await shows(/Chapter 2/)).toMatch(
		/^kubesim learn · Lessons {2}0\/2 finished *\nChapter 1\n› {3}1.1 {6}Labels {2}5 minutes\nChapter 2\n {4}2.1 {6}More labels {2}5 minutes\n/,
	);
	// Keys that come at once are keys.
	terminal.press("jkj");
	await shows(/› {3}2.1/);
	terminal.press("k");
	await shows(/› {3}1.1/);
	terminal.press("\r");
	// What can be read is there before the cluster is, and what is typed meanwhile is not lost.
	await shows(/Nodes can have labels\.[\s\S]*starting the lesson's cluster …/);
	terminal.press("echo ahead\r");
	const reading = await shows(/○○○○[\s\S]*\$ echo ahead\nahead/);
	expect(reading).toMatch(
		/^1\.1 Labels {2}○○○○ +\d\d:\d\d:\d\d ▶ 1x\n\[Lesson\] Cluster {2}Events {2}Request {2}Scheduler {2}Controllers {2}Raft {2}Timeline\nStep 1\/4 · read: Welcome\n/,
	);
	expect(terminal.rows().at(-1)).toBe("Enter goes on · PgUp/PgDn scroll · Tab next pane · :help");
	terminal.press("\r");
	await shows(/› 1\. No\n {2}2\. Yes/);
	terminal.press(down);
	await shows(/› 2\. Yes/);
	terminal.press("\r");
	await shows(/✓ 2\. Yes[\s\S]*Right: At any time\./);
	terminal.press("\r");
	await shows(/› 1\. (first|second|third)/);
	await putInOrder([/first/, /second/, /third/], { press: (keys) => terminal.press(keys), rows: () => terminal.rows(), shows });
	terminal.press("\r");
	await shows(/✓ Done\n\nThat is how it is\./);
	terminal.press("\r");
	await shows(/\[ \] disk=ssd was said\n {4}saw: it was not/);
	terminal.press(":hint\r");
	await shows(/Hint: use echo/);
	terminal.press("\t");
	await shows(/ Lesson \[Cluster\][\s\S]*■ node-1 {2}Ready\n■ node-2 {2}Ready/);
	terminal.press(":nonsense\r");
	await shows(/there is no such command, :help lists them: :nonsense/);
	// The end of the step is shown whatever one was looking at.
	// Enter while the command is still there: it goes on when that has ended.
	terminal.press("echo disk=ssd\runtil [ -e go ]; do sleep 0.1; done\r");
	await shows(/✓ Done\n\nLabels are keys and values\.[\s\S]*… running: until/);
	terminal.press("\r\r");
	writeFileSync(join(directory, "state-en/1.1/work/go"), "");
	await shows(/★ The lesson is done\.[\s\S]*done\n+\$\n/);
	const ending = new Promise<void>((resolve) => {
		terminal.onWritten = () => {
			if (/ending the lesson's cluster …$/.test(terminal.rows().join("\n"))) resolve();
		};
	});
	terminal.press("\r");
	await ending;
	await shows(/Lessons {2}1\/2 finished *\nChapter 1\n› ✓ 1.1 {6}Labels {2}5 minutes {2}finished/);
	terminal.press("q");
	await ended;
	expect(terminal.isAlternate).toBe(false);
});

it("says what keeps a lesson from being opened, and leaves one at the list", async () => {
	const course = join(directory, "mistaken");
	for (const [section, text] of [
		["1.1", lesson],
		["2.1", lesson.replace('"1.1"', '"2.1"').replaceAll("kind: order", "kind: odor")],
	] as const) {
		mkdirSync(join(course, section), { recursive: true });
		writeFileSync(join(course, section, "lesson.yaml"), text);
	}
	const { terminal, shows, ended } = sitDown({ course, state: join(directory, "state-mistaken"), language: "en" });
	await shows(/› {3}1\.1/);
	// What is typed while it is opened is not for the list.
	terminal.press("j\rq");
	await shows(
		/› {3}2\.1[\s\S]*The lesson could not be opened:\n[\s\S]*lesson\.yaml[\s\S]*one of read, do, [\s\S]*\n↑↓ choose {2}Enter begin {2}q quit$/,
	);
	terminal.press("k\r");
	await shows(/○○○○/);
	terminal.press(":quit\r");
	await ended;
});

it("leaves the terminal to the shell on Ctrl-Z, and comes back as it was, also in time", async () => {
	let goOn: () => void = () => undefined;
	const stop = () =>
		new Promise<void>((resolve) => {
			goOn = resolve;
		});
	const { terminal, shows, ended } = sitDown({
		course: join(directory, "course"),
		state: join(directory, "state-stopped"),
		language: "en",
		section: "1.1",
		stop,
	});
	await shows(/○○○○ +\S+ ▶ 1x/);
	terminal.press("echo tick");
	await shows(/^\$ echo tick$/m);
	terminal.press("\u001a");
	while (terminal.isAlternate) await sleep(clock, 10);
	goOn();
	await shows(/▶ 1x[\s\S]*^\$ echo tick$/m);
	expect(terminal.isAlternate).toBe(true);
	terminal.press("\r");
	await shows(/^tick$/m);
	terminal.press(":quit\r");
	await ended;
});

it("takes no number of an option that there is not for an answer", async () => {
	const { terminal, shows, ended } = start("en", "1.1", undefined, true);
	await shows(/○○○○/);
	terminal.press("\r");
	await shows(/› 1\. No\n {2}2\. Yes/);
	terminal.press("3");
	await shows(/^\$ 3$/m);
	terminal.press("\r");
	await shows(/there is no option 3[\s\S]*Enter answers/);
	expect(await shows(/› 1\. No/)).not.toContain("command not found");
	terminal.press(":quit\r");
	await ended;
});

it("goes on where one was, in Chinese, is redrawn when the window changes, and interrupts a command that never ends", async () => {
	const terminal = new VirtualTerminal(120, 30);
	const { shows, ended } = start("zh", "2.1", terminal);
	await shows(/○○○○[\s\S]*步骤 1\/4 · 阅读：欢迎/);
	// Text and pane side by side: the line between them is in one column, whatever is on its left.
	const bars = terminal
		.rows()
		.slice(1, 18)
		.map((row) => widthBefore(row, "│"));
	expect(new Set(bars).size).toBe(1);
	terminal.resize(60, 20);
	await shows(/^窗口太小：至少要 80 列 24 行。\n/);
	terminal.resize(80, 24);
	await shows(/步骤 1\/4 · 阅读：欢迎/);
	terminal.press("sleep 1000\r");
	await shows(/… 正在执行：sleep 1000 \(Ctrl-C\)/);
	terminal.press("\u0003");
	await shows(/\(退出码 130\)/);
	for (const pane of ["events", "request", "scheduler", "controllers", "raft", "timeline"]) {
		terminal.press(`:pane ${pane}\r`);
		await shows(new RegExp(pane === "raft" ? "成员 +角色" : pane === "timeline" ? "▶ 1x, 下一件事" : "\\["));
	}
	terminal.press(":pause\r");
	await shows(/⏸/);
	terminal.press(":speed 5000\r");
	await shows(/速度是 0 到 1000 的数：/);
	terminal.press(":quit\r");
	await ended;
	expect(terminal.isAlternate).toBe(false);
});

it("loses no key that is pressed while the cluster starts and the screen changes", async () => {
	const { terminal, shows, ended } = start("en", "1.1");
	await shows(/starting the lesson's cluster …/);
	let count = 0;
	while (!terminal.rows().join("\n").includes("○○○○")) {
		terminal.press("x");
		count++;
		await sleep(clock, 1);
	}
	const home = "\u0001";
	const end = "\u0005";
	terminal.press(home);
	terminal.press("printf ");
	terminal.press(end);
	terminal.press(" | wc -c\r");
	await shows(new RegExp(`^ *${count}$`, "m"));
	terminal.press(":quit\r");
	await ended;
});

it("keeps the option that the cursor is at in view, below a text of any length", async () => {
	const course = join(directory, "long");
	mkdirSync(join(course, "1.1"), { recursive: true });
	const paragraphs = Array.from({ length: 12 }, (_, index) => `paragraph ${index + 1}`).join("\\n\\n");
	writeFileSync(join(course, "1.1/lesson.yaml"), lesson.replace('"Can labels change?"', `"${paragraphs}"`));
	const { terminal, shows } = sitDown({ course, state: join(directory, "state"), language: "en", section: "1.1" });
	await shows(/○○○○/);
	terminal.press("\r");
	expect(await shows(/predict[\s\S]*paragraph 1\n/)).not.toContain("Yes");
	terminal.press(down);
	expect(await shows(/ {2}1\. No\n› 2\. Yes/)).not.toContain("paragraph 1\n");
	terminal.press(pageUp.repeat(3));
	await shows(/predict[\s\S]*paragraph 1\n/);
	terminal.press("\r");
	await shows(/Right: At any time\./);
});

it("begins only the lesson anew that was asked for", async () => {
	const { terminal, shows, ended } = start("zh", "1.1", new VirtualTerminal(), true);
	await shows(/○○○○[\s\S]*步骤 1\/4/);
	terminal.press("\r");
	await shows(/●○○○[\s\S]*步骤 2\/4/);
	terminal.press(":quit\r");
	await ended;
	const other = start("zh", undefined, new VirtualTerminal(), true);
	await other.shows(/› ◐ 1\.1/);
	other.terminal.press("\r");
	await other.shows(/●○○○[\s\S]*步骤 2\/4/);
	other.terminal.press(":quit\r");
	await other.ended;
});

it("is a command line as one knows it: typed ahead, pasted, searched, interrupted, looked back at, and left by Ctrl-D", async () => {
	const { terminal, shows, ended } = start("en", "1.1");
	const control = (letter: string) => terminal.press(String.fromCharCode(letter.charCodeAt(0) - 0x60));
	await shows(/○○○○[\s\S]*Step 1\/4/);
	terminal.press('echo "for $COLUMNS columns"\r');
	await shows(/^for 80 columns$/m);
	control("l");
	// Typed ahead: seen, run one after the other; what is for the lesson itself is seen to at once.
	terminal.press("sleep 1000\r");
	await shows(/… running: sleep 1000/);
	terminal.press(":pause\r");
	await shows(/⏸[\s\S]*… running: sleep 1000/);
	terminal.press(":pause\recho one\recho two\r");
	await shows(/▶ 1x[\s\S]*… running: sleep 1000 \(Ctrl-C\)\n\$ echo one\n\$ echo two\n+\$\n/);
	terminal.press("thr");
	await shows(/\$ echo two\n+\$ thr\n/);
	control("u");
	control("c");
	await shows(/\(exit code 130\)\n+\$\n/);
	terminal.press("sleep 0.2\recho one\recho two\r");
	await shows(/\$ echo one\none\n\$ echo two\ntwo\n+\$\n/);

	// A here-document is pasted as it is, and run on Enter.
	terminal.press("\u001b[200~cat <<END | tr a-z A-Z\r\nfirst line\r\nsecond\r\nEND\r\n\u001b[201~");
	await shows(/\$ cat <<END \| tr a-z A-Z↵first line↵second↵END\n/);
	terminal.press("\r");
	await shows(/\$ cat <<END \| tr a-z A-Z\n> first line\n> second\n> END\nFIRST LINE\nSECOND\n/);

	terminal.press("one");
	control("r");
	await shows(/\n\$ echo one\n/);
	control("a");
	control("d");
	await shows(/\n\$ cho one\n/);
	control("c");
	await shows(/\n\$\n[^\n]*$/);

	// What scrolled away is there.
	terminal.press("seq 1 10000\r");
	await shows(/\n9999\n10000\n+\$\n/);
	await shows(/── ▲ Ctrl-O: all output ─/);
	control("o");
	await shows(/\n9983\n[\s\S]*\n10000\n─+\n\$\n/);
	for (let page = 0; page < 3; page++) terminal.press("\u001b[5~");
	await shows(/\n9929\n[\s\S]*── ▼ PgDn ─/);
	terminal.press("\u001b");
	await shows(/\[Lesson\]/);

	terminal.press(":help\r");
	await shows(/Commands are run by[\s\S]*\n:hint +helps/);
	terminal.press("\u001b[6~");
	await shows(/Ctrl-R those that have/);
	terminal.press("\u001b");
	await shows(/\[Lesson\]/);

	control("d");
	await shows(/Ctrl-D once more leaves the lesson/);
	control("d");
	await ended;
	expect(terminal.isAlternate).toBe(false);
});

it("takes the number of an option that is entered at once, though the step has not begun yet", async () => {
	const { terminal, shows, ended } = start("en", "1.1");
	await shows(/○○○○[\s\S]*Step 1\/4/);
	terminal.press("\r2\r");
	await shows(/✓ 2\. Yes[\s\S]*Right: At any time\./);
	// Whatever runs and waits, one may leave.
	terminal.press("sleep 1000\recho one\r:quit\r");
	await ended;
});

it.each(["zh", "en"] as const)("says which keys there are within 80 columns, in %s", (language) => {
	const word = screenWordsIn(language);
	for (const keys of ["taskKeys", "readKeys", "predictKeys", "orderKeys", "doneKeys", "finishedKeys", "bigKeys", "treeKeys"] as const)
		expect(widthOf(word(keys)), keys).toBeLessThanOrEqual(80);
});

it("does not flicker: a key and the clock each draw their own row, and nothing is drawn when nothing changes", async () => {
	const terminal = new VirtualTerminal(120, 40);
	const { shows, ended } = start("en", "1.1", terminal);
	await shows(/○○○○[\s\S]*Step 1\/4[\s\S]*■ node-2 +Ready/);
	terminal.press(":pause\r");
	await shows(/⏸/);
	const wrote = async (act: () => Promise<unknown>) => {
		const before = terminal.writtenBytes;
		await act();
		return terminal.writtenBytes - before;
	};
	const aSecond = () => sleep(clock, 1_100);
	// What the last command said has been drawn.
	await aSecond();
	expect(await wrote(aSecond)).toBe(0);
	const keys = 10;
	const typed = await wrote(async () => {
		for (let key = 1; key <= keys; key++) {
			terminal.press("x");
			await shows(new RegExp(`\\$ x{${key}}\\n`));
		}
	});
	// One row anew, four bytes to go past each of the others, and styles; a whole frame would be 4800.
	const rowBytes = 120 + 4 * 40 + 60;
	expect(typed / keys).toBeLessThan(rowBytes);
	terminal.press("\u0015:pause\r");
	await shows(/▶/);
	// The clock in the head.
	expect(await wrote(aSecond)).toBeLessThan(2 * rowBytes);
	terminal.press(":quit\r");
	await ended;
}, 20_000);

/** Columns before the first `mark`. */
function widthBefore(row: string, mark: string): number {
	const before = row.slice(0, row.indexOf(mark));
	return [...before].reduce((sum, character) => sum + (/[\u2e80-\uffef]/u.test(character) ? 2 : 1), 0);
}

it("reads a lesson once, for what is shown of it first and for opening it", async () => {
	const reading = vi.spyOn(Course.prototype, "lesson");
	onTestFinished(() => reading.mockRestore());
	const { terminal, shows, ended } = start("en", "1.1");
	await shows(/Enter goes on/);
	expect(reading).toHaveBeenCalledTimes(1);
	terminal.hangUp();
	await ended;
});

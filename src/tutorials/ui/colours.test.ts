/**
 * What the screens show can be read on the backgrounds of usual terminals, and by those who do not see colours. Computed from all frames of
 * a lesson that shows everything, as xterm's emulator has them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WriteStream } from "node:tty";
import { afterAll, expect, test } from "vitest";
import { panes } from "./panes/index.ts";
import { hasColours } from "./sgr.ts";
import { putInOrder } from "./testing/put-in-order.ts";
import { type Sitting, sitDown } from "./testing/sitting.ts";
import type { Run } from "./testing/virtual-terminal.ts";

/** Text and background, as these come with the terminal. */
const palettes: Readonly<Record<string, readonly [string, string]>> = {
	"xterm on white": ["#000000", "#ffffff"],
	"xterm on black": ["#e5e5e5", "#000000"],
	"VS Code light": ["#3b3b3b", "#ffffff"],
	"VS Code dark": ["#cccccc", "#1e1e1e"],
	"Solarized light": ["#657b83", "#fdf6e3"],
	"Solarized dark": ["#839496", "#002b36"],
	"GNOME light": ["#1e1e1e", "#ffffff"],
	"GNOME dark": ["#ffffff", "#1e1e1e"],
	Ubuntu: ["#ffffff", "#300a24"],
	"Tango dark": ["#d3d7cf", "#2e3436"],
	"macOS Basic": ["#000000", "#ffffff"],
	"macOS Pro": ["#f2f2f2", "#000000"],
	"Windows Terminal, Campbell": ["#cccccc", "#0c0c0c"],
	"Windows PowerShell": ["#cccccc", "#012456"],
	"One Half light": ["#383a42", "#fafafa"],
	"One Half dark": ["#dcdfe4", "#282c34"],
	"Gruvbox light": ["#3c3836", "#fbf1c7"],
	"Gruvbox dark": ["#ebdbb2", "#282828"],
};

/**
 * WCAG 2.2 asks 4.5 of text, and 3 of large text and of what is not text (1.4.3, 1.4.11). No colour has 4.5 on white and on the dark greys of
 * these terminals; and nothing is told by colour that a sign or a word does not tell.
 */
const leastContrast = 3;

const directory = mkdtempSync(join(tmpdir(), "kubesim-colours-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const course = join(import.meta.dirname, "testing/gallery");

test("every colour is one of the 240 that palettes leave alone, and can be read on light and dark; what colours say signs say as well", async () => {
	const sitting = sitDown({ course, state: join(directory, "colours"), language: "en" });
	const rows = await walk(sitting);

	const colours = new Set(rows.flatMap((row) => row.map(({ color }) => color)));
	// Orange, red, green, blue, magenta, grey.
	expect(colours.size).toBe(7);
	for (const color of colours) {
		if (color === undefined) continue;
		if (color === "other") throw new Error("a background, or a true colour");
		expect(color).toBeGreaterThanOrEqual(16);
		for (const [name, [, background]] of Object.entries(palettes))
			expect(contrast(fixedColour(color), background), `colour ${color} on ${name}`).toBeGreaterThanOrEqual(leastContrast);
	}
	expect(rows.flat().filter(({ isFaint }) => isFaint)).toEqual([]);

	// The first thing in a row that has a colour of its meaning never has another one.
	const meaning = new Map<string, number>();
	for (const row of rows) {
		const [first] = row.filter(({ color }) => color !== undefined && color !== "other" && ![grey, blue].includes(color));
		const sign = first?.text.trim().split(/\s/)[0] ?? "";
		if (first === undefined || typeof first.color !== "number") continue;
		expect(meaning.get(sign) ?? first.color, `"${sign}" in "${row.map(({ text }) => text).join("")}"`).toBe(first.color);
		meaning.set(sign, first.color);
	}
	expect([...meaning.keys()]).toEqual(expect.arrayContaining([..."!†■○●◐★✓✗[", "[x]"]));
});

test("with NO_COLOR nothing has a colour or is faint", async () => {
	const terminal = sitDown({ course, state: join(directory, "none"), language: "en", env: { NO_COLOR: "1" } });
	for (const { color, isFaint } of (await walk(terminal)).flat()) expect([color, isFaint]).toEqual([undefined, false]);
});

test("terminals that have sixteen colours, or say nothing of theirs, are shown none", () => {
	const output = Object.create(WriteStream.prototype) as WriteStream;
	const colours = (env: NodeJS.ProcessEnv) => hasColours(output, env);
	expect(["xterm-256color", "tmux-256color", "xterm", "linux", "dumb"].map((TERM) => colours({ TERM }))).toEqual([
		true,
		true,
		false,
		false,
		false,
	]);
	expect(colours({ TERM: "xterm", COLORTERM: "truecolor" })).toBe(true);
	expect(colours({ TERM: "xterm-256color", NO_COLOR: "1" })).toBe(false);
});

const grey = 244;
const blue = 32;

/** Goes through everything; resolves to all rows that there were. */
async function walk({ terminal, shows, ended }: Sitting): Promise<readonly (readonly Run[])[]> {
	const rows: (readonly Run[])[] = [];
	const see = async (pattern: RegExp) => {
		await shows(pattern);
		rows.push(...terminal.runs());
	};
	const enter = (line = "") => terminal.press(`${line}\r`);
	await see(/Lessons {2}0\/1 finished/);
	enter();
	await see(/starting the lesson's cluster/);
	await see(/○○○○○[\s\S]*Step 1\/5/);
	enter(":help");
	await see(/:hint`? +helps/);
	enter();
	await see(/› 1\. No/);
	enter();
	await see(/✗ 1\. No[\s\S]*The answer is 2:/);
	enter();
	await putInOrder([/first/, /second/, /third/], { press: (keys) => terminal.press(keys), rows: () => terminal.rows(), shows });
	terminal.press(" ");
	await see(/↕ 1\. first/);
	terminal.press(" ");
	enter();
	await see(/✓ Done\n\nThat is how it is\./);
	enter();
	await see(/\[ \] one was said/);
	enter("false; kubectl get pods; kubectl get pod nobody; echo one");
	await see(/✓ Done\n\nSo it was\./);
	enter();
	enter("echo one");
	await see(/\[x\] one was said\n\[ \] two was said/);
	enter(":hint");
	await see(/Hint: use `?echo/);
	for (const { id } of panes) {
		enter(`:pane ${id}`);
		await see(paneShows[id] ?? / /);
	}
	enter("sleep 1000");
	await see(/… running: sleep 1000/);
	terminal.press("\u0003");
	await see(/\(exit code 130\)/);
	enter(":show");
	await see(/✓ Shown/);
	enter();
	await see(/★ The lesson is done\./);
	enter();
	await see(/✓ 1\.1 +The gallery {2}5 minutes {2}finished/);
	terminal.press("q");
	await ended;
	return rows;
}

const paneShows: Readonly<Record<string, RegExp>> = {
	map: /■ node-1[\s\S]*◐ not-ready/,
	events: /\n! \d\d:\d\d:\d\d Pod/,
	request: /nothing has happened|↓/i,
	scheduler: /finds-no-node/,
	controllers: /CONTROLLER/,
	raft: /Newest writes/,
	timeline: /next is due/,
};

/** Of xterm's 256 colours those that are fixed: a cube of six levels, and greys. @param index 16 to 255 */
function fixedColour(index: number): string {
	const levels = [0, 95, 135, 175, 215, 255];
	const place = index - 16;
	const grey = 8 + 10 * (index - 232);
	const parts =
		index >= 232 ? [grey, grey, grey] : [Math.floor(place / 36), Math.floor(place / 6) % 6, place % 6].map((level) => levels[level] ?? 0);
	return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, 1 to 21 */
function contrast(one: string, other: string): number {
	const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
	return (lighter + 0.05) / (darker + 0.05);
}

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance, 0 to 1. @param colour #rrggbb */
function luminance(colour: string): number {
	const weights = [0.2126, 0.7152, 0.0722];
	return weights.reduce((sum, weight, place) => {
		const part = Number.parseInt(colour.slice(1 + 2 * place, 3 + 2 * place), 16) / 255;
		return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
	}, 0);
}

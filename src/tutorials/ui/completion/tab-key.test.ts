import { expect, test } from "vitest";
import { VirtualClock } from "../../../apimachinery/clock/virtual-clock.ts";
import { emptyInput, insert, type LineInput } from "../line-input.ts";
import type { Completion } from "./completion.ts";
import { TabKey } from "./tab-key.ts";

/** A line, what Tab asks for, and what it was told of: "one two" are the candidates for a word of which "" is typed. */
function desk() {
	const clock = new VirtualClock(0);
	const asked: { line: string; signal: AbortSignal; answer: (candidates: string) => void }[] = [];
	const listed: string[] = [];
	let input: LineInput = emptyInput;
	const change = (changed: LineInput) => {
		input = changed;
		key.lineIs(input);
	};
	const key = new TabKey({
		ask: (line, signal) =>
			new Promise((resolve) => {
				const answer = (said: string) => resolve(completionOf(said));
				signal.addEventListener("abort", () => answer(""));
				asked.push({ line, signal, answer });
			}),
		fill: change,
		list: (candidates) => listed.push(candidates.join(" ")),
		clock,
	});
	return {
		clock,
		asked,
		listed,
		line: () => input.text,
		type: (text: string) => change(insert(input, text)),
		press: () => key.press(input),
		/** As the other keys of a keyboard. */
		keys: (text: string) => key.whenAnswered(() => change(insert(input, text))),
		drop: () => change(emptyInput),
	};
}

const completionOf = (said: string): Completion => ({
	typed: "",
	candidates: said === "" ? [] : said.split(" "),
	quote: "",
	goesOn: false,
});

test("what is certain is filled in, and the next Tab lists what there is", async () => {
	const { type, press, asked, line, listed } = desk();
	type("get ");
	const first = press();
	asked[0]?.answer("pods podtemplates");
	await first;
	expect([line(), listed]).toEqual(["get pod", []]);
	const second = press();
	asked[1]?.answer("s templates");
	await second;
	expect([asked[1]?.line, line(), listed]).toEqual(["get pod", "get pod", ["s templates"]]);
	type("s");
	// Another word: its first Tab.
	const third = press();
	asked[2]?.answer("a b");
	await third;
	expect(listed).toHaveLength(1);
});

test("Tab twice is heard while the first one is seen to, and asks once", async () => {
	const { type, press, asked, line, listed } = desk();
	type("get ");
	const both = [press(), press()];
	asked[0]?.answer("pods podtemplates");
	await Promise.all(both);
	expect([asked.length, line(), listed]).toEqual([1, "get pod", ["pods podtemplates"]]);
});

test("the word after one that was completed is begun anew", async () => {
	const { type, press, asked, line, listed } = desk();
	type("get ");
	const first = press();
	asked[0]?.answer("pods");
	await first;
	const second = press();
	asked[1]?.answer("a b");
	await second;
	expect([line(), listed]).toEqual(["get pods ", []]);
});

test("a change of the line drops what was asked, whatever is said then", async () => {
	const { type, press, asked, line, listed } = desk();
	type("get ");
	const first = press();
	type("x");
	expect(asked[0]?.signal.aborted).toBe(true);
	await first;
	expect([line(), listed]).toEqual(["get x", []]);
});

test("who is not answered in time may ask again", async () => {
	const { clock, type, press, asked, line } = desk();
	type("get ");
	const first = press();
	await clock.advance(3_000);
	expect(asked[0]?.signal.aborted).toBe(true);
	await first;
	const second = press();
	asked[1]?.answer("pods");
	await second;
	expect(line()).toBe("get pods ");
});

test("keys that follow at once wait for the answer, in their order", async () => {
	const { type, press, keys, asked, line } = desk();
	type("get ");
	const first = press();
	keys("we");
	keys("b");
	expect(line()).toBe("get ");
	asked[0]?.answer("pods");
	await first;
	expect(line()).toBe("get pods web");
});

test("but not for long", async () => {
	const { clock, type, press, keys, asked, line } = desk();
	type("get ");
	const first = press();
	keys("x");
	await clock.advance(500);
	expect([line(), asked[0]?.signal.aborted]).toEqual(["get x", true]);
	await first;
	keys("y");
	expect(line()).toBe("get xy");
});

test("who drops the line drops what was typed after it", async () => {
	const { type, press, keys, drop, line } = desk();
	type("get ");
	const first = press();
	keys("x");
	drop();
	await first;
	keys("y");
	expect(line()).toBe("y");
});

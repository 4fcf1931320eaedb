import { expect, test } from "vitest";
import { type EditKey, edit, emptyInput, enter, insert, type LineInput } from "./line-input.ts";

/** Keys by name, everything else is typed; "|" in the answer is the cursor. */
function after(...keys: readonly (EditKey | string)[]): string {
	const names: readonly string[] = [
		"left",
		"right",
		"home",
		"end",
		"backspace",
		"delete",
		"killLine",
		"killToEnd",
		"killWord",
		"wordLeft",
		"wordRight",
		"older",
		"newer",
		"search",
	];
	let input: LineInput = emptyInput;
	for (const key of keys) input = key === "enter" ? enter(input) : names.includes(key) ? edit(input, key as EditKey) : insert(input, key);
	return `${input.text.slice(0, input.cursor)}|${input.text.slice(input.cursor)}`;
}

test("a line is edited as shells let one", () => {
	expect(after("get pods", "left", "left", "x")).toBe("get po|xds".replace("|x", "x|"));
	expect(after("get pods", "home", "delete", "end", "backspace")).toBe("et pod|");
	expect(after("kubectl get pods", "killWord", "nodes")).toBe("kubectl get nodes|");
	expect(after("abc", "left", "killLine")).toBe("|c");
	expect(after("abc", "left", "killToEnd")).toBe("ab|");
});

test("a character is a character, however many units it has", () => {
	expect(after("节点", "backspace")).toBe("节|");
	expect(after("a👩‍💻b", "left", "backspace")).toBe("a|b");
	expect(after("home", "left", "backspace", "right", "delete")).toBe("|");
});

test("lines that were entered come back, and what was being typed after them", () => {
	expect(after("one", "enter", "two", "enter", "thr", "older", "older")).toBe("one|");
	expect(after("one", "enter", "two", "enter", "thr", "older", "older", "newer", "newer")).toBe("thr|");
	expect(after("one", "enter", "older", "older", "older")).toBe("one|");
	expect(after("one", "enter", "one", "enter", " ", "enter", "older", "older")).toBe("one|");
});

test("the cursor goes by words, and a line is found by what is in it", () => {
	expect(after("get pods/web -w", "wordLeft", "wordLeft", "x")).toBe("get pods/x|web -w");
	expect(after("get pods", "home", "wordRight", "x")).toBe("getx| pods");
	const entered = ["get pods", "enter", "describe pod", "enter", "get nodes", "enter"];
	expect(after(...entered, "get", "search")).toBe("get nodes|");
	expect(after(...entered, "get", "search", "search")).toBe("get pods|");
	expect(after(...entered, "get", "search", "search", "search")).toBe("get pods|");
	expect(after(...entered, "get", "search", "newer", "newer")).toBe("get|");
	expect(after(...entered, "logs", "search")).toBe("logs|");
});

import { beforeAll, describe, expect, it } from "vitest";
import type { TerminalSize } from "../../apimachinery/node-connector.ts";
import { Collector } from "../stream.ts";
import { TestMachine } from "../testing/test-machine.ts";
import { LineEditor } from "./line-editor.ts";
import { loadGrammar } from "./syntax.ts";
import { Tty } from "./tty.ts";

beforeAll(async () => {
	await loadGrammar();
});

/** Types into an editor; returns all it shows and how it ended. */
function type(keys: string, history: readonly string[] = []) {
	const editor = new LineEditor("$ ", history);
	const shown = [...keys].map((key) => editor.feed(key)).join("");
	return { shown, result: editor.result };
}

describe("the line editor", () => {
	const line = (text: string) => ({ type: "line", text });
	const cases: readonly [what: string, keys: string, shown: string, result: unknown][] = [
		["echoes and ends at Enter", "ls\r", "ls\r\n", line("ls")],
		["erases", "lx\x7fs\r", "lx\b \bs\r\n", line("ls")],
		["ends at Ctrl-D on an empty line", "\x04", "", { type: "eof" }],
		["is interrupted by Ctrl-C", "abc\x03", "abc^C\r\n", { type: "interrupt" }],
		["inserts in the middle", "ac\x1b[Db\r", "ac\x1b[1D\r$ abc\x1b[K\x1b[1D\r\n", line("abc")],
		["goes to the start and the end", "b\x01a\x05c\r", "b\x1b[1D\r$ ab\x1b[K\x1b[1D\x1b[1Cc\r\n", line("abc")],
		["deletes a word, and the whole line", "one two\x17x\x15y\r", "one two\r$ one \x1b[Kx\r$ \x1b[Ky\r\n", line("y")],
		["clears the screen", "a\x0c\r", "a\x1b[H\x1b[2J\r$ a\x1b[K\r\n", line("a")],
		["ignores keys it does not know", "\x1b[15~\x1bOPa\x00\r", "a\r\n", line("a")],
		["takes characters beyond ASCII", "héé\x7f\r", "héé\b \b\r\n", line("hé")],
	];
	for (const [what, keys, shown, result] of cases) {
		it(what, () => {
			expect(type(keys)).toEqual({ shown, result });
		});
	}

	it("goes back and forth in the history, and keeps what was being typed", () => {
		const up = "\x1b[A";
		const down = "\x1b[B";
		expect(type(`${up}${up}\r`, ["one", "two"]).result).toEqual(line("one"));
		expect(type(`dra${up}${down}ft\r`, ["one", "two"]).result).toEqual(line("draft"));
	});
});

/** A session of a shell at a terminal. */
async function session(shell: string, keys: readonly (string | number)[], size?: TerminalSize) {
	const machine = new TestMachine();
	const screen = new Collector();
	const tty = new Tty(screen);
	if (size !== undefined) tty.resize(size);
	const input = new ReadableStream<Uint8Array>({
		async start(controller) {
			for (const key of keys) {
				if (typeof key === "number") await machine.clock.advance(key);
				else controller.enqueue(Buffer.from(key));
				for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
			}
			controller.close();
		},
	});
	const process = machine.machine.spawn({
		argv: [shell],
		env: machine.env,
		cwd: "/",
		stdin: tty.input,
		stdout: tty.output,
		stderr: tty.output,
		terminal: tty,
	});
	tty.onSignal = (signal) => process.kill(signal);
	await tty.pump(input);
	const { exitCode } = await process.exited;
	await tty.flush();
	return { screen: screen.text(), exitCode };
}

describe("a terminal", () => {
	it("of size 0 is one of which nobody knows the size", async () => {
		const { screen } = await session("sh", ["stty size; cd /bin; ls tar tee [ wc\r", "\x04"], { columns: 0, rows: 0 });
		expect(screen).toContain("\r\n0 0\r\n[    tar  tee  wc\r\n");
	});

	it("takes a paste of a megabyte, and of a line what Linux takes", async () => {
		const { screen } = await session("sh", ["cat > /tmp/a\r", `${"x".repeat(1_000_000)}\r`, "\x04", "wc -c /tmp/a\r", "\x04"]);
		expect(screen).toContain("\r\n4096 /tmp/a\r\n");
	});

	it("whose user does not look shows no more keys, and still heeds Ctrl-C", async () => {
		let written = 0;
		const tty = new Tty({
			write: (chunk) => {
				written += chunk.byteLength;
				return new Promise(() => undefined);
			},
		});
		const signals: string[] = [];
		tty.onSignal = (signal) => signals.push(signal);
		void tty.input.read();
		const keys = (async function* () {
			for (let at = 0; at < 200; at++) yield Buffer.from("some keys\r".repeat(1_000));
			yield Buffer.from("\x03");
		})();
		await tty.pump(keys);
		expect(signals).toEqual(["INT"]);
		expect(written).toBeLessThan(100);
		expect(tty.unwrittenBytes).toBeLessThan(66_000);
	});

	it("ends a program's input at Ctrl-D, and not the next one's", async () => {
		expect((await session("sh", ["cat\r", "\x04", "cat\r", "two\r", "\x04", "\x04"])).screen).toBe(
			"/ # cat\r\n/ # cat\r\ntwo\r\ntwo\r\n/ # ",
		);
	});
});

describe("a shell at a terminal", () => {
	it("prompts, runs, and keeps its state from line to line", async () => {
		expect(await session("sh", ["x=1; cd /etc\r", "echo $x\r", "exit 4\r"])).toEqual({
			screen: "/ # x=1; cd /etc\r\n/etc # echo $x\r\n1\r\n/etc # exit 4\r\n",
			exitCode: 4,
		});
	});

	it("as bash shows user and host, and says exit at Ctrl-D", async () => {
		expect(await session("bash", ["\x04"])).toEqual({ screen: "root@web:/# exit\r\n", exitCode: 0 });
	});

	it("asks for the rest of a command that is not complete", async () => {
		expect((await session("sh", ["for i in 1 2\r", "do echo $i\r", "done\r", "\x04"])).screen).toBe(
			"/ # for i in 1 2\r\n> do echo $i\r\n> done\r\n1\r\n2\r\n/ # ",
		);
	});

	it("stops a command at Ctrl-C and goes on", async () => {
		expect(await session("sh", ["sleep 100\r", 5_000, "\x03", "echo $?\r", "\x04"])).toEqual({
			screen: "/ # sleep 100\r\n^C\r\n/ # echo $?\r\n130\r\n/ # ",
			exitCode: 0,
		});
	});

	it("gives up the whole line at Ctrl-C: loops, pipes, and what has not begun yet", async () => {
		const screen = async (line: string) => (await session("sh", [line, 5_500, "\x03", "echo $?\r", "\x04"])).screen;
		expect(await screen("while true; do sleep 10; done; echo no\r")).toBe(
			"/ # while true; do sleep 10; done; echo no\r\n^C\r\n/ # echo $?\r\n130\r\n/ # ",
		);
		expect(await screen("(sleep 100; echo no) | cat\r")).toBe("/ # (sleep 100; echo no) | cat\r\n^C\r\n/ # echo $?\r\n130\r\n/ # ");
		expect((await session("sh", [10, "sleep 100\r\x03", "echo $?\r", "\x04"])).screen).toBe(
			"/ # sleep 100\r\n^C\r\n/ # echo $?\r\n130\r\n/ # ",
		);
	});

	it("gives a program its lines, echoed and edited, until Ctrl-D", async () => {
		expect((await session("sh", ["cat\r", "helo\x7flo\r", "\x04", "\x04"])).screen).toBe("/ # cat\r\nhelo\b \blo\r\nhello\r\n/ # ");
	});
});

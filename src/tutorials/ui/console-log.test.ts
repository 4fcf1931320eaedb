import { expect, test } from "vitest";
import { ConsoleLog } from "./console-log.ts";

const said = (log: ConsoleLog) => log.lines.map(({ text, isCommand }) => (isCommand ? `$ ${text}` : text));

test("output comes in pieces, and is shown line by line", () => {
	const log = new ConsoleLog();
	log.command("kubectl get pods");
	log.output("NAME  REA");
	log.output("DY\nweb   1/1\n");
	expect(said(log)).toEqual(["$ kubectl get pods", "NAME  READY", "web   1/1"]);
	log.command("date");
	log.output("now\n\nthen");
	expect(said(log).slice(3)).toEqual(["$ date", "now", "", "then"]);
});

test("a command of several lines is several lines of the screen", () => {
	const log = new ConsoleLog();
	log.command("kubectl apply -f - <<'END'\nkind: Pod\n\tspec: {}\nEND\n");
	log.output("pod/web created\n");
	expect(said(log)).toEqual(["$ kubectl apply -f - <<'END'", "> kind: Pod", ">         spec: {}", "> END", "pod/web created"]);
});

test("what would move the cursor or ring the bell is left out; a carriage return begins the line anew", () => {
	const log = new ConsoleLog();
	log.output("\u001b[31mred\u001b[0m\u0007 \u001b]0;title\u0007text\r\n10%\r");
	log.output("20%\r100%\n");
	expect(said(log)).toEqual(["red text", "100%"]);
});

test("a command that prints without end keeps its last thousand lines", () => {
	const log = new ConsoleLog();
	for (let index = 0; index < 5_000; index++) log.output(`${index}\n`);
	log.output("x".repeat(100_000));
	expect(log.lines.length).toBeLessThanOrEqual(1_000);
	expect(said(log).at(-2)).toBe("4999");
	expect(log.lines.at(-1)?.text.length).toBeLessThanOrEqual(4_000);
});

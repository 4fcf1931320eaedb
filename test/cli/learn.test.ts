/** `kubesim learn` in a real terminal: it lends the terminal to what needs it, and leaves it as it was. */
import { dirname } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { KubesimHome, kubesimBin } from "../tools/kubesim.ts";
import { hasTmux, Terminal } from "../tools/terminal.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

function learn(args: string, more: Readonly<Record<string, string>> = {}): string {
	// In CI a terminal is not taken to have colours.
	const env = {
		...home.env,
		FORCE_COLOR: "1",
		...more,
		SHELL: "/bin/sh",
		PATH: `${dirname(kubectlPath())}:${process.env.PATH}`,
		LANG: "en_US.UTF-8",
	};
	const words = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
	return `echo before; env ${words.join(" ")} ${process.execPath} ${kubesimBin()} learn ${args}; echo "ended with $?"`;
}

test.skipIf(!hasTmux)(
	"a lesson by keys: the real kubectl, a command that has the terminal to itself, another size, and a clean end",
	async () => {
		using terminal = new Terminal(learn("3.3.1"));
		await terminal.shows(/Step 1\/\d+ · read: What a Pod is/);
		expect(terminal.isColoured).toBe(true);
		terminal.press("Enter");
		await terminal.shows(/Step 2\/\d+ · do/);
		terminal.type("kubectl get nodes --no-headers");
		terminal.press("Enter");
		await terminal.shows(/node-1 +Ready[\s\S]*node-3 +Ready/);
		terminal.type("sh -c 'read answer; echo it is $answer; read more' --tty");
		terminal.press("Enter");
		await terminal.shows(/^before$/);
		terminal.type("mine");
		terminal.press("Enter");
		await terminal.shows(/it is mine/);
		terminal.press("Enter");
		await terminal.shows(/Step 2\/\d+ · do/);
		terminal.resize(120, 40);
		await terminal.shows(/│\[Cluster\]/);
		terminal.type(":quit");
		terminal.press("Enter");
		await terminal.shows(/ended with 0/);
		// What was on the screen before, and what the command that had it said.
		expect(terminal.screen()).toMatch(/^before\nmine\nit is mine\n+ended with 0$/);
	},
);

test.skipIf(!hasTmux)(
	"a closed terminal ends the lesson; it goes on in the next one, and not in two at once; with NO_COLOR nothing has one",
	async () => {
		{
			using terminal = new Terminal(learn("3.3.1", { NO_COLOR: "1" }));
			await terminal.shows(/Step 1\/\d+/);
			expect(terminal.isColoured).toBe(false);
			terminal.press("Enter");
			await terminal.shows(/Step 2\/\d+/);
			using second = new Terminal(learn("3.3.1"));
			await second.shows(
				/this lesson is open in another terminal \(process \d+\)\nEnd it there \(:quit\), or wait until it has ended\.\nended with 1/,
			);
		}
		await eventually(async () => ((await home.try("learn reset 3.3.1")).exitCode === 0 ? true : undefined));
		expect(await home.run("learn status --output json")).toBe("[]\n");
	},
);

/** `kubesim learn` in a real terminal: it lends the terminal to what needs it, and leaves it as it was. */
import { dirname } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { builtinCourse } from "../../src/tutorials/engine/course.ts";
import { putInOrder } from "../../src/tutorials/ui/testing/put-in-order.ts";
import { eventually } from "../tools/eventually.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { KubesimHome, kubesimBin } from "../tools/kubesim.ts";
import { hasTmux, Terminal } from "../tools/terminal.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

/** Runs it between two lines of the shell, of which the second tells its exit code and whether the terminal is set as it was. */
function learn(args: string, more: Readonly<Record<string, string>> = {}): string {
	// In CI a terminal is not taken to have colours.
	const env = {
		...home.env,
		FORCE_COLOR: "2",
		...more,
		SHELL: "/bin/sh",
		PATH: `${dirname(kubectlPath())}:${process.env.PATH}`,
		LANG: "en_US.UTF-8",
	};
	const words = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
	const run = `env ${words.join(" ")} ${process.execPath} ${kubesimBin()} learn ${args}`;
	return `settings=$(stty -g); echo before; ${run}; echo "ended with $?"; [ "$(stty -g)" = "$settings" ] || echo terminal changed`;
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
		terminal.type("sh -c 'echo ready; read answer; echo it is $answer; read more' --tty");
		terminal.press("Enter");
		await terminal.shows(/^before\nready$/);
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
		expect(terminal.screen()).toMatch(/^before\nready\nmine\nit is mine\n+ended with 0$/);
	},
);

test.skipIf(!hasTmux)(
	"a whole lesson by keys alone, from the list of lessons to its end and back to the list",
	async () => {
		using terminal = new Terminal(learn(""));
		const enter = (line: string) => {
			terminal.type(line);
			terminal.press("Enter");
		};
		const done = async () => {
			await terminal.shows(/✓ Done/);
			terminal.press("Enter");
		};
		await terminal.shows(/^kubesim learn · Lessons {2}0\/\d+ finished\n[\s\S]* 3\.3\.1 /);
		const lessons = terminal.screen().match(/^[ ›] {3}\d+(\.\d+)+ /gm) ?? [];
		terminal.type("j".repeat(lessons.findIndex((lesson) => lesson.includes("3.3.1"))));
		await terminal.shows(/^› {3}3\.3\.1 /m);
		terminal.press("Enter");
		await terminal.shows(/○○○○○○○○○[\s\S]*Step 1\/9 · read/);
		// The learner's time is short: half a minute of grace is half a second.
		enter(":speed 60");
		await terminal.shows(/▶ 60x$/m);
		terminal.press("Enter");

		await terminal.shows(/Step 2\/9 · do[\s\S]*\[ \] /);
		enter("kubectl get pods -w");
		await terminal.shows(/… running: kubectl get pods -w/);
		terminal.resize(60, 16);
		await terminal.shows(/^This window is too small/);
		terminal.resize(120, 36);
		await terminal.shows(/│\[Cluster\][\s\S]*… running: kubectl get pods -w/);
		terminal.press("C-c");
		await terminal.shows(/\(exit code 130\)/);
		terminal.resize(100, 40);
		enter("kubectl apply -f notebook.yaml");
		await done();

		await terminal.shows(/Step 3\/9 · predict[\s\S]*› 1\./);
		terminal.type("2");
		await terminal.shows(/› 2\./);
		terminal.press("Enter");
		await terminal.shows(/✓ 2\.[\s\S]*Right:/);
		terminal.press("Enter");

		await terminal.shows(/Step 4\/9 · do[\s\S]*\[ \]/);
		enter("kubectl exec notebook -c writer -- wget -qO- http://localhost");
		await terminal.shows(/\[x\]/);
		enter("kubectl exec notebook -c writer -- ps");
		await done();

		await terminal.shows(/Step 5\/9 · fix[\s\S]*\[ \]/);
		enter("kubectl logs twins -c second");
		await terminal.shows(/address already in use/i);
		// The events' ages are counted by kubectl, on the machine's clock.
		enter("kubectl describe pod twins | tail -3");
		await terminal.shows(/<invalid>[\s\S]*The cluster's clock is \d+ s ahead of/);
		enter("sed -i.bak '$ s/8080/8081/' twins.yaml && kubectl delete pod twins --now && kubectl apply -f twins.yaml");
		await done();

		const step = builtinCourse()
			.lesson("3.3.1")
			.steps.find(({ kind }) => kind === "order");
		const items = step?.kind === "order" ? step.items.map(({ en }) => new RegExp(en.slice(0, 25).replaceAll(/[^\w ]/g, "."))) : [];
		await terminal.shows(/Step 6\/9 · order[\s\S]*› 1\./);
		await putInOrder(items, {
			press: (keys) => terminal.type(keys),
			rows: () => terminal.screen().split("\n"),
			shows: (pattern) => terminal.shows(pattern),
		});
		terminal.press("Enter");
		await done();

		await terminal.shows(/Step 7\/9 · do[\s\S]*\[ \]/);
		enter("kubectl wait --for=condition=Ready pod/stubborn; kubectl delete pod stubborn");
		await done();

		await terminal.shows(/Step 8\/9 · predict[\s\S]*› 1\./);
		// Wrong, which is said, and does not keep one.
		terminal.press("Enter");
		await terminal.shows(/✗ 1\.[\s\S]*Not right:[\s\S]*The answer is 2:/);
		terminal.press("Enter");

		await terminal.shows(/Step 9\/9 · do[\s\S]*\[ \]/);
		enter("kubectl wait --for=condition=Available deployment/shop && kubectl delete pod -l app=shop");
		await terminal.shows(/✓ Done/);
		terminal.press("Enter");
		await terminal.shows(/●●●●●●●●●[\s\S]*★ The lesson is done\./);
		terminal.press("Enter");
		await terminal.shows(/^kubesim learn · Lessons {2}1\/\d+ finished\n[\s\S]*› ✓ 3\.3\.1 .* finished$/m);
		terminal.type("q");
		await terminal.shows(/ended with 0/);
		expect(terminal.screen()).toBe("before\nended with 0");
		expect(terminal.isAsItWas).toBe(true);
	},
	60_000,
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

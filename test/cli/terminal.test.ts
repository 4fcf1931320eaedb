/** kubesim in a real terminal: progress that rewrites its line, and a server that outlives the terminal. */
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { KubesimHome, kubesimBin } from "../tools/kubesim.ts";
import { hasTmux, Terminal } from "../tools/terminal.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

/** One shell line that runs kubesim in this home. */
function kubesim(args: string): string {
	const env = Object.entries(home.env).map(([name, value]) => `${name}='${value}'`);
	return `env ${env.join(" ")} ${process.execPath} ${kubesimBin()} ${args}`;
}

test.skipIf(!hasTmux)("a long start says what it does on one line, which is gone when the result is there", async () => {
	using terminal = new Terminal(`echo before; ${kubesim("start --nodes 800")}`, { columns: 110 });
	await terminal.shows(
		/^before\n(opening the store|bootstrapping the API|starting controllers, scheduler and nodes|waiting for the nodes) …$/,
	);
	await terminal.shows(/kubesim stop/);
	expect(terminal.screen().split("\n").slice(0, 3)).toEqual([
		"before",
		expect.stringMatching(/^Cluster kubesim is ready: 800 nodes, Kubernetes API at https:\/\/127\.0\.0\.1:\d+$/),
		`Context "kubesim" is now the current one in ${home.kubeconfig}`,
	]);
});

test.skipIf(!hasTmux)("the server lives on when the terminal that started it is closed", async () => {
	{
		using terminal = new Terminal(kubesim("start --nodes 1"));
		await terminal.shows(/kubesim stop/);
	}
	const { pid, state } = await home.status();
	expect(state).toBe("running");
	expect(await home.kubectl("create configmap alive")).toBe("configmap/alive created\n");
	expect((await home.status()).pid).toBe(pid);
});

test.skipIf(!hasTmux)("a closed terminal ends a server in the foreground, in order", async () => {
	{
		using terminal = new Terminal(kubesim("start --nodes 1 --foreground"), { columns: 120 });
		await terminal.shows(/Ctrl-C stops the cluster/);
	}
	await eventually(async () => ((await home.try("status")).exitCode === 3 ? true : undefined));
	expect(await home.run("logs --tail 1")).toMatch(/INFO stopping\n$/);
});

test.skipIf(!hasTmux)("Ctrl-C ends a server in the foreground", async () => {
	using terminal = new Terminal(`${kubesim("start --nodes 1 --foreground")}; echo exit code $?`, { columns: 120 });
	await terminal.shows(/Ctrl-C stops the cluster/);
	terminal.press("C-c");
	await terminal.shows(/INFO stopping\nexit code 0$/);
});

test("where there is no terminal, progress is plain lines on stderr", async () => {
	const { stdout, stderr } = await home.try("start --nodes 800");
	expect(stdout).toMatch(/^Cluster kubesim is ready: 800 nodes/);
	expect(stderr).toMatch(/^(?:[a-z][a-z ,A-Z]+\n)+$/);
	expect(stderr).toContain("waiting for the nodes\n");
	expect(stdout).toContain(join(home.directory, "kubeconfig"));
});

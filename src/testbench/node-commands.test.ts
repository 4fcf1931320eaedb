/** Commands on nodes, as the library offers them: cluster.nodes.run, exec and commands. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { NodeRequestError } from "../cluster/index.ts";
import { createCluster, type TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
	cluster = await createCluster({ clock: "virtual", seed: 1, nodes: 2 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

const run = async (node: string, script: string, input?: string) => {
	const running = cluster.nodes.run(node, script, input);
	let isOver = false;
	void running.catch(() => undefined).then(() => (isOver = true));
	await cluster.runUntil(() => isOver, { within: "10m" });
	return running;
};

test("runs a script on a node, with its exit code and its input", async () => {
	expect(await run("node-2", "hostname; pwd; cat; echo no >&2; exit 7", "typed")).toEqual({
		stdout: "node-2\n/root\ntyped",
		stderr: "no\n",
		exitCode: 7,
	});
});

test("remembers what was run, where and how it ended", async () => {
	const seen: string[] = [];
	const stop = cluster.nodes.onCommand(({ node, line, exitCode }) => seen.push(`${node} ${line} ${exitCode}`));
	await run("node-1", "false; echo 'a b'");
	stop();
	await run("node-1", "true");
	expect(seen).toEqual(["node-1 bash -c 'false; echo '\\''a b'\\''' 0"]);
	expect(cluster.nodes.commands().at(-1)).toMatchObject({ node: "node-1", line: "bash -c true", exitCode: 0 });
});

test("each line of a session at a terminal is a command", async () => {
	const before = cluster.nodes.commands().length;
	const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
	async function* keys() {
		yield Buffer.from("cd /etc\rls nothing\r\rexit 3\r");
		await isOver;
	}
	let screen = "";
	const streams = {
		stdin: keys(),
		stdout: async (chunk: Uint8Array) => {
			screen += Buffer.from(chunk).toString();
		},
		stderr: async () => undefined,
	};
	const session = cluster.nodes.exec("node-1", { command: [], tty: true, stdin: true }, streams, new AbortController().signal);
	let exitCode: number | undefined;
	void session.then((status) => (exitCode = status.exitCode));
	await cluster.runUntil(() => exitCode !== undefined, { within: "1m" });
	end();
	expect(exitCode).toBe(3);
	expect(screen).toContain("root@node-1:/etc# ");
	expect(
		cluster.nodes
			.commands()
			.slice(before)
			.map(({ line, exitCode: code }) => [line, code]),
	).toEqual([
		["cd /etc", 0],
		["ls nothing", 1],
		["exit 3", 3],
	]);
});

test("hangs up on a command when the caller is gone", async () => {
	const caller = new AbortController();
	const streams = { stdout: async () => undefined, stderr: async () => undefined };
	const running = cluster.nodes.exec("node-1", { command: ["sleep", "1000"], tty: false, stdin: false }, streams, caller.signal);
	caller.abort();
	expect(await running).toEqual({ exitCode: 129 });
});

test("a node that goes off ends what runs on it, and takes no commands", async () => {
	const running = cluster.nodes.run("node-2", "sleep 1000");
	cluster.inner.fleet.powerOffNode("node-2");
	expect(await running).toEqual({ stdout: "", stderr: "Connection to node-2 closed by remote host.\n", exitCode: 255 });
	await expect(cluster.nodes.run("node-2", "true")).rejects.toThrow("node-2 is off; to start it: kubesim node start node-2");
	await expect(cluster.nodes.run("nobody", "true")).rejects.toThrow(
		new NodeRequestError('node "nobody" is not simulated here: node-1, node-2'),
	);
});

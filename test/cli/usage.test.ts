/** How the command line answers: help, versions, mistakes. Nothing here starts a server. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Tool } from "../tools/kubectl.ts";
import { KubesimHome, kubesimBin } from "../tools/kubesim.ts";

const home = new KubesimHome();
afterAll(() => home[Symbol.asyncDispose]());

const commands = ["start", "stop", "delete", "status", "list", "logs", "kubeconfig", "kubectl"];

test("kubesim --help names every command, on stdout", async () => {
	const { stdout, stderr, exitCode } = await home.try("--help");
	expect(stdout).toMatch(/^Usage: kubesim \[options\] \[command\]\n/);
	for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command} .*[a-z]`, "m"));
	expect(stdout).toContain("Examples:\n  kubesim start\n  kubectl get nodes\n  kubesim stop\n");
	expect(stdout).not.toMatch(/^ {2}serve/m);
	expect([stderr, exitCode]).toEqual(["", 0]);
});

test.each(commands)("kubesim %s --help describes it and shows examples that name it", async (command) => {
	const { stdout, stderr, exitCode } = await home.try(`${command} --help`);
	expect(stdout).toMatch(new RegExp(`^Usage: kubesim ${command} [^\n]*\n\n[a-z]`));
	expect(stdout).toMatch(new RegExp(`\nExamples:\n( {2}kubesim ${command}[^\n]*\n)+$`));
	expect([stderr, exitCode]).toEqual(["", 0]);
});

test("kubesim --version prints the package's version", async () => {
	const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as { version: string };
	expect(await home.run("--version")).toBe(`${version}\n`);
	expect(await home.run("-v")).toBe(`${version}\n`);
});

const mistakes: readonly (readonly [string, string])[] = [
	["", "Usage: kubesim [options] [command]"],
	["frobnicate", "error: unknown command 'frobnicate'"],
	["strat", "error: unknown command 'strat'\n(Did you mean start?)"],
	["start --frob", "error: unknown option '--frob'"],
	["start --nodes -1", "error: option '--nodes <n>' argument '-1' is invalid. It must be a whole number from 0 to 10000."],
	["start --nodes abc", "error: option '--nodes <n>' argument 'abc' is invalid. It must be a whole number from 0 to 10000."],
	["start --nodes 1.5", "error: option '--nodes <n>' argument '1.5' is invalid. It must be a whole number from 0 to 10000."],
	["start --nodes", "error: option '--nodes <n>' argument missing"],
	["start --port 99999", "error: option '--port <port>' argument '99999' is invalid. It must be a whole number from 0 to 65535."],
	["start --speed 0", "error: option '--speed <factor>' argument '0' is invalid. It must be a number greater than 0."],
	["start --speed fast", "error: option '--speed <factor>' argument 'fast' is invalid. It must be a number greater than 0."],
	["start --output yaml", "error: option '-o, --output <format>' argument 'yaml' is invalid. Allowed choices are json."],
	["start --store redis", "error: option '--store <engine>' argument 'redis' is invalid. Allowed choices are local, etcd."],
	["start --store etcd", "error: --store etcd needs to know where etcd is\nAdd --etcd-endpoints http://HOST:2379[,…].\n"],
	["start --etcd-endpoints etcd:2379", `It must be URLs like http://127.0.0.1:2379, separated by commas; not "etcd:2379".`],
	["start --etcd-username u", "error: the --etcd-… options are for --store etcd\nAdd --store etcd.\n"],
	["start --store etcd --etcd-endpoints http://e:1 --speed 2", "error: --speed can't be combined with --store etcd\n"],
	[
		"start --store etcd --etcd-endpoints http://e:1 --etcd-port 2379",
		"error: --etcd-port is for kubesim's own store, not for --store etcd\n",
	],
	["start --store etcd --etcd-endpoints http://e:1 --ephemeral", "error: --ephemeral can't be combined with --store etcd\n"],
	["start --name A_b", `error: "A_b" is not a cluster name\nA name has at most 53 lower-case letters, digits and '-', and`],
	["start --name ../x", `error: "../x" is not a cluster name`],
	["stop kubesim", "error: too many arguments for 'stop'. Expected 0 arguments but got 1: kubesim."],
	["logs --tail -5", "error: option '--tail <n>' argument '-5' is invalid."],
];

test.each(mistakes)("kubesim %s: exit code 2, the reason on stderr, nothing on stdout", async (args, message) => {
	const { stdout, stderr, exitCode } = await home.try(args);
	expect(stderr).toContain(message);
	expect([stdout, exitCode]).toEqual(["", 2]);
});

test.each([
	["start --enable-admission-plugins Nope,AlwaysAdmit", 'error: enable-admission-plugins plugin "Nope" is unknown\n'],
	["start --disable-admission-plugins Nope", 'error: disable-admission-plugins plugin "Nope" is unknown\n'],
	[
		"start --enable-admission-plugins ImagePolicyWebhook",
		"error: admission plugin ImagePolicyWebhook needs a configuration: --admission-control-config-file names it\n",
	],
])("kubesim %s: no cluster is made, and the reason is on stderr", async (args, message) => {
	const { stdout, stderr, exitCode } = await home.try(args);
	expect(stderr).toContain(message);
	expect([stdout, exitCode]).toEqual(["", 1]);
	expect((await home.try("list")).stderr).toBe("There are no clusters. kubesim start makes one.\n");
});

test.each(["stop", "delete", "status", "logs", "kubeconfig", "kubectl get pods"])(
	"kubesim %s without such a cluster: exit code 1 and the way out",
	async (args) => {
		const [command = "", ...rest] = args.split(" ");
		expect(await home.try([command, "--name", "nobody", ...rest])).toEqual({
			stdout: "",
			stderr: "error: there is no cluster nobody\nkubesim list shows the ones there are; kubesim start makes one.\n",
			exitCode: 1,
		});
	},
);

test("kubesim list without clusters: an empty list for scripts, a word for people", async () => {
	expect(await home.try("list")).toEqual({ stdout: "", stderr: "There are no clusters. kubesim start makes one.\n", exitCode: 0 });
	expect(await home.try("list --output json")).toEqual({ stdout: "[]\n", stderr: "", exitCode: 0 });
});

test("too old a Node is told in one line, before anything else is loaded", async () => {
	const preload = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})`;
	const { stdout, stderr, exitCode } = await new Tool(process.execPath, home.env).try(["--import", preload, kubesimBin(), "start"]);
	expect(stderr).toBe("kubesim needs Node.js 22.19 or newer, this is 20.20.2. Get one at https://nodejs.org\n");
	expect([stdout, exitCode]).toEqual(["", 1]);
});

test("a reader that goes away is no error", async () => {
	const { stderr, exitCode } = await new Tool("/bin/sh", home.env).try([
		"-c",
		`${process.execPath} ${kubesimBin()} start --help | head -1; exit 0`,
	]);
	expect([stderr, exitCode]).toEqual(["", 0]);
});

test("a home that can't be written to is told with the way out", async () => {
	const file = join(home.directory, "a-file");
	writeFileSync(file, "");
	chmodSync(file, 0o600);
	await using broken = new KubesimHome({ KUBESIM_HOME: join(file, "clusters") });
	const { stderr, exitCode } = await broken.try("start");
	expect(stderr).toMatch(
		/^error: can't write to .*a-file\/clusters: ENOTDIR.*\nSet KUBESIM_HOME to a directory that you can write to\.\n$/,
	);
	expect(exitCode).toBe(1);
});

/** The user's kubeconfig: our context goes in and out, everything else stays, and a file that is not fit is left alone. */
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KubesimHome } from "../tools/kubesim.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

/** As kubectl writes it, with a user's own notes. */
const kubectlStyle = `apiVersion: v1
clusters:
- cluster:
    certificate-authority: /etc/pki/work.crt # the company's
    server: https://work.example:6443
  name: work
# contexts of the office
contexts:
- context:
    cluster: work
    namespace: "team-a"
    user: me
  name: work
current-context: work
kind: Config
preferences: {}
users:
- name: me
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: get-token
      args: ['--for', work]
`;

/** Indented lists, other order, no newline at the end. */
const handStyle = `# mine
kind: Config
apiVersion: v1
current-context: lab
users:
  - name: lab
    user: {token: abc}

contexts:
  - name: lab
    context: {cluster: lab, user: lab}
clusters:
  - name: lab
    cluster:
      server: "https://lab:6443"`;

const json = `{"apiVersion": "v1", "kind": "Config", "current-context": "a", "clusters": [{"name": "a", "cluster": {"server": "https://a"}}], "contexts": [], "users": []}`;

test.each([
	["kubectl's style", kubectlStyle, "work"],
	["a hand's style", `${handStyle}\n`, "lab"],
])(
	"%s: every line of the user's is still there, and after delete the file is as it was but for the current context",
	async (_, text, current) => {
		writeFileSync(home.kubeconfig, text, { mode: 0o640 });
		await home.run("start --nodes 1");
		const withOurs = readFileSync(home.kubeconfig, "utf8");
		for (const line of text.split("\n")) if (!line.startsWith("current-context")) expect(withOurs.split("\n")).toContain(line);
		expect(await home.kubectl("config current-context")).toBe("kubesim\n");
		expect((await home.kubectl("config get-contexts -o name")).split("\n")).toEqual(["kubesim", current, ""]);
		expect(statSync(home.kubeconfig).mode & 0o777).toBe(0o640);
		await home.run("stop");
		await home.run("delete");
		expect(readFileSync(home.kubeconfig, "utf8")).toBe(text.replace(`current-context: ${current}`, 'current-context: ""'));
	},
);

test("a kubeconfig in JSON stays JSON that kubectl reads", async () => {
	writeFileSync(home.kubeconfig, json);
	await home.run("start --nodes 1");
	expect(await home.kubectl("config view --raw -o jsonpath={.clusters[*].name}")).toBe("a kubesim");
	expect(await home.kubectl("get nodes -o name")).toBe("node/node-1\n");
});

test("what the user set in our own context survives the next start", async () => {
	await home.run("start --nodes 1");
	await home.kubectl("config set-context --current --namespace=kube-system");
	await home.run("stop");
	await home.run("start --port 0");
	expect(await home.kubectl("config view --minify -o jsonpath={..namespace}")).toBe("kube-system");
});

test("a new file is for its owner's eyes only; a symbolic link stays one", async () => {
	const real = join(home.makeDirectory("dotfiles"), "kube.yaml");
	writeFileSync(real, kubectlStyle, { mode: 0o600 });
	symlinkSync(real, home.kubeconfig);
	await home.run("start --nodes 1");
	expect(lstatSync(home.kubeconfig).isSymbolicLink()).toBe(true);
	expect(readFileSync(real, "utf8")).toContain("name: kubesim\n");
	await home.run("delete");

	await using fresh = new KubesimHome({ KUBECONFIG: "" });
	await fresh.run("start --nodes 1");
	const path = join(fresh.directory, ".kube/config");
	expect(statSync(path).mode & 0o777).toBe(0o600);
	expect(await fresh.kubectl(["--kubeconfig", path, "config", "current-context"])).toBe("kubesim\n");
});

test("KUBECONFIG with several paths: the first that exists gets the context; none: the last, as kubectl does", async () => {
	const [missing, first, second] = ["missing", "first", "second"].map((name) => join(home.directory, name)) as [string, string, string];
	writeFileSync(first, kubectlStyle);
	writeFileSync(second, kubectlStyle.replaceAll("work", "other"));
	await using several = new KubesimHome({ KUBECONFIG: [missing, first, second].join(":") });
	await several.run("start --nodes 1");
	expect(existsSync(missing)).toBe(false);
	expect(readFileSync(second, "utf8")).toBe(kubectlStyle.replaceAll("work", "other"));
	expect(await several.kubectl("config current-context")).toBe("kubesim\n");
	expect(await several.kubectl("get nodes -o name")).toBe("node/node-1\n");
	await several.run("delete");
	expect(readFileSync(first, "utf8")).toBe(kubectlStyle.replace("current-context: work", 'current-context: ""'));

	const [a, b] = [join(home.directory, "a"), join(home.directory, "b")];
	await using none = new KubesimHome({ KUBECONFIG: `${a}:${b}` });
	await none.run("start --nodes 1");
	expect([existsSync(a), existsSync(b)]).toEqual([false, true]);
});

const unfit: readonly (readonly [string, string, RegExp])[] = [
	["broken YAML", "clusters:\n- name: [unclosed\nusers: x: y\n", /is not a kubeconfig: .+ at line \d+, column \d+\n/],
	["two documents", "a: 1\n---\nb: 2\n", /is not a kubeconfig: .*multiple documents/],
	["a list", "- a\n- b\n", /is not a kubeconfig: it is not a YAML mapping\n/],
	["plain text", "not a kubeconfig\n", /is not a kubeconfig: it is not a YAML mapping\n/],
	["clusters that are no list", "apiVersion: v1\nclusters:\n  work: {}\n", /is not a kubeconfig: clusters is not a list\n/],
	["contexts that are no list", "contexts: 5\n", /is not a kubeconfig: contexts is not a list\n/],
];

test.each(unfit)("%s: refused with the way out before anything is started, and not a byte changed", async (_, text, message) => {
	writeFileSync(home.kubeconfig, text);
	const { stdout, stderr, exitCode } = await home.try("start --nodes 1");
	expect(stderr).toMatch(message);
	expect(stderr).toMatch(/\nMend the file, or let KUBECONFIG name another one\. Nothing was changed\.\n$/);
	expect([stdout, exitCode]).toEqual(["", 1]);
	expect(readFileSync(home.kubeconfig, "utf8")).toBe(text);
	expect(await home.run("list -o json")).toBe("[]\n");
});

test("a lock file that stays: refused after a moment, and fine once it is gone", async () => {
	writeFileSync(home.kubeconfig, kubectlStyle);
	writeFileSync(`${home.kubeconfig}.lock`, "");
	expect(await home.try("start --nodes 1")).toEqual({
		stdout: "",
		stderr: `error: ${home.kubeconfig} is locked by another program
If none is at work, one was killed while it wrote: remove ${home.kubeconfig}.lock and try again.
`,
		exitCode: 1,
	});
	expect(readFileSync(home.kubeconfig, "utf8")).toBe(kubectlStyle);
	expect(await home.run("list -o json")).toBe("[]\n");
});

test.each([
	["below a regular file", (directory: string) => join(directory, "file/config")],
	["below /proc", () => "/proc/config"],
	["a directory", (directory: string) => join(directory, "folder")],
])("a kubeconfig %s: refused with the way out", async (_, pathIn) => {
	writeFileSync(join(home.directory, "file"), "");
	mkdirSync(join(home.directory, "folder"));
	const path = pathIn(home.directory);
	await using broken = new KubesimHome({ KUBECONFIG: path });
	const { stderr, exitCode } = await broken.try("start --nodes 1");
	expect(stderr).toMatch(
		/^error: can't update [^\n]+: E[A-Z]+: [^\n]+\nLet KUBECONFIG name a file that you can read and write\. Nothing was changed\.\n$/,
	);
	expect(stderr).toContain(`can't update ${path}: `);
	expect(exitCode).toBe(1);
	expect(await broken.run("list -o json")).toBe("[]\n");
});

test("a kubeconfig that breaks while the cluster runs: delete says so and deletes nothing yet", async () => {
	await home.run("start --nodes 1");
	const good = readFileSync(home.kubeconfig, "utf8");
	writeFileSync(home.kubeconfig, "- broken\n");
	expect(await home.try("delete")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is not a kubeconfig") });
	writeFileSync(home.kubeconfig, good);
	await home.run("start");
	expect(await home.kubectl("get nodes -o name")).toBe("node/node-1\n");
});

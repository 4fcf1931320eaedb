/** What every kubectl has to be able to do with streams, as a table: a check throws an Error that says what was wrong. */
import { strict as assert } from "node:assert";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tool } from "../tools/kubectl.ts";
import { RunningTool } from "../tools/running-tool.ts";
import { Terminal } from "../tools/terminal.ts";

export const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: nginx, image: nginx, ports: [{ name: http, containerPort: 80 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 8080, targetPort: http }, { name: also, port: 9090, targetPort: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: two, labels: { app: two } }
spec:
  containers:
  - { name: counter, image: busybox, command: [sh, -c, "for i in 1 2 3; do echo line $i; done; sleep 100000"] }
  - { name: other, image: busybox, command: [sh, -c, "echo another; sleep 100000"] }
---
apiVersion: v1
kind: Pod
metadata: { name: again }
spec:
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "echo life $(wc -l < /life/count); echo x >> /life/count; [ $(wc -l < /life/count) -gt 1 ] && sleep 100000; exit 1"]
    volumeMounts: [{ name: life, mountPath: /life }]
  initContainers: [{ name: begin, image: busybox, command: [sh, -c, ": > /life/count"], volumeMounts: [{ name: life, mountPath: /life }] }]
  volumes: [{ name: life, emptyDir: {} }]
---
apiVersion: v1
kind: Pod
metadata: { name: listening }
spec:
  containers:
  - { name: main, image: busybox, stdin: true, stdinOnce: false, command: [sh, -c, "while read line; do echo \\"heard $line\\"; done"] }
`;

export interface CheckContext {
	readonly kubectl: Tool;
	/** A directory for files of this check's own. */
	readonly directory: string;
	/** Told apart from other kubectls'. */
	readonly name: string;
	/** One shell line that runs this kubectl. */
	readonly shellLine: (args: string) => string;
}

export type Check = (context: CheckContext) => Promise<void>;

export const streamChecks: Readonly<Record<string, Check>> = {
	logs: async ({ kubectl }) => {
		assert.equal(await kubectl.run("logs two -c counter --tail=2"), "line 2\nline 3\n");
		assert.equal(await kubectl.run("logs again --previous"), "life 0\n");
		assert.match(await kubectl.run("logs two -c other --timestamps"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z another\n$/);
		const all = (await kubectl.run("logs two --all-containers --tail=1 --prefix")).trimEnd().split("\n").toSorted();
		assert.deepEqual(all, ["[pod/two/counter] line 3", "[pod/two/other] another"]);
		assert.match(await kubectl.run("logs deployment/web --tail=1"), /\n$/);
	},
	"logs -f": async ({ kubectl, name }) => {
		await using following = new RunningTool(kubectl, "logs -f listening --tail=0");
		await using attached = new RunningTool(kubectl, "attach -i listening");
		// The follower may come after the first line.
		for (let times = 0; !following.stdout.includes(`heard ${name}`); times++) {
			assert.ok(times < 100, "nothing was followed");
			attached.child.stdin.write(`${name}\n`);
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	},
	exec: async ({ kubectl }) => {
		const command = ["exec", "deployment/web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"];
		const { stdout, stderr, exitCode } = await kubectl.try(command);
		assert.deepEqual([stdout, exitCode], ["out\n", 7]);
		assert.match(stderr, /^err\ncommand terminated with exit code 7\n$/);
		assert.match((await kubectl.try(["exec", "two", "-c", "other", "--", "nosuch"])).stderr, /executable file not found in \$PATH/);
	},
	"exec -i": async ({ kubectl }) => {
		assert.equal(await kubectl.run(["exec", "-i", "two", "-c", "other", "--", "wc", "-c"], "x".repeat(300_000)), "300000\n");
		const { stdout } = await kubectl.try(["exec", "two", "-c", "other", "--", "seq", "1", "50000"]);
		assert.equal(stdout.length, 288_894);
	},
	"exec -it": async ({ shellLine }) => {
		using terminal = new Terminal(`${shellLine("exec -it two -c other -- sh")}; echo "ended $?"`, { columns: 91, rows: 23 });
		await terminal.shows(/^\/ #$/m);
		for (let times = 1; !/^23 91$/m.test(terminal.screen()); times++) {
			terminal.type(`stty size; echo asked ${times}`);
			terminal.press("Enter");
			await terminal.shows(new RegExp(`^asked ${times}$`, "m"));
			assert.ok(times < 20, "the size of the terminal does not arrive");
		}
		terminal.type("sleep 1000");
		terminal.press("Enter", "C-c");
		await terminal.shows(/\^C/);
		terminal.type("echo code $?; exit 5");
		terminal.press("Enter");
		await terminal.shows(/^code 130$/m);
		await terminal.shows(/ended 5$/m);
	},
	attach: async ({ kubectl, name }) => {
		await using attached = new RunningTool(kubectl, "attach -i listening");
		attached.child.stdin.write(`attached ${name}\n`);
		await attached.sees(new RegExp(`heard attached ${name}\n`));
	},
	"run --rm -i": async ({ kubectl, name }) => {
		const args = [
			"run",
			`calc-${name}`,
			"--image=busybox",
			"--restart=Never",
			"--rm",
			"-i",
			"--quiet",
			"--",
			"sh",
			"-c",
			"read x; echo got $x",
		];
		assert.match((await kubectl.try(args, "42\n")).stdout, /got 42\n/);
	},
	cp: async ({ kubectl, directory, name }) => {
		const content = randomBytes(2 * 1024 * 1024);
		const from = join(directory, `from-${name}`);
		mkdirSync(join(from, "deep"), { recursive: true });
		writeFileSync(join(from, "deep", "data.bin"), content);
		await kubectl.run(["cp", from, `two:/tmp/${name}`, "-c", "other"]);
		const sum = createHash("sha256").update(content).digest("hex");
		const file = `/tmp/${name}/deep/data.bin`;
		assert.equal(await kubectl.run(["exec", "two", "-c", "other", "--", "sha256sum", file]), `${sum}  ${file}\n`);
		const back = join(directory, `back-${name}`);
		await kubectl.run(["cp", `two:/tmp/${name}`, back, "-c", "other"]);
		assert.ok(readFileSync(join(back, "deep", "data.bin")).equals(content));
	},
	"port-forward": async ({ kubectl }) => {
		await using forward = new RunningTool(kubectl, "port-forward service/web :8080 :also --address 127.0.0.1");
		await forward.sees(/(Forwarding from 127\.0\.0\.1:\d+ -> 80\n){2}/);
		const ports = [...forward.stdout.matchAll(/127\.0\.0\.1:(\d+) ->/g)].map(([, port]) => port);
		for (const port of ports) {
			const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`http://127.0.0.1:${port}`)).status));
			assert.deepEqual(new Set(statuses), new Set([200]));
		}
	},
	"port-forward to nobody": async ({ kubectl }) => {
		await using forward = new RunningTool(kubectl, "port-forward deployment/web :81 --address 127.0.0.1");
		const [, port] = await forward.sees(/127\.0\.0\.1:(\d+) -> 81/);
		await assert.rejects(fetch(`http://127.0.0.1:${port}`));
		for (let times = 0; !forward.stderr.includes("connect: connection refused"); times++) {
			assert.ok(times < 100, `the refusal is not told: ${forward.stderr}`);
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	},
	proxy: async ({ kubectl }) => {
		await using proxy = new RunningTool(kubectl, "proxy --port=0");
		const [, port] = await proxy.sees(/Starting to serve on 127\.0\.0\.1:(\d+)/);
		const answer = await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/default/services/web:http/proxy/`);
		assert.match(await answer.text(), /Welcome to nginx!/);
	},
	"apply, rollout, describe": async ({ kubectl, name }) => {
		assert.match(await kubectl.run("apply -f -", manifests), /deployment\.apps\/web unchanged\n/);
		await kubectl.run(`create deployment app-${name} --image=nginx`);
		assert.match(await kubectl.run(`rollout status deployment/app-${name}`), /successfully rolled out/);
		await kubectl.run(`set image deployment/app-${name} nginx=nginx:1.28`);
		await kubectl.run(`rollout status deployment/app-${name}`);
		assert.match(await kubectl.run(`describe deployment app-${name}`), /1 desired \| 1 updated \| 1 total \| 1 available \| 0 unavailable/);
		assert.match(await kubectl.run("explain pod.spec.containers.image"), /image/);
		await kubectl.run(`delete deployment app-${name}`);
	},
};

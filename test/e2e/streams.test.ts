/** Logs, exec, attach, cp, port-forward and proxy, with the real kubectl and, for terminals, a real terminal. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { RunningTool } from "../tools/running-tool.ts";
import { hasTmux, Terminal } from "../tools/terminal.ts";

let cluster: TestCluster;

const pods = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: nginx, image: nginx }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 8080, targetPort: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: two, labels: { app: two } }
spec:
  containers:
  - { name: counter, image: busybox, command: [sh, -c, "for i in 1 2 3; do echo line $i; done; echo oops >&2; sleep 100000"] }
  - { name: other, image: busybox, command: [sh, -c, "echo another; sleep 100000"] }
---
apiVersion: v1
kind: Pod
metadata: { name: again }
spec:
  containers:
  - { name: main, image: busybox, command: [sh, -c, "echo life $(cat /life/count 2>/dev/null | wc -l); echo x >> /life/count; [ $(wc -l < /life/count) -gt 1 ] && sleep 100000; exit 1"], volumeMounts: [{ name: life, mountPath: /life }] }
  volumes: [{ name: life, emptyDir: {} }]
---
apiVersion: v1
kind: Pod
metadata: { name: listening }
spec:
  containers:
  - { name: main, image: busybox, stdin: true, stdinOnce: false, command: [sh, -c, "while read line; do echo \\"heard $line\\"; done"] }
`;

beforeAll(async () => {
	cluster = await startTestCluster();
	await cluster.run("apply -f -", pods);
	await cluster.run("rollout status deployment/web");
	await cluster.run("wait --for=condition=Ready pod/two pod/again pod/listening --timeout=30s");
	podName = (await cluster.run("get pods -l app=web -o jsonpath={.items[0].metadata.name}")).trim();
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

/** One of the Deployment's. */
let podName: string;

const run = (args: string, input?: string) => cluster.run(args, input);

/** kubectl with arguments that have blanks in them. */
const runWith = (...args: readonly string[]) => cluster.kubectl.run(args);

const attempt = (...args: readonly string[]) => cluster.kubectl.try(args);

describe("logs", () => {
	test("of a container, of all, the last lines, with times, with names", async () => {
		expect(await attempt("logs", "two")).toEqual({
			stdout: "line 1\nline 2\nline 3\noops\n",
			stderr: 'Defaulted container "counter" out of: counter, other\n',
			exitCode: 0,
		});
		expect(await run("logs two -c other")).toBe("another\n");
		expect(await run("logs two counter --tail=2")).toBe("line 3\noops\n");
		expect(await run("logs two counter --limit-bytes=9")).toBe("line 1\nli");
		// kubectl reads the containers at once: theirs come in any order.
		const sorted = async (args: string) => (await run(args)).trimEnd().split("\n").toSorted();
		expect(await sorted("logs two --all-containers --tail=1")).toEqual(["another", "oops"]);
		expect(await sorted("logs two --all-containers --tail=1 --prefix")).toEqual(["[pod/two/counter] oops", "[pod/two/other] another"]);
		expect(await run("logs two -c other --timestamps")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z another\n$/);
		expect(await run("logs two -c other --since=1h")).toBe("another\n");
		expect(await run("logs two -c other --since-time=2100-01-01T00:00:00Z")).toBe("");
		expect(await run("logs -l app=two -c other --prefix")).toBe("[pod/two/other] another\n");
	});

	test("of a container that died: --previous", async () => {
		expect(await run("logs again")).toBe("life 1\n");
		expect(await run("logs again --previous")).toBe("life 0\n");
		expect((await attempt("logs", "two", "-c", "other", "-p")).stderr).toBe(
			'Error from server (BadRequest): previous terminated container "other" in pod "two" not found\n',
		);
	});

	test("of a deployment and of what a selector finds", async () => {
		const { stdout, stderr } = await attempt("logs", "deployment/web", "--tail=1");
		expect(stderr).toMatch(/^Found 2 pods, using pod\/web-\w+-\w+\n$/);
		expect(stdout).toMatch(/start worker process 30\n$/);
		const lines = (await run("logs -l app=web --tail=1 --prefix")).trimEnd().split("\n");
		expect(lines).toHaveLength(2);
		for (const line of lines) expect(line).toMatch(/^\[pod\/web-\w+-\w+\/nginx\] .*start worker process 30$/);
	});

	test("of more pods than may be followed at once", async () => {
		expect((await attempt("logs", "-f", "-l", "app=web", "--max-log-requests=1")).stderr).toBe(
			"error: you are attempting to follow 2 log streams, but maximum allowed concurrency is 1, use --max-log-requests to increase the limit\n",
		);
	});

	test("-f follows until the container ends or the reader leaves", async () => {
		await using following = new RunningTool(cluster.kubectl, "logs -f listening");
		await using attached = new RunningTool(cluster.kubectl, "attach -i listening");
		attached.child.stdin.write("one\n");
		await following.sees(/heard one\n/);
		await runWith("run", "brief", "--image=busybox", "--restart=Never", "--", "sh", "-c", "echo a; sleep 1; echo b");
		const logs = await eventually(async () => {
			const { stdout, exitCode } = await attempt("logs", "-f", "brief");
			return exitCode === 0 ? stdout : undefined;
		});
		expect(logs).toBe("a\nb\n");
	});

	test("of what is not there", async () => {
		expect((await attempt("logs", "nobody")).stderr).toBe(
			'error: error from server (NotFound): pods "nobody" not found in namespace "default"\n',
		);
		expect((await attempt("logs", "two", "-c", "third")).stderr).toBe("error: container third is not valid for pod two\n");
	});
});

describe("exec", () => {
	test("runs a command; its output, errors and exit code arrive", async () => {
		expect(await runWith("exec", podName, "--", "hostname")).toBe(`${podName}\n`);
		expect(await attempt("exec", podName, "--", "sh", "-c", "echo out; echo err >&2; exit 7")).toEqual({
			stdout: "out\n",
			stderr: "err\ncommand terminated with exit code 7\n",
			exitCode: 7,
		});
		expect(await runWith("exec", "deploy/web", "--", "nginx", "-v").then(() => "")).toBe("");
		expect(await runWith("exec", "two", "-c", "other", "--", "sh", "-c", "ps | grep -c sleep")).toMatch(/^[1-9]\n$/);
	});

	test("stdin comes through a pipe, binary and large too", async () => {
		expect(await run(`exec -i ${podName} -- cat`, "hello\n")).toBe("hello\n");
		expect(await run(`exec -i ${podName} -- wc -c`, "x".repeat(300_000))).toBe("300000\n");
		expect(await run(`exec -i ${podName} -- md5sum`, "kubesim\n")).toBe(`${md5("kubesim\n")}  -\n`);
		const long = await runWith("exec", podName, "--", "sh", "-c", "seq 1 50000");
		expect(long.split("\n")).toHaveLength(50_001);
	});

	test("complains as a real cluster does", async () => {
		const absent = await attempt("exec", podName, "--", "nosuch");
		expect(absent.exitCode).toBe(1);
		expect(absent.stderr).toMatch(
			/^error: Internal error occurred: (Internal error occurred: )?error executing command in container: failed to exec in container: failed to start exec "[0-9a-f]{64}": OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in \$PATH: unknown\n$/,
		);
		expect((await attempt("exec", "nobody", "--", "ls")).stderr).toBe('Error from server (NotFound): pods "nobody" not found\n');
		expect((await attempt("exec", "two", "-c", "third", "--", "ls")).stderr).toMatch(
			/^Error from server \(BadRequest\): container third is not valid for pod two\n$/,
		);
		await runWith("run", "over", "--image=busybox", "--restart=Never", "--", "true");
		await run("wait --for=jsonpath={.status.phase}=Succeeded pod/over --timeout=20s");
		expect((await attempt("exec", "over", "--", "ls")).stderr).toBe(
			"error: cannot exec into a container in a completed pod; current phase is Succeeded\n",
		);
	});
});

describe("attach and run", () => {
	test("attach joins the main process, and leaves it running", async () => {
		{
			await using attached = new RunningTool(cluster.kubectl, "attach -i listening");
			attached.child.stdin.write("again\n");
			await attached.sees(/heard again\n/);
			attached.child.stdin.write("and again\n");
			await attached.sees(/heard and again\n/);
		}
		expect(await run("get pod listening -o jsonpath={.status.containerStatuses[0].restartCount}")).toBe("0");
	});

	test("run --rm -i gives input, output and exit code, and leaves nothing", async () => {
		const { stdout, exitCode, stderr } = await cluster.kubectl.try(
			["run", "calc", "--image=busybox", "--restart=Never", "--rm", "-i", "--quiet", "--", "sh", "-c", "read x; echo got $x; exit 3"],
			"42\n",
		);
		expect(stdout).toBe("got 42\n");
		expect(stderr).toBe("pod default/calc terminated (Error)\n");
		expect(exitCode).toBe(3);
		expect(await run("get pod calc --ignore-not-found")).toBe("");
	});
});

describe.skipIf(!hasTmux)("in a terminal (tmux)", () => {
	const kubectl = (args: string) => `env KUBECONFIG=${cluster.kubeconfig} HOME=${cluster.directory} ${kubectlPath()} ${args}`;

	test("exec -it -- sh: a prompt, an edited line, Ctrl-C, the size of the window, Ctrl-D", async () => {
		using terminal = new Terminal(`${kubectl("exec -it two -c other -- sh")}; echo "ended $?"`);
		await terminal.shows(/^\/ #$/m);
		terminal.type("ecko hi");
		terminal.press("Left", "Left", "Left", "Left", "BSpace");
		terminal.type("h");
		terminal.press("Enter");
		await terminal.shows(/^hi$/m);
		terminal.type("tty");
		terminal.press("Enter");
		await terminal.shows(/^\/dev\/pts\/0$/m);
		terminal.resize(101, 31);
		for (let times = 1; !/^31 101$/m.test(terminal.screen()); times++) {
			terminal.type(`stty size; echo asked ${times}`);
			terminal.press("Enter");
			await terminal.shows(new RegExp(`^asked ${times}$`, "m"));
			expect(times).toBeLessThan(20);
		}
		terminal.type("sleep 1000");
		terminal.press("Enter", "C-c");
		await terminal.shows(/\^C/);
		terminal.type("echo code $?");
		terminal.press("Enter");
		await terminal.shows(/^code 130$/m);
		terminal.press("C-d");
		await terminal.shows(/ended 0$/m);
	});

	test("run --rm -it: the shell is the main process, and the pod goes with it", async () => {
		using terminal = new Terminal(`${kubectl("run shell --image=busybox --restart=Never --rm -it -- sh")}; echo "ended $?"`);
		await terminal.shows(/try pressing enter\./);
		terminal.press("Enter");
		await terminal.shows(/^\/ #$/m);
		terminal.type("hostname; exit 0");
		terminal.press("Enter");
		await terminal.shows(/^shell$/m);
		await terminal.shows(/^pod "shell" deleted from default namespace\nended 0$/m);
	});

	test("attach -it to a container with a terminal, and detach from it by closing", async () => {
		await cluster.run(
			"apply -f -",
			"{ apiVersion: v1, kind: Pod, metadata: { name: console }, spec: { containers: [{ name: main, image: busybox, stdin: true, tty: true, command: [sh] }] } }",
		);
		await cluster.run("wait --for=condition=Ready pod/console --timeout=20s");
		{
			using terminal = new Terminal(kubectl("attach -it console"));
			await terminal.shows(/If you don't see a command prompt, try pressing enter\./);
			terminal.type("remembered=yes; echo set");
			terminal.press("Enter");
			await terminal.shows(/^set$/m);
		}
		using terminal = new Terminal(kubectl("attach -it console"));
		await terminal.shows(/try pressing enter/);
		terminal.type("echo value $remembered");
		terminal.press("Enter");
		await terminal.shows(/^value yes$/m);
		expect(await run("get pod console -o jsonpath={.status.containerStatuses[0].restartCount}")).toBe("0");
	});
});

test("cp: files and directories, in and out", async () => {
	const from = join(cluster.directory, "from");
	mkdirSync(join(from, "deep"), { recursive: true });
	writeFileSync(join(from, "page.html"), "<p>copied</p>\n");
	const binary = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 256));
	writeFileSync(join(from, "deep", "data.bin"), binary);
	await run(`cp ${from}/page.html ${podName}:/usr/share/nginx/html/page.html`);
	expect(await runWith("exec", podName, "--", "cat", "/usr/share/nginx/html/page.html")).toBe("<p>copied</p>\n");
	await run(`cp ${from} ${podName}:/tmp/there`);
	expect(await runWith("exec", podName, "--", "sh", "-c", "cd /tmp/there && find . -type f | sort && wc -c < deep/data.bin")).toBe(
		"./deep/data.bin\n./page.html\n70000\n",
	);
	const back = join(cluster.directory, "back");
	expect(await attempt("cp", `${podName}:/tmp/there`, back)).toEqual({
		stdout: "tar: Removing leading `/' from member names\n",
		stderr: "",
		exitCode: 0,
	});
	expect(readFileSync(join(back, "deep", "data.bin")).equals(binary)).toBe(true);
	expect((await attempt("cp", `${podName}:/nope`, join(cluster.directory, "nope"))).stdout).toContain(
		"tar: /nope: Cannot stat: No such file or directory\n",
	);
});

test("cp: 20 MB of anything, there and back", async () => {
	const content = randomBytes(20 * 1024 * 1024);
	const [from, back] = [join(cluster.directory, "large"), join(cluster.directory, "large-back")];
	writeFileSync(from, content);
	await run(`cp ${from} ${podName}:/tmp/large`);
	expect(await runWith("exec", podName, "--", "sha256sum", "/tmp/large")).toBe(
		`${createHash("sha256").update(content).digest("hex")}  /tmp/large\n`,
	);
	await run(`cp ${podName}:/tmp/large ${back}`);
	expect(readFileSync(back).equals(content)).toBe(true);
});

describe("port-forward", () => {
	const ports = async (forward: RunningTool) => Number((await forward.sees(/Forwarding from 127\.0\.0\.1:(\d+) -> \d+/))[1]);

	test("to a pod: several requests, also at once", async () => {
		await using forward = new RunningTool(cluster.kubectl, `port-forward pod/${podName} :80 --address 127.0.0.1`);
		const url = `http://127.0.0.1:${await ports(forward)}`;
		const first = await fetch(url);
		expect([first.status, first.headers.get("server")]).toEqual([200, "nginx/1.29.1"]);
		expect(await first.text()).toContain("<h1>Welcome to nginx!</h1>");
		// Each on a connection of its own.
		const ask = async (at: number) => (await fetch(`${url}/${at}`, { headers: { connection: "close" } })).status;
		const statuses = await Promise.all(Array.from({ length: 100 }, (_, at) => ask(at)));
		expect(statuses).toEqual(Array.from({ length: 100 }, () => 404));
		expect(await run(`logs ${podName} --tail=300`)).toMatch(/127\.0\.0\.1 - - \[.*\] "GET \/99 HTTP\/1\.1" 404 \d+ "-" "node"/);
	});

	test("to a service and to a deployment, several ports, by their names too", async () => {
		for (const target of ["service/web :8080 :http", "deployment/web :80"]) {
			await using forward = new RunningTool(cluster.kubectl, `port-forward ${target} --address 127.0.0.1`);
			const count = target.split(":").length - 1;
			await forward.sees(new RegExp(`(Forwarding from 127\\.0\\.0\\.1:\\d+ -> 80\n){${count}}`));
			for (const [, port] of forward.stdout.matchAll(/127\.0\.0\.1:(\d+) -> /g)) {
				expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toContain("Welcome to nginx!");
			}
		}
		expect((await attempt("port-forward", "service/web", ":nosuch")).stderr).toBe(
			"error: Service 'web' does not have a named port 'nosuch'\n",
		);
	});

	test("to a port where nobody listens", async () => {
		await using forward = new RunningTool(cluster.kubectl, `port-forward pod/${podName} :81 --address 127.0.0.1`);
		await expect(fetch(`http://127.0.0.1:${await ports(forward)}`)).rejects.toThrow();
		await eventually(() => (/connection refused/.test(forward.stderr) ? true : undefined));
		expect(forward.stderr).toMatch(
			/an error occurred forwarding \d+ -> 81: error forwarding port 81 to pod ([0-9a-f]{64}), uid : failed to execute portforward in network namespace \\?"\/var\/run\/netns\/cni-[0-9a-f-]{36}\\?": failed to connect to localhost:81 inside namespace \\?"\1\\?", IPv4: dial tcp4 127\.0\.0\.1:81: connect: connection refused IPv6 dial tcp6 \[::1\]:81: connect: connection refused /,
		);
		expect(forward.stderr).toContain("error: lost connection to pod\n");
		expect(await forward.ended()).toBe(1);
	});
});

test("proxy: the API without credentials, on a port of one's own", async () => {
	await using proxy = new RunningTool(cluster.kubectl, "proxy --port=0");
	const [, port] = await proxy.sees(/Starting to serve on 127\.0\.0\.1:(\d+)/);
	const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).json() as Promise<Record<string, unknown>>;
	expect(await get("/version")).toMatchObject({ major: "1", minor: "36" });
	expect(await get("/api/v1/namespaces/default/services/web")).toMatchObject({ kind: "Service", metadata: { name: "web" } });
	expect(await get("/api/v1/namespaces/default/pods/nobody")).toMatchObject({ kind: "Status", code: 404, reason: "NotFound" });
	const page = await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/default/services/web:http/proxy/`);
	expect(await page.text()).toContain("Welcome to nginx!");
	// kubectl itself does not let anybody exec through its proxy, unless it is told to.
	expect((await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/default/pods/two/exec?command=ls`)).status).toBe(403);
});

test("proxy: WebSockets", async () => {
	await using proxy = new RunningTool(cluster.kubectl, ["proxy", "--port=0", "--reject-paths=^/nothing"]);
	const [, port] = await proxy.sees(/Starting to serve on 127\.0\.0\.1:(\d+)/);
	const path = "/api/v1/namespaces/default/pods/two/exec?container=other&command=echo&command=through&stdout=true";
	const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, "v4.channel.k8s.io");
	let text = "";
	socket.on("message", (data: Buffer) => {
		if (data[0] === 1) text += data.toString("utf8", 1);
	});
	await once(socket, "close");
	expect(text).toBe("through\n");
});

function md5(text: string): string {
	return createHash("md5").update(text).digest("hex");
}

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ExecOptions, LogOptions } from "../apimachinery/node-connector.ts";
import { Collector, emptyInput } from "../host/index.ts";
import { FleetHarness } from "./testing/fleet-harness.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
});

afterEach(() => harness.stop());

const plain: LogOptions = { follow: false, previous: false, timestamps: false };
const target = (pod: string, container = "c") => ({ namespace: "default", pod, container, node: "n1" });

async function logs(pod: string, options: Partial<LogOptions> = {}): Promise<string> {
	const output = new Collector();
	await harness.fleet.connector.logs(
		target(pod),
		{ ...plain, ...options },
		async (chunk) => output.write(chunk),
		new AbortController().signal,
	);
	return output.text();
}

async function exec(pod: string, command: readonly string[], options: Partial<ExecOptions> = {}, input: readonly string[] = []) {
	const stdout = new Collector();
	const stderr = new Collector();
	const status = await harness.fleet.connector.exec(
		target(pod),
		{ command, tty: false, stdin: input.length > 0, ...options },
		{
			stdin: keysOf(input),
			stdout: async (chunk) => stdout.write(chunk),
			stderr: async (chunk) => stderr.write(chunk),
		},
		new AbortController().signal,
	);
	return { stdout: stdout.text(), stderr: stderr.text(), ...status };
}

async function* keysOf(keys: readonly string[]) {
	for (const key of keys) {
		yield Buffer.from(key);
		for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
	}
}

const reach = () => harness.fleet.connector.reach(target("web"), new AbortController().signal);

/** How an attempt to reach the kubelet fails, if it takes so long. */
async function failure(afterMs: number): Promise<string> {
	let text = "";
	const reached = reach().catch((error: Error) => {
		text = error.message;
	});
	await harness.clock.advance(afterMs - 1);
	expect(text).toBe("");
	await harness.clock.advance(1);
	await reached;
	return text;
}

async function start(
	name: string,
	container: Parameters<FleetHarness["pod"]>[1],
	spec: Parameters<FleetHarness["pod"]>[2] = {},
): Promise<void> {
	await harness.pod(name, container, spec);
	await harness.clock.advance(0);
}

describe("logs", () => {
	const counter = { command: ["sh", "-c", "i=0; while true; do echo line $i; i=$((i+1)); sleep 1; done"] };

	it("are what the process has written, cut as asked", async () => {
		await start("count", counter);
		await harness.clock.advance(4_500);
		expect(await logs("count")).toBe("line 0\nline 1\nline 2\nline 3\nline 4\n");
		expect(await logs("count", { tailLines: 2 })).toBe("line 3\nline 4\n");
		expect(await logs("count", { tailLines: 0 })).toBe("");
		expect(await logs("count", { limitBytes: 10 })).toBe("line 0\nlin");
		expect(await logs("count", { sinceMs: harness.clock.now() - 1_000 })).toBe("line 4\n");
		expect(await logs("count", { tailLines: 1, timestamps: true })).toBe("2026-01-01T00:00:04.000000000Z line 4\n");
	});

	it("can be followed to the container's end, and left before", async () => {
		await start("count", counter);
		await start("short", { command: ["sh", "-c", "echo one; sleep 2; printf two"] }, { restartPolicy: "Never" });
		const output = new Collector();
		const abort = new AbortController();
		const write = async (chunk: Uint8Array) => output.write(chunk);
		const following = harness.fleet.connector.logs(target("short"), { ...plain, follow: true }, write, abort.signal);
		const left = harness.fleet.connector.logs(target("count"), { ...plain, follow: true }, async () => undefined, abort.signal);
		await harness.clock.advance(3_000);
		await following;
		expect(output.text()).toBe("one\ntwo");
		abort.abort();
		await left;
	});

	it("of the instance before are kept", async () => {
		await start("crash", { command: ["sh", "-c", "echo run at $(date +%S); sleep 3; exit 1"] });
		await harness.clock.advance(4_000);
		expect([await logs("crash", { previous: true }), await logs("crash")]).toEqual(["run at 00\n", "run at 03\n"]);
		await start("fresh", { image: "nginx" });
		await expect(logs("fresh", { previous: true })).rejects.toThrow('previous terminated container "c" in pod "fresh" not found');
	});

	it("are refused while there are none, in the kubelet's words", async () => {
		await start("waiting", { image: "nginx:does-not-exist" });
		await harness.clock.advance(2_000);
		await expect(logs("waiting")).rejects.toThrow('container "c" in pod "waiting" is waiting to start: trying and failing to pull image');
		await expect(logs("none")).rejects.toThrow('pods "none" not found');
	});
});

describe("exec", () => {
	it("sees the container's files and environment", async () => {
		await start("web", {
			image: "nginx",
			env: [
				{ name: "COLOR", value: "blue" },
				{ name: "TEXT", value: "$(COLOR) $(NONE) $$(COLOR)" },
			],
		});
		expect(await exec("web", ["sh", "-c", "echo $COLOR $TEXT; hostname; cat /etc/nginx/conf.d/default.conf | head -n 2; exit 3"])).toEqual({
			stdout: "blue blue $(NONE) $(COLOR)\nweb\nserver {\n    listen       80;\n",
			stderr: "",
			exitCode: 3,
		});
		expect((await exec("web", ["ps"])).stdout).toBe("");
		expect((await exec("web", ["curl", "-s", "localhost"])).stdout).toMatch(
			/^<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!<\/title>/,
		);
		expect((await logs("web", { tailLines: 1 })).trim()).toBe(
			'127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 615 "-" "curl/8.14.1" "-"',
		);
	});

	it("reads stdin to its end", async () => {
		await start("box", { command: ["sleep", "3600"] });
		expect(await exec("box", ["cat"], {}, ["one\n", "two\n"])).toEqual({ stdout: "one\ntwo\n", stderr: "", exitCode: 0 });
	});

	it("says what cannot be run as the runtime does", async () => {
		await start("web", { image: "nginx" });
		const { exitCode, startError = "" } = await exec("web", ["foo"]);
		expect([exitCode, startError.replace(/"[0-9a-f]{64}"/, '"ID"')]).toEqual([
			127,
			'failed to exec in container: failed to start exec "ID": OCI runtime exec failed: exec failed: unable to start container process: exec: "foo": executable file not found in $PATH: unknown',
		]);
	});

	it("is refused where the kubelet is stopped, at its node's address", async () => {
		await harness.pod("web", { image: "nginx" });
		await harness.clock.advance(1_000);
		const quiet = { stdin: emptyInput, stdout: new Collector(), stderr: new Collector() };
		harness.fleet
			.machineOf("n1")
			?.spawn({ argv: ["systemctl", "stop", "kubelet"], env: new Map([["PATH", "/usr/bin"]]), cwd: "/", ...quiet });
		await harness.clock.advance(1_000);
		await expect(exec("web", ["true"])).rejects.toThrow("dial tcp 172.18.0.2:10250: connect: connection refused");
		await expect(reach()).rejects.toThrow("dial tcp 172.18.0.2:10250: connect: connection refused");
	});

	it("takes as long to be refused as connections to its node take to fail", async () => {
		await harness.pod("web", { image: "nginx" });
		await harness.clock.advance(1_000);
		await reach();
		harness.fleet.stopNode("n1");
		expect(await failure(30_000)).toBe("dial tcp 172.18.0.2:10250: i/o timeout");
		harness.fleet.startNode("n1");
		await reach();
		harness.fleet.powerOffNode("n1");
		expect(await failure(3_000)).toBe("dial tcp 172.18.0.2:10250: connect: no route to host");
	});

	it("at a terminal is a session", async () => {
		await start("web", { image: "nginx" });
		const result = await exec("web", ["bash"], { tty: true, stdin: true }, ["cd /etc/nginx\r", "ls\r", "exit\r"]);
		expect(result.stdout).toBe(
			"root@web:/# cd /etc/nginx\r\nroot@web:/etc/nginx# ls\r\nconf.d      mime.types  nginx.conf\r\nroot@web:/etc/nginx# exit\r\n",
		);
	});

	it("changes what the server serves", async () => {
		await start("web", { image: "nginx" });
		expect((await exec("web", ["sh", "-c", "echo changed > /usr/share/nginx/html/index.html; curl -s localhost"])).stdout).toBe(
			"changed\n",
		);
	});
});

describe("a client that vanishes", () => {
	/** Runs it until the client goes away, and resolves when the kubelet has noticed. */
	async function abandon(
		command: readonly string[],
		options: Partial<ExecOptions> = {},
		input?: AsyncIterable<Uint8Array>,
	): Promise<number> {
		const abort = new AbortController();
		let taken = 0;
		const write = async (chunk: Uint8Array) => {
			taken += chunk.byteLength;
		};
		const streams = { stdout: write, stderr: write, ...(input === undefined ? {} : { stdin: input }) };
		const running = harness.fleet.connector.exec(
			target("box"),
			{ command, tty: false, stdin: input !== undefined, ...options },
			streams,
			abort.signal,
		);
		await harness.clock.advance(1_000);
		abort.abort();
		await running;
		return taken;
	}

	beforeEach(() => start("box", { command: ["sleep", "3600"] }));

	it("leaves what it ran: containerd does not end it", async () => {
		await abandon(["sleep", "1234"]);
		await abandon(["sh"], { tty: true }, keysOf(["sleep 4321\r"]));
		const { stdout } = await exec("box", ["ps"]);
		expect(stdout).toMatch(/ sleep 1234\n/);
		expect(stdout).toMatch(/ sh\n.* sleep 4321\n/);
	});

	it("is the end of stdin", async () => {
		await abandon(["sh", "-c", "cat > /tmp/got; sleep 1234"], {}, keysOf(["half a file"]));
		await harness.clock.advance(1_000);
		expect((await exec("box", ["cat", "/tmp/got"])).stdout).toBe("half a file");
	});

	it("holds up what prints without end: it takes neither memory nor time any more", async () => {
		expect(await abandon(["yes"])).toBeGreaterThan(1_000_000);
		expect((await exec("box", ["ps"])).stdout).toMatch(/ yes\n/);
		// Were it printing still, this hour would have millions of moments.
		await harness.clock.advance(3_600_000);
	});
});

describe("port-forward and attach", () => {
	it("carries real HTTP bytes", async () => {
		await start("web", { image: "nginx" });
		const stream = await harness.fleet.connector.portForward(target("web"), 80);
		await stream.write(Buffer.from("GET /none HTTP/1.0\r\n\r\n"));
		stream.end();
		const output = new Collector();
		for await (const chunk of stream.output) output.write(chunk);
		expect(output.text()).toMatch(/^HTTP\/1\.1 404 Not Found\r\nServer: nginx\/1\.29\.1\r\n/);
		await expect(harness.fleet.connector.portForward(target("web"), 81)).rejects.toThrow("connect: connection refused");
	});

	it("does not attach to what has ended before anybody has seen it end", async () => {
		const slow = new FleetHarness({ latency: "usual" });
		await slow.start();
		await slow.pod("brief", { stdin: true, command: ["echo", "hi"] }, { restartPolicy: "Never" });
		for (let round = 0; round < 200 && (await slow.get("brief")).status?.phase !== "Running"; round++) await slow.clock.advance(50);
		expect((await slow.get("brief")).status?.phase).toBe("Running");
		const output = new Collector();
		const write = async (chunk: Uint8Array) => output.write(chunk);
		const streams = { stdin: keysOf([]), stdout: write, stderr: write };
		const { signal } = new AbortController();
		await expect(slow.fleet.connector.attach(target("brief"), { tty: false, stdin: true }, streams, signal)).rejects.toThrow(
			"Internal error occurred: error attaching to container: container is in CONTAINER_EXITED state",
		);
		slow.stop();
	});

	it("attaches to a container that has a terminal", async () => {
		await start("tool", { stdin: true, stdinOnce: true, tty: true, command: ["sh"] }, { restartPolicy: "Never" });
		const output = new Collector();
		const write = async (chunk: Uint8Array) => output.write(chunk);
		const streams = { stdin: keysOf(["echo hi\r", "exit 2\r"]), stdout: write, stderr: write };
		const status = await harness.fleet.connector.attach(target("tool"), { tty: true, stdin: true }, streams, new AbortController().signal);
		expect([status, output.text()]).toEqual([{ exitCode: 2 }, "echo hi\r\nhi\r\n/ # exit 2\r\n"]);
	});
});

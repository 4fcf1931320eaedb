/** Streams end to end: the HTTPS server, a WebSocket client, and a node that is a script. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { type ContainerTarget, KubeletUnreachableError, type NodeConnector } from "../../apimachinery/node-connector.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";
import { MemoryHandler } from "../http/memory-handler.test-kit.ts";
import { createHttpServer, type HttpServer, type ListenAddress } from "../http/server.ts";
import { loadOrCreatePki } from "../pki/pki.ts";
import { ByteQueue } from "./byte-queue.ts";
import { controlFrame, controlTypes, words } from "./spdy/frames.ts";
import { HeaderCodec } from "./spdy/headers.ts";
import { createStreaming } from "./streaming.ts";

const startMs = Date.UTC(2026, 0, 1);
const pki = await loadOrCreatePki(undefined, { nowMs: startMs });
const path = "/api/v1/namespaces/default/pods/web";

const running = (name: string) => ({ name, image: "", imageID: "", ready: true, restartCount: 0, state: { running: {} } });
const pod: Pod = {
	kind: "Pod",
	apiVersion: "v1",
	metadata: { name: "web", namespace: "default" },
	spec: { nodeName: "n1", containers: [{ name: "c" }, { name: "stopped" }] },
	status: { containerStatuses: [running("c")] },
};

class ScriptedNode implements NodeConnector {
	readonly targets: ContainerTarget[] = [];
	signal: AbortSignal | undefined;
	/** Bytes that were taken of an output without end. */
	floodedBytes = 0;
	/** The forwarded port without end has been let go. */
	isDestroyed = false;

	/** Why its kubelet does not answer. */
	unreachable: string | undefined;

	async reach(): Promise<void> {
		if (this.unreachable !== undefined) throw new KubeletUnreachableError("172.18.0.2:10250", this.unreachable);
	}

	async #flood(write: (chunk: Uint8Array) => Promise<void>, isOver: () => boolean): Promise<void> {
		const block = Buffer.alloc(64 * 1024, "x");
		while (!isOver()) {
			await write(block);
			this.floodedBytes += block.length;
		}
	}

	async logs(...[target, options, write, signal]: Parameters<NodeConnector["logs"]>): Promise<void> {
		this.targets.push(target);
		this.signal = signal;
		if (options.previous) throw newBadRequest('previous terminated container "c" in pod "web" not found');
		if (options.tailLines === 0) return this.#flood(write, () => signal.aborted);
		await write(Buffer.from("one\n"));
		if (options.follow) await new Promise((resolve) => signal.addEventListener("abort", resolve));
	}

	async exec(...[target, { command }, streams, signal]: Parameters<NodeConnector["exec"]>) {
		this.targets.push(target);
		this.signal = signal;
		const [name, argument] = command;
		if (name === "cat") for await (const chunk of streams.stdin ?? []) await streams.stdout(chunk);
		if (name === "size")
			for await (const { columns, rows } of streams.resizes ?? []) await streams.stdout(Buffer.from(`${columns}x${rows} `));
		if (name === "flood") await this.#flood(streams.stdout, () => signal.aborted);
		if (name === "wait") await new Promise((resolve) => signal.addEventListener("abort", resolve));
		if (name === "nope") return { exitCode: 126, startError: 'exec: "nope": executable file not found in $PATH' };
		await streams.stderr(Buffer.from("bye"));
		return { exitCode: Number(argument ?? 0) };
	}

	async attach(...[target, , streams]: Parameters<NodeConnector["attach"]>) {
		this.targets.push(target);
		await streams.stdout(Buffer.from("attached"));
		return { exitCode: 0 };
	}

	#endless() {
		const block = Buffer.alloc(64 * 1024, "x");
		const node = this;
		return {
			output: (async function* () {
				for (; !node.isDestroyed; node.floodedBytes += block.length) yield block;
			})(),
			write: async () => undefined,
			end: () => undefined,
			destroy: () => {
				node.isDestroyed = true;
			},
		};
	}

	async dial(): Promise<never> {
		throw new Error("connection refused");
	}

	async portForward(...[, port]: Parameters<NodeConnector["portForward"]>) {
		if (port === 82) return this.#endless();
		if (port !== 80) throw new Error("connection refused");
		const output = new ByteQueue();
		return {
			output,
			write: async (chunk: Uint8Array) => output.push(Buffer.from(String(Buffer.from(chunk)).toUpperCase())),
			end: () => output.end(),
			destroy: () => output.end(),
		};
	}
}

let node: ScriptedNode;
let server: HttpServer;
let address: ListenAddress;

beforeEach(async () => {
	node = new ScriptedNode();
	const clock = new VirtualClock(startMs);
	const find = (_group: string, _resource: string, _namespace: string, name: string) => (name === "web" ? pod : undefined);
	server = createHttpServer({
		handler: new MemoryHandler(),
		clock,
		random: new SeededRandom(1),
		log: silentLog,
		tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
		streaming: createStreaming({
			server: { authorize: () => undefined, find },
			nodes: node,
			clock,
			random: new SeededRandom("proxy"),
			log: silentLog,
		}),
	});
	address = await server.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(() => server.close());

/** Opens a WebSocket and gathers what comes on each channel until it closes. */
async function converse(url: string, protocol: string, messages: readonly (Buffer | string)[] = []) {
	const socket = new WebSocket(`wss://127.0.0.1:${address.port}${path}/${url}`, [protocol], { rejectUnauthorized: false });
	const channels: Record<number, string> = {};
	socket.on("message", (data: Buffer) => {
		channels[data[0] ?? -1] = (channels[data[0] ?? -1] ?? "") + data.subarray(1).toString();
	});
	await once(socket, "open");
	for (const message of messages) socket.send(message);
	await once(socket, "close");
	return channels;
}

const channel = (number: number, text: string) => Buffer.concat([Buffer.from([number]), Buffer.from(text)]);

/** The answer to an upgrade that is refused. */
async function refusal(url: string, headers: Readonly<Record<string, string>>) {
	const call = request({
		...address,
		path: `${path}/${url}`,
		rejectUnauthorized: false,
		headers: { connection: "upgrade", ...headers },
		agent: false,
	});
	call.end();
	const [response] = (await once(call, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
	let text = "";
	for await (const chunk of response) text += String(chunk);
	return { code: response.statusCode, text };
}

const webSocket = { upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };

describe("exec and attach over a WebSocket", () => {
	test("v5: stdin ends with the close signal, outputs and the end have channels of their own", async () => {
		const close = Buffer.from([255, 0]);
		const channels = await converse("exec?command=cat&container=c&stdin=1&stdout=1&stderr=1", "v5.channel.k8s.io", [
			channel(0, "hel"),
			channel(0, "lo"),
			close,
		]);
		expect(channels).toEqual({ 1: "hello", 2: "bye", 3: '{"metadata":{},"status":"Success"}' });
		expect(node.targets).toEqual([{ namespace: "default", pod: "web", container: "c", node: "n1" }]);
	});

	test("an exit code is a Status that kubectl understands", async () => {
		const channels = await converse("exec?command=sh&command=3&container=c&stdout=1", "v4.channel.k8s.io");
		expect(JSON.parse(channels[3] ?? "")).toEqual({
			metadata: {},
			status: "Failure",
			message: "command terminated with non-zero exit code: command terminated with exit code 3",
			reason: "NonZeroExitCode",
			details: { causes: [{ reason: "ExitCode", message: "3" }] },
		});
	});

	test("before v4 a failure is a text and success is silence", async () => {
		expect(await converse("exec?command=sh&container=c&stdout=1", "channel.k8s.io")).toEqual({ 1: "" });
		expect((await converse("exec?command=nope&container=c&stdout=1", "channel.k8s.io"))[3]).toBe(
			'Internal error occurred: error executing command in container: exec: "nope": executable file not found in $PATH',
		);
	});

	test("a terminal has sizes and one output", async () => {
		const sizes = [channel(4, '{"Width":80,"Height":24}'), channel(4, '{"Width":100,"He'), channel(4, 'ight":30}'), Buffer.from([255, 4])];
		const channels = await converse("exec?command=size&container=c&stdout=1&stderr=1&tty=1", "v5.channel.k8s.io", sizes);
		expect(channels[1]).toBe("80x24 100x30 bye");
	});

	test("base64 channels, for browsers", async () => {
		const socket = new WebSocket(`wss://127.0.0.1:${address.port}${path}/attach?container=c&stdout=1`, ["v4.base64.channel.k8s.io"], {
			rejectUnauthorized: false,
		});
		const messages: string[] = [];
		socket.on("message", (data) => messages.push(String(data)));
		await once(socket, "close");
		expect(messages).toEqual(["1", `1${btoa("attached")}`, `3${btoa('{"metadata":{},"status":"Success"}')}`]);
	});

	test("a client that goes away aborts the command", async () => {
		const socket = new WebSocket(`wss://127.0.0.1:${address.port}${path}/exec?command=wait&container=c&stdout=1`, ["v5.channel.k8s.io"], {
			rejectUnauthorized: false,
		});
		await once(socket, "message");
		socket.terminate();
		while (node.signal?.aborted !== true) await new Promise(setImmediate);
	});
});

describe("what is refused", () => {
	test.each([
		["exec?command=ls&stdout=1", webSocket, 400, "a container name must be specified for pod web, choose one of: [c stopped]"],
		["exec?container=c&stdout=1", webSocket, 400, "you must specify at least one command for the container"],
		["exec?container=c&command=ls", webSocket, 400, "you must specify at least 1 of stdin, stdout, stderr"],
		[
			"exec?container=c&command=ls&stdout=1",
			{ ...webSocket, "sec-websocket-protocol": "v9" },
			400,
			"requested protocol(s) are not supported: [v9]; supports [v5.channel.k8s.io v4.channel.k8s.io v4.base64.channel.k8s.io channel.k8s.io base64.channel.k8s.io]",
		],
		[
			"exec?container=c&command=ls&stdout=1",
			{ upgrade: "SPDY/3.1", "x-stream-protocol-version": "v9" },
			400,
			"unable to upgrade: unable to negotiate protocol: client supports [v9], server accepts [v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]",
		],
		["portforward", webSocket, 400, 'query parameter "ports" is required'],
		["status", webSocket, 400, `${path}/status does not take upgrade requests`],
	])("%s %j", async (url, headers, code, message) => {
		const answer = await refusal(url, headers);
		expect(JSON.parse(answer.text)).toMatchObject({ kind: "Status", code, message });
		expect(answer.code).toBe(code);
	});

	test("where there is nothing to upgrade to, the header counts for nothing", async () => {
		const call = request({
			...address,
			path: "/version",
			rejectUnauthorized: false,
			headers: { connection: "upgrade", upgrade: "SPDY/3.1" },
			agent: false,
		});
		call.end();
		const [response] = (await once(call, "response")) as [IncomingMessage];
		expect(response.statusCode).toBe(200);
		expect(String((await once(response, "data"))[0])).toContain("gitVersion");
	});

	test("a container that does not run, in kubelet's plain text", async () => {
		expect(await refusal("exec?container=stopped&command=ls&stdout=1", webSocket)).toEqual({
			code: 500,
			text: 'container not found ("stopped")',
		});
	});
});

describe("a kubelet that cannot be reached", () => {
	const why = "dial tcp 172.18.0.2:10250: connect: connection refused";
	const spdy = { upgrade: "SPDY/3.1", "x-stream-protocol-version": "v4.channel.k8s.io" };

	beforeEach(() => {
		node.unreachable = "connect: connection refused";
	});

	test("log: the request that failed, as Go tells it", async () => {
		const answer = async (query: string) => (await server.inject({ method: "GET", url: `${path}/log?${query}` })).json();
		expect(await answer("container=c")).toMatchObject({
			code: 500,
			message: `Get "https://172.18.0.2:10250/containerLogs/default/web/c": ${why}`,
		});
		expect((await answer("container=c&tailLines=5&follow=true&sinceTime=2026-01-01T00:00:00Z")).message).toBe(
			`Get "https://172.18.0.2:10250/containerLogs/default/web/c?follow=true&sinceTime=2026-01-01T00%3A00%3A00Z&tailLines=5": ${why}`,
		);
	});

	test("exec and attach with v5: on the channel of errors, with the kubelet's URL", async () => {
		const exec = await converse("exec?command=ls&command=a*+~&container=c&stdin=1&stdout=1&stderr=1&tty=1", "v5.channel.k8s.io");
		expect(JSON.parse(exec[3] ?? "")).toMatchObject({
			code: 500,
			reason: "InternalError",
			message: `Internal error occurred: error sending request: Post "https://172.18.0.2:10250/exec/default/web/c?command=ls&command=a%2A+~&input=1&output=1&tty=1": ${why}`,
		});
		const attach = await converse("attach?container=c&stdout=1&stderr=1", "v5.channel.k8s.io");
		expect(JSON.parse(attach[3] ?? "").message).toBe(
			`Internal error occurred: error sending request: Post "https://172.18.0.2:10250/attach/default/web/c?error=1&output=1": ${why}`,
		);
	});

	test.each([
		["exec over SPDY", "exec?command=ls&container=c&stdout=1", spdy],
		[
			"exec with an older WebSocket",
			"exec?command=ls&container=c&stdout=1",
			{ ...webSocket, "sec-websocket-protocol": "v4.channel.k8s.io" },
		],
		["port-forward over SPDY", "portforward", { upgrade: "SPDY/3.1", "x-stream-protocol-version": "portforward.k8s.io" }],
		["port-forward in a WebSocket", "portforward?ports=80", webSocket],
	])("%s: before anything is upgraded", async (_, url, headers) => {
		const { code, text } = await refusal(url, headers);
		expect([code, JSON.parse(text).message]).toEqual([500, `error dialing backend: ${why}`]);
	});
});

describe("port-forward", () => {
	test("channels of a plain WebSocket, two a port", async () => {
		const socket = new WebSocket(`wss://127.0.0.1:${address.port}${path}/portforward?ports=80&ports=81`, ["v4.channel.k8s.io"], {
			rejectUnauthorized: false,
		});
		const channels: Record<number, string> = {};
		const { promise, resolve } = Promise.withResolvers<void>();
		socket.on("message", (data: Buffer) => {
			const number = data[0] ?? -1;
			channels[number] = (channels[number] ?? "") + data.subarray(1).toString("latin1");
			if (channels[0]?.endsWith("HELLO") && (channels[3]?.length ?? 0) > 2) resolve();
		});
		await once(socket, "open");
		socket.send(channel(0, "hello"));
		await promise;
		expect(channels).toEqual({
			0: "P\0HELLO",
			1: "P\0",
			2: "Q\0",
			3: "Q\0error forwarding port 81 to pod web, uid : connection refused",
		});
		socket.close();
	});

	test("the tunnel that kubectl uses carries SPDY frames in binary messages", async () => {
		// By hand: ws does not offer a protocol with a slash in its name.
		const headers = { connection: "Upgrade", ...webSocket, "sec-websocket-protocol": "SPDY/3.1+portforward.k8s.io" };
		const call = request({ ...address, path: `${path}/portforward`, rejectUnauthorized: false, headers, agent: false });
		call.end();
		const [response, socket] = (await once(call, "upgrade")) as [IncomingMessage, Socket];
		expect(response.headers["sec-websocket-protocol"]).toBe("SPDY/3.1+portforward.k8s.io");
		const ping = controlFrame(controlTypes.ping, 0, words(7));
		socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | ping.length, 0, 0, 0, 0]), ping]));
		expect((await once(socket, "data"))[0]).toEqual(Buffer.concat([Buffer.from([0x82, ping.length]), ping]));
		socket.destroy();
	});
});

describe("logs", () => {
	const get = (url: string) => server.inject({ method: "GET", url: `${path}/${url}` });

	test("text, or a Status as long as nothing was sent", async () => {
		const answer = await get("log?container=c");
		expect([answer.statusCode, answer.headers["content-type"], answer.body]).toEqual([200, "text/plain", "one\n"]);
		expect((await get("log?container=c&previous=true")).json()).toMatchObject({
			code: 400,
			message: 'previous terminated container "c" in pod "web" not found',
		});
		expect((await get("log")).json()).toMatchObject({
			message: "a container name must be specified for pod web, choose one of: [c stopped]",
		});
		expect((await server.inject({ method: "GET", url: "/api/v1/namespaces/default/pods/nope/log" })).json()).toMatchObject({
			message: 'pods "nope" not found',
		});
	});

	test("following ends with the client", async () => {
		const call = request({ ...address, path: `${path}/log?container=c&follow=true`, rejectUnauthorized: false, agent: false });
		call.end();
		const [response] = (await once(call, "response")) as [NodeJS.ReadableStream & { socket: Socket }];
		expect(String((await once(response, "data"))[0])).toBe("one\n");
		response.socket.destroy();
		while (node.signal?.aborted !== true) await new Promise(setImmediate);
	});
});

describe("a client that does not read", () => {
	const quiet = { rejectUnauthorized: false, perMessageDeflate: false };

	/** What is under way is what two sockets hold; then the sender waits, and goes on when the client reads again. */
	async function expectHeldUp(socket: { pause(): unknown; resume(): unknown }): Promise<void> {
		socket.pause();
		let before = -1;
		for (let still = 0; still < 20; still = node.floodedBytes === before ? still + 1 : 0) {
			before = node.floodedBytes;
			await new Promise((resolve) => setTimeout(resolve, 5));
			if (before > 64 * 1024 * 1024) throw new Error("nothing holds the sender up");
		}
		socket.resume();
		while (node.floodedBytes < before + 1024 * 1024) await new Promise(setImmediate);
	}

	test("the output of a command over a WebSocket", async () => {
		const socket = new WebSocket(
			`wss://127.0.0.1:${address.port}${path}/exec?command=flood&container=c&stdout=1`,
			"v5.channel.k8s.io",
			quiet,
		);
		await once(socket, "message");
		await expectHeldUp(socket);
		socket.terminate();
		while (node.signal?.aborted !== true) await new Promise(setImmediate);
	});

	test("the output of a command over SPDY", async () => {
		const headers = { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": "v4.channel.k8s.io" };
		const url = `${path}/exec?command=flood&container=c&stdout=1`;
		const call = request({ ...address, path: url, method: "POST", rejectUnauthorized: false, headers, agent: false });
		call.end();
		const [, socket] = (await once(call, "upgrade")) as [IncomingMessage, Socket];
		const codec = new HeaderCodec();
		for (const [id, type] of [
			[1, "error"],
			[3, "stdout"],
		] as const) {
			const block = await codec.encode(new Map([["streamtype", [type]]]));
			socket.write(controlFrame(controlTypes.synStream, 0, Buffer.concat([words(id, 0), Buffer.alloc(2), block])));
		}
		socket.on("data", () => undefined);
		await expectHeldUp(socket);
		socket.destroy();
		while (node.signal?.aborted !== true) await new Promise(setImmediate);
	});

	test("a log that is followed", async () => {
		const call = request({ ...address, path: `${path}/log?container=c&follow=true&tailLines=0`, rejectUnauthorized: false, agent: false });
		call.end();
		const [response] = (await once(call, "response")) as [IncomingMessage];
		response.on("data", () => undefined);
		await expectHeldUp(response);
		response.destroy();
		while (node.signal?.aborted !== true) await new Promise(setImmediate);
	});

	test("a forwarded port", async () => {
		const socket = new WebSocket(`wss://127.0.0.1:${address.port}${path}/portforward?ports=82`, "v4.channel.k8s.io", quiet);
		await once(socket, "message");
		await expectHeldUp(socket);
		socket.terminate();
		while (!node.isDestroyed) await new Promise(setImmediate);
	});

	test("and a command that does not read holds up who sends to it", async () => {
		const socket = new WebSocket(
			`wss://127.0.0.1:${address.port}${path}/exec?command=wait&container=c&stdin=1&stdout=1`,
			"v5.channel.k8s.io",
			quiet,
		);
		await once(socket, "message");
		const block = Buffer.alloc(256 * 1024);
		for (let at = 0; at < 64; at++) socket.send(block);
		let before = -1;
		for (let still = 0; still < 20; still = socket.bufferedAmount === before ? still + 1 : 0) {
			before = socket.bufferedAmount;
			await new Promise((resolve) => setTimeout(resolve, 5));
		}
		expect(before).toBeGreaterThan(0);
		socket.terminate();
	});
});

test("shutdown ends streams", async () => {
	const socket = new WebSocket(`wss://127.0.0.1:${address.port}${path}/exec?command=wait&container=c&stdout=1`, ["v5.channel.k8s.io"], {
		rejectUnauthorized: false,
	});
	await once(socket, "message");
	await Promise.all([once(socket, "close"), server.close()]);
	expect(node.signal?.aborted).toBe(true);
});

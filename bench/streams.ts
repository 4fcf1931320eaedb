/**
 * Streams of pods as clients outside the process meet them. Exec and the log are measured with a client that costs little
 * (bytes on a TLS socket, WebSocket v5), so that it is the server that is measured; port-forwarding with the real kubectl,
 * because what it carries has no other shape. What the real kubectl makes of the others stands beside them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { standaloneKubeconfig } from "../src/cluster/kubeconfig-entry.ts";
import { kubectlPath } from "../test/tools/kubectl.ts";
import { ChildServer } from "./child-server.ts";
import { Connection, type Endpoint, openWatch, requestBytes } from "./keep-alive-client.ts";
import { type Measurement, median, timeMs } from "./measure.ts";

const pods = "/api/v1/namespaces/default/pods";
const containers = 5;
const nextExecs = 50;
const logLines = 400_000;
const logLine = "2026-01-01 00:00:00 INFO request handled in 12 ms, user=alice";
const forwardedBytes = 256 * 1024 * 1024;
const parallelRequests = 100;

/** Figures of one run by name. */
type Figures = Readonly<Record<string, number>>;

export async function benchStreams(runs: number): Promise<Measurement[]> {
	const figures: Figures[] = [];
	for (let run = 0; run < runs; run++) figures.push(await measureRun());
	const row = (name: string, key: string, unit: string, promise?: number): Measurement => ({
		name,
		unit,
		values: figures.map((each) => each[key] ?? Number.NaN),
		...(promise === undefined ? {} : { promise }),
	});
	return [
		row("the first exec of a server's life, raw client, WebSocket v5", "first of all", "ms"),
		row("first exec into a container", "first", "ms", 50),
		row("next exec", "next", "ms", 10),
		row("… processor time of the server", "next cpu", "ms"),
		row("`kubectl exec`, the whole command", "kubectl exec", "ms"),
		row(`a log of ${logLines} lines of ${logLine.length} bytes followed as it is written, raw client: lines`, "log", "per second", 50_000),
		row("… processor time of the server, a thousand lines", "log cpu", "ms"),
		row("`kubectl logs` of its last 10 MiB: lines", "kubectl logs", "per second"),
		row("`kubectl port-forward`, one connection, out of the pod: MB", "forward", "per second", 50),
		row("… processor time of the server, an MB", "forward cpu", "ms"),
		row(`… ${parallelRequests} HTTP requests at once, a connection each`, "parallel", "ms"),
	];
}

async function measureRun(): Promise<Figures> {
	const server = await ChildServer.start("./streams-server.ts");
	const directory = mkdtempSync(join(tmpdir(), "kubesim-bench-"));
	try {
		const { port, credentials } = server.endpoint;
		const kubeconfig = join(directory, "kubeconfig");
		writeFileSync(kubeconfig, standaloneKubeconfig({ name: "bench", server: `https://127.0.0.1:${port}`, ...credentials }), {
			mode: 0o600,
		});
		const kubectl = (...args: string[]) => spawn(kubectlPath(), args, { env: { ...process.env, KUBECONFIG: kubeconfig, HOME: directory } });
		const api = await Connection.open(server.endpoint);
		const exec = await measureExec(server, api, kubectl);
		const log = await measureLog(server, api, kubectl);
		const forward = await measureForward(server, api, kubectl);
		api.close();
		return { ...exec, ...log, ...forward };
	} finally {
		rmSync(directory, { recursive: true, force: true });
		await server.stop();
	}
}

type Kubectl = (...args: string[]) => ChildProcess;

/** Resolves when it runs. */
async function runPod(server: ChildServer, api: Connection, name: string, container: object): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	const watch = await openWatch(server.endpoint, `${pods}?watch=true&fieldSelector=metadata.name%3D${name}`, (text) => {
		if (text.includes('"phase":"Running"')) resolve();
	});
	const body = JSON.stringify({
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name },
		spec: { containers: [{ name: "main", ...container }] },
	});
	const { status } = await api.send(requestBytes("POST", pods, body));
	if (status !== 201) throw new Error(`creating pod ${name}: HTTP ${status}`);
	await promise;
	watch.close();
}

/** Runs a command, from the handshake to the Status of its end. */
function exec({ port, credentials }: Endpoint, pod: string, command: readonly string[]): Promise<void> {
	const words = command.map((word) => `command=${encodeURIComponent(word)}`).join("&");
	const { ca, clientCertificate: cert, clientKey: key } = credentials;
	const socket = new WebSocket(`wss://127.0.0.1:${port}${pods}/${pod}/exec?stdout=true&stderr=true&${words}`, "v5.channel.k8s.io", {
		ca,
		cert,
		key,
	});
	return new Promise((resolve, reject) => {
		let status = "";
		socket.on("error", reject);
		socket.on("message", (data: Buffer) => {
			if (data[0] === 3) status += data.toString("utf8", 1);
		});
		socket.on("close", () => (status.includes('"Success"') ? resolve() : reject(new Error(`exec ended with ${status}`))));
	});
}

async function measureExec(server: ChildServer, api: Connection, kubectl: Kubectl): Promise<Figures> {
	const names = Array.from({ length: containers + 1 }, (_, index) => `exec-${index}`);
	for (const name of names) await runPod(server, api, name, { image: "nginx" });
	const run = (name: string) => timeMs(() => exec(server.endpoint, name, ["sh", "-c", "echo hello"]));
	const firsts: number[] = [];
	for (const name of names) firsts.push(await run(name));
	const before = (await server.usage()).cpuMs;
	const nexts: number[] = [];
	for (let index = 0; index < nextExecs; index++) nexts.push(await run("exec-0"));
	const nextCpuMs = ((await server.usage()).cpuMs - before) / nextExecs;
	const [firstOfAll = Number.NaN, ...others] = firsts;
	const whole = await timeMs(async () => {
		const [code] = await once(kubectl("exec", "exec-0", "--", "sh", "-c", "echo hello"), "close");
		if (code !== 0) throw new Error(`kubectl exec exited with ${code}`);
	});
	return { "first of all": firstOfAll, first: median(others), next: median(nexts), "next cpu": nextCpuMs, "kubectl exec": whole };
}

async function measureLog(server: ChildServer, api: Connection, kubectl: Kubectl): Promise<Figures> {
	const command = ["sh", "-c", `sleep 1; yes '${logLine}' | head -n ${logLines}; sleep infinity`];
	await runPod(server, api, "printer", { image: "busybox", command });
	const before = (await server.usage()).cpuMs;
	let startMs = Number.NaN;
	let lines = 0;
	const { promise, resolve } = Promise.withResolvers<void>();
	const following = await openWatch(server.endpoint, `${pods}/printer/log?follow=true`, (text) => {
		if (lines === 0) startMs = performance.now();
		lines += text.split(logLine).length - 1;
		// A line may come in two pieces, and is not counted then.
		if (lines >= logLines * 0.99) resolve();
	});
	await promise;
	const seconds = (performance.now() - startMs) / 1000;
	const cpuMs = (await server.usage()).cpuMs - before;
	following.close();
	let printed = 0;
	const wholeMs = await timeMs(async () => {
		const child = kubectl("logs", "printer");
		child.stdout?.on("data", (chunk: Buffer) => {
			printed += chunk.toString("latin1").split("\n").length - 1;
		});
		await once(child, "close");
	});
	return { log: lines / seconds, "log cpu": (cpuMs / lines) * 1000, "kubectl logs": (printed / wholeMs) * 1000 };
}

async function measureForward(server: ChildServer, api: Connection, kubectl: Kubectl): Promise<Figures> {
	await runPod(server, api, "source", { image: "source" });
	const child = kubectl("port-forward", "pod/source", ":9000", ":80", "--address", "127.0.0.1");
	try {
		let printed = "";
		const ports = await new Promise<readonly number[]>((resolve) => {
			child.stdout?.on("data", (chunk: Buffer) => {
				printed += chunk.toString();
				const found = [...printed.matchAll(/127\.0\.0\.1:(\d+) -> \d+/g)].map((match) => Number(match[1]));
				if (found.length === 2) resolve(found);
			});
		});
		const [sourcePort = 0, webPort = 0] = ports;
		await download(sourcePort, 1024 * 1024);
		const before = (await server.usage()).cpuMs;
		const ms = await timeMs(() => download(sourcePort, forwardedBytes));
		const cpuMs = (await server.usage()).cpuMs - before;
		const parallel = await timeMs(() => Promise.all(Array.from({ length: parallelRequests }, () => get(webPort))));
		return { forward: forwardedBytes / 1e3 / ms, "forward cpu": cpuMs / (forwardedBytes / 1e6), parallel };
	} finally {
		child.kill("SIGINT");
		await once(child, "close");
	}
}

/** Asks for so many bytes and counts them. */
function download(port: number, bytes: number): Promise<void> {
	return new Promise((resolve, reject) => {
		let left = bytes;
		const socket = connect(port, "127.0.0.1", () => socket.write(`${bytes}\n`));
		socket.on("data", (chunk) => {
			left -= chunk.length;
		});
		socket.on("error", reject);
		socket.on("close", () => (left === 0 ? resolve() : reject(new Error(`${left} bytes are missing`))));
	});
}

/** One request on a connection of its own. */
function get(port: number): Promise<void> {
	return new Promise((resolve, reject) => {
		let answer = "";
		const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n"));
		socket.on("data", (chunk) => {
			answer += chunk.toString("latin1");
		});
		socket.on("error", reject);
		socket.on("close", () => (answer.startsWith("HTTP/1.1 200") ? resolve() : reject(new Error(`answered ${answer.slice(0, 100)}`))));
	});
}

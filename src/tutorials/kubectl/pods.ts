/** logs, exec, proxy, and what the server sends as it is. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Status } from "../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import { failureOf, identityHeaders, readText, tlsOptions } from "../../client/http-transport.ts";
import { type Call, refOf, splitAt, valueAt } from "./call.ts";

/** Of each pod, where there may be several. */
const usualTail = "10";
/** The streams of a command, by their first byte. Source: https://kubernetes.io/docs/reference/using-api/websockets/ (v5.channel.k8s.io) */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, close: 255 } as const;

/** What a proxy passes on of a request. */
const passedHeaders = ["accept", "content-type", "user-agent"] as const;

/** The body of a GET, as it comes. Rejects with a StatusError. */
export async function copyOut(call: Call, path: string): Promise<void> {
	for await (const chunk of await call.api.transport.stream({ path })) call.streams.stdout.write(chunk as Buffer);
}

export async function logs(call: Call): Promise<void> {
	const [name] = call.args;
	const pods = name === undefined ? (await call.find(["pods"])).map(({ object }) => object) : [await podOf(call, name)];
	for (const pod of pods) {
		const query = new URLSearchParams({ container: containerOf(call, pod) });
		if (call.isOn("previous")) query.set("previous", "true");
		if (call.isOn("follow")) query.set("follow", "true");
		const tail = call.flag("tail") ?? (name === undefined ? usualTail : undefined);
		if (tail !== undefined) query.set("tailLines", tail);
		await copyOut(call, `${pathOfPod(pod)}/log?${query.toString()}`);
	}
}

/** Resolves to the command's exit code. */
export async function exec(call: Call): Promise<number> {
	const pod = await podOf(call, call.args[0] ?? "");
	const query = new URLSearchParams({ container: containerOf(call, pod), stdout: "true", stderr: "true" });
	for (const word of call.command) query.append("command", word);
	if (call.isOn("stdin")) query.set("stdin", "true");
	const { access } = call.api;
	// It is loaded by who needs it.
	const { WebSocket } = await import("ws");
	const url = `${access.server.replace(/^http/, "ws")}${pathOfPod(pod)}/exec?${query.toString()}`;
	const socket = new WebSocket(url, "v5.channel.k8s.io", { ...tlsOptions(access), headers: { ...identityHeaders(access) } });
	const end = Promise.withResolvers<Status>();
	socket.on("message", (data: Buffer) => {
		const bytes = data.subarray(1);
		if (data[0] === channels.stdout) call.streams.stdout.write(bytes);
		else if (data[0] === channels.stderr) call.streams.stderr.write(bytes);
		else if (data[0] === channels.error) end.resolve(JSON.parse(bytes.toString()) as Status);
	});
	socket.on("unexpected-response", (_request, response) => {
		readText(response).then((text) => end.reject(failureOf(response.statusCode ?? 0, text)), end.reject);
	});
	socket.on("error", end.reject);
	socket.on("close", () => end.reject(new Error("the connection was closed")));
	if (call.isOn("stdin")) socket.once("open", () => void sendInput(call, (bytes) => socket.send(bytes)));
	return exitCodeOf(await end.promise.finally(() => socket.terminate()));
}

/** The API without credentials, on a port of this machine's own. Ends with the process. */
export async function proxy(call: Call): Promise<void> {
	const server = createServer((request, response) => {
		const forward = async () => {
			const { url: path = "/", method = "GET", headers } = request;
			// Who asks is said by us, with what by the client.
			const passed = Object.fromEntries(passedHeaders.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
			const body = await readText(request);
			const answer = await call.api.transport.raw({ path, method, headers: passed, ...(body === "" ? {} : { body }) });
			response.writeHead(answer.statusCode ?? 502, { "content-type": answer.headers["content-type"] });
			await pipeline(answer, response);
		};
		forward().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(Number(call.flag("port") ?? 8001), "127.0.0.1", resolve);
	});
	call.say(`Starting to serve on 127.0.0.1:${(server.address() as AddressInfo).port}`);
	await new Promise((resolve) => server.once("close", resolve));
}

async function sendInput(call: Call, send: (bytes: Uint8Array) => void): Promise<void> {
	for await (const chunk of call.streams.stdin) send(Buffer.concat([Buffer.of(channels.stdin), chunk]));
	send(Buffer.of(channels.close, channels.stdin));
}

/** Throws a StatusError where it could not be run. */
function exitCodeOf(status: Status): number {
	if (status.status === "Success") return 0;
	const code = status.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
	if (code === undefined) throw new StatusError(status);
	return Number(code);
}

/** A pod by its name, or the first of what has pods: `deploy/web`. */
async function podOf(call: Call, name: string): Promise<KubeObject> {
	const [kind, rest] = name.includes("/") ? splitAt(name, "/") : ["pods", name];
	const [found] = await call.find([kind, rest]);
	if (found?.object === undefined) throw new Error(`there is no ${name}`);
	if (found.resource.kind === "Pod") return found.object;
	const labels = (valueAt(found.object, ".spec.selector.matchLabels") ?? {}) as Readonly<Record<string, string>>;
	const labelSelector = Object.entries(labels)
		.map(([key, value]) => `${key}=${value}`)
		.join(",");
	const pods = await call.api.resource("pods");
	const { items } = await pods.client.list(call.namespace, { labelSelector });
	const [pod] = items;
	if (pod === undefined) throw new Error(`${name} has no pods`);
	return pod;
}

function containerOf(call: Call, pod: KubeObject | undefined): string {
	const annotated = pod?.metadata?.annotations?.["kubectl.kubernetes.io/default-container"];
	return call.flag("container") ?? annotated ?? String(valueAt(pod, ".spec.containers[0].name"));
}

function pathOfPod(pod: KubeObject | undefined): string {
	const { namespace = "", name } = refOf(pod ?? {});
	return `/api/v1/namespaces/${namespace}/pods/${name}`;
}

/**
 * How commands talk to a server of ours beside its API: JSON over a socket in the file system that only its owner may use.
 *
 *     POST /  { "method": "store.stop", "params": { … } }   →   { "result": … } or { "error": { "message": … } }
 *     GET /  Upgrade: kubesim-exec   →   a command on a node, with its streams (exec-frames.ts)
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf } from "../errors.ts";
import { execProtocol } from "./exec-frames.ts";
import { type NodeExec, serveExec } from "./exec-server.ts";

/** By name. What a method throws is what the command says. */
export type ControlMethods = Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => unknown>>;

export interface ControlServer {
	close(): Promise<void>;
}

const maxRequestBytes = 1024 * 1024;

/** Takes the place of a socket that a killed server left behind. Rejects with the system's error. */
export async function serveControl(path: string, methods: ControlMethods, exec?: NodeExec): Promise<ControlServer> {
	const server = createServer((request, response) => {
		void answer(request, methods).then(
			(body) => send(response, body),
			(error: unknown) => send(response, { error: { message: messageOf(error) } }),
		);
	});
	const upgraded = new Set<Duplex>();
	server.on("upgrade", (request, socket: Duplex, head) => {
		if (exec === undefined || request.headers.upgrade !== execProtocol) {
			socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
			return;
		}
		upgraded.add(socket);
		socket.once("close", () => upgraded.delete(socket));
		socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${execProtocol}\r\n\r\n`);
		if (head.length > 0) socket.unshift(head);
		serveExec(socket, exec);
	});
	rmSync(path, { force: true });
	await listen(server, path);
	chmodSync(path, 0o600);
	return {
		close: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
				for (const socket of upgraded) socket.destroy();
				rmSync(path, { force: true });
			}),
	};
}

function listen(server: Server, path: string): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(path, () => {
			server.off("error", reject);
			// It does not keep the process alive by itself.
			server.unref();
			resolve();
		});
	});
}

async function answer(request: IncomingMessage, methods: ControlMethods): Promise<object> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of request as AsyncIterable<Buffer>) {
		bytes += chunk.length;
		if (bytes > maxRequestBytes) throw new Error("the request is too large");
		chunks.push(chunk);
	}
	const { method, params = {} } = JSON.parse(Buffer.concat(chunks).toString()) as { method: string; params?: Record<string, unknown> };
	const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
	if (handler === undefined) throw new Error(`the server knows no ${method}; it may be of another version of kubesim`);
	return { result: (await handler(params)) ?? null };
}

function send(response: ServerResponse, body: object): void {
	response.writeHead(200, { "content-type": "application/json" });
	response.end(JSON.stringify(body));
}

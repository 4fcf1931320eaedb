/**
 * The streaming subresources of pods: log, exec, attach and portforward. Finds the pod, checks that the caller may, and
 * joins the caller's connection to the node's `NodeConnector`. And the proxy subresources, which proxy.ts serves.
 *
 *            WebSocket                           SPDY/3.1
 *   exec     v5, v4, base64 …  websocket-command   v4 … v1  spdy-command        ┐
 *   attach   same                                  same                         ├─> NodeConnector
 *   forward  SPDY in messages, or v4 channels      portforward.k8s.io           ┘
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type ContainerTarget, KubeletUnreachableError, type NodeConnector } from "../../apimachinery/node-connector.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { newNotFound, type StatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { ProxyStream, StreamingEndpoint, StreamRequest } from "../http/api-handler.ts";
import { connectOptions } from "./connect-options.ts";
import { isRunning, requireNode, resolveContainer } from "./container.ts";
import { readLogOptions } from "./log-options.ts";
import { type ForwardChannel, forwardPort } from "./port-forward.ts";
import { type ProxyRequest, proxyRequest, proxyUpgrade } from "./proxy.ts";
import { proxyTarget } from "./proxy-target.ts";
import { type CommandChannels, readCommandOptions, runCommand } from "./remote-command.ts";
import { serveSpdyCommand, spdyCommandProtocols } from "./spdy-command.ts";
import { serveSpdyPortForward, spdyPortForwardProtocol, tunnelProtocol } from "./spdy-port-forward.ts";
import { unreachableForLog, unreachableForProxy, unreachableForTranslator } from "./unreachable-kubelet.ts";
import { acceptSpdy, acceptWebSocket, upgradeKind } from "./upgrade.ts";
import { closingProtocol, serveWebSocketCommand, webSocketCommandProtocols } from "./websocket-command.ts";
import { readPorts, serveWebSocketPortForward, webSocketPortForwardProtocols } from "./websocket-port-forward.ts";

/** What streams need of the API server. */
interface PodSource {
	/** Throws Forbidden. */
	authorize(user: UserInfo, request: ApiRequest): void;
	/** Admission of a connection. Rejects with a `StatusError`. Absent: every connection is admitted. */
	admitConnect?(user: UserInfo, request: ApiRequest, kind: string, options: Readonly<Record<string, unknown>>): Promise<unknown>;
	/** An object as the server's cache has it. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined;
}

export interface StreamingOptions {
	readonly server: PodSource;
	readonly nodes: NodeConnector;
	readonly clock: Clock;
	/** Chooses the endpoint that a request to a service is proxied to. */
	readonly random: Random;
	readonly log: Logger;
}

export function createStreaming(options: StreamingOptions): StreamingEndpoint {
	return new Streaming(options);
}

class Streaming implements StreamingEndpoint {
	readonly #options: StreamingOptions;
	/** Connections under way, and how to end them. */
	readonly #active = new Set<() => void>();

	constructor(options: StreamingOptions) {
		this.#options = options;
	}

	async log(stream: StreamRequest, response: ServerResponse): Promise<void> {
		const { nodes, clock } = this.#options;
		const pod = await this.#podFor(stream);
		const target = resolveContainer(pod, stream.query.get("container") || undefined);
		const options = readLogOptions(stream.query, clock.now());
		const abort = new AbortController();
		const end = () => abort.abort(new Error("the connection has ended"));
		response.once("close", end);
		this.#active.add(end);
		const begin = () => {
			if (!response.headersSent) response.writeHead(200, { "Content-Type": "text/plain" });
		};
		try {
			// A pod that no node has yet has no log, which is not an error.
			if (target !== undefined) {
				await this.#reach(target, abort.signal, (error) => unreachableForLog(error, target, stream.query));
				await nodes.logs(
					target,
					options,
					(chunk) => {
						begin();
						return writeTo(response, chunk);
					},
					abort.signal,
				);
			}
			begin();
			response.end();
		} finally {
			this.#active.delete(end);
		}
	}

	async upgrade(stream: StreamRequest, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
		const kind = upgradeKind(message);
		const pod = await this.#podFor(stream);
		const connect = connectOptions(stream.request, stream.query, "");
		await this.#options.server.admitConnect?.(stream.user, stream.request, connect.kind, connect.options);
		const abort = new AbortController();
		const end = () => {
			abort.abort(new Error("the connection has ended"));
			socket.destroy();
		};
		socket.once("close", end);
		this.#active.add(end);
		try {
			const connection = { kind, message, socket, head };
			if (stream.request.subresource === "portforward") await this.#portForward(stream, pod, connection, abort.signal);
			else await this.#command(stream, pod, connection, abort.signal);
		} finally {
			this.#active.delete(end);
		}
	}

	async proxy(stream: ProxyStream, message: IncomingMessage, response: ServerResponse): Promise<void> {
		const end = () => response.destroy();
		this.#active.add(end);
		try {
			await proxyRequest(this.#options.nodes, await this.#proxyRequest(stream, message), message, response);
		} finally {
			this.#active.delete(end);
		}
	}

	async proxyUpgrade(stream: ProxyStream, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
		const end = () => socket.destroy();
		this.#active.add(end);
		try {
			await proxyUpgrade(this.#options.nodes, await this.#proxyRequest(stream, message), message, socket, head);
		} finally {
			this.#active.delete(end);
		}
	}

	async #proxyRequest(
		{ user, request, prefix, path, query: parameters }: ProxyStream,
		{ url = "" }: IncomingMessage,
	): Promise<ProxyRequest> {
		const { server, random } = this.#options;
		await server.authorize(user, request);
		const { kind, options } = connectOptions(request, parameters, path);
		await server.admitConnect?.(user, request, kind, options);
		const lookups = { find: server.find.bind(server), random };
		const target = proxyTarget(request.resource, request.namespace ?? "", request.name ?? "", lookups);
		const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
		return { target, prefix, path, query };
	}

	close(): void {
		for (const end of [...this.#active]) end();
	}

	async #command(stream: StreamRequest, pod: Pod, connection: Connection, signal: AbortSignal): Promise<void> {
		const { kind, message, socket, head } = connection;
		const target = requireNode(pod, resolveContainer(pod, stream.query.get("container") || undefined));
		const options = readCommandOptions(stream.query, stream.request.subresource ?? "");
		// Whoever can be told how a command ended is told on the open connection, others before it is opened.
		const isTranslated = kind === "websocket" && message.headers["sec-websocket-protocol"]?.includes(closingProtocol) === true;
		const unreachable = await this.#reach(target, signal, isTranslated ? undefined : unreachableForProxy);
		if (unreachable === undefined && !isRunning(pod, target.container)) {
			refuseAsKubelet(socket, `container not found ("${target.container}")`);
			return;
		}
		const run = async (channels: CommandChannels) =>
			unreachable === undefined
				? runCommand(this.#options.nodes, target, options, channels, signal)
				: unreachableForTranslator(unreachable, target, options).status;
		if (kind === "websocket") {
			const accepted = await acceptWebSocket(message, socket, head, webSocketCommandProtocols);
			this.#reportErrors(accepted.webSocket);
			await serveWebSocketCommand(accepted, options, run);
		} else {
			const protocol = acceptSpdy(message, socket, head, spdyCommandProtocols);
			await this.#guard(serveSpdyCommand(socket, protocol, options, run));
		}
	}

	async #portForward(stream: StreamRequest, pod: Pod, connection: Connection, signal: AbortSignal): Promise<void> {
		const { kind, message, socket, head } = connection;
		const { name = "", namespace = "" } = pod.metadata ?? {};
		const node = requireNode(pod, pod.spec?.nodeName || undefined);
		await this.#reach({ namespace, pod: name, node }, signal, unreachableForProxy);
		const forward = (port: number, channel: ForwardChannel) =>
			forwardPort(this.#options.nodes, { namespace, pod: name, node }, port, channel);
		if (kind === "spdy") {
			acceptSpdy(message, socket, head, [spdyPortForwardProtocol]);
			await this.#guard(serveSpdyPortForward(socket, forward));
			return;
		}
		// The tunnel asks for ports stream by stream, plain channels name them in the query.
		const isTunnel = message.headers["sec-websocket-protocol"]?.includes(tunnelProtocol) === true;
		const ports = isTunnel ? [] : readPorts(stream.query);
		const { webSocket } = await acceptWebSocket(message, socket, head, isTunnel ? [tunnelProtocol] : webSocketPortForwardProtocols);
		this.#reportErrors(webSocket);
		if (isTunnel) {
			const { createWebSocketStream } = await import("ws");
			await this.#guard(serveSpdyPortForward(createWebSocketStream(webSocket), forward));
		} else {
			await serveWebSocketPortForward(webSocket, ports, forward);
		}
	}

	/** Resolves with what hinders it, or rejects with what `refuse` makes of that. */
	async #reach(
		pod: Omit<ContainerTarget, "container">,
		signal: AbortSignal,
		refuse?: (error: KubeletUnreachableError) => StatusError,
	): Promise<KubeletUnreachableError | undefined> {
		try {
			await this.#options.nodes.reach(pod, signal);
			return undefined;
		} catch (error) {
			if (!(error instanceof KubeletUnreachableError)) throw error;
			if (refuse !== undefined) throw refuse(error);
			return error;
		}
	}

	/** The pod of a request whose caller may make it. */
	async #podFor({ user, request }: StreamRequest): Promise<Pod> {
		const { server } = this.#options;
		await server.authorize(user, request);
		// A stream does as much as a create whatever method a WebSocket has to use.
		if (request.subresource !== "log" && request.verb === "get") await server.authorize(user, { ...request, verb: "create" });
		const { namespace = "", name = "" } = request;
		const pod = server.find("", "pods", namespace, name);
		if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, name);
		return pod as Pod;
	}

	/** After the upgrade nobody can be told: what breaks the protocol ends the connection and is logged. */
	async #guard(serving: Promise<void>): Promise<void> {
		try {
			await serving;
		} catch (error) {
			this.#options.log.warn("stream broke off", { error: String(error) });
		}
	}

	#reportErrors(webSocket: { on(event: "error", listener: (error: Error) => void): unknown }): void {
		webSocket.on("error", (error) => this.#options.log.debug("WebSocket broke off", { error: error.message }));
	}
}

interface Connection {
	readonly kind: "websocket" | "spdy";
	readonly message: IncomingMessage;
	readonly socket: Duplex;
	readonly head: Buffer;
}

/** kubelet refuses in plain text, and kubectl shows it as `unable to upgrade connection: …`. */
function refuseAsKubelet(socket: Duplex, text: string): void {
	socket.end(
		"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n" +
			`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
	);
}

/** Resolves when the client can take more, or is gone. */
async function writeTo(response: ServerResponse, chunk: Uint8Array): Promise<void> {
	if (response.write(chunk) || response.destroyed) return;
	await new Promise<void>((resolve) => {
		const done = () => {
			response.off("drain", done);
			response.off("close", done);
			resolve();
		};
		response.once("drain", done);
		response.once("close", done);
	});
}

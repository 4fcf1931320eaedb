/**
 * Services' node ports at the machine's own loopback address, for browsers and programs outside the cluster: what kind does with port mappings, and
 * Docker Desktop by itself.
 *
 *   127.0.0.1:30080 ──▶ the first Ready node that lets it in, at its port 30080 ──▶ the Service, as kube-proxy leads there
 *
 * A port is open for as long as a Service has it. One that another program has is left alone, which the log says, and tried again whenever Services
 * change. TCP alone. Pods see the address of a node, or, where the Service's policy is Local, the control plane's.
 */
import { createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import type { Logger } from "../apimachinery/log.ts";
import type { PortStream } from "../apimachinery/node-connector.ts";
import type { Node, Service } from "../apimachinery/schema/generated/types.ts";
import { portDuplex } from "../apiserver/streaming/port-duplex.ts";
import type { InformerFactory } from "../client/informer.ts";
import { nodes, services } from "../client/resources.ts";
import { isReady } from "./node-readiness.ts";

export interface NodePortListenersOptions {
	readonly informers: InformerFactory;
	/** To an address of the simulated network. Rejects where nothing answers. */
	readonly dial: (address: string, port: number) => Promise<PortStream>;
	readonly log: Logger;
	readonly host: string;
}

export class NodePortListeners {
	readonly #options: NodePortListenersOptions;
	/** By port. */
	readonly #servers = new Map<number, Server>();
	readonly #sockets = new Set<Socket>();
	readonly #stop: () => void;

	constructor(options: NodePortListenersOptions) {
		this.#options = options;
		const follow = () => this.#follow();
		options.informers.informer(nodes);
		this.#stop = options.informers.informer(services).onChange({ added: follow, updated: follow, deleted: follow });
	}

	/** Those that are open. */
	get ports(): readonly number[] {
		return [...this.#servers].filter(([, server]) => server.listening).map(([port]) => port);
	}

	close(): void {
		this.#stop();
		for (const port of this.#servers.keys()) this.#close(port);
		for (const socket of this.#sockets) socket.destroy();
	}

	#follow(): void {
		const wanted = new Set(this.#options.informers.informer(services).cache.list().flatMap(tcpNodePorts));
		for (const port of this.#servers.keys()) if (!wanted.has(port)) this.#close(port);
		for (const port of wanted) if (!this.#servers.has(port)) this.#open(port);
	}

	#open(port: number): void {
		const { host, log } = this.#options;
		const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.#lead(socket, port));
		this.#servers.set(port, server);
		server.on("error", (error) => {
			log.warn("a node port could not be opened on this machine", { port, error: error.message });
			if (this.#servers.get(port) === server) this.#servers.delete(port);
		});
		server.listen(port, host);
	}

	/** Connections that are there go on, as connections do that kube-proxy no longer makes. */
	#close(port: number): void {
		this.#servers.get(port)?.close();
		this.#servers.delete(port);
	}

	async #lead(socket: Socket, port: number): Promise<void> {
		this.#sockets.add(socket);
		socket.once("close", () => this.#sockets.delete(socket));
		socket.on("error", () => socket.destroy());
		const stream = await this.#dial(port);
		if (stream === undefined || socket.destroyed) {
			stream?.destroy();
			socket.resetAndDestroy();
			return;
		}
		const inside = portDuplex(stream);
		// Either end may go at any moment; then the other goes, too.
		const over = (error: Error | null | undefined) => {
			if (error) {
				socket.destroy();
				inside.destroy();
			}
		};
		pipeline(socket, inside, over);
		pipeline(inside, socket, over);
	}

	async #dial(port: number): Promise<PortStream | undefined> {
		const ready = this.#options.informers.informer(nodes).cache.list().filter(isReady).toSorted(byName);
		for (const { status } of ready) {
			const address = status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
			if (address === undefined) continue;
			try {
				return await this.#options.dial(address, port);
			} catch (error) {
				this.#options.log.debug("a node port does not answer", { address, port, error: String(error) });
			}
		}
		return undefined;
	}
}

function tcpNodePorts({ spec }: Service): readonly number[] {
	return (spec?.ports ?? []).flatMap(({ nodePort, protocol = "TCP" }) => (nodePort === undefined || protocol !== "TCP" ? [] : nodePort));
}

function byName(a: Node, b: Node): number {
	return (a.metadata?.name ?? "").localeCompare(b.metadata?.name ?? "", "en", { numeric: true });
}

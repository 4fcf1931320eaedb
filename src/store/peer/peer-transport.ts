/**
 * A member's way to peers in other processes: a link to each, and a server that they call.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { GroupError } from "../group.ts";
import type { InstallSnapshot, MemberId, Message } from "../raft/index.ts";
import type { LinkFaults } from "../replica/link-faults.ts";
import type { PeerAddress, PeerHandler, PeerRequest, PeerResponse, Transport } from "../replica/transport.ts";
import { PeerLink } from "./peer-link.ts";
import { PeerServer, type PeerServerOptions, type PeerTls } from "./peer-server.ts";

export interface PeerTransportOptions extends Pick<PeerServerOptions, "wasRemoved" | "describeGroup"> {
	/** As `idText` writes them. */
	readonly clusterId: string;
	readonly memberId: MemberId;
	readonly handler: PeerHandler;
	readonly tls?: PeerTls;
	readonly clock: Clock;
	readonly log: Logger;
	readonly faults: LinkFaults;
}

interface Peer {
	readonly urls: string;
	readonly link: PeerLink;
}

export class PeerTransport implements Transport {
	readonly #options: PeerTransportOptions;
	readonly #server: PeerServer;
	readonly #peers = new Map<MemberId, Peer>();

	constructor(options: PeerTransportOptions) {
		this.#options = options;
		const { faults, memberId } = options;
		this.#server = new PeerServer({ ...options, accepts: (from) => faults.fate(from, memberId) !== undefined });
	}

	/** Rejects with the system's error (EADDRINUSE …). */
	listen(host: string, port: number): Promise<void> {
		return this.#server.listen(host, port);
	}

	send(message: Message): void {
		const link = this.#peers.get(message.to)?.link;
		const delayMs = this.#options.faults.fate(message.from, message.to);
		if (link === undefined || delayMs === undefined) return;
		if (delayMs === 0) link.send(message);
		else this.#options.clock.setTimeout(() => link.send(message), delayMs);
	}

	canReach(to: MemberId): boolean {
		return this.#peers.get(to)?.link.isOpen === true;
	}

	async sendSnapshot(message: InstallSnapshot, data: Promise<readonly Uint8Array[]>): Promise<void> {
		const link = this.#peers.get(message.to)?.link;
		if (link === undefined || this.#options.faults.fate(message.from, message.to) === undefined) {
			await data;
			throw new Error(`${message.to} can't be reached`);
		}
		await link.sendSnapshot(message, data);
	}

	async ask(to: MemberId, request: PeerRequest): Promise<PeerResponse> {
		const link = this.#peers.get(to)?.link;
		if (link === undefined || this.#options.faults.fate(this.#options.memberId, to) === undefined) throw new GroupError("noLeader");
		return await link.ask(request);
	}

	update(peers: readonly PeerAddress[]): void {
		const wanted = new Map(peers.map(({ id, peerUrls }) => [id, peerUrls]));
		for (const [id, peer] of this.#peers) {
			if (wanted.get(id)?.join() === peer.urls) continue;
			this.#peers.delete(id);
			// The last message to a member that leaves tells it that it does.
			this.#options.clock.setTimeout(() => peer.link.close(), 1000);
		}
		for (const [id, urls] of wanted) if (!this.#peers.has(id)) this.#peers.set(id, { urls: urls.join(), link: this.#connect(id, urls) });
	}

	async close(): Promise<void> {
		for (const { link } of this.#peers.values()) link.close();
		await this.#server.close();
	}

	#connect(id: MemberId, urls: readonly string[]): PeerLink {
		const { clusterId, memberId, tls, clock, log, handler } = this.#options;
		return new PeerLink({
			clusterId,
			from: memberId,
			urls,
			...(tls === undefined ? {} : { tls }),
			clock,
			onBroken: (reason) => {
				log.info("the connection to a peer is broken", { peer: id, reason });
				handler.unreachable(id);
			},
			onRemoved: () => handler.removed(),
		});
	}
}

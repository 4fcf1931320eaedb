/**
 * How members reach each other, as a replica needs it. Within a process it is a switch (local-network.ts), between processes
 * HTTP/2 over TLS (peer/); in a simulation it is what goes wrong.
 */
import type { InstallSnapshot, MemberId, Message } from "../raft/index.ts";

/** What a member asks another one besides Raft's messages. Plain JSON. */
export type PeerRequest = { readonly type: "keepAlive" | "lease"; readonly id: string } | { readonly type: "promote"; readonly id: string };

export interface PeerResponse {
	/** Of a lease. */
	readonly lease?: {
		readonly id: string;
		readonly grantedTtlSeconds: number;
		readonly ttlSeconds: number;
		readonly keys: readonly string[];
	};
	/** A `GroupErrorReason`, or "leaseNotFound". */
	readonly error?: string;
}

/** Where a member is to be found. */
export interface PeerAddress {
	readonly id: MemberId;
	readonly peerUrls: readonly string[];
}

export interface Transport {
	/** May get lost, and may overtake others. Returns at once. */
	send(message: Message): void;
	/** Whether a message would set out at all. One that did not certainly did not arrive. */
	canReach(to: MemberId): boolean;
	/** Resolves once the snapshot has arrived; rejects if it has not. */
	sendSnapshot(message: InstallSnapshot, data: Promise<readonly Uint8Array[]>): Promise<void>;
	/** Rejects with `GroupError` if no answer came. */
	ask(to: MemberId, request: PeerRequest): Promise<PeerResponse>;
	/** Who there is besides this member; called at the start and when it changes. */
	update(peers: readonly PeerAddress[]): void;
	close(): Promise<void>;
}

/** What arrives at a member. */
export interface PeerHandler {
	/** A snapshot comes with its data. */
	receive(message: Message): void;
	answer(request: PeerRequest): Promise<PeerResponse>;
	/** The connection to `id` broke: what was sent last may be lost. */
	unreachable(id: MemberId): void;
	/** A peer says that this member was removed from the group. */
	removed(): void;
}

export type TransportFactory = (handler: PeerHandler) => Transport;

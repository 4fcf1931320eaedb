/**
 * Who the server is: its ids and URLs, and the head of every response. The store is one member; what a group of members
 * would add (terms, log positions of their own, leaders) is in one place here.
 */
import { createHash } from "node:crypto";
import type { MaintainedStore } from "../store.ts";
import type { Sparse } from "./codec.ts";
import type { ResponseHeader } from "./generated/messages.ts";

/** The etcd whose API this is, for clients that ask: the one that kubeadm 1.36 deploys. */
export const etcdVersion = "3.6.8";
/** The cluster's version: without the patch level. */
export const clusterVersion = "3.6.0";

const peerUrlsRecord = "etcd/peer-urls";
/** As --initial-cluster-token. */
const clusterToken = "etcd-cluster";
const initialPeerUrls = ["http://localhost:2380"];

export interface MemberOptions {
	readonly store: MaintainedStore;
	/** As --name. */
	readonly name: string;
	readonly clientUrls: readonly string[];
}

export class Member {
	readonly name: string;
	readonly clientUrls: readonly string[];
	readonly id: bigint;
	readonly clusterId: bigint;
	/** Terms change when a leader is elected; one member leads from the start. */
	readonly raftTerm = 2n;
	readonly #store: MaintainedStore;

	constructor({ store, name, clientUrls }: MemberOptions) {
		this.#store = store;
		this.name = name;
		this.clientUrls = clientUrls;
		this.id = hashId(Buffer.from(initialPeerUrls.join("") + clusterToken));
		const bytes = Buffer.alloc(8);
		bytes.writeBigUInt64BE(this.id);
		this.clusterId = hashId(bytes);
	}

	get peerUrls(): readonly string[] {
		const record = this.#store.record(peerUrlsRecord);
		return record === undefined ? initialPeerUrls : (JSON.parse(Buffer.from(record).toString()) as string[]);
	}

	async setPeerUrls(urls: readonly string[]): Promise<void> {
		await this.#store.setRecord(peerUrlsRecord, Buffer.from(JSON.stringify(urls)));
	}

	/** The position in the log. History is the log of one member: each revision is an entry. */
	get raftIndex(): bigint {
		return BigInt(this.#store.status().revision);
	}

	/** @param revision the store's, at the time of the answer. */
	header(revision = this.#store.status().revision): Sparse<ResponseHeader> {
		return { clusterId: this.clusterId, memberId: this.id, revision, raftTerm: this.raftTerm };
	}
}

/** etcd's ids: the first 8 bytes of a SHA-1, of a member's peer URLs and the cluster's token, and of a cluster's member ids. */
function hashId(bytes: Uint8Array): bigint {
	return createHash("sha1").update(bytes).digest().readBigUInt64BE(0);
}

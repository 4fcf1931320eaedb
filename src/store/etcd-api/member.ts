/**
 * Who the server is: the etcd whose API this is, and the head of every response.
 */
import type { GroupStatus, StoreGroup } from "../group.ts";
import type { MaintainedStore } from "../store.ts";
import type { Sparse } from "./codec.ts";
import type { ResponseHeader } from "./generated/messages.ts";

/** The etcd whose API this is, for clients that ask: the one that kubeadm 1.36 deploys. */
export const etcdVersion = "3.6.8";
/** The cluster's version: without the patch level. */
export const clusterVersion = "3.6.0";

/** The member of a store that answers here. */
export class Member {
	readonly #store: MaintainedStore;

	constructor(store: MaintainedStore) {
		this.#store = store;
	}

	get group(): StoreGroup {
		return this.#store.group;
	}

	get id(): bigint {
		return this.group.memberId;
	}

	get status(): GroupStatus {
		return this.group.status();
	}

	/** @param revision the store's, at the time of the answer. */
	header(revision = this.#store.status().revision): Sparse<ResponseHeader> {
		const { clusterId, memberId } = this.group;
		return { clusterId, memberId, revision, raftTerm: BigInt(this.status.term) };
	}
}

/**
 * A group of members that keep one store together, as each of them sees it. A store of its own (in memory) is a group of
 * one. Words and errors are etcd's: https://etcd.io/docs/v3.6/op-guide/runtime-configuration/
 */

export interface MemberInfo {
	/** etcd's: 64 bits, never given to another member. */
	readonly id: bigint;
	/** Empty until the member has started. */
	readonly name: string;
	/** Where the others reach it. */
	readonly peerUrls: readonly string[];
	/** Where clients reach it; empty until it has started. */
	readonly clientUrls: readonly string[];
	/** Gets every change, has no vote. */
	readonly isLearner: boolean;
}

export interface GroupStatus {
	/** 0n if nobody is known to lead. */
	readonly leader: bigint;
	readonly term: number;
	/** Up to where the log of commands is committed, as far as this member knows. */
	readonly index: number;
	/** Up to where this member's state machine is. */
	readonly applied: number;
	readonly isLearner: boolean;
}

export interface StoreGroup {
	/** etcd's cluster id: 64 bits. */
	readonly clusterId: bigint;
	/** This member's. */
	readonly memberId: bigint;
	readonly name: string;
	/** Somebody is known to lead. Cheap: asked with every request. */
	readonly hasLeader: boolean;
	/** Others have a vote, too: what this member has may be out of date unless a majority says otherwise. Cheap, as above. */
	readonly isReplicated: boolean;
	status(): GroupStatus;
	/** In order of id. */
	members(): readonly MemberInfo[];
	/**
	 * These reject with `GroupError`, and with what a write rejects with.
	 * @param isLearner without a vote until it is promoted.
	 */
	addMember(peerUrls: readonly string[], isLearner: boolean): Promise<MemberInfo>;
	removeMember(id: bigint): Promise<void>;
	/** Gives a learner that has caught up its vote. */
	promoteMember(id: bigint): Promise<void>;
	updateMember(id: bigint, peerUrls: readonly string[]): Promise<void>;
	/** Resolves once `to` leads. Only for the leader. */
	moveLeader(to: bigint): Promise<void>;
	/** Tells the others where clients reach this member. */
	publish(clientUrls: readonly string[]): Promise<void>;
}

/** Reasons, and etcd's texts for them (https://github.com/etcd-io/etcd/blob/main/api/v3rpc/rpctypes/error.go). */
export const groupErrorTexts = {
	memberExists: "etcdserver: member ID already exist",
	peerUrlExists: "etcdserver: Peer URLs already exists",
	memberNotFound: "etcdserver: member not found",
	notEnoughStarted: "etcdserver: re-configuration failed due to not enough started members",
	unhealthy: "etcdserver: unhealthy cluster",
	memberNotLearner: "etcdserver: can only promote a learner member",
	learnerNotReady: "etcdserver: can only promote a learner member which is in sync with leader",
	tooManyLearners: "etcdserver: too many learner members in cluster",
	badLeaderTransferee: "etcdserver: bad leader transferee",
	notLeader: "etcdserver: not leader",
	noLeader: "etcdserver: no leader",
	leaderChanged: "etcdserver: leader changed",
	timeout: "etcdserver: request timed out",
	timeoutDueToLeaderFail: "etcdserver: request timed out, possibly due to previous leader failure",
	timeoutDueToConnectionLost: "etcdserver: request timed out, possibly due to connection lost",
	timeoutLeaderTransfer: "etcdserver: request timed out, leader transfer took too long",
	stopped: "etcdserver: server stopped",
	changePending: "etcdserver: another change of membership is under way",
} as const;

export type GroupErrorReason = keyof typeof groupErrorTexts;

/** What a group of members says no to, or could not do in time. */
export class GroupError extends Error {
	readonly reason: GroupErrorReason;
	constructor(reason: GroupErrorReason) {
		super(groupErrorTexts[reason]);
		this.name = "GroupError";
		this.reason = reason;
	}
}

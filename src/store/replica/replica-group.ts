/**
 * A group of members as one of them sees it, and what may be done to it. Every change is checked before it is proposed, as
 * etcd does with --strict-reconfig-check (its default): a step that would cost the group its majority is refused.
 * Source: https://etcd.io/docs/v3.6/op-guide/runtime-configuration/ and
 * https://github.com/etcd-io/etcd/blob/main/server/etcdserver/api/membership/cluster.go
 */
import { GroupError, type GroupStatus, type MemberInfo, type StoreGroup } from "../group.ts";
import type { WriteCommand } from "../mvcc/command.ts";
import { isLearner, isVoter, type MemberId, type RaftStatus, type SingleChange } from "../raft/index.ts";
import { attributesRecords, idText, memberIdOf, memberRecords, readRoster, wasRemoved } from "../roster.ts";
import type { NewMember } from "./config-change.ts";
import type { ProposedChange } from "./proposer.ts";
import type { PeerRequest, PeerResponse } from "./transport.ts";

export interface ReplicaGroupOptions {
	readonly clusterId: bigint;
	readonly memberId: bigint;
	readonly name: string;
	readonly token: string;
	readonly node: () => RaftStatus;
	readonly hasLeader: () => boolean;
	readonly isReplicated: () => boolean;
	/** The notes beside the keys. */
	readonly records: () => ReadonlyMap<string, Uint8Array>;
	readonly change: (change: ProposedChange, member: NewMember | undefined) => Promise<void>;
	readonly propose: (command: WriteCommand) => Promise<unknown>;
	readonly transfer: (to: MemberId) => Promise<void>;
	readonly askLeader: (request: PeerRequest) => Promise<PeerResponse>;
	readonly nowMs: () => number;
}

/** As etcd's --max-learners. */
const maxLearners = 1;
/** How far a learner must have come to get its vote, of what the leader has. */
const readyShare = 0.9;

export class ReplicaGroup implements StoreGroup {
	readonly clusterId: bigint;
	readonly memberId: bigint;
	readonly name: string;
	readonly #options: ReplicaGroupOptions;

	constructor(options: ReplicaGroupOptions) {
		this.clusterId = options.clusterId;
		this.memberId = options.memberId;
		this.name = options.name;
		this.#options = options;
	}

	get hasLeader(): boolean {
		return this.#options.hasLeader();
	}

	get isReplicated(): boolean {
		return this.#options.isReplicated();
	}

	status(): GroupStatus {
		const { leader, term, commit, applied, membership, id } = this.#options.node();
		return {
			leader: leader === undefined ? 0n : BigInt(`0x${leader}`),
			term,
			index: commit,
			applied,
			isLearner: isLearner(membership, id),
		};
	}

	members(): readonly MemberInfo[] {
		const { membership } = this.#options.node();
		return readRoster(this.#options.records()).map((member) => ({ ...member, isLearner: isLearner(membership, idText(member.id)) }));
	}

	async addMember(peerUrls: readonly string[], isLearner: boolean): Promise<MemberInfo> {
		const members = this.members();
		if (members.some((member) => member.peerUrls.some((url) => peerUrls.includes(url)))) throw new GroupError("peerUrlExists");
		if (isLearner) {
			if (members.filter((member) => member.isLearner).length >= maxLearners) throw new GroupError("tooManyLearners");
		} else this.#checkMayAddVoter();
		const id = memberIdOf(peerUrls, this.#options.token, this.#options.nowMs());
		if (members.some((member) => member.id === id)) throw new GroupError("memberExists");
		await this.#change({ type: isLearner ? "addLearner" : "addVoter", id: idText(id) }, { id: idText(id), peerUrls });
		return { id, name: "", peerUrls, clientUrls: [], isLearner };
	}

	async removeMember(id: bigint): Promise<void> {
		const member = this.#known(id);
		if (!member.isLearner) this.#checkMayRemoveVoter(id);
		await this.#change({ type: "remove", id: idText(id) });
	}

	/** Only the leader knows how far a learner has come. */
	async promoteMember(id: bigint): Promise<void> {
		const member = this.#known(id);
		if (!member.isLearner) throw new GroupError("memberNotLearner");
		const { role, progress, last } = this.#options.node();
		if (role !== "leader") {
			await this.#options.askLeader({ type: "promote", id: String(id) });
			return;
		}
		if ((progress.get(idText(id))?.match ?? 0) < readyShare * last.index) throw new GroupError("learnerNotReady");
		this.#checkMayAddVoter();
		await this.#change({ type: "addVoter", id: idText(id) });
	}

	async updateMember(id: bigint, peerUrls: readonly string[]): Promise<void> {
		this.#known(id);
		const others = this.members().filter((member) => member.id !== id);
		if (others.some((member) => member.peerUrls.some((url) => peerUrls.includes(url)))) throw new GroupError("peerUrlExists");
		await this.#options.propose({ type: "records", records: memberRecords(id, peerUrls) });
	}

	async moveLeader(to: bigint): Promise<void> {
		const { role, id, membership } = this.#options.node();
		if (role !== "leader") throw new GroupError("notLeader");
		if (!isVoter(membership, idText(to))) throw new GroupError("badLeaderTransferee");
		if (idText(to) !== id) await this.#options.transfer(idText(to));
	}

	async publish(clientUrls: readonly string[]): Promise<void> {
		const self = this.members().find(({ id }) => id === this.memberId);
		if (self?.name === this.name && JSON.stringify(self.clientUrls) === JSON.stringify(clientUrls)) return;
		await this.#options.propose({ type: "records", records: attributesRecords(this.memberId, { name: this.name, clientUrls }) });
	}

	#change(change: SingleChange, member?: NewMember): Promise<void> {
		return this.#options.change({ type: "change", transition: "auto", changes: [change] }, member);
	}

	#known(id: bigint): MemberInfo {
		const member = this.members().find((known) => known.id === id);
		if (member === undefined || wasRemoved(this.#options.records(), id)) throw new GroupError("memberNotFound");
		return member;
	}

	/** With one more voter, those who have started must still be a majority. One alone may always take a second. */
	#checkMayAddVoter(): void {
		const voters = this.members().filter((member) => !member.isLearner);
		const started = voters.filter(isStarted).length;
		const needed = majority(voters.length + 1);
		if (started < needed && !(started === 1 && voters.length === 1)) throw new GroupError("notEnoughStarted");
		if (this.#silentVoters().length > 0) throw new GroupError("unhealthy");
	}

	/** Without it, those who have started must be a majority of the rest. */
	#checkMayRemoveVoter(id: bigint): void {
		const left = this.members().filter((member) => !member.isLearner && member.id !== id);
		const needed = majority(left.length);
		if (left.filter(isStarted).length < needed) throw new GroupError("notEnoughStarted");
		const silent = this.#silentVoters().filter((voter) => voter !== idText(id));
		if (left.length - silent.length < needed) throw new GroupError("unhealthy");
	}

	/** Voters that the leader has not heard of lately; only it knows. */
	#silentVoters(): readonly MemberId[] {
		const { role, id, progress, membership } = this.#options.node();
		if (role !== "leader") return [];
		return [...progress].flatMap(([other, { recentlyActive }]) =>
			other !== id && isVoter(membership, other) && !recentlyActive ? [other] : [],
		);
	}
}

function isStarted({ name }: MemberInfo): boolean {
	return name !== "";
}

function majority(count: number): number {
	return Math.floor(count / 2) + 1;
}

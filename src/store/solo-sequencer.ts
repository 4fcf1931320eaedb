/**
 * The order of a store that is alone: that of the calls. Its one member has always led.
 */
import { GroupError, type MemberInfo, type StoreGroup } from "./group.ts";
import type { ResponseOf, WriteCommand } from "./mvcc/command.ts";
import { attributesRecords, clusterIdOf, memberIdOf, memberRecords, readRoster } from "./roster.ts";
import type { LeaseRequest, Sequencer, SequencerEvents } from "./sequencer.ts";
import type { StateMachine } from "./state-machine.ts";
import type { Lease } from "./store.ts";

/** As etcd's defaults: --initial-advertise-peer-urls and --initial-cluster-token. */
const initialPeerUrls = ["http://localhost:2380"];
const clusterToken = "etcd-cluster";
/** One member leads from the start: the founding term, and the election that nobody could lose. */
const term = 2;

export class SoloSequencer implements Sequencer {
	readonly machine: StateMachine;
	readonly group: StoreGroup;
	readonly #events: SequencerEvents;

	constructor(machine: StateMachine, events: SequencerEvents, name = "default") {
		this.machine = machine;
		this.#events = events;
		this.group = soloGroup(machine, name);
		machine.onApplied = (command) => events.applied(command);
		machine.onFailed = (error) => events.failed(error);
		events.leads(true);
	}

	propose<C extends WriteCommand>(command: C): Promise<ResponseOf<C>> {
		return this.machine.execute(command);
	}

	proposeAsLeader(command: WriteCommand): Promise<unknown> {
		return this.propose(command);
	}

	async readBarrier(): Promise<void> {
		// What was answered is kept, and what is kept can be read.
	}

	async askLeader(request: LeaseRequest): Promise<Lease> {
		return this.#events.answer(request);
	}

	close(): Promise<void> {
		return this.machine.close();
	}
}

/** Members cannot be added, because the store is one; the answers to trying are etcd's own. */
function soloGroup(machine: StateMachine, name: string): StoreGroup {
	const memberId = memberIdOf(initialPeerUrls, clusterToken);
	const { records } = machine.state;
	const self = (): MemberInfo => {
		const known = readRoster(records).find(({ id }) => id === memberId);
		const { peerUrls = initialPeerUrls, clientUrls = [] } = known ?? {};
		return { id: memberId, name, peerUrls, clientUrls, isLearner: false };
	};
	const checkKnown = (id: bigint) => {
		if (id !== memberId) throw new GroupError("memberNotFound");
	};
	return {
		clusterId: clusterIdOf([memberId]),
		memberId,
		name,
		hasLeader: true,
		isReplicated: false,
		// History is the log of one member: each revision is an entry.
		status: () => ({ leader: memberId, term, index: machine.revision, applied: machine.revision, isLearner: false }),
		members: () => [self()],
		async addMember(peerUrls) {
			if (peerUrls.some((url) => self().peerUrls.includes(url))) throw new GroupError("peerUrlExists");
			throw new GroupError("notEnoughStarted");
		},
		async removeMember(id) {
			checkKnown(id);
			throw new GroupError("notEnoughStarted");
		},
		async promoteMember(id) {
			checkKnown(id);
			throw new GroupError("memberNotLearner");
		},
		async updateMember(id, peerUrls) {
			checkKnown(id);
			const { clientUrls } = self();
			await machine.execute({ type: "records", records: memberRecords(memberId, peerUrls, { name, clientUrls }) });
		},
		async moveLeader(to) {
			if (to !== memberId) throw new GroupError("badLeaderTransferee");
		},
		async publish(clientUrls) {
			const records = [...memberRecords(memberId, self().peerUrls), ...attributesRecords(memberId, { name, clientUrls })];
			await machine.execute({ type: "records", records });
		},
	};
}

/**
 * One member of a group: drives its Raft node as raft/ready.ts asks, over a log, a state machine and a transport that are
 * given to it. Everything that happens goes through `#pump`, once for all that comes in one turn.
 *
 *     propose ──> node ──> entries ──> log (synced) ──> advance ─┐
 *     transport ─> node                                          ├─> committedEntries ─> StateMachine ─> responses
 *     ticks ────> node ──> messages ──> transport                └─> readStates ───────> readers
 *
 * An entry is durable in the logs of a majority before the state machine sees it, so the machine's own engine need not sync:
 * what a power failure takes from there is applied again from the log, which is compacted only up to what the engine has
 * flushed. A member that is too far behind is sent the machine as a snapshot.
 *
 * Invariants: machine.applied is at most the log's commit; the log begins at or before machine.applied + 1; after a failure
 * nothing is accepted any more.
 */
import { type Clock, sleep, type Timer } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import { StoreClosedError, StoreFailedError } from "../errors.ts";
import { GroupError, type StoreGroup } from "../group.ts";
import type { ResponseOf, WriteCommand } from "../mvcc/command.ts";
import {
	type ConfigEntry,
	type Entry,
	isVoter,
	type MemberId,
	type Membership,
	type Message,
	membershipAfter,
	membersOf,
	RaftNode,
	type RaftStatus,
	type Ready,
	type Snapshot,
	type SoftState,
} from "../raft/index.ts";
import { idText, isRosterRecord, readRoster } from "../roster.ts";
import type { LeaseRequest, Sequencer, SequencerEvents } from "../sequencer.ts";
import type { StateMachine } from "../state-machine.ts";
import type { Lease } from "../store.ts";
import { decodeCommand, decodeProposalId } from "./command-codec.ts";
import { decodeChangeContext, rosterChanges } from "./config-change.ts";
import type { DurableLog } from "./durable-log.ts";
import { LeaderRequests } from "./leader-requests.ts";
import { LogCompactor, type LogLimits, usualLogLimits } from "./log-compactor.ts";
import { ProposalTable } from "./proposal-table.ts";
import { Proposer } from "./proposer.ts";
import { ReadRounds } from "./read-rounds.ts";
import { ReplicaGroup } from "./replica-group.ts";
import { pollMs, type ReplicaTiming, requestTimeoutMs, usualTiming } from "./timing.ts";
import type { PeerAddress, Transport, TransportFactory } from "./transport.ts";

export interface ReplicaOptions {
	readonly clusterId: bigint;
	readonly memberId: bigint;
	readonly name: string;
	/** The group's, as --initial-cluster-token: ids of members that are added are made of it. */
	readonly token: string;
	/** Peers to answer while it is not known who the members are. */
	readonly contacts: readonly PeerAddress[];
	readonly log: DurableLog;
	readonly machine: StateMachine;
	/** Replaces the machine by one of a snapshot file, durably. */
	readonly install: (machine: StateMachine, snapshot: Snapshot) => Promise<StateMachine>;
	readonly transport: TransportFactory;
	/** Disks and networks take real time: the clock of a cluster that runs faster is not this one. */
	readonly clock: Clock;
	readonly random: Random;
	readonly logger: Logger;
	readonly timing?: ReplicaTiming;
	readonly logLimits?: LogLimits;
}

/** How long an orderly end waits for what was proposed, in election timeouts. */
const closePatience = 2;

export class Replica implements Sequencer {
	readonly group: StoreGroup;
	/** Told when another member leads, or none, or this one serves nothing any more. */
	onLeaderChanged: () => void = () => undefined;
	/** Resolves to why, when this member serves nothing any more because of a failure or its removal. */
	readonly ended: Promise<string>;
	readonly #end: (why: string) => void;
	readonly #options: ReplicaOptions;
	readonly #events: SequencerEvents;
	readonly #node: RaftNode;
	readonly #transport: Transport;
	readonly #clock: Clock;
	readonly #timing: ReplicaTiming;
	readonly #log: DurableLog;
	readonly #compactor: LogCompactor;
	readonly #proposals = new ProposalTable();
	readonly #proposer: Proposer;
	readonly #leaderRequests: LeaderRequests;
	readonly #reads: ReadRounds;
	#machine: StateMachine;
	/** After the last entry applied. */
	#membership: Membership;
	#softState: SoftState = { role: "follower", leader: undefined };
	/** When a leader was elected last, ms; for what a timeout is due to. */
	#leaderSinceMs = 0;
	/** The term in which this member leads and its leases don't run yet. */
	#promotion: number | undefined;
	#ticks: Timer | undefined;
	#isPumpDue = false;
	/** Writes to the log, one after the other. */
	#disk: Promise<void> = Promise.resolve();
	#endsWithGroup = false;
	#stopped: Error | undefined;
	/** Resolved at the next change of leader, or end. */
	#changed = Promise.withResolvers<void>();

	constructor(options: ReplicaOptions, events: SequencerEvents) {
		({ promise: this.ended, resolve: this.#end } = Promise.withResolvers<string>());
		this.#options = options;
		this.#events = events;
		this.#clock = options.clock;
		this.#timing = options.timing ?? usualTiming;
		this.#log = options.log;
		this.#machine = this.#adopt(options.machine);
		const origin = options.random.int(2 ** 48);
		this.#log.provideSnapshots(() => this.#snapshotNow());
		this.#node = new RaftNode({
			id: idText(options.memberId),
			storage: options.log,
			random: options.random.fork("raft"),
			applied: this.#machine.applied?.index ?? options.log.snapshotMetadata().index,
			electionTicks: this.#timing.electionTicks,
			heartbeatTicks: 1,
			trace: (line) => options.logger.info(line, { member: options.name }),
		});
		this.#membership = this.#node.status().membership;
		this.#reads = new ReadRounds(`${idText(options.memberId)}.${origin}`, (context) => {
			this.#node.readIndex(context);
			this.#schedule();
		});
		const stopped = () => this.#stopped;
		this.#compactor = new LogCompactor({
			log: options.log,
			limits: options.logLimits ?? usualLogLimits,
			machine: () => this.#machine,
			membership: () => this.#membership,
			stopped,
			onDisk: (work) => this.#onDisk(work),
			failed: (error) => this.#fail(error),
		});
		this.#proposer = new Proposer({
			node: this.#node,
			proposals: this.#proposals,
			origin,
			clock: options.clock,
			reachesLeader: () => this.#reachesLeader,
			stopped,
			pumpSoon: () => this.#schedule(),
			pumpNow: () => this.#guard(() => this.#pump()),
		});
		this.#leaderRequests = new LeaderRequests({
			id: this.#node.id,
			clock: options.clock,
			transport: () => this.#transport,
			leader: () => this.#softState.leader,
			stopped,
			events,
			promote: (id) => this.group.promoteMember(id),
		});
		this.#transport = options.transport({
			receive: (message) => this.#receive(message),
			answer: (request) => this.#leaderRequests.answer(request),
			unreachable: (id) => this.#node.reportUnreachable(id),
			removed: () => this.#leave(),
		});
		this.group = new ReplicaGroup({
			...options,
			node: () => this.#node.status(),
			hasLeader: () => this.#softState.leader !== undefined,
			isReplicated: () => this.#membership.voters.length > 1,
			records: () => this.#machine.state.records,
			change: (change, member) => this.#proposer.proposeChange(change, member),
			propose: (command) => this.propose(command),
			transfer: (to) => this.#transferTo(to),
			askLeader: (request) => this.#leaderRequests.ask(request),
			nowMs: () => this.#clock.now(),
		});
		this.#updatePeers();
		this.#keepTime();
		this.#schedule();
	}

	get machine(): StateMachine {
		return this.#machine;
	}

	/** For whoever watches. */
	status(): RaftStatus {
		return this.#node.status();
	}

	/** Campaigns now: the first of a new group, so that nobody has to wait for an election timeout. */
	campaign(): void {
		this.#node.campaign();
		this.#schedule();
	}

	/** Resolves once somebody leads and this member has applied all that was committed then. */
	async whenReady(): Promise<void> {
		while (this.#softState.leader === undefined && this.#stopped === undefined) await this.#changed.promise;
		await this.readBarrier();
	}

	/** Nobody else decides: what this member has is what was answered. */
	get #isAlone(): boolean {
		const { voters, outgoing } = this.#membership;
		return (
			voters.length === 1 &&
			voters[0] === this.#node.id &&
			outgoing.length === 0 &&
			this.#softState.role === "leader" &&
			this.#promotion === undefined
		);
	}

	propose<C extends WriteCommand>(command: C): Promise<ResponseOf<C>> {
		return this.#isImmediate ? this.#proposer.proposeNow(command) : this.#proposer.propose(command);
	}

	proposeAsLeader(command: WriteCommand): Promise<unknown> {
		return this.#isImmediate ? this.#proposer.proposeNow(command) : this.#proposer.proposeAsLeader(command);
	}

	/** What is proposed takes effect before the call is over: nobody else decides, and nobody waits for the disk. */
	get #isImmediate(): boolean {
		return this.#log.saveNow !== undefined && this.#isAlone && this.#stopped === undefined;
	}

	get #reachesLeader(): boolean {
		const { leader } = this.#softState;
		return leader === undefined || leader === this.#node.id || this.#transport.canReach(leader);
	}

	async readBarrier(): Promise<void> {
		if (this.#stopped !== undefined) throw this.#stopped;
		if (this.#isAlone) return;
		await new Promise<void>((resolve, reject) => this.#reads.add({ resolve, reject, sinceMs: this.#clock.now() }));
		await this.#machine.settle();
	}

	async askLeader({ type, id }: LeaseRequest): Promise<Lease> {
		const { lease } = await this.#leaderRequests.ask({ type, id: String(id) });
		if (lease === undefined) throw new GroupError("notLeader");
		return { ...lease, id: BigInt(lease.id) };
	}

	async close(): Promise<void> {
		const endsWithGroup = this.#endsWithGroup;
		await this.drain();
		if (!endsWithGroup) await this.#handOver();
		this.#stopped ??= new StoreClosedError();
		this.#ticks?.cancel();
		// Whether they took effect is not known here.
		this.#proposals.rejectAll(new GroupError("stopped"));
		this.#reads.rejectAll(new GroupError("stopped"));
		this.#changed.resolve();
		await this.#transport.close();
		await this.#disk;
		await this.#machine.close();
		await this.#log.close();
	}

	/** Resolves when what was proposed here has its answer, or can't get one. For a group that ends as a whole: nobody takes over. */
	async drain(): Promise<void> {
		this.#endsWithGroup = true;
		const isInTime = this.#closingTime();
		while (this.#proposals.size > 0 && this.#softState.leader !== undefined && isInTime()) {
			// What waits for the disk alone has an end; a majority may have none.
			if (this.#isAlone) await this.#disk;
			else await sleep(this.#clock, pollMs);
			await Promise.resolve();
		}
	}

	#closingTime(): () => boolean {
		const limitMs = this.#clock.now() + closePatience * this.#timing.electionTicks * this.#timing.tickMs;
		return () => this.#stopped === undefined && this.#clock.now() < limitMs;
	}

	/** So that the others need no election. */
	async #handOver(): Promise<void> {
		const isInTime = this.#closingTime();
		const heir = heirOf(this.#node.status());
		if (heir === undefined || this.#stopped !== undefined) return;
		this.#node.transferLeadership(heir);
		this.#schedule();
		while (this.#softState.role === "leader" && isInTime()) await sleep(this.#clock, pollMs);
	}

	#adopt(machine: StateMachine): StateMachine {
		machine.onApplied = (command) => this.#onApplied(command);
		machine.onFailed = (error) => this.#fail(error);
		return machine;
	}

	#onApplied(command: WriteCommand): void {
		this.#events.applied(command);
		if (command.type === "records" && command.records.some(({ name }) => isRosterRecord(name))) queueMicrotask(() => this.#updatePeers());
	}

	/** Time matters where others do. A group of one whose leader is this member waits for nobody. */
	#keepTime(): void {
		const isLonely = membersOf(this.#membership).every((id) => id === this.#node.id);
		const needsTicks = !isLonely || this.#softState.role !== "leader";
		if (!needsTicks || this.#stopped !== undefined) {
			this.#ticks?.cancel();
			this.#ticks = undefined;
		} else this.#ticks ??= this.#clock.setInterval(() => this.#tick(), this.#timing.tickMs);
	}

	#tick(): void {
		this.#node.tick();
		// A leader that was about to hand over, and has given that up, takes them again.
		if (this.#softState.leader !== undefined) this.#proposals.retry();
		const now = this.#clock.now();
		const beforeMs = now - requestTimeoutMs - 2 * this.#timing.electionTicks * this.#timing.tickMs;
		for (const expired of this.#proposals.expire(beforeMs)) expired.reject(this.#timeoutError(expired.sinceMs));
		this.#reads.tick(beforeMs, new GroupError("timeout"));
		this.#schedule();
	}

	/** As etcd's parseProposeCtxErr: was there a leader all the time? */
	#timeoutError(sinceMs: number): GroupError {
		const lostMs = this.#leaderSinceMs - 2 * this.#timing.electionTicks * this.#timing.tickMs;
		if (sinceMs > lostMs && sinceMs < this.#leaderSinceMs) return new GroupError("timeoutDueToLeaderFail");
		return new GroupError(this.#softState.leader === undefined ? "timeout" : "timeoutDueToConnectionLost");
	}

	#receive(message: Message): void {
		if (this.#stopped !== undefined) return;
		this.#guard(() => this.#node.step(message));
		this.#schedule();
	}

	#schedule(): void {
		if (this.#isPumpDue) return;
		this.#isPumpDue = true;
		queueMicrotask(() => {
			this.#isPumpDue = false;
			this.#guard(() => this.#pump());
		});
	}

	#guard(work: () => void): void {
		try {
			work();
		} catch (error) {
			this.#fail(error);
		}
	}

	/** After the end nothing is written any more, so that log and machine can be closed. */
	#pump(): void {
		if (this.#stopped !== undefined) return;
		for (let ready = this.#node.ready(); ready !== undefined; ready = this.#node.ready()) {
			// A snapshot is of the machine as it is before these entries.
			for (const message of ready.messages) this.#send(message);
			this.#write(ready);
			for (const entry of ready.committedEntries) this.#apply(entry);
			for (const readState of ready.readStates) this.#reads.answered(readState);
			if (ready.softState !== undefined) this.#follow(ready.softState);
			this.#reads.appliedTo(this.#machine.applied?.index ?? 0);
		}
		this.#compactor.consider();
	}

	#send(message: Message): void {
		if (message.type !== "snapshot") {
			this.#transport.send(message);
			return;
		}
		const { to } = message;
		const report = (outcome: "arrived" | "failed") => {
			if (this.#stopped !== undefined) return;
			this.#node.reportSnapshot(to, outcome);
			this.#schedule();
		};
		this.#transport.sendSnapshot(message, this.#machine.snapshot()).then(
			() => report("arrived"),
			(error: unknown) => {
				this.#options.logger.warn("a snapshot did not arrive", { to, error });
				report("failed");
			},
		);
	}

	#write(ready: Ready): void {
		// A commit index by itself comes with the next write; who starts before that learns it from the others.
		if (!ready.mustSync) return;
		const { hardState, snapshot, entries } = ready;
		if (snapshot === undefined && this.#log.saveNow !== undefined) {
			this.#log.saveNow({ hardState, snapshot, entries });
			for (const message of ready.messagesAfterSync) this.#send(message);
			this.#node.advance(ready);
			return;
		}
		void this.#onDisk(async () => {
			if (snapshot !== undefined) await this.#install(snapshot);
			await this.#log.save({ hardState, snapshot, entries }, true);
			for (const message of ready.messagesAfterSync) this.#send(message);
			this.#node.advance(ready);
			this.#pump();
		});
	}

	/** After what was begun before. Never rejects: what fails there ends this member. */
	#onDisk(work: () => Promise<void>): Promise<void> {
		this.#disk = this.#disk.then(async () => {
			if (this.#stopped !== undefined) return;
			try {
				await work();
			} catch (error) {
				this.#fail(error);
			}
		});
		return this.#disk;
	}

	/** The machine's engine has the snapshot before the log says so. */
	async #install(snapshot: Snapshot): Promise<void> {
		this.#options.logger.info("a snapshot is installed", { index: snapshot.metadata.index });
		this.#machine = this.#adopt(await this.#options.install(this.#machine, snapshot));
		// It failed meanwhile.
		if (this.#stopped !== undefined) void this.#machine.close();
		this.#membership = snapshot.metadata.membership;
		this.#updatePeers();
		this.#keepTime();
	}

	#apply(entry: Entry): void {
		const { term, index } = entry;
		const position = { term, index };
		if (entry.type === "config") this.#applyChange(entry);
		else if (entry.data.length === 0) this.#machine.replay(undefined, position);
		else {
			const waiting = this.#proposer.take(decodeProposalId(entry.data));
			if (waiting?.command === undefined) this.#machine.replay(decodeCommand(entry.data), position);
			else waiting.resolve(this.#machine.execute(waiting.command, position));
		}
		if (this.#promotion !== undefined && term >= this.#promotion) {
			this.#promotion = undefined;
			this.#events.leads(true);
		}
	}

	#applyChange({ change, term, index }: ConfigEntry): void {
		this.#membership = membershipAfter(this.#membership, change);
		const records = rosterChanges(change);
		this.#machine.replay(records.length === 0 ? undefined : { type: "records", records }, { term, index });
		this.#keepTime();
		if (change.type === "leave") return;
		this.#proposer.take(decodeChangeContext(change.context))?.resolve(this.#machine.settle().then(() => undefined));
		if (change.changes.some(({ type, id }) => type === "remove" && id === this.#node.id)) this.#leave();
	}

	/** This member is none any more. The others have heard of it when the message that tells them is sent. */
	#leave(): void {
		this.#options.logger.warn("this member was removed from its group", { member: this.#options.name });
		queueMicrotask(() => this.#fail(new GroupError("memberNotFound")));
	}

	#follow(softState: SoftState): void {
		const before = this.#softState;
		this.#softState = softState;
		if (softState.role === "leader" && before.role !== "leader") this.#promotion = this.#node.status().term;
		if (softState.role !== "leader" && before.role === "leader") {
			this.#promotion = undefined;
			this.#events.leads(false);
		}
		this.#keepTime();
		if (softState.leader === before.leader) return;
		this.#changed.resolve();
		this.#changed = Promise.withResolvers();
		this.onLeaderChanged();
		if (softState.leader === undefined) return;
		this.#leaderSinceMs = this.#clock.now();
		this.#proposals.retry();
		this.#reads.askAgain();
	}

	async #transferTo(to: MemberId): Promise<void> {
		const result = this.#node.transferLeadership(to);
		if (result.status === "refused") throw new GroupError(result.reason === "noLeader" ? "noLeader" : "badLeaderTransferee");
		this.#schedule();
		const limitMs = this.#clock.now() + 2 * this.#timing.electionTicks * this.#timing.tickMs;
		while (this.#softState.leader !== to) {
			if (this.#clock.now() >= limitMs) throw new GroupError("timeoutLeaderTransfer");
			await sleep(this.#clock, pollMs);
		}
	}

	#updatePeers(): void {
		if (this.#stopped !== undefined) return;
		const roster = readRoster(this.#machine.state.records).map(({ id, peerUrls }) => ({ id: idText(id), peerUrls }));
		const known = roster.length === 0 ? this.#options.contacts : roster;
		this.#transport.update(known.filter(({ id }) => id !== idText(this.#options.memberId)));
	}

	/** For a member that is far behind. Its data are made when it is sent, in the same turn. */
	#snapshotNow(): Snapshot | undefined {
		const { applied } = this.#machine;
		return applied === undefined ? undefined : { metadata: { ...applied, membership: this.#membership }, data: new Uint8Array() };
	}

	/** Nothing is accepted any more. */
	#fail(cause: unknown): void {
		if (this.#stopped !== undefined) return;
		const error = cause instanceof StoreFailedError || cause instanceof GroupError ? cause : new StoreFailedError(cause);
		this.#stopped = error;
		this.#options.logger.error("a member of the store has stopped", { member: this.#options.name, error });
		this.#ticks?.cancel();
		this.#ticks = undefined;
		this.#proposals.rejectAll(error);
		this.#reads.rejectAll(error);
		this.#changed.resolve();
		this.#events.leads(false);
		this.#events.failed(error);
		this.onLeaderChanged();
		// Watches end, and nothing is served: what is on the disk stays as it is.
		// A member that was removed has not failed: its watches go on at another.
		const ending = error instanceof StoreFailedError ? this.#machine.abort(error) : this.#machine.close();
		ending.catch((failure: unknown) => this.#options.logger.error("the engine could not be closed", { failure }));
		this.#end(error.message);
	}
}

/** Of a leader: the voter who has most. */
function heirOf({ role, id, progress, membership }: RaftStatus): MemberId | undefined {
	if (role !== "leader") return undefined;
	return [...progress]
		.filter(([other, { recentlyActive }]) => other !== id && recentlyActive && isVoter(membership, other))
		.sort(([, a], [, b]) => b.match - a.match)[0]?.[0];
}

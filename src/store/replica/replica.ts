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
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import { StoreClosedError, StoreFailedError, TooManyRequestsError } from "../errors.ts";
import { GroupError, type StoreGroup } from "../group.ts";
import type { ResponseOf, WriteCommand } from "../mvcc/command.ts";
import {
	type ConfigChange,
	type ConfigEntry,
	type Entry,
	isVoter,
	type MemberId,
	type Membership,
	type Message,
	membershipAfter,
	membersOf,
	type ProposeResult,
	RaftNode,
	type RaftStatus,
	type Ready,
	type Snapshot,
	type SnapshotMetadata,
	type SoftState,
} from "../raft/index.ts";
import { idText, isRosterRecord, readRoster } from "../roster.ts";
import type { LeaseRequest, Sequencer, SequencerEvents } from "../sequencer.ts";
import type { StateMachine } from "../state-machine.ts";
import { type Lease, LeaseNotFoundError } from "../store.ts";
import { decodeCommand, decodeProposalId, encodeProposal } from "./command-codec.ts";
import { decodeChangeContext, encodeChangeContext, type NewMember, rosterChanges } from "./config-change.ts";
import type { DurableLog } from "./durable-log.ts";
import { ProposalTable } from "./proposal-table.ts";
import { ReadRounds } from "./read-rounds.ts";
import { ReplicaGroup } from "./replica-group.ts";
import type { PeerAddress, PeerRequest, PeerResponse, Transport, TransportFactory } from "./transport.ts";

/** Real milliseconds between two ticks, and the timeouts in ticks. etcd's are 100 ms, 10 and 1. */
export interface ReplicaTiming {
	readonly tickMs: number;
	/** A follower campaigns after this many to twice as many ticks without a leader. */
	readonly electionTicks: number;
}

/** Elections twice as fast as etcd's: one process, or one rack, has no slow links. */
export const usualTiming: ReplicaTiming = { tickMs: 100, electionTicks: 5 };

/** How long the log grows before it is compacted. */
export interface LogLimits {
	/** The log is compacted when it has so many entries, or bytes, more than the engine needs … */
	readonly compactEntries: number;
	readonly compactBytes: number;
	/** The same for a member that is alone: nobody else needs what is applied, and the log is in memory, too. */
	readonly compactAloneBytes: number;
	/** … and so many stay for members that are a little behind. */
	readonly catchUpEntries: number;
}

/** etcd: --snapshot-count 10000, 5000 catch-up entries. */
export const usualLogLimits: LogLimits = {
	compactEntries: 10_000,
	compactBytes: 64 * 1024 * 1024,
	compactAloneBytes: 1024 * 1024,
	catchUpEntries: 5_000,
};

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

/** etcd's request timeout: 5 s for the disks and the network, and two elections. */
const requestTimeoutMs = 5000;

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
	readonly #logLimits: LogLimits;
	readonly #log: DurableLog;
	/** Drawn at each start: entries of an earlier one are nobody's. */
	readonly #origin: number;
	readonly #proposals = new ProposalTable();
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
	#isCompacting = false;
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
		this.#logLimits = options.logLimits ?? usualLogLimits;
		this.#log = options.log;
		this.#machine = this.#adopt(options.machine);
		this.#origin = options.random.int(2 ** 48);
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
		this.#reads = new ReadRounds(`${idText(options.memberId)}.${this.#origin}`, (context) => {
			this.#node.readIndex(context);
			this.#schedule();
		});
		this.#transport = options.transport({
			receive: (message) => this.#receive(message),
			answer: (request) => this.#answer(request),
			unreachable: (id) => this.#node.reportUnreachable(id),
			removed: () => this.#leave(),
		});
		this.group = new ReplicaGroup({
			...options,
			node: () => this.#node.status(),
			hasLeader: () => this.#softState.leader !== undefined,
			isReplicated: () => this.#membership.voters.length > 1,
			records: () => this.#machine.state.records,
			change: (change, member) => this.#proposeChange(change, member),
			propose: (command) => this.propose(command),
			transfer: (to) => this.#transferTo(to),
			askLeader: (request) => this.#ask(request),
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
		if (this.#isImmediate) return this.#proposeNow(command);
		return this.#propose(command, (sequence, data) => this.#reachesLeader && this.#wasTakenUp(sequence, this.#node.propose(data)));
	}

	/** What is proposed takes effect before the call is over: nobody else decides, and nobody waits for the disk. */
	get #isImmediate(): boolean {
		return this.#log.saveNow !== undefined && this.#isAlone && this.#stopped === undefined;
	}

	/** In as many steps as without a log (solo-sequencer.ts), so that a simulation is the same with one and without. */
	#proposeNow<C extends WriteCommand>(command: C): Promise<ResponseOf<C>> {
		let response: Promise<ResponseOf<WriteCommand>> | undefined;
		this.#proposals.add((sequence) => ({
			command,
			propose: () => this.#wasTakenUp(sequence, this.#node.propose(encodeProposal({ origin: this.#origin, sequence }, command))),
			resolve: (given) => {
				response = Promise.resolve(given);
			},
			reject: (error) => {
				response = Promise.reject(error);
			},
			sinceMs: this.#clock.now(),
		}));
		this.#guard(() => this.#pump());
		return (response ?? Promise.reject(this.#stopped ?? new StoreClosedError())) as Promise<ResponseOf<C>>;
	}

	/** A proposal for a leader that is gone would be lost; it waits for the next one instead. */
	get #reachesLeader(): boolean {
		const { leader } = this.#softState;
		return leader === undefined || leader === this.#node.id || this.#transport.canReach(leader);
	}

	proposeAsLeader(command: WriteCommand): Promise<unknown> {
		if (this.#isImmediate) return this.#proposeNow(command);
		return this.#propose(command, (sequence, data) => {
			const isLeading = this.#node.status().role === "leader";
			if (!isLeading || !this.#wasTakenUp(sequence, this.#node.propose(data)))
				this.#proposals.take(sequence)?.reject(new GroupError("notLeader"));
			return true;
		});
	}

	/** @param proposeIt returns whether it was taken up; called again when somebody else leads if not. */
	#propose<C extends WriteCommand>(command: C, proposeIt: (sequence: number, data: Uint8Array) => boolean): Promise<ResponseOf<C>> {
		if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
		return new Promise((resolve, reject) => {
			this.#proposals.add((sequence) => {
				const data = encodeProposal({ origin: this.#origin, sequence }, command);
				const resolveAny = (response: ResponseOf<WriteCommand> | Promise<ResponseOf<WriteCommand>>) => resolve(response as ResponseOf<C>);
				const propose = () => proposeIt(sequence, data);
				return { command, propose, resolve: resolveAny, reject, sinceMs: this.#clock.now() };
			});
			this.#schedule();
		});
	}

	async readBarrier(): Promise<void> {
		if (this.#stopped !== undefined) throw this.#stopped;
		if (this.#isAlone) return;
		await new Promise<void>((resolve, reject) => this.#reads.add({ resolve, reject, sinceMs: this.#clock.now() }));
		await this.#machine.settle();
	}

	async askLeader({ type, id }: LeaseRequest): Promise<Lease> {
		const { lease } = await this.#ask({ type, id: String(id) });
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
			else await this.#pause();
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
		const heir = this.#heir();
		if (heir === undefined || this.#stopped !== undefined) return;
		this.#node.transferLeadership(heir);
		this.#schedule();
		while (this.#softState.role === "leader" && isInTime()) await this.#pause();
	}

	/** The voter who has most. */
	#heir(): MemberId | undefined {
		const { role, id, progress, membership } = this.#node.status();
		if (role !== "leader") return undefined;
		return [...progress]
			.filter(([other, { recentlyActive }]) => other !== id && recentlyActive && isVoter(membership, other))
			.sort(([, a], [, b]) => b.match - a.match)[0]?.[0];
	}

	#pause(): Promise<void> {
		return new Promise((resolve) => {
			this.#clock.setTimeout(resolve, 5);
		});
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
		this.#maybeCompact();
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
		this.#disk = this.#disk.then(async () => {
			if (this.#stopped !== undefined) return;
			try {
				if (snapshot !== undefined) await this.#install(snapshot);
				await this.#log.save({ hardState, snapshot, entries }, true);
				for (const message of ready.messagesAfterSync) this.#send(message);
				this.#node.advance(ready);
				this.#pump();
			} catch (error) {
				this.#fail(error);
			}
		});
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
			const { origin, sequence } = decodeProposalId(entry.data);
			const waiting = origin === this.#origin ? this.#proposals.take(sequence) : undefined;
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
		const { origin, sequence } = decodeChangeContext(change.context);
		if (origin === this.#origin) this.#proposals.take(sequence)?.resolve(this.#machine.settle().then(() => undefined));
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

	/** Rejects what will never be; what may be later waits. */
	#wasTakenUp(sequence: number, result: ProposeResult): boolean {
		if (result.status !== "refused") return true;
		const rejected = (error: Error) => this.#proposals.take(sequence)?.reject(error);
		switch (result.reason) {
			case "overloaded":
				rejected(new TooManyRequestsError());
				return true;
			case "changePending":
				rejected(new GroupError("changePending"));
				return true;
			case "impossibleChange":
				rejected(new GroupError("notEnoughStarted"));
				return true;
			case "noLeader":
			case "transferring":
			case "leaving":
				return false;
		}
	}

	#proposeChange(change: Omit<Extract<ConfigChange, { type: "change" }>, "context">, member: NewMember | undefined): Promise<void> {
		if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
		return new Promise((resolve, reject) => {
			this.#proposals.add((sequence) => {
				const context = encodeChangeContext({ origin: this.#origin, sequence, ...(member === undefined ? {} : { member }) });
				const propose = () => this.#reachesLeader && this.#wasTakenUp(sequence, this.#node.proposeChange({ ...change, context }));
				return {
					command: undefined,
					propose,
					resolve: (done) => void Promise.resolve(done).then(() => resolve(), reject),
					reject,
					sinceMs: this.#clock.now(),
				};
			});
			this.#schedule();
		});
	}

	async #transferTo(to: MemberId): Promise<void> {
		const result = this.#node.transferLeadership(to);
		if (result.status === "refused") throw new GroupError(result.reason === "noLeader" ? "noLeader" : "badLeaderTransferee");
		this.#schedule();
		const limitMs = this.#clock.now() + 2 * this.#timing.electionTicks * this.#timing.tickMs;
		while (this.#softState.leader !== to) {
			if (this.#clock.now() >= limitMs) throw new GroupError("timeoutLeaderTransfer");
			await this.#pause();
		}
	}

	async #ask(request: PeerRequest): Promise<PeerResponse> {
		const limitMs = this.#clock.now() + requestTimeoutMs;
		for (;;) {
			if (this.#stopped !== undefined) throw this.#stopped;
			const { leader } = this.#softState;
			const answer = leader === undefined ? { error: "noLeader" } : await this.#askMember(leader, request);
			if (answer.error === undefined) return answer;
			if (answer.error === "leaseNotFound") throw new LeaseNotFoundError();
			const mayBeBetterLater = answer.error === "noLeader" || answer.error === "notLeader";
			if (!mayBeBetterLater) throw new GroupError(answer.error as GroupError["reason"]);
			if (this.#clock.now() >= limitMs) throw new GroupError("timeout");
			await this.#pause();
		}
	}

	#askMember(to: MemberId, request: PeerRequest): Promise<PeerResponse> {
		if (to === this.#node.id) return this.#answer(request);
		return this.#transport.ask(to, request).catch((error: unknown): PeerResponse => {
			if (error instanceof GroupError) return { error: error.reason };
			throw error;
		});
	}

	async #answer(request: PeerRequest): Promise<PeerResponse> {
		try {
			if (request.type === "promote") {
				await this.group.promoteMember(BigInt(request.id));
				return {};
			}
			const lease = await this.#events.answer({ type: request.type, id: BigInt(request.id) });
			return { lease: { ...lease, id: String(lease.id) } };
		} catch (error) {
			if (error instanceof LeaseNotFoundError) return { error: "leaseNotFound" };
			// That this member ends, failed or was removed says nothing of who asks.
			if (this.#stopped !== undefined || error instanceof StoreClosedError || error instanceof StoreFailedError)
				return { error: "notLeader" };
			if (error instanceof GroupError) return { error: error.reason };
			throw error;
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

	#maybeCompact(): void {
		const { applied } = this.#machine;
		const { compactEntries, catchUpEntries } = this.#logLimits;
		if (applied === undefined || this.#isCompacting || this.#stopped !== undefined) return;
		const entries = applied.index + 1 - this.#log.firstIndex();
		const isOnly = membersOf(this.#membership).length === 1;
		const limit = isOnly ? compactEntries : compactEntries + catchUpEntries;
		const compactBytes = isOnly ? this.#logLimits.compactAloneBytes : this.#logLimits.compactBytes;
		if (entries <= limit && this.#log.sizeBytes() <= compactBytes) return;
		this.#isCompacting = true;
		const metadata: SnapshotMetadata = { ...applied, membership: this.#membership };
		const keep = isOnly || this.#log.sizeBytes() > compactBytes ? 0 : catchUpEntries;
		this.#compact(metadata, applied.index - keep)
			.catch((error: unknown) => this.#fail(error))
			.finally(() => {
				this.#isCompacting = false;
			});
	}

	async #compact(metadata: SnapshotMetadata, index: number): Promise<void> {
		await this.#machine.flush();
		this.#disk = this.#disk.then(async () => {
			// A snapshot from the leader may have overtaken it.
			if (this.#stopped !== undefined || metadata.index <= this.#log.snapshotMetadata().index) return;
			await this.#log.compact(metadata, index);
		});
		await this.#disk;
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

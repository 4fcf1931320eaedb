/**
 * One member in the simulation: drives a `RaftNode` as ready.ts asks, with a simulated disk and network, and a state
 * machine that lasts as far as its own disk says.
 */
import type { Random } from "../../../src/apimachinery/random.ts";
import {
	type Entry,
	type MemberId,
	type MemoryStorage,
	type Message,
	type RaftLimits,
	RaftNode,
	type Ready,
	type Snapshot,
} from "../../../src/store/raft/index.ts";
import type { Checker } from "../../../src/store/raft/testing/checkers.ts";
import type { SimDisk } from "../world/sim-disk.ts";
import { decodeCommand, KvMachine } from "./kv-machine.ts";

export interface SimMemberOptions {
	readonly id: MemberId;
	readonly random: Random;
	readonly disk: SimDisk;
	readonly limits: Partial<RaftLimits>;
	readonly send: (message: Message) => void;
	readonly checkers: Required<Checker>;
	readonly trace: (line: string) => void;
}

/** Waits for a command to be applied, or a read to be answered, at one member. */
type Waiter<T> = (result: T) => void;

export class SimMember {
	readonly id: MemberId;
	/** Undefined while it is down. */
	node: RaftNode | undefined;
	machine = new KvMachine();
	incarnation = 0;
	readonly disk: SimDisk;
	readonly #options: SimMemberOptions;
	readonly #random: Random;
	#storage: MemoryStorage;
	#writing = false;
	#reads = 0;
	/** By command id. */
	#proposals = new Map<string, Waiter<boolean>>();
	/** By context. */
	#reading = new Map<string, { readonly key: string; readonly done: Waiter<string | undefined> }>();
	/** Confirmed, until the state machine is as far. */
	#confirmed: { readonly context: string; readonly index: number }[] = [];

	constructor(options: SimMemberOptions) {
		this.id = options.id;
		this.disk = options.disk;
		this.#options = options;
		this.#random = options.random;
		this.#storage = options.disk.recover();
		this.start();
	}

	start(): void {
		if (this.node !== undefined) return;
		this.#storage = this.disk.recover();
		this.incarnation++;
		this.#writing = false;
		const snapshot = this.#storage.snapshot();
		// The state machine's own disk may be ahead of the log's snapshot; never behind.
		if (this.machine.applied < snapshot.metadata.index) this.#restoreMachine(snapshot);
		this.node = new RaftNode({
			id: this.id,
			storage: this.#storage,
			random: this.#random,
			applied: this.machine.applied,
			electionTicks: 10,
			heartbeatTicks: 2,
			limits: this.#options.limits,
			trace: this.#options.trace,
		});
		this.#options.checkers.onStart(this.node);
		this.pump();
	}

	crash(): void {
		if (this.node === undefined) return;
		this.node = undefined;
		this.disk.crash();
		this.#proposals = new Map();
		this.#reading = new Map();
		this.#confirmed = [];
		const snapshot = this.disk.recover().snapshot();
		// Half of the time its disk has nothing newer than the snapshot.
		if (this.#random.next() < 0.5) this.#restoreMachine(snapshot);
	}

	tick(): void {
		this.node?.tick();
		this.pump();
	}

	receive(message: Message): void {
		this.node?.step(message);
		this.pump();
	}

	/** Calls `done` when the command is applied here, if ever. Returns whether it may be. */
	propose(commandId: string, data: Uint8Array, done: Waiter<boolean>): boolean {
		if (this.node === undefined || this.node.propose(data).status === "refused") return false;
		this.#proposals.set(commandId, done);
		this.pump();
		return true;
	}

	/** Calls `done` with the register's value, if ever. */
	read(key: string, done: Waiter<string | undefined>): boolean {
		const context = `${this.id}.${this.incarnation}.${this.#reads++}`;
		if (this.node === undefined || this.node.readIndex(context).status === "refused") return false;
		this.#reading.set(context, { key, done });
		this.pump();
		return true;
	}

	/** Forgets the log up to `behind` entries before what is applied. */
	compact(behind: number): void {
		if (this.node === undefined || this.#writing) return;
		const { applied, membership, firstIndex } = this.node.status();
		const term = this.node.termAt(applied);
		if (term === undefined || applied <= this.#storage.snapshotMetadata().index) return;
		this.#storage.setSnapshot({ metadata: { index: applied, term, membership }, data: this.machine.encode() });
		if (applied - behind >= firstIndex) this.#storage.compact(applied - behind);
		this.disk.checkpoint(this.#storage);
	}

	/** Works off everything there is to do. */
	pump(): void {
		const { node } = this;
		if (node === undefined) return;
		for (let ready = node.ready(); ready !== undefined; ready = node.ready()) this.#process(node, ready);
	}

	#process(node: RaftNode, ready: Ready): void {
		this.#options.checkers.onReady(node, ready);
		for (const message of ready.messages) this.#send(message);
		this.#write(node, ready);
		for (const entry of ready.committedEntries) this.#apply(entry);
		this.#confirmed.push(...ready.readStates);
		this.#answerReads();
	}

	#send(message: Message): void {
		this.#options.checkers.onSend(message);
		this.#options.send(message);
	}

	#write(node: RaftNode, ready: Ready): void {
		const { hardState, snapshot, entries } = ready;
		if (!ready.mustSync) {
			if (hardState === undefined) return;
			this.#storage.save({ hardState, snapshot: undefined, entries: [] });
			this.disk.writeLazily({ hardState, snapshot: undefined, entries: [] });
			return;
		}
		this.#writing = true;
		this.disk.write({ hardState, snapshot, entries }, () => {
			this.#writing = false;
			this.#storage.save({ hardState, snapshot, entries });
			if (snapshot !== undefined) this.#restoreMachine(snapshot);
			for (const message of ready.messagesAfterSync) this.#send(message);
			node.advance(ready);
			this.pump();
		});
	}

	#apply(entry: Entry): void {
		const command = entry.type === "normal" ? decodeCommand(entry.data) : undefined;
		const result = this.machine.apply(entry.index, command);
		if (command === undefined) return;
		this.#proposals.get(command.id)?.(result);
		this.#proposals.delete(command.id);
	}

	#answerReads(): void {
		const waiting = this.#confirmed;
		this.#confirmed = [];
		for (const read of waiting) {
			const reading = this.#reading.get(read.context);
			if (reading === undefined) continue;
			if (read.index > this.machine.applied) {
				this.#confirmed.push(read);
				continue;
			}
			this.#reading.delete(read.context);
			reading.done(this.machine.read(reading.key));
		}
	}

	#restoreMachine(snapshot: Snapshot): void {
		this.machine = KvMachine.decode(snapshot.data, snapshot.metadata.index);
	}
}

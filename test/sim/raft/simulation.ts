/**
 * A whole group from one seed: members on a virtual clock with a simulated network and simulated disks, clients, and a
 * nemesis. First everything may go wrong, and nothing false may happen (safety); then all is well again, and everything
 * must work within a few election timeouts (liveness).
 *
 * What is simulated: delay, reordering, duplication and loss of messages, partitions (one-way too), crashes that lose
 * what was not synced, slow disks, clocks of different speed that jump, changes of membership, compaction. What is not:
 * members that lie, disks that lose what they synced.
 */
import { SeededRandom } from "../../../src/apimachinery/random.ts";
import {
	bootstrapSnapshot,
	emptySnapshot,
	isJoint,
	isVoter,
	type MemberId,
	type Message,
	membershipOf,
	type RaftLimits,
} from "../../../src/store/raft/index.ts";
import { Checkers } from "../../../src/store/raft/testing/checkers.ts";
import { History } from "../world/history.ts";
import { checkLinearizable } from "../world/linearizability.ts";
import { SimDisk } from "../world/sim-disk.ts";
import { SimNetwork } from "../world/sim-network.ts";
import { EventQueue } from "./event-queue.ts";
import { Nemesis } from "./nemesis.ts";
import { SimClient } from "./sim-client.ts";
import { SimMember } from "./sim-member.ts";

export interface SimulationOptions {
	readonly seed: number;
	/** Of the safety phase, virtual ms. Default 4,000. */
	readonly faultyMs?: number;
	/** Told everything that happens. */
	readonly trace?: (line: string) => void;
}

/** What happened, to see that something did. */
export interface SimulationReport {
	readonly seed: number;
	readonly operations: number;
	readonly answered: number;
	readonly highestTerm: number;
	readonly commit: number;
	readonly torn: number;
	/** Keys whose history was too tangled to judge. */
	readonly undecided: number;
}

const tickMs = 10;
/** Time enough for several elections, a joint configuration to be left, and the slowest member to catch up. */
const recoveryMs = 8_000;

/** Throws if anything is wrong: a `PropertyViolation`, a `RaftInvariantError`, or an Error that says what. */
export function simulate(options: SimulationOptions): SimulationReport {
	return new Simulation(options).run();
}

class Simulation {
	readonly #seed: number;
	readonly #faultyMs: number;
	readonly #trace: (line: string) => void;
	readonly #random: SeededRandom;
	readonly #queue = new EventQueue();
	readonly #history = new History();
	readonly #network: SimNetwork;
	readonly #members: readonly SimMember[];
	readonly #clients: readonly SimClient[];

	constructor(options: SimulationOptions) {
		this.#seed = options.seed;
		this.#faultyMs = options.faultyMs ?? 4_000;
		const { trace } = options;
		this.#trace = trace === undefined ? () => undefined : (line) => trace(`${this.#queue.now.toFixed(0).padStart(6)} ${line}`);
		this.#random = new SeededRandom(options.seed);
		this.#network = new SimNetwork(this.#queue, this.#random.fork("network"));
		this.#members = this.#createMembers();
		this.#clients = ["v", "w", "x", "y", "z"].map(
			(name) =>
				new SimClient({
					name,
					queue: this.#queue,
					random: this.#random.fork(`client ${name}`),
					members: this.#members,
					history: this.#history,
				}),
		);
	}

	run(): SimulationReport {
		for (const member of this.#members) this.#startClock(member);
		const nemesis = new Nemesis({
			queue: this.#queue,
			random: this.#random.fork("nemesis"),
			network: this.#network,
			members: this.#members,
			jumpClock: (member, ticks) => {
				for (let tick = 0; tick < ticks; tick++) member.tick();
			},
			trace: this.#trace,
		});
		this.#queue.runUntil(this.#faultyMs);
		for (const client of this.#clients) client.active = false;
		nemesis.end();
		this.#checkRecovery();
		return this.#judge();
	}

	/** One, three or five founding members, and two more that may be added. */
	#createMembers(): readonly SimMember[] {
		const founders = ["1", "2", "3", "4", "5"].slice(0, [1, 3, 3, 3, 5][this.#random.int(5)] ?? 3);
		const ids = [...founders, ...["6", "7"]];
		const bootstrap = bootstrapSnapshot(membershipOf(founders));
		const checkers = new Checkers();
		const limits = this.#drawLimits();
		return ids.map((id) => {
			const random = this.#random.fork(`member ${id}`);
			const disk = new SimDisk(this.#queue, random.fork("disk"), founders.includes(id) ? bootstrap : emptySnapshot);
			return new SimMember({
				id,
				random,
				disk,
				limits,
				checkers,
				trace: this.#trace,
				send: (message) => this.#network.send(message.from, message.to, () => this.#deliver(message)),
			});
		});
	}

	/** Small, so that they are met; down to one entry a message. */
	#drawLimits(): Partial<RaftLimits> {
		const maxMessageBytes = [1, 200, 600][this.#random.int(3)] ?? 1;
		const maxInflightMessages = [1, 4, 16][this.#random.int(3)] ?? 1;
		return { maxMessageBytes, maxInflightMessages, maxCommittedBytes: 1_000, maxUncommittedBytes: 5_000 };
	}

	/** Clocks differ by up to a third. */
	#startClock(member: SimMember): void {
		const random = this.#random.fork(`clock ${member.id}`);
		const periodMs = tickMs * (0.85 + 0.3 * random.next());
		const tick = () => {
			member.tick();
			this.#queue.after(periodMs, tick);
		};
		this.#queue.after(random.int(tickMs), tick);
	}

	#deliver(message: Message): void {
		this.#members.find(({ id }) => id === message.to)?.receive(message);
	}

	/** Each member of the group takes a write and answers a read, and all state machines become equal. */
	#checkRecovery(): void {
		const deadline = this.#queue.now + recoveryMs;
		const written = new Set<MemberId>();
		const read = new Set<MemberId>();
		let group: readonly SimMember[] = [];
		const done = () =>
			group.length > 0 && group.every(({ id }) => written.has(id) && read.has(id)) && this.#converged(group) && this.#settled();
		for (let round = 0; !done(); round++) {
			if (this.#queue.now >= deadline) throw new Error(`no recovery within ${recoveryMs} ms: ${this.#describe()}`);
			group = this.#group();
			for (const member of group) {
				const id = `recovery ${round} ${member.id}`;
				const command = { id, key: "recovery", value: id, expected: undefined };
				if (!written.has(member.id)) member.propose(id, Buffer.from(JSON.stringify(command)), () => written.add(member.id));
				if (!read.has(member.id)) member.read("recovery", () => read.add(member.id));
			}
			this.#queue.runUntil(this.#queue.now + 200);
		}
	}

	/** As its leader says; empty if there is none. */
	#group(): readonly SimMember[] {
		const statuses = this.#members.flatMap((member) => (member.node === undefined ? [] : [member.node.status()]));
		const leader = statuses.filter(({ role }) => role === "leader").sort((a, b) => b.term - a.term)[0];
		if (leader === undefined) return [];
		const { membership } = leader;
		// An explicit joint configuration stays until somebody ends it.
		if (isJoint(membership) && !membership.autoLeave) {
			const member = this.#members.find(({ id }) => id === leader.id);
			member?.node?.proposeChange({ type: "leave" });
			member?.pump();
			return [];
		}
		return this.#members.filter(({ id }) => isVoter(membership, id) || membership.learners.includes(id));
	}

	/** Nobody is left in a joint configuration. */
	#settled(): boolean {
		return this.#members.every(({ node }) => node === undefined || node.status().role !== "leader" || !isJoint(node.status().membership));
	}

	#converged(group: readonly SimMember[]): boolean {
		const states = new Set(group.map(({ machine }) => JSON.stringify(machine.image())));
		return states.size === 1;
	}

	#judge(): SimulationReport {
		const { operations } = this.#history;
		const verdicts = checkLinearizable(operations);
		const wrong = verdicts.find(({ verdict }) => verdict === "not linearizable");
		if (wrong !== undefined) {
			for (const operation of wrong.operations) this.#trace(`history ${JSON.stringify(operation)}`);
			throw new Error(`history of key ${wrong.key} is not linearizable (${wrong.operations.length} operations)`);
		}
		const statuses = this.#members.flatMap((member) => (member.node === undefined ? [] : [member.node.status()]));
		return {
			seed: this.#seed,
			operations: operations.length,
			answered: operations.filter(({ result }) => result !== undefined).length,
			highestTerm: Math.max(...statuses.map(({ term }) => term)),
			commit: Math.max(...statuses.map(({ commit }) => commit)),
			torn: this.#members.reduce((sum, { disk }) => sum + disk.torn, 0),
			undecided: verdicts.filter(({ verdict }) => verdict === "gave up").length,
		};
	}

	#describe(): string {
		return this.#members
			.map(({ id, node }) => {
				if (node === undefined) return `${id} down`;
				const { role, term, commit, applied, last, leader, membership } = node.status();
				const { voters, outgoing, learners } = membership;
				return `${id} ${role} term ${term} leader ${leader} commit ${commit} applied ${applied} last ${last.term}/${last.index} voters ${voters}|${outgoing} learners ${learners}`;
			})
			.join("; ");
	}
}

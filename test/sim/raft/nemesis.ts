/**
 * Everything that goes wrong in the safety phase, and how it is put right. Draws all from one Random.
 *
 * Each seed has a climate of its own: how slow network and disks are at the best of times, and which faults are
 * frequent. A mix of everything all the time would drown what needs several faults of one kind in a row (swarm testing:
 * Groce et al., 2012).
 */
import type { Random } from "../../../src/apimachinery/random.ts";
import { isJoint, type MemberId, type SingleChange, type Transition } from "../../../src/store/raft/index.ts";
import { calm, type NetworkWeather, type SimNetwork } from "../world/sim-network.ts";
import type { EventQueue } from "./event-queue.ts";
import type { SimMember } from "./sim-member.ts";

export interface NemesisOptions {
	readonly queue: EventQueue;
	readonly random: Random;
	readonly network: SimNetwork;
	readonly members: readonly SimMember[];
	/** Ticks at once, as after a pause of the process. */
	readonly jumpClock: (member: SimMember, ticks: number) => void;
	readonly trace: (line: string) => void;
}

type Fault = (nemesis: Nemesis) => void;

export class Nemesis {
	readonly #options: NemesisOptions;
	readonly #random: Random;
	readonly #weather: NetworkWeather;
	readonly #maxSyncMs: number;
	readonly #maxPauseMs: number;
	/** A fault is in here as often as it is frequent. */
	readonly #faults: readonly Fault[];
	#active = true;

	constructor(options: NemesisOptions) {
		this.#options = options;
		this.#random = options.random;
		this.#weather = { ...calm, maxDelayMs: this.#pick([5, 5, 20, 50]) };
		this.#maxSyncMs = this.#pick([5, 5, 30, 100]);
		this.#maxPauseMs = this.#pick([80, 200, 400]);
		this.#faults = faults.flatMap((fault) => new Array<Fault>(this.#pick([0, 0, 1, 2, 6])).fill(fault));
		options.network.weather = { ...this.#weather };
		for (const { disk } of options.members) disk.maxSyncMs = this.#maxSyncMs;
		if (this.#faults.length > 0) this.#scheduleNext();
	}

	/** No more faults; everything is well again. */
	end(): void {
		this.#active = false;
		const { network, members } = this.#options;
		this.#options.trace("-- all is well again");
		network.heal();
		network.weather = { ...calm };
		for (const member of members) {
			member.disk.minSyncMs = 1;
			member.disk.maxSyncMs = 5;
			member.start();
		}
	}

	#scheduleNext(): void {
		this.#options.queue.after(10 + this.#random.int(this.#maxPauseMs), () => {
			if (!this.#active) return;
			this.#pick(this.#faults)(this);
			this.#scheduleNext();
		});
	}

	/** Runs `undo` after a while, unless all is well by then. */
	#later(maxMs: number, undo: () => void): void {
		this.#options.queue.after(20 + this.#random.int(maxMs), () => {
			if (this.#active) undo();
		});
	}

	#pick<T>(choices: readonly T[]): T {
		const choice = choices[this.#random.int(choices.length)];
		if (choice === undefined) throw new Error("nothing to choose from");
		return choice;
	}

	#say(line: string): void {
		this.#options.trace(`-- ${line}`);
	}

	#leader(): SimMember | undefined {
		return this.#options.members.find((member) => member.node?.status().role === "leader");
	}

	crash(): void {
		this.#crash(this.#pick(this.#options.members));
	}

	crashLeader(): void {
		const leader = this.#leader();
		if (leader !== undefined) this.#crash(leader);
	}

	crashAll(): void {
		for (const member of this.#options.members) this.#crash(member);
	}

	#crash(member: SimMember): void {
		this.#say(`${member.id} crashes`);
		member.crash();
		this.#later(800, () => {
			this.#say(`${member.id} starts again`);
			member.start();
		});
	}

	/** Two sides that don't hear each other, or only one the other. */
	partition(): void {
		const side = new Set(this.#ids().filter(() => this.#random.next() < 0.5));
		const oneWay = this.#random.next() < 0.3;
		this.#cut(side, oneWay);
	}

	isolateLeader(): void {
		const leader = this.#leader();
		if (leader !== undefined) this.#cut(new Set([leader.id]), this.#random.next() < 0.3);
	}

	#cut(side: ReadonlySet<MemberId>, oneWay: boolean): void {
		this.#say(`cut ${[...side].join(" ")} ${oneWay ? ">" : "|"} the others`);
		const { network } = this.#options;
		for (const from of this.#ids())
			for (const to of this.#ids()) if (side.has(from) !== side.has(to) && (!oneWay || side.has(from))) network.cut(from, to);
		this.#later(1200, () => network.heal());
	}

	storm(): void {
		this.#say("storm");
		const { network } = this.#options;
		const roll = (max: number) => this.#random.next() * max;
		network.weather = {
			dropProbability: roll(0.4),
			duplicateProbability: roll(0.3),
			minDelayMs: 1,
			maxDelayMs: 1 + this.#random.int(60),
			straggleProbability: roll(0.2),
		};
		this.#later(1000, () => {
			network.weather = { ...this.#weather };
		});
	}

	slowDisk(): void {
		const { disk, id } = this.#pick(this.#options.members);
		this.#say(`${id} has a slow disk`);
		disk.maxSyncMs = 20 + this.#random.int(400);
		this.#later(1000, () => {
			disk.maxSyncMs = this.#maxSyncMs;
		});
	}

	jumpClock(): void {
		const member = this.#pick(this.#options.members);
		const ticks = 1 + this.#random.int(30);
		this.#say(`${member.id}'s clock jumps ${ticks} ticks`);
		this.#options.jumpClock(member, ticks);
	}

	transfer(): void {
		const member = this.#pick(this.#options.members);
		const to = this.#pick(this.#ids());
		this.#say(`${member.id} is asked to make ${to} lead`);
		member.node?.transferLeadership(to);
		member.pump();
	}

	changeMembership(): void {
		const member = this.#random.next() < 0.7 ? (this.#leader() ?? this.#pick(this.#options.members)) : this.#pick(this.#options.members);
		const changes: SingleChange[] = [];
		for (const id of this.#ids()) {
			if (this.#random.next() > 0.3) continue;
			changes.push({ type: this.#pick(["addVoter", "addVoter", "addLearner", "remove"] as const), id });
		}
		const transition: Transition = this.#pick(["auto", "jointImplicit", "jointExplicit"] as const);
		this.#say(`${member.id} is asked for ${changes.map(({ type, id }) => `${type} ${id}`).join(", ")} (${transition})`);
		member.node?.proposeChange({ type: "change", transition, changes, context: new Uint8Array() });
		member.pump();
	}

	/** All voters at once: those who are none become voters, those who are go. */
	replaceVoters(): void {
		const leader = this.#leader();
		const membership = leader?.node?.status().membership;
		if (leader === undefined || membership === undefined) return;
		const changes = this.#ids().flatMap((id): SingleChange[] => {
			const type = membership.voters.includes(id) ? "remove" : "addVoter";
			return this.#random.next() < 0.8 ? [{ type, id }] : [];
		});
		this.#say(`${leader.id} is asked for ${changes.map(({ type, id }) => `${type} ${id}`).join(", ")}`);
		const transition = this.#pick(["jointImplicit", "jointExplicit"] as const);
		leader.node?.proposeChange({ type: "change", transition, changes, context: new Uint8Array() });
		leader.pump();
	}

	/** Between the old and the new voters of a joint configuration. */
	splitJoint(): void {
		const membership = this.#options.members
			.map(({ node }) => node?.status().membership)
			.find((found) => found !== undefined && isJoint(found));
		if (membership !== undefined) this.#cut(new Set(membership.outgoing), false);
	}

	leaveJoint(): void {
		const leader = this.#leader();
		leader?.node?.proposeChange({ type: "leave" });
		leader?.pump();
	}

	compact(): void {
		const member = this.#pick(this.#options.members);
		this.#say(`${member.id} compacts its log`);
		member.compact(this.#random.int(10));
	}

	#ids(): readonly MemberId[] {
		return this.#options.members.map(({ id }) => id);
	}
}

/** Each seed has some of them, some more often than others. */
const faults: readonly Fault[] = [
	(n) => n.crash(),
	(n) => n.crashLeader(),
	(n) => n.crashAll(),
	(n) => n.partition(),
	(n) => n.isolateLeader(),
	(n) => n.storm(),
	(n) => n.slowDisk(),
	(n) => n.jumpClock(),
	(n) => n.transfer(),
	(n) => n.changeMembership(),
	(n) => n.replaceVoters(),
	(n) => n.splitJoint(),
	(n) => n.leaveJoint(),
	(n) => n.compact(),
];

/**
 * Everything that goes wrong in the safety phase, and what administrators do meanwhile. Draws all from one Random; each seed
 * has a climate of its own (swarm testing), as in the simulation of Raft.
 */
import type { VirtualClock } from "../../../src/apimachinery/clock/virtual-clock.ts";
import type { Random } from "../../../src/apimachinery/random.ts";
import type { MemberId } from "../../../src/store/raft/index.ts";
import { calm, type NetworkWeather, type SimNetwork } from "../world/sim-network.ts";
import type { SimHost } from "./sim-host.ts";

export interface NemesisOptions {
	readonly time: VirtualClock;
	readonly random: Random;
	readonly network: SimNetwork;
	readonly hosts: () => readonly SimHost[];
	/** Asks for one more member, as a learner, and starts it; if that was done before and nobody knows, starts it at least. */
	readonly addMember: () => Promise<void>;
	readonly trace: (line: string) => void;
}

type Fault = (nemesis: Nemesis) => void;

export class Nemesis {
	readonly #options: NemesisOptions;
	readonly #random: Random;
	readonly #weather: NetworkWeather;
	readonly #maxDelayMs: number;
	readonly #maxPauseMs: number;
	/** A fault is in here as often as it is frequent. */
	readonly #faults: readonly Fault[];
	#isActive = true;

	constructor(options: NemesisOptions) {
		this.#options = options;
		this.#random = options.random;
		this.#weather = { ...calm, maxDelayMs: this.#pick([3, 5, 20, 50]) };
		this.#maxDelayMs = this.#pick([3, 5, 20, 60]);
		this.#maxPauseMs = this.#pick([200, 400, 800]);
		this.#faults = faults.flatMap((fault) => new Array<Fault>(this.#pick([0, 0, 1, 2, 6])).fill(fault));
		options.network.weather = { ...this.#weather };
		if (this.#faults.length > 0) this.#scheduleNext();
	}

	/** Of a member's disk, at the best of times. */
	settle(host: SimHost): void {
		host.disk.maxDelayMs = this.#isActive ? this.#maxDelayMs : 5;
	}

	/** No more faults; everything is well again. */
	end(): void {
		this.#isActive = false;
		const { network, hosts, trace } = this.#options;
		trace("-- all is well again");
		network.heal();
		network.weather = { ...calm };
		for (const host of hosts()) {
			this.settle(host);
			host.disk.isBroken = false;
			if (host.hasFailed) host.crash(false);
			host.start();
		}
	}

	#scheduleNext(): void {
		this.#options.time.setTimeout(() => {
			if (!this.#isActive) return;
			this.#pick(this.#faults)(this);
			this.#scheduleNext();
		}, 10 + this.#random.int(this.#maxPauseMs));
	}

	/** Runs `undo` after a while, unless all is well by then. */
	#later(maxMs: number, undo: () => void): void {
		this.#options.time.setTimeout(() => {
			if (this.#isActive) undo();
		}, 20 + this.#random.int(maxMs));
	}

	#pick<T>(choices: readonly T[]): T {
		const choice = choices[this.#random.int(choices.length)];
		if (choice === undefined) throw new Error("nothing to choose from");
		return choice;
	}

	#say(line: string): void {
		this.#options.trace(`-- ${line}`);
	}

	#host(): SimHost {
		return this.#pick(this.#options.hosts().filter(({ isRemoved }) => !isRemoved));
	}

	/** Of those who think that they lead, one. */
	#leader(): SimHost | undefined {
		return this.#options.hosts().find(({ member }) => member?.replica.status().role === "leader");
	}

	#someStatus(): SimHost | undefined {
		return this.#random.next() < 0.7 ? (this.#leader() ?? this.#host()) : this.#host();
	}

	crash(): void {
		this.#crash(this.#host());
	}

	crashLeader(): void {
		const leader = this.#leader();
		if (leader !== undefined) this.#crash(leader);
	}

	crashAll(): void {
		const power = this.#random.next() < 0.5;
		for (const host of this.#options.hosts()) this.#crash(host, power);
	}

	#crash(host: SimHost, power = this.#random.next() < 0.5): void {
		host.crash(power);
		this.#later(900, () => host.start());
	}

	stop(): void {
		const host = this.#random.next() < 0.5 ? this.#host() : (this.#leader() ?? this.#host());
		void host.stop().then(() => {
			if (this.#isActive) this.#later(600, () => host.start());
			else host.start();
		});
	}

	/** Its engine and its log take nothing any more, until somebody has mended it. */
	breakDisk(): void {
		const host = this.#host();
		this.#say(`${host.name}'s disk is full`);
		host.disk.isBroken = true;
		this.#later(1500, () => this.#crash(host));
	}

	slowDisk(): void {
		const host = this.#host();
		this.#say(`${host.name} has a slow disk`);
		host.disk.maxDelayMs = 20 + this.#random.int(400);
		this.#later(1500, () => this.settle(host));
	}

	partition(): void {
		const side = new Set(this.#ids().filter(() => this.#random.next() < 0.5));
		this.#cut(side, this.#random.next() < 0.3);
	}

	isolateLeader(): void {
		const leader = this.#leader();
		if (leader !== undefined) this.#cut(new Set([leader.id]), this.#random.next() < 0.3);
	}

	#cut(side: ReadonlySet<MemberId>, oneWay: boolean): void {
		const { network, hosts } = this.#options;
		const names = hosts().flatMap(({ id, name }) => (side.has(id) ? [name] : []));
		this.#say(`cut ${names.join(" ")} ${oneWay ? ">" : "|"} the others`);
		for (const from of this.#ids())
			for (const to of this.#ids()) if (side.has(from) !== side.has(to) && (!oneWay || side.has(from))) network.cut(from, to);
		this.#later(1800, () => network.heal());
	}

	storm(): void {
		this.#say("storm");
		const { network } = this.#options;
		const roll = (max: number) => this.#random.next() * max;
		network.weather = {
			dropProbability: roll(0.4),
			duplicateProbability: roll(0.3),
			minDelayMs: 1,
			maxDelayMs: 1 + this.#random.int(80),
			straggleProbability: roll(0.2),
		};
		this.#later(1500, () => {
			network.weather = { ...this.#weather };
		});
	}

	pause(): void {
		const host = this.#someStatus();
		const durationMs = 50 + this.#random.int(1500);
		this.#say(`${host?.name} pauses for ${durationMs} ms`);
		host?.machine?.pause(durationMs);
	}

	jumpClock(): void {
		const host = this.#host();
		const durationMs = 50 + this.#random.int(3000);
		this.#say(`${host.name}'s clock jumps ${durationMs} ms`);
		host.machine?.machineClock.jump(durationMs);
	}

	transfer(): void {
		const host = this.#someStatus();
		const to = this.#host();
		this.#say(`${host?.name} is asked to make ${to.name} lead`);
		this.#ask(host?.store?.group.moveLeader(to.memberId));
	}

	addMember(): void {
		this.#ask(this.#options.addMember());
	}

	promote(): void {
		const host = this.#someStatus();
		const learner = host?.store?.group.members().find(({ isLearner }) => isLearner);
		if (learner === undefined) return;
		this.#say(`${host?.name} is asked to promote ${learner.name === "" ? learner.peerUrls[0] : learner.name}`);
		this.#ask(host?.store?.group.promoteMember(learner.id));
	}

	removeMember(): void {
		const host = this.#someStatus();
		const victim = this.#host();
		if ((host?.store?.group.members().length ?? 0) < 3) return;
		this.#say(`${host?.name} is asked to remove ${victim.name}`);
		this.#ask(host?.store?.group.removeMember(victim.memberId));
	}

	#ask(request: Promise<unknown> | undefined): void {
		request?.then(
			() => this.#say("done"),
			(error: unknown) => this.#say(error instanceof Error ? error.message : String(error)),
		);
	}

	#ids(): readonly MemberId[] {
		return this.#options.hosts().map(({ id }) => id);
	}
}

/** Each seed has some of them, some more often than others. */
const faults: readonly Fault[] = [
	(n) => n.crash(),
	(n) => n.crashLeader(),
	(n) => n.crashAll(),
	(n) => n.stop(),
	(n) => n.breakDisk(),
	(n) => n.slowDisk(),
	(n) => n.partition(),
	(n) => n.isolateLeader(),
	(n) => n.storm(),
	(n) => n.pause(),
	(n) => n.jumpClock(),
	(n) => n.transfer(),
	(n) => n.addMember(),
	(n) => n.promote(),
	(n) => n.removeMember(),
];

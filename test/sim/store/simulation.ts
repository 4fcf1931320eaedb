/**
 * A whole store from one seed: the real members (openMember: Raft's driver, state machine, leases, watches) on virtual
 * time, simulated disks and a simulated network; clients at members and at the store over all of them; a nemesis. First
 * everything may go wrong, and nothing false may be said (safety); then all is well again, and everything must work soon
 * (liveness).
 *
 * What is simulated: delay, reordering, duplication and loss of messages, partitions (one-way too), crashes and power
 * failures at any step of a disk, full and slow disks, machines that pause, clocks that run wrong and jump, members that stop
 * and start in order, come and go, leadership transfer, compaction of history and of logs. What is not: members that lie, disks
 * that lose what they synced, the files that log and engine lie in (their own tests are next to them).
 *
 * What is checked: registers are linearizable; what was answered is there, at the revision that was answered, once; every
 * read at every revision is what history says; watches tell all of history, in order and once; leases end in time, not
 * before, and as a whole; in the end all members are equal and work.
 */
import { VirtualClock } from "../../../src/apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../../src/apimachinery/random.ts";
import { StoreFailedError } from "../../../src/store/errors.ts";
import { FailoverStore } from "../../../src/store/local/failover-store.ts";
import type { LogLimits } from "../../../src/store/replica/log-compactor.ts";
import { foundingIdentity, type MemberIdentity } from "../../../src/store/replica/member-identity.ts";
import { wasRemoved } from "../../../src/store/roster.ts";
import { CompactedError, type MaintainedStore } from "../../../src/store/store.ts";
import { History } from "../world/history.ts";
import { checkLinearizable } from "../world/linearizability.ts";
import { SimNetwork } from "../world/sim-network.ts";
import { Chronicle, StoreViolation } from "./chronicle.ts";
import { LeaseDiary } from "./lease-diary.ts";
import { Nemesis } from "./nemesis.ts";
import { type ClientWorld, type Endpoint, SimClient } from "./sim-client.ts";
import { SimHost } from "./sim-host.ts";
import { SimSwitch } from "./sim-transport.ts";
import { SimWatcher } from "./sim-watcher.ts";

export interface SimulationOptions {
	readonly seed: number;
	/** Of the safety phase, virtual ms. Default 6,000. */
	readonly faultyMs?: number;
	/** Told everything that happens. */
	readonly trace?: (line: string) => void;
}

/** What happened, to see that something did. */
export interface SimulationReport {
	readonly seed: number;
	readonly operations: number;
	readonly answered: number;
	readonly revisions: number;
	readonly highestTerm: number;
	readonly leases: number;
	/** Snapshots that members installed, logs that were compacted, members that started. */
	readonly installed: number;
	readonly compacted: number;
	readonly starts: number;
	readonly members: number;
	/** Keys whose history was too tangled to judge. */
	readonly undecided: number;
}

/** Time enough for elections, requests to end whose leader was lost, and the slowest member to catch up. */
const recoveryMs = 15_000;
const token = "simulated";
/** Members that there ever are. */
const maxHosts = 7;

/** Rejects if anything is wrong: with a `StoreViolation`, or an error that says what. */
export function simulate(options: SimulationOptions): Promise<SimulationReport> {
	return new Simulation(options).run();
}

class Simulation {
	readonly #seed: number;
	readonly #faultyMs: number;
	readonly #trace: (line: string) => void;
	readonly #random: SeededRandom;
	/** No promise here waits for anything but promises and timers, so the end of the microtask queue is the end of all. */
	readonly #time = new VirtualClock(0, () => new Promise((resolve) => process.nextTick(resolve)));
	readonly #network: SimNetwork;
	readonly #switch: SimSwitch;
	readonly #logLimits: LogLimits;
	readonly #hosts: SimHost[] = [];
	/** Undefined until a member serves. */
	#all: FailoverStore | undefined;
	readonly #world: ClientWorld;
	readonly #watchers: readonly SimWatcher[];
	#nemesis: Nemesis | undefined;
	#moments = 0;
	/** Of each host's store: what watches all it says. */
	readonly #listening = new WeakSet<MaintainedStore>();
	#failure: { readonly error: unknown } | undefined;
	#turns = { atMs: 0, count: 0 };

	constructor(options: SimulationOptions) {
		this.#seed = options.seed;
		this.#faultyMs = options.faultyMs ?? 6_000;
		const { trace } = options;
		this.#trace = trace === undefined ? () => undefined : (line) => trace(`${String(this.#time.now()).padStart(6)} ${line}`);
		this.#random = new SeededRandom(options.seed);
		const timers = { after: (delayMs: number, run: () => void) => void this.#time.setTimeout(run, delayMs) };
		this.#network = new SimNetwork(timers, this.#random.fork("network"));
		this.#switch = new SimSwitch(this.#network);
		const pick = (choices: readonly number[]) => choices[this.#random.int(choices.length)] ?? 1;
		this.#logLimits = {
			compactEntries: pick([5, 20, 60]),
			compactBytes: pick([2_000, 1_000_000]),
			compactAloneBytes: pick([1_000, 1_000_000]),
			catchUpEntries: pick([0, 5, 20]),
		};
		this.#found(pick([1, 3, 3, 3, 5]));
		this.#world = {
			time: this.#time,
			endpoints: () => this.#endpoints(),
			chronicle: new Chronicle(() => this.#time.now()),
			history: new History(),
			leases: new LeaseDiary(),
			moment: () => ++this.#moments,
			floor: 1,
			trace: this.#trace,
			failed: (error) => this.#fail(error),
		};
		this.#watchers = this.#createWatchers();
	}

	async run(): Promise<SimulationReport> {
		const nemesis = new Nemesis({
			time: this.#time,
			random: this.#random.fork("nemesis"),
			network: this.#network,
			hosts: () => this.#hosts,
			addMember: () => this.#addMember(),
			trace: this.#trace,
		});
		this.#nemesis = nemesis;
		for (const host of this.#hosts) nemesis.settle(host);
		const clients = ["v", "w", "x", "y", "z"].map((name) => new SimClient(name, this.#world, this.#random.fork(`client ${name}`)));
		for (const client of clients) client.run().catch((error: unknown) => this.#fail(error));
		const looks = this.#time.setInterval(() => {
			for (const watcher of this.#watchers) watcher.look();
		}, 40);
		await this.#advance(this.#faultyMs);
		for (const client of clients) client.isActive = false;
		nemesis.end();
		await this.#checkRecovery();
		looks.cancel();
		return this.#judge();
	}

	#found(members: number): void {
		const founders = Array.from({ length: members }, (_, i) => ({ name: `m${i + 1}`, peerUrls: [`sim://m${i + 1}`] }));
		for (const { name } of founders) this.#createHost(foundingIdentity(name, founders, token)).start();
	}

	#createHost(identity: MemberIdentity): SimHost {
		const host = new SimHost({
			identity,
			time: this.#time,
			random: this.#random.fork(`host ${identity.name}`),
			network: this.#switch,
			logLimits: this.#logLimits,
			trace: this.#trace,
			changed: (changed) => this.#changed(changed),
			failed: (error) => this.#fail(error),
		});
		this.#hosts.push(host);
		this.#nemesis?.settle(host);
		return host;
	}

	/** In the order in which they became members; those that failed, too, until somebody has stopped them. */
	#serving(): readonly MaintainedStore[] {
		if (this.#goesRound()) return [];
		return this.#hosts.flatMap(({ store, isRemoved }) => (store === undefined || isRemoved ? [] : [store]));
	}

	/** Promises that go round in a circle never let a timer fire. */
	#goesRound(): boolean {
		const atMs = this.#time.now();
		this.#turns = { atMs, count: this.#turns.atMs === atMs ? this.#turns.count + 1 : 0 };
		if (this.#turns.count < 20_000) return false;
		this.#fail(new StoreViolation("the store over all members goes round in a circle"));
		return true;
	}

	#endpoints(): readonly Endpoint[] {
		const members = this.#hosts.flatMap((host) => endpointAt(host) ?? []);
		const all = this.#allEndpoint();
		return all === undefined ? [] : [...members, ...members.map(() => all)];
	}

	/** Half of all that clients ask goes there. */
	#allEndpoint(): Endpoint | undefined {
		return this.#all === undefined || this.#serving().length === 0 ? undefined : { name: "all", store: this.#all, enter: (run) => run() };
	}

	#changed(host: SimHost): void {
		const { store } = host;
		if (this.#all === undefined && store !== undefined)
			this.#all = new FailoverStore({ running: () => this.#serving(), clock: this.#time, close: async () => undefined });
		this.#all?.reconsider();
		if (store === undefined || this.#listening.has(store)) return;
		this.#listening.add(store);
		this.#listen(host.name, store);
	}

	/** All that a member ever says is what all others say, from its first moment on. */
	#listen(name: string, store: MaintainedStore): void {
		const startRevision = Math.max(1, store.status().compactRevision);
		store.watch(
			{ key: "\0", rangeEnd: "\0", startRevision },
			{
				onEvents: (events) => this.#attempt(() => this.#world.chronicle.heard(name, events)),
				onEnd: (error) => {
					this.#trace(`${name} says no more: ${error?.message ?? "no reason"}`);
					if (this.#hosts.every((host) => host.store !== store || host.hasFailed)) return;
					if (error instanceof CompactedError) this.#listen(name, store);
					else if (!this.#hasBroken(error))
						this.#fail(new StoreViolation(`${name} serves, and has ended a watch: ${error?.message ?? "no reason"}`));
				},
			},
		);
	}

	/** A member's disk broke, and so what it served ends: some member's, that nobody has seen to yet. */
	#hasBroken(error: Error | undefined): boolean {
		return error instanceof StoreFailedError && this.#hosts.some(({ disk }) => disk.isBroken);
	}

	#createWatchers(): readonly SimWatcher[] {
		const random = this.#random.fork("watchers");
		const all = { key: "\0", rangeEnd: "\0", wanted: () => true };
		const one = { key: "b", rangeEnd: "c", wanted: (key: string) => key.startsWith("b") };
		const leases = { key: "lease/", rangeEnd: "lease0", wanted: (key: string) => key.startsWith("lease/") };
		const common = {
			chronicle: this.#world.chronicle,
			trace: this.#trace,
			failed: (error: unknown) => this.#fail(error),
		};
		const over = [all, one, leases].map(
			(what, i) =>
				new SimWatcher({
					...what,
					...common,
					name: `W${i}`,
					prevKv: i === 0,
					// Nobody is left to go on with.
					mayEnd: (error) =>
						error instanceof StoreFailedError &&
						this.#hosts.every(({ store, hasFailed, disk }) => store === undefined || hasFailed || disk.isBroken),
					endpoint: () => this.#allEndpoint(),
				}),
		);
		const at = [all, one].map((what, i) => {
			let stays: SimHost | undefined;
			const endpoint = () => {
				if (stays?.store === undefined || stays.hasFailed || stays.isRemoved) {
					const serving = this.#hosts.filter(({ store, hasFailed, isRemoved }) => store !== undefined && !hasFailed && !isRemoved);
					stays = serving[random.int(serving.length)];
				}
				return stays === undefined ? undefined : endpointAt(stays);
			};
			return new SimWatcher({ ...what, ...common, name: `M${i}`, prevKv: i === 1, mayEnd: () => true, endpoint });
		});
		return [...over, ...at];
	}

	async #addMember(): Promise<void> {
		const [asked] = this.#serving();
		if (asked === undefined) return;
		// Somebody asked before, and nobody knows how it ended.
		for (const member of asked.group.members()) this.#join(asked, member.id, member.peerUrls);
		if (this.#hosts.length >= maxHosts || asked.group.members().some(({ isLearner }) => isLearner)) return;
		const peerUrls = [`sim://m${this.#hosts.length + 1}-${this.#time.now()}`];
		this.#trace(`-- ${peerUrls[0]} shall join`);
		const { id } = await asked.group.addMember(peerUrls, true);
		this.#join(asked, id, peerUrls);
	}

	#join(asked: MaintainedStore, id: bigint, peerUrls: readonly string[]): void {
		if (this.#hosts.some(({ memberId }) => memberId === id)) return;
		const name = `m${this.#hosts.length + 1}`;
		this.#trace(`-- ${peerUrls[0]} is ${name}`);
		this.#createHost({ clusterId: asked.group.clusterId, memberId: id, name, token, founders: undefined }).start();
	}

	async #advance(durationMs: number): Promise<void> {
		const untilMs = this.#time.now() + durationMs;
		while (this.#time.now() < untilMs) {
			await this.#time.advance(Math.min(100, untilMs - this.#time.now()));
			if (this.#failure !== undefined) throw this.#failure.error;
		}
	}

	#attempt(work: () => void): void {
		try {
			work();
		} catch (error) {
			this.#fail(error);
		}
	}

	#fail(error: unknown): void {
		if (this.#failure !== undefined) return;
		this.#failure = { error };
		this.#trace(`!! ${error instanceof Error ? error.message : String(error)}`);
	}

	/** Each member takes a write and answers a read, leases that nobody keeps end, and all become equal. */
	async #checkRecovery(): Promise<void> {
		const deadlineMs = this.#time.now() + recoveryMs;
		const done = { writes: new Set<string>(), reads: new Set<string>(), all: false };
		const late = (what: string) => new StoreViolation(`${what} within ${recoveryMs} ms: ${this.#describe()}`);
		for (let round = 0; ; round++) {
			if (this.#time.now() >= deadlineMs) throw late(`no recovery (writes ${[...done.writes]}, reads ${[...done.reads]}, all ${done.all})`);
			const group = this.#group();
			for (const host of group) this.#tryMember(host, round, done);
			if (!done.all && this.#all !== undefined)
				void this.#write(this.#all, `recovery of all.${round}`).then(
					() => {
						done.all = true;
					},
					() => undefined,
				);
			await this.#advance(200);
			if (group.length > 0 && done.all && group.every(({ name }) => done.writes.has(name) && done.reads.has(name))) break;
		}
		for (;;) {
			if (this.#time.now() >= deadlineMs) throw late(`members differ, or leases go on, ${await this.#differences()},`);
			await this.#advance(200);
			if ((await this.#differences()) === undefined) break;
		}
		// Time to look for another member, and to be told of everything there.
		await this.#advance(200);
	}

	#tryMember(host: SimHost, round: number, done: { readonly writes: Set<string>; readonly reads: Set<string> }): void {
		const { name, store } = host;
		if (store === undefined) return;
		const nobody = () => undefined;
		if (!done.writes.has(name)) void this.#write(store, `recovery of ${name}.${round}`).then(() => done.writes.add(name), nobody);
		if (!done.reads.has(name)) void store.range({ key: "recovery" }).then(() => done.reads.add(name), nobody);
	}

	async #write(store: MaintainedStore, value: string): Promise<void> {
		const { revision } = await store.put({ key: "recovery", value: Buffer.from(value) });
		this.#world.chronicle.answered(value, revision);
	}

	/** The members, as their leader says; those who are none any more are taken away. Empty if nobody leads. */
	#group(): readonly SimHost[] {
		const leaders = this.#hosts.filter(({ member, hasFailed }) => !hasFailed && member?.replica.status().role === "leader");
		const [leader] = leaders.sort((a, b) => (b.member?.replica.status().term ?? 0) - (a.member?.replica.status().term ?? 0));
		if (leader?.store === undefined) return [];
		const members = leader.store.group.members();
		for (const { id, peerUrls } of members) this.#join(leader.store, id, peerUrls);
		for (const host of this.#hosts) {
			if (host.isRemoved || !wasRemoved(leader.member?.replica.machine.state.records ?? new Map(), host.memberId)) continue;
			host.crash(false);
			host.isRemoved = true;
		}
		const group = this.#hosts.filter(({ memberId }) => members.some(({ id }) => id === memberId));
		// A request from before may have left one with a broken disk.
		for (const host of group) {
			if (host.hasFailed) host.crash(false);
			host.start();
		}
		return group;
	}

	/** What is not equal yet; undefined if all is. */
	async #differences(): Promise<string | undefined> {
		const group = this.#group();
		if (group.length === 0 || group.some(({ store }) => store === undefined)) return "somebody is missing";
		const seen: { readonly name: string; readonly text: string }[] = [];
		for (const { name, store, member } of group) {
			if (store === undefined || member === undefined) return `${name} has gone`;
			const reading = { text: undefined as string | undefined };
			void this.#imageOf(store).then(
				(text) => {
					reading.text = `${text} ${[...member.replica.machine.state.records].map(([key, value]) => `${key}:${Buffer.from(value)}`).sort()}`;
				},
				() => undefined,
			);
			await this.#advance(60);
			if (reading.text === undefined) return `${name} does not answer`;
			if ([...member.replica.machine.state.leases.all()].length > 0) return `${name} has leases`;
			seen.push({ name, text: reading.text });
		}
		const [first] = seen;
		const other = seen.find(({ text }) => text !== first?.text);
		if (other !== undefined) return `${first?.name} has ${first?.text}, ${other.name} has ${other.text}`;
		return undefined;
	}

	async #imageOf(store: MaintainedStore): Promise<string> {
		const { compactRevision } = store.status();
		const { hash, revision } = await store.hash();
		return `${revision} ${hash} ${compactRevision}`;
	}

	#judge(): SimulationReport {
		const { chronicle, history, leases } = this.#world;
		const statuses = this.#hosts.flatMap(({ member }) => (member === undefined ? [] : [member.replica.status()]));
		const revision = this.#all?.status().revision ?? 0;
		chronicle.judge(revision);
		leases.judge(chronicle);
		for (const watcher of this.#watchers) watcher.judge(revision);
		const verdicts = checkLinearizable(history.operations);
		const wrong = verdicts.find(({ verdict }) => verdict === "not linearizable");
		if (wrong !== undefined) {
			for (const operation of wrong.operations) this.#trace(`history ${JSON.stringify(operation)}`);
			throw new StoreViolation(`history of key ${wrong.key} is not linearizable (${wrong.operations.length} operations)`);
		}
		const sum = (of: (host: SimHost) => number) => this.#hosts.reduce((total, host) => total + of(host), 0);
		return {
			seed: this.#seed,
			operations: history.operations.length,
			answered: history.operations.filter(({ result }) => result !== undefined).length,
			revisions: revision,
			highestTerm: Math.max(...statuses.map(({ term }) => term)),
			leases: leases.size,
			installed: sum(({ disk }) => disk.installed),
			compacted: sum(({ disk }) => disk.compacted),
			starts: sum(({ starts }) => starts),
			members: this.#hosts.length,
			undecided: verdicts.filter(({ verdict }) => verdict === "gave up").length,
		};
	}

	#describe(): string {
		return this.#hosts
			.map(({ name, member, hasFailed, isRemoved }) => {
				if (member === undefined) return `${name} ${isRemoved ? "removed" : "down"}`;
				const { role, term, commit, applied, last, leader, membership } = member.replica.status();
				const { voters, outgoing, learners } = membership;
				const nameOf = (id: string) => this.#hosts.find((host) => host.id === id)?.name ?? id;
				const revision = member.store.status().revision;
				return `${name}${hasFailed ? " (failed)" : ""} ${role} term ${term} leader ${leader === undefined ? "?" : nameOf(leader)} commit ${commit} applied ${applied} revision ${revision} last ${last.term}/${last.index} voters ${voters.map(nameOf)}|${outgoing.map(nameOf)} learners ${learners.map(nameOf)}`;
			})
			.join("; ");
	}
}

/** Undefined while it does not serve. */
function endpointAt({ name, store, machine }: SimHost): Endpoint | undefined {
	return store === undefined || machine === undefined ? undefined : { name, store, enter: (run) => machine.do(run) };
}

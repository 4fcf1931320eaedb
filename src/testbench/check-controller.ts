/**
 * Property-based tests of a controller: many short lives of a cluster, each with a schedule of its own, and what has to hold in all
 * of them whatever the controller is for.
 *
 *   start ─▶ the user acts, things go wrong, the controller crashes ─▶ nothing goes wrong any more ─▶ time passes
 *     │ in every moment: the controller touches only what it owns, does not write one object without end, keeps the user's invariant
 *     └ in the end: what the user wanted is there (converges); nobody writes any more (quiescent); a new start writes nothing (idempotent)
 *
 * A failure comes with the smallest schedule that fast-check found, the timeline, and one line that runs it again.
 */
import fc from "fast-check";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { StatusError } from "../apimachinery/status-error.ts";
import { loadOrCreatePki } from "../cluster/index.ts";
import { renderEntry, type TimelineEntry } from "../cluster/timeline/timeline.ts";
import { type Duration, durationMs } from "./pace.ts";
import type { ControllerProcess, RunnableController } from "./run-controller.ts";
import { describeSchedule, type Schedule } from "./schedules.ts";
import { type ClusterOptions, createCluster, type TestCluster } from "./test-cluster.ts";

export interface ControllerCheck {
	/** The one under test; made anew for every life. Absent: one of the cluster's own, by its name in `actor`. */
	readonly controller?: () => RunnableController;
	/** Who is watched, by the end of the user's name; default the controller's name. */
	readonly actor?: string;
	/** What happens: see `schedules`. */
	readonly schedule: fc.Arbitrary<Schedule>;
	/** What the cluster is like; default no nodes, and the cluster's own garbage collector and namespace controllers. */
	readonly cluster?: Omit<ClusterOptions, "clock" | "seed" | "faults" | "dataDir">;
	/** What makes the cluster of each life; default `createCluster`. */
	readonly makeCluster?: (options: ClusterOptions) => Promise<TestCluster>;
	/** Whether what the user wants is there. */
	converged(cluster: TestCluster): boolean | Promise<boolean>;
	/** Cluster time that this may take once nothing goes wrong any more; default 30 minutes. */
	readonly within?: Duration;
	/** What must hold after every change. Throws if it does not. */
	invariant?(entry: TimelineEntry, cluster: TestCluster): void;
	/** What the controller may write; default anything. */
	owns?(entry: TimelineEntry): boolean;
	/** Which of its writes have to come to an end, and are not begun again after a new start; default all. Leases and Events never count. */
	isWork?(entry: TimelineEntry): boolean;
	/** How often it may write one object in one life; default 50, and as many again for every step. */
	readonly maxWritesPerObject?: number;
	/** Cluster time in which nobody may write once all has converged; default 5 minutes. Leases and Events do not count. */
	readonly quietFor?: Duration;
	/** Default 100. */
	readonly runs?: number;
	/** `seed:path` of a failure, to run it again. */
	readonly replay?: string;
	readonly seed?: number;
	/** Whether the smallest schedule that fails is looked for; default true. */
	readonly shrink?: boolean;
}

/** A property that did not hold: its name, and the timeline up to there. */
export class PropertyError extends Error {
	override readonly name = "PropertyError";
	/** `converges`, `quiescent`, `idempotent`, `no hot loop`, `ownership`, `invariant`. */
	readonly property: string;

	constructor(property: string, what: string, cluster: TestCluster) {
		const last = cluster.timeline.entries.filter(isWork).slice(-shownEntries);
		super(`${property}: ${what}\n${last.map((entry) => `  ${renderEntry(entry, cluster.startMs)}`).join("\n")}`);
		this.property = property;
	}
}

const shownEntries = 30;
const defaultControllers: readonly string[] = ["namespace-controller", "garbage-collector-controller", "serviceaccount-controller"];
/** More than a store needs to elect a leader, and to answer or refuse what waited for one. */
const electionMs = 20_000;
/** Between a crash and the new start. */
const restartMs = 1_000;
/** Events and leases say that somebody is alive, not that something is to be done; nodes report their status. */
const restless: ReadonlySet<string> = new Set(["Event", "Lease", "Node"]);

/** Rejects with an error that names the property, the schedule, the timeline, and how to run it again. */
export async function checkController(check: ControllerCheck): Promise<void> {
	const pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });
	const live = (schedule: Schedule) => liveOnce({ ...check, cluster: { pki, ...check.cluster } }, schedule);
	const { seed, path } = replayOf(check);
	const outcome = await fc.check(fc.asyncProperty(check.schedule, live), {
		numRuns: check.runs ?? 100,
		endOnFailure: check.shrink === false,
		...(seed === undefined ? {} : { seed }),
		...(path === undefined ? {} : { path }),
	});
	if (!outcome.failed) return;
	const { counterexample, counterexamplePath, numShrinks, errorInstance } = outcome;
	const [schedule] = counterexample ?? [];
	const failure = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
	const story = schedule === undefined ? "" : `${describeSchedule(schedule)}\n`;
	throw new Error(`${failure}\n\nafter ${numShrinks} shrinks:\n${story}run it again with replay: "${outcome.seed}:${counterexamplePath}"`, {
		cause: errorInstance,
	});
}

function replayOf({ replay, seed }: ControllerCheck): { readonly seed?: number; readonly path?: string } {
	if (replay === undefined) return seed === undefined ? {} : { seed };
	const [first = "", ...path] = replay.split(":");
	return { seed: Number(first), path: path.join(":") };
}

async function liveOnce(check: ControllerCheck, schedule: Schedule): Promise<void> {
	const make = check.makeCluster ?? createCluster;
	await using cluster = await make({
		nodes: 0,
		controllers: defaultControllers,
		latency: "none",
		...check.cluster,
		clock: "virtual",
		seed: schedule.seed,
	});
	const controller = check.controller?.();
	const actor = check.actor ?? controller?.name;
	if (actor === undefined) throw new Error("a check needs a controller, or the name of one of the cluster's own");
	const process = controller === undefined ? undefined : cluster.run(controller);
	const watch = new Watch(check, cluster, schedule, actor, () => process?.crash());
	await cluster.settle();
	cluster.faults.set(schedule.faults);
	for (const step of schedule.steps) {
		await cluster.advance(step.afterMs);
		await cluster.whileTimePasses(() => step.action.run(cluster)).catch(ignoreRefusal);
		if (step.crashAfterWrites !== undefined && process !== undefined) await crashAndRestart(cluster, process, step.crashAfterWrites);
		watch.check();
	}
	await cluster.advance(schedule.lastingMs);
	watch.check();
	cluster.faults.heal();
	await healStore(cluster);
	process?.start();
	await watch.untilConverged();
	await watch.untilQuiet();
	process?.restart();
	await watch.staysQuiet("idempotent", "it wrote again after a new start, when all was as it should be");
}

/** From then on requests are answered at once. */
async function healStore(cluster: TestCluster): Promise<void> {
	if (cluster.inner.storeGroup === undefined) return;
	cluster.returnStoreMembers();
	await cluster.advance(electionMs);
}

async function crashAndRestart(cluster: TestCluster, process: ControllerProcess, afterWrites: number): Promise<void> {
	process.crash({ afterWrites });
	await cluster.advance(restartMs);
	// It had less to write than it was to crash after: now is as good a moment as any.
	process.restart();
}

/** What a user is refused is the server's business. */
function ignoreRefusal(error: unknown): void {
	if (!(error instanceof StatusError)) throw error;
}

/** Looks at every change, and remembers the first that breaks a property: listeners may not throw. */
class Watch {
	readonly #check: ControllerCheck;
	readonly #cluster: TestCluster;
	readonly #actor: string;
	readonly #maxWrites: number;
	readonly #stop: () => void;
	#failure: unknown;
	/** Entries of the timeline that are judged. */
	#judged = 0;
	/** The controller's, by object. */
	readonly #writes = new Map<string, number>();
	/** Of the present instant, by object and whoever wrote. */
	readonly #changes = new Map<string, number>();
	#instantMs = -1;

	/** @param stop ends a controller that would never let time pass */
	constructor(check: ControllerCheck, cluster: TestCluster, { steps }: Schedule, actor: string, stop: () => void) {
		this.#check = check;
		this.#cluster = cluster;
		this.#actor = actor;
		this.#maxWrites = check.maxWritesPerObject ?? 50 * (1 + steps.length);
		this.#stop = stop;
		cluster.timeline.onEntry((entry) => this.#see(entry));
	}

	/** Throws what has been found so far. */
	check(): void {
		if (this.#failure !== undefined) throw this.#failure;
		const { entries } = this.#cluster.timeline;
		for (; this.#judged < entries.length; this.#judged++) {
			const entry = entries[this.#judged];
			// Who it was is known when the request is answered, in the same instant; what has no name then never gets one.
			if (entry === undefined || (entry.actor === undefined && entry.atMs === this.#cluster.clock.now())) break;
			if (entry.actor?.endsWith(this.#actor) === true) this.#judge(entry);
		}
	}

	#see(entry: TimelineEntry): void {
		if (this.#isWithoutEnd(entry)) {
			this.#failure ??= new PropertyError("no hot loop", `${nameOf(entry)} is written without end in one instant`, this.#cluster);
			this.#stop();
		}
		if (this.#failure !== undefined) return;
		try {
			this.#check.invariant?.(entry, this.#cluster);
		} catch (error) {
			this.#failure = new PropertyError("invariant", error instanceof Error ? error.message : String(error), this.#cluster);
		}
	}

	/** A loop that needs no time is met while it runs: nothing else would get a turn. */
	#isWithoutEnd(entry: TimelineEntry): boolean {
		if (entry.atMs !== this.#instantMs) this.#changes.clear();
		this.#instantMs = entry.atMs;
		const key = nameOf(entry);
		const changes = (this.#changes.get(key) ?? 0) + 1;
		this.#changes.set(key, changes);
		return changes > this.#maxWrites;
	}

	/** One write of the controller's. */
	#judge(entry: TimelineEntry): void {
		if (entry.kind === "Event") return;
		if (this.#check.owns?.(entry) === false) throw new PropertyError("ownership", `it wrote ${nameOf(entry)}`, this.#cluster);
		const key = nameOf(entry);
		const writes = (this.#writes.get(key) ?? 0) + 1;
		this.#writes.set(key, writes);
		if (writes > this.#maxWrites) throw new PropertyError("no hot loop", `it wrote ${key} ${writes} times`, this.#cluster);
	}

	async untilConverged(): Promise<void> {
		const { converged, within = "30m" } = this.#check;
		const reached = await this.#cluster.passes(async () => {
			this.check();
			return converged.call(this.#check, this.#cluster);
		}, within);
		this.check();
		if (!reached) throw new PropertyError("converges", `not as it should be ${within} after nothing went wrong any more`, this.#cluster);
	}

	/** What has come to be may still be written down; then it has to be over. */
	async untilQuiet(): Promise<void> {
		const { quietFor = "5m" } = this.#check;
		await this.#pass(quietFor);
		await this.staysQuiet("quiescent", "it goes on writing when all is as it should be");
		if (!(await this.#check.converged(this.#cluster)))
			throw new PropertyError("converges", "what had come to be did not stay", this.#cluster);
	}

	async staysQuiet(property: string, what: string): Promise<void> {
		const { quietFor = "5m" } = this.#check;
		const before = this.#work();
		await this.#pass(quietFor);
		if (this.#work() > before) throw new PropertyError(property, what, this.#cluster);
	}

	/** Lets time pass, and stops at the first change that breaks a property. */
	async #pass(duration: Duration): Promise<void> {
		const endMs = this.#cluster.clock.now() + durationMs(duration);
		const look = () => {
			this.check();
			return false;
		};
		await this.#cluster.passes(look, duration);
		await this.#cluster.advance(Math.max(0, endMs - this.#cluster.clock.now()));
		this.check();
	}

	/** How much the controller has written that counts: what it writes of nodes is its work, what nodes write is not. */
	#work(): number {
		const counts = (entry: TimelineEntry) => {
			const { kind, actor } = entry;
			const isIts = kind !== "Event" && kind !== "Lease" && actor?.endsWith(this.#actor) === true;
			return isIts && this.#check.isWork?.(entry) !== false;
		};
		return this.#cluster.timeline.entries.filter(counts).length;
	}
}

function isWork({ kind }: TimelineEntry): boolean {
	return !restless.has(kind);
}

function nameOf({ kind, namespace, name }: TimelineEntry): string {
	return `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
}

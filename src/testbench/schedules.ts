/**
 * What a user does and what goes wrong meanwhile, as a value that fast-check makes, shrinks and prints: the seed of the cluster, the
 * user's actions with the time between them, the plan of faults, and when the controller crashes.
 */
import fc from "fast-check";
import type { Manifest } from "../apimachinery/manifests.ts";
import type { FaultPlan } from "./faults.ts";
import type { Duration } from "./pace.ts";
import type { TestCluster } from "./test-cluster.ts";

/** Something that a user does. */
export interface UserAction {
	/** For the report: `scale web to 3`. */
	readonly name: string;
	/** What a user would be refused is no failure of the controller: `StatusError`s are left out of account. */
	run(cluster: TestCluster): Promise<unknown>;
}

export interface Schedule {
	/** Of the cluster: names, jitter, latencies, the dice of the faults. */
	readonly seed: number;
	readonly steps: readonly Step[];
	/** How long things still go wrong after the last step, ms of cluster time. */
	readonly lastingMs: number;
	readonly faults: FaultPlan;
}

export interface Step {
	/** Cluster time that passes before it, ms. */
	readonly afterMs: number;
	readonly action: UserAction;
	/** The controller crashes when it has sent so many writes more, and starts again a second later; undefined: it does not. */
	readonly crashAfterWrites: number | undefined;
}

export interface ScheduleOptions {
	/** Default 1 to 8. */
	readonly steps?: { readonly min: number; readonly max: number };
	/** At most, ms; default a minute. */
	readonly pauseMs?: number;
	/** "none": nothing goes wrong and nobody crashes. Default "usual". */
	readonly faults?: "none" | "usual";
}

/** Applies a manifest. */
export function applying(name: string, manifest: Manifest): UserAction {
	return { name, run: (cluster) => cluster.apply(manifest) };
}

export function deleting(kind: string, name: string, namespace?: string): UserAction {
	return {
		name: `delete ${kind} ${name}`,
		run: (cluster) => cluster.delete(kind, name, namespace === undefined ? {} : { namespace }),
	};
}

/** A node is lost; nothing if there is none of that name. */
export function losingNode(name: string): UserAction {
	return { name: `lose node ${name}`, run: async (cluster) => cluster.loseNode(name) };
}

export function returningNode(name: string): UserAction {
	return { name: `node ${name} is back`, run: async (cluster) => cluster.returnNode(name) };
}

/** The clock is put forward at once. */
export function jumpingClock(duration: Duration): UserAction {
	return { name: `the clock jumps by ${duration}`, run: async (cluster) => cluster.jumpClock(duration) };
}

/**
 * A member of a store of several (`cluster: { storeMembers: 3 }`) is cut off: what was on its way to it is lost, or asked for again. All of
 * them are back when things no longer go wrong.
 * @param name default the leader; nothing if there is none at the moment
 */
export function losingStoreMember(name?: string): UserAction {
	return {
		name: `lose ${name === undefined ? "the store's leader" : `store member ${name}`}`,
		run: async (cluster) => {
			if (name !== undefined || cluster.hasStoreLeader) cluster.loseStoreMember(name);
		},
	};
}

export function returningStoreMembers(): UserAction {
	return { name: "all store members are back", run: async (cluster) => cluster.returnStoreMembers() };
}

/** What goes wrong now and then on a bad day: shrinks to nothing going wrong. */
export function faultPlans(): fc.Arbitrary<FaultPlan> {
	const chance = fc.constantFrom(0, 0.1, 0.4);
	return fc.record({
		conflict: chance,
		tooManyRequests: chance,
		timeout: chance,
		internalError: chance,
		watchBreak: chance,
		watchExpired: chance,
		eventDelayMs: fc.constantFrom(0, 10, 500, 5_000),
		answerDelayMs: fc.constantFrom(0, 10, 500),
	});
}

/** One step in five. */
const crashes = fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 4 }) });

/** @param actions what a user may do; each run takes some of them, in any order */
export function schedules(actions: fc.Arbitrary<UserAction>, options: ScheduleOptions = {}): fc.Arbitrary<Schedule> {
	const { steps = { min: 1, max: 8 }, pauseMs = 60_000, faults = "usual" } = options;
	const isUsual = faults === "usual";
	return fc.record({
		seed: fc.nat(1_000_000),
		steps: fc.array(
			fc.record({
				afterMs: fc.oneof(fc.constant(0), fc.nat(1_000), fc.nat(pauseMs)),
				action: actions,
				crashAfterWrites: isUsual ? crashes : fc.constant(undefined),
			}),
			{ minLength: steps.min, maxLength: steps.max },
		),
		lastingMs: fc.nat(pauseMs),
		faults: isUsual ? faultPlans() : fc.constant({}),
	});
}

/** One line a step, and what goes wrong. */
export function describeSchedule({ seed, steps, lastingMs, faults }: Schedule): string {
	const lines = steps.map(({ afterMs, action, crashAfterWrites }) => {
		const crash = crashAfterWrites === undefined ? "" : `; the controller crashes ${crashAfterWrites} writes later`;
		return `  after ${afterMs} ms: ${action.name}${crash}`;
	});
	const wrong = Object.entries(faults).filter(([, value]) => typeof value === "number" && value > 0);
	const faultText = wrong.length === 0 ? "nothing goes wrong" : wrong.map(([name, value]) => `${name} ${value}`).join(", ");
	return [`cluster seed ${seed}; ${faultText}`, ...lines, `  and for ${lastingMs} ms more`].join("\n");
}

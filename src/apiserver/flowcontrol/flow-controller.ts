/**
 * API Priority and Fairness: finds the FlowSchema and priority level of every request that comes in over HTTP, and lets
 * it begin, wait or be refused. What the cluster's own components ask in process does not come by here: they share
 * the server's one thread and are never more than a handful.
 *
 *   FlowSchemas, PriorityLevelConfigurations ──(when one changes)──▶ levels, schemas in order of precedence
 *   request ──▶ user's schemas ──▶ first whose rules match ──▶ hand of queues ──▶ PriorityLevel.begin
 *
 * Different from kube-apiserver: a write is as wide as one seat however many watches it wakes, and a list's width is
 * guessed by the number of objects alone.
 * Source: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/ and KEP-1040.
 */
import { strict as assert } from "node:assert";
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { flowSchemas, priorityLevels } from "../bootstrap/flow-control.ts";
import { nominalLimits, shareOut, smoothDemand } from "./concurrency.ts";
import { FlowMetrics, type FlowSeries, type LevelLimits } from "./flow-metrics.ts";
import type { FlowRequest, RejectReason } from "./flow-request.ts";
import { type RulesOfUser, rulesFor } from "./flow-schema-matcher.ts";
import { PriorityLevel } from "./priority-level.ts";
import { dealHand } from "./shuffle-sharding.ts";

/** kube-apiserver's --max-requests-inflight and --max-mutating-requests-inflight, added up. */
const defaultSeats = 400 + 200;
/** How often seats are shared out anew. */
const periodMs = 10_000;
/** Periods after which what was wanted before has faded away. */
const maxPeriods = 300;
/** Users, and flows of a schema, that are remembered; more, and all are looked up anew. */
const maxRemembered = 2000;
/** A list takes a seat for every so many objects, at most so many seats. Source: width of flowcontrol/request. */
const objectsPerSeat = 100;
const maxListSeats = 10;
const noHand: readonly number[] = [];

/** Where the configuration comes from. */
export interface FlowSources {
	schemas(): readonly FlowSchema[];
	levels(): readonly PriorityLevelConfiguration[];
	/** Calls `listener` after every change. */
	onChange(listener: () => void): void;
}

export interface FlowControllerOptions extends FlowSources {
	readonly clock: Clock;
	/** Requests that the server takes on at once; default 600. */
	readonly seats?: number;
}

/** What becomes of a request. */
export interface Admission {
	readonly schemaUid: string;
	readonly levelUid: string;
	/** Undefined once it may begin; else resolves when it may, or to why it may not. */
	readonly waiting: Promise<RejectReason | undefined> | undefined;
	/** Why it was refused at once. */
	readonly rejected: RejectReason | undefined;
	/** Seconds after which a refused client may try again. */
	retryAfterSeconds(): number;
	/** The request (of a watch: its beginning) is done with. To be called in any case; later calls do nothing. */
	release(): void;
}

interface Flow {
	readonly uid: string;
	readonly level: PriorityLevel;
	readonly schema: FlowSchema;
	readonly series: FlowSeries;
	/** By what tells flows apart. */
	readonly hands: Map<string, readonly number[]>;
}

interface Level extends LevelLimits {
	/** Demand as it was, fading. */
	smoothed: number;
}

export class FlowController {
	readonly #clock: Clock;
	readonly #sources: FlowSources;
	readonly #seats: number;
	readonly #metrics: FlowMetrics;
	#levels = new Map<string, Level>();
	/** In the order in which they are tried. */
	#flows: readonly Flow[] = [];
	#catchAll: Flow | undefined;
	#byUser = new Map<string, readonly { readonly flow: Flow; readonly matches: RulesOfUser }[]>();
	#isStale = true;
	#periodStartMs: number;
	/** Runs while somebody waits: seats may be shared out anew for them. */
	#timer: Timer | undefined;

	constructor(options: FlowControllerOptions) {
		this.#clock = options.clock;
		this.#sources = options;
		this.#seats = options.seats ?? defaultSeats;
		this.#periodStartMs = options.clock.now();
		this.#metrics = new FlowMetrics(() => {
			this.#refresh();
			return [...this.#levels.values()];
		});
		options.onChange(() => {
			this.#isStale = true;
		});
	}

	get metrics() {
		return this.#metrics.registry;
	}

	/** Whether the configuration that every cluster has is there. */
	get hasConfiguration(): boolean {
		const has = (objects: readonly { readonly metadata?: { readonly name?: string } }[], name: string) =>
			objects.some(({ metadata }) => metadata?.name === name);
		return ["exempt", "catch-all"].every((name) => has(this.#sources.schemas(), name) && has(this.#sources.levels(), name));
	}

	/** Seats that a list of `objects` objects takes. */
	static listWidth(objects: number): number {
		return Math.min(maxListSeats, Math.max(1, Math.ceil(objects / objectsPerSeat)));
	}

	/** @param waitLimitMs longest time in a queue */
	begin(request: FlowRequest, width: number, waitLimitMs: number): Admission {
		const nowMs = this.#clock.now();
		if (this.#isStale) this.#refresh();
		if (nowMs - this.#periodStartMs >= periodMs) this.#turnPeriods(nowMs);
		return this.#admit(this.#flowOf(request), request, width, waitLimitMs, nowMs);
	}

	/** Ends the timer; nobody may wait any more. */
	stop(): void {
		this.#timer?.cancel();
	}

	#admit(flow: Flow, request: FlowRequest, width: number, waitLimitMs: number, nowMs: number): Admission {
		const { level, series, uid } = flow;
		const hand = level.queueCount === 0 ? noHand : handOf(flow, request);
		let rejected: RejectReason | undefined;
		let decide: ((reason: RejectReason | undefined) => void) | undefined;
		let startedMs = nowMs;
		const start = (seatMs: number) => {
			startedMs = seatMs;
			series.dispatched.add();
			series.executing.add();
			series.seats.add(width);
			if (!level.isExempt) series.waited.observe((startedMs - nowMs) / 1000);
		};
		const onSeat = (seatMs: number) => {
			series.inQueue.add(-1);
			start(seatMs);
			decide?.(undefined);
		};
		const onRejected = (reason: RejectReason) => {
			rejected = reason;
			series.rejected(reason).add();
			if (decide === undefined) return;
			series.inQueue.add(-1);
			series.waitedInVain.observe((this.#clock.now() - nowMs) / 1000);
			decide(reason);
		};
		const ticket = level.begin(width, hand, waitLimitMs, { onSeat, onRejected }, nowMs);
		let waiting: Promise<RejectReason | undefined> | undefined;
		if (ticket?.isExecuting === true) start(nowMs);
		else if (ticket !== undefined) {
			series.inQueue.add();
			this.#watchOverWaiters();
			waiting = new Promise((resolve) => {
				decide = resolve;
			});
		}
		let isReleased = ticket === undefined;
		return {
			schemaUid: uid,
			levelUid: level.uid,
			waiting,
			rejected,
			retryAfterSeconds: () => level.retryAfter.seconds,
			release: () => {
				if (isReleased || ticket === undefined) return;
				isReleased = true;
				const wasExecuting = ticket.isExecuting;
				const endMs = this.#clock.now();
				ticket.release(endMs);
				if (!wasExecuting) return;
				series.executing.add(-1);
				series.seats.add(-width);
				series.executed.observe((endMs - startedMs) / 1000);
			},
		};
	}

	#flowOf(request: FlowRequest): Flow {
		for (const { flow, matches } of this.#flowsOf(request.user)) if (matches(request)) return flow;
		assert(this.#catchAll, "the FlowSchema catch-all is mandatory");
		return this.#catchAll;
	}

	#flowsOf(user: UserInfo) {
		const key = `${user.name}\0${user.groups.join("\0")}`;
		let found = this.#byUser.get(key);
		if (found === undefined) {
			found = this.#flows.flatMap((flow) => {
				const matches = rulesFor(user, flow.schema);
				return matches === undefined ? [] : [{ flow, matches }];
			});
			if (this.#byUser.size >= maxRemembered) this.#byUser.clear();
			this.#byUser.set(key, found);
		}
		return found;
	}

	/** Takes over what is configured now. The mandatory objects hold even where somebody deleted them. */
	#refresh(): void {
		if (!this.#isStale) return;
		this.#isStale = false;
		const levels = withMandatory(this.#sources.levels(), priorityLevels());
		const schemas = withMandatory(this.#sources.schemas(), flowSchemas(""));
		const limits = nominalLimits(levels, this.#seats);
		const known = this.#levels;
		this.#levels = new Map();
		for (const [index, configuration] of levels.entries()) {
			const name = configuration.metadata?.name ?? "";
			const { nominal, min, max } = limits[index] ?? { nominal: 0, min: 0, max: 0 };
			const before = known.get(name);
			const level = before?.level ?? new PriorityLevel(name, this.#clock);
			level.configure(configuration);
			level.limit = nominal;
			this.#levels.set(name, { level, nominal, min, max, smoothed: before?.smoothed ?? 0 });
		}
		this.#flows = schemas.sort(byPrecedence).flatMap((schema) => this.#flow(schema));
		this.#catchAll = this.#flows.find(({ schema }) => schema.metadata?.name === "catch-all");
		this.#byUser.clear();
		const nowMs = this.#clock.now();
		for (const { level } of this.#levels.values()) level.dispatch(nowMs);
	}

	/** None for a schema whose priority level is not there. */
	#flow(schema: FlowSchema): readonly Flow[] {
		const { name = "", uid = "" } = schema.metadata ?? {};
		const level = this.#levels.get(schema.spec?.priorityLevelConfiguration.name ?? "")?.level;
		return level === undefined ? [] : [{ uid, level, schema, series: this.#metrics.of(name, level.name), hands: new Map() }];
	}

	/** Shares the seats out anew, once for every period that has passed. */
	#turnPeriods(nowMs: number): void {
		const periods = Math.min(maxPeriods, Math.floor((nowMs - this.#periodStartMs) / periodMs));
		this.#periodStartMs += Math.floor((nowMs - this.#periodStartMs) / periodMs) * periodMs;
		const all = [...this.#levels.values()];
		const wishes = all.map((level) => {
			const statistics = level.level.demand.turn(nowMs);
			level.smoothed = smoothDemand(level.smoothed, statistics);
			const since = { average: level.level.demand.value, deviation: 0, highest: level.level.demand.value };
			// The further periods were quiet: whoever began or ended something would have turned them.
			for (let period = 1; period < periods; period++) level.smoothed = smoothDemand(level.smoothed, since);
			return { ...level, highest: periods > 1 ? since.highest : statistics.highest };
		});
		const exempt = wishes.filter(({ level }) => level.isExempt).reduce((sum, { min, highest }) => sum + Math.max(min, highest), 0);
		const limited = wishes.filter(({ level }) => !level.isExempt);
		const limits = shareOut(limited, Math.max(0, this.#seats - exempt));
		for (const [index, { level, nominal }] of limited.entries()) level.limit = limits[index] ?? nominal;
		for (const { level } of limited) level.dispatch(nowMs);
	}

	#watchOverWaiters(): void {
		if (this.#timer !== undefined) return;
		this.#timer = this.#clock.setInterval(() => {
			this.#turnPeriods(this.#clock.now());
			if ([...this.#levels.values()].some(({ level }) => level.waiting > 0)) return;
			this.#timer?.cancel();
			this.#timer = undefined;
		}, periodMs);
	}
}

/** What tells one flow of a schema from another, and the queues that it may use. */
function handOf({ schema, level, hands }: Flow, request: FlowRequest): readonly number[] {
	const by = schema.spec?.distinguisherMethod?.type;
	const distinguisher = by === "ByUser" ? request.user.name : by === "ByNamespace" && request.isResource ? request.namespace : "";
	let hand = hands.get(distinguisher);
	if (hand === undefined) {
		hand = dealHand(`${schema.metadata?.name},${distinguisher}`, level.queueCount, level.handSize);
		if (hands.size >= maxRemembered) hands.clear();
		hands.set(distinguisher, hand);
	}
	return hand;
}

/** Adds those two that a server cannot do without, where they are missing. */
function withMandatory<T extends FlowSchema | PriorityLevelConfiguration>(present: readonly T[], born: readonly T[]): T[] {
	const names = new Set(present.map(({ metadata }) => metadata?.name));
	const mandatory = born.filter(({ metadata }) => metadata?.name === "exempt" || metadata?.name === "catch-all");
	return [...present, ...mandatory.filter(({ metadata }) => !names.has(metadata?.name))];
}

function byPrecedence(a: FlowSchema, b: FlowSchema): number {
	const [first, second] = [a.spec?.matchingPrecedence ?? 1000, b.spec?.matchingPrecedence ?? 1000];
	if (first !== second) return first - second;
	return (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1;
}

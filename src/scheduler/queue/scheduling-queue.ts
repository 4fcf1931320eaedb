/**
 * The scheduling queue: where every pod without a node is, and why.
 *
 *              add                       pop                  turned down
 *   ─────────────────────> activeQ ─────────────> in flight ───────────────> unschedulable pods
 *        │ gated              ^  ^                   │                          │      ^
 *        v                    │  │ back-off over,    │ failed, or an event      │ an   │
 *   unschedulable pods        │  │ or activeQ empty  v came meanwhile           v event│ could help
 *   (gated) ──────────────────┘  └───────────── backoffQ <──────────────────────┘
 *     its gate opens                            errorBackoffQ: the same for failures, but nobody may leave it early
 *
 * Invariants: a pod is in at most one of activeQ, backoffQ, errorBackoffQ and unschedulable; one in flight is in none,
 * unless it was added again meanwhile. Timers are set only while somebody waits for one.
 * Sources: https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/#scheduling-queue and
 * KEP-5142 (pop from backoffQ when activeQ is empty).
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { type ClusterEvent, isWildcard, podUpdateEvents, unschedulableTimeout } from "../framework/cluster-event.ts";
import type { QueueSortPlugin } from "../framework/plugin.ts";
import { PodInfo, podUid } from "../framework/pod-info.ts";
import type { Verdict } from "../framework/status.ts";
import { KeyedHeap } from "./heap.ts";
import { InFlightPods, type RecordedEvent } from "./in-flight.ts";
import type { Nominator } from "./nominator.ts";
import { newQueuedPod, type QueuedPod } from "./queued-pod.ts";
import type { QueueingHints, RequeueStrategy } from "./queueing-hints.ts";
import { UnschedulablePods } from "./unschedulable-pods.ts";

/** Back-offs end on a multiple of this, so that pods of one window leave by priority. */
const backoffWindowMs = 1_000;
/** A pod that no event has woken for this long is tried again all the same. */
const maxUnschedulableMs = 5 * 60_000;
/** How often that is looked after. */
const flushPeriodMs = 30_000;

export interface SchedulingQueueOptions {
	readonly clock: Clock;
	readonly queueSort: QueueSortPlugin;
	/** The queue keeps it up to date with the pods it holds. */
	readonly nominator: Nominator;
	/** Runs the PreEnqueue plugins of the pod's profile. */
	readonly preEnqueue: (pod: Pod) => Verdict;
	/** Called whenever `pop` may have something to give. */
	readonly onReady: () => void;
}

/** What may become otherwise while the queue lives. */
export interface QueueConfiguration {
	readonly hints: QueueingHints;
	/** podInitialBackoffSeconds and podMaxBackoffSeconds, in ms. */
	readonly initialBackoffMs?: number;
	readonly maxBackoffMs?: number;
}

export class SchedulingQueue {
	readonly nominator: Nominator;
	readonly #options: SchedulingQueueOptions;
	#configuration: QueueConfiguration;
	readonly #activeQ: KeyedHeap<QueuedPod>;
	readonly #backoffQ: KeyedHeap<QueuedPod>;
	readonly #errorBackoffQ: KeyedHeap<QueuedPod>;
	/** Turned down or gated. */
	readonly #unschedulable = new UnschedulablePods();
	readonly #inFlight = new InFlightPods();
	#backoffTimer: { readonly atMs: number; readonly timer: Timer } | undefined;
	#flushTimer: Timer | undefined;
	#closed = false;

	constructor(options: SchedulingQueueOptions & QueueConfiguration) {
		this.#options = options;
		this.#configuration = options;
		this.nominator = options.nominator;
		const { queueSort } = options;
		const uidOf = ({ podInfo }: QueuedPod) => podInfo.uid;
		const byExpiration = (a: QueuedPod, b: QueuedPod) =>
			a.backoffExpirationMs < b.backoffExpirationMs || (a.backoffExpirationMs === b.backoffExpirationMs && queueSort.less(a, b));
		this.#activeQ = new KeyedHeap(uidOf, (a, b) => queueSort.less(a, b));
		this.#backoffQ = new KeyedHeap(uidOf, byExpiration);
		this.#errorBackoffQ = new KeyedHeap(uidOf, byExpiration);
	}

	/** Pods that wait keep their places and the back-offs that have begun. */
	reconfigure(configuration: QueueConfiguration): void {
		this.#configuration = configuration;
	}

	/** How many pods are where; gated ones count apart from the unschedulable. */
	get counts(): { readonly active: number; readonly backoff: number; readonly unschedulable: number; readonly gated: number } {
		const gated = this.#unschedulable.countGated();
		return {
			active: this.#activeQ.size,
			backoff: this.#backoffQ.size + this.#errorBackoffQ.size,
			unschedulable: this.#unschedulable.size - gated,
			gated,
		};
	}

	/** Whether anybody is there whom an event could matter to. */
	get hasListeners(): boolean {
		return this.#unschedulable.size > 0 || this.#inFlight.size > 0;
	}

	/** A new pod without a node. */
	add(pod: Pod): void {
		const queued = newQueuedPod(pod, this.#options.clock.now());
		this.#nominate(queued.podInfo);
		this.#toActiveQ(queued);
	}

	/** A pod without a node changed. */
	update(old: Pod, pod: Pod): void {
		const uid = podUid(pod);
		const info = new PodInfo(pod);
		this.nominator.update(old.status?.nominatedNodeName ?? "", info);
		const events = podUpdateEvents(old, pod, "TargetPod").map((event): RecordedEvent => ({ event, old, object: pod }));
		if (this.#inFlight.has(uid)) {
			for (const event of events) this.#inFlight.record(event);
			return;
		}
		for (const heap of [this.#activeQ, this.#backoffQ, this.#errorBackoffQ]) {
			const waiting = heap.get(uid);
			if (waiting === undefined) continue;
			waiting.podInfo = info;
			heap.set(waiting);
			return;
		}
		const sleeping = this.#unschedulable.get(uid);
		if (sleeping === undefined) {
			this.#toActiveQ(newQueuedPod(pod, this.#options.clock.now()));
			return;
		}
		sleeping.podInfo = info;
		for (const event of events) if (this.#wake(sleeping, event)) return;
	}

	/** A pod is gone, or has got a node without us. */
	delete(pod: Pod): void {
		const uid = podUid(pod);
		this.nominator.delete(uid);
		this.#activeQ.delete(uid);
		this.#backoffQ.delete(uid);
		this.#errorBackoffQ.delete(uid);
		this.#unschedulable.delete(uid);
	}

	/** The next pod to schedule, which is in flight from now until `done`; undefined if nobody is ready. */
	pop(): QueuedPod | undefined {
		const next = this.#activeQ.pop() ?? this.#backoffQ.pop();
		return next === undefined ? undefined : this.#begin(next);
	}

	/** The same of a certain pod, wherever it waits or sleeps; undefined if it is not there or gated. */
	take(uid: string): QueuedPod | undefined {
		const queued = this.#activeQ.get(uid) ?? this.#backoffQ.get(uid) ?? this.#errorBackoffQ.get(uid) ?? this.#unschedulable.get(uid);
		if (queued === undefined || queued.gatingPlugin !== undefined || this.#options.preEnqueue(queued.podInfo.pod) !== undefined) {
			return undefined;
		}
		for (const part of [this.#activeQ, this.#backoffQ, this.#errorBackoffQ, this.#unschedulable]) part.delete(uid);
		return this.#begin(queued);
	}

	#begin(next: QueuedPod): QueuedPod {
		next.attempts++;
		next.initialAttemptMs ??= this.#options.clock.now();
		next.unschedulablePlugins = new Set();
		next.pendingPlugins = new Set();
		this.#inFlight.start(next.podInfo.uid);
		return next;
	}

	/** The pod's attempt is over, or past the point where events could matter to it. */
	done(uid: string): void {
		this.#inFlight.done(uid);
	}

	/**
	 * Takes back a pod whose attempt failed. Turned down by plugins, it sleeps until an event can help, or goes on at
	 * once if one came meanwhile; failed for another reason, it is tried again after its back-off.
	 */
	addUnschedulable(queued: QueuedPod): void {
		const { uid } = queued.podInfo;
		const events = this.#inFlight.eventsFor(uid);
		this.#inFlight.done(uid);
		if (this.#activeQ.get(uid) ?? this.#backoffQ.get(uid) ?? this.#errorBackoffQ.get(uid) ?? this.#unschedulable.get(uid)) return;
		queued.timestampMs = this.#options.clock.now();
		if (queued.unschedulablePlugins.size === 0 && queued.pendingPlugins.size === 0) {
			queued.consecutiveErrorsCount++;
			this.#toBackoff(queued);
			return;
		}
		queued.unschedulableCount++;
		queued.consecutiveErrorsCount = 0;
		this.#setBackoff(queued);
		const strategies = events.map((event) => this.#configuration.hints.strategyFor(queued, event));
		this.#requeue(
			queued,
			strategies.find((strategy) => strategy === "immediately") ?? strategies.find((strategy) => strategy !== "skip") ?? "skip",
		);
	}

	/** Something happened: wakes the sleeping pods that it can help. @param concerns only these pods; absent: all. */
	moveAll(event: ClusterEvent, old: KubeObject | undefined, object: KubeObject | undefined, concerns?: (pod: Pod) => boolean): void {
		const happened: RecordedEvent = { event, old, object };
		this.#inFlight.record(happened);
		const { hints } = this.#configuration;
		const candidates = isWildcard(event) ? this.#unschedulable.all() : this.#unschedulable.waitingFor(hints.interestedIn(event));
		for (const queued of candidates) {
			if (concerns === undefined || concerns(queued.podInfo.pod)) this.#wake(queued, happened);
		}
	}

	/** Makes a sleeping pod ready whatever it waits for, gates excepted. */
	activate(uid: string): void {
		const queued = this.#unschedulable.get(uid) ?? this.#backoffQ.get(uid) ?? this.#errorBackoffQ.get(uid);
		if (queued === undefined) return;
		this.#unschedulable.delete(uid);
		this.#backoffQ.delete(uid);
		this.#errorBackoffQ.delete(uid);
		this.#toActiveQ(queued);
	}

	/** Stops all timers. */
	close(): void {
		this.#closed = true;
		this.#backoffTimer?.timer.cancel();
		this.#flushTimer?.cancel();
	}

	/** Returns whether the pod left the unschedulable ones. */
	#wake(queued: QueuedPod, happened: RecordedEvent): boolean {
		const { hints } = this.#configuration;
		const { uid } = queued.podInfo;
		if (queued.gatingPlugin !== undefined) {
			if (!hints.mayOpenGate(queued.gatingPlugin, queued.podInfo.pod, happened)) return false;
			this.#unschedulable.delete(uid);
			return this.#toActiveQ(queued);
		}
		const strategy = hints.strategyFor(queued, happened);
		if (strategy === "skip") return false;
		this.#unschedulable.delete(uid);
		this.#requeue(queued, strategy);
		return true;
	}

	#requeue(queued: QueuedPod, strategy: RequeueStrategy): void {
		if (strategy === "skip") {
			this.#toUnschedulable(queued);
		} else if (strategy === "afterBackoff" && queued.backoffExpirationMs > this.#options.clock.now()) {
			this.#toBackoff(queued);
		} else {
			this.#toActiveQ(queued);
		}
	}

	/** Returns false if a plugin gates the pod. */
	#toActiveQ(queued: QueuedPod): boolean {
		if (this.#isGated(queued)) return false;
		this.#activeQ.set(queued);
		this.#options.onReady();
		return true;
	}

	/** Asks the PreEnqueue plugins; a pod that they keep out goes to the unschedulable ones. */
	#isGated(queued: QueuedPod): boolean {
		const verdict = this.#options.preEnqueue(queued.podInfo.pod);
		queued.gatingPlugin = verdict?.plugin;
		if (verdict !== undefined) this.#toUnschedulable(queued);
		return verdict !== undefined;
	}

	#toUnschedulable(queued: QueuedPod): void {
		this.#unschedulable.add(queued);
		this.#armFlush();
	}

	#toBackoff(queued: QueuedPod): void {
		if (this.#isGated(queued)) return;
		const isError = queued.consecutiveErrorsCount > 0;
		if (isError) this.#setBackoff(queued);
		(isError ? this.#errorBackoffQ : this.#backoffQ).set(queued);
		this.#armBackoff();
		if (!isError) this.#options.onReady();
	}

	#setBackoff(queued: QueuedPod): void {
		const { initialBackoffMs = 1_000, maxBackoffMs = 10_000 } = this.#configuration;
		const failures = queued.consecutiveErrorsCount > 0 ? queued.consecutiveErrorsCount : queued.unschedulableCount;
		const durationMs = Math.min(initialBackoffMs * 2 ** Math.min(failures - 1, 30), maxBackoffMs);
		queued.backoffExpirationMs = Math.floor((queued.timestampMs + durationMs) / backoffWindowMs) * backoffWindowMs;
	}

	/** One timer, for whoever's back-off ends first. */
	#armBackoff(): void {
		const heads = [this.#backoffQ.peek(), this.#errorBackoffQ.peek()].flatMap((queued) => queued?.backoffExpirationMs ?? []);
		if (heads.length === 0 || this.#closed) return;
		const atMs = Math.min(...heads);
		if (this.#backoffTimer !== undefined && this.#backoffTimer.atMs <= atMs) return;
		this.#backoffTimer?.timer.cancel();
		const { clock } = this.#options;
		const timer = clock.setTimeout(() => this.#flushBackoff(), Math.max(0, atMs - clock.now()));
		this.#backoffTimer = { atMs, timer };
	}

	#flushBackoff(): void {
		this.#backoffTimer = undefined;
		const nowMs = this.#options.clock.now();
		for (const heap of [this.#backoffQ, this.#errorBackoffQ]) {
			for (let next = heap.peek(); next !== undefined && next.backoffExpirationMs <= nowMs; next = heap.peek()) {
				heap.pop();
				this.#toActiveQ(next);
			}
		}
		this.#armBackoff();
	}

	#armFlush(): void {
		if (this.#closed) return;
		this.#flushTimer ??= this.#options.clock.setTimeout(() => {
			this.#flushTimer = undefined;
			this.#flushUnschedulable();
			if (this.#unschedulable.size > 0) this.#armFlush();
		}, flushPeriodMs);
	}

	#flushUnschedulable(): void {
		const beforeMs = this.#options.clock.now() - maxUnschedulableMs;
		const timeout: RecordedEvent = { event: unschedulableTimeout, old: undefined, object: undefined };
		for (const queued of this.#unschedulable.all()) {
			if (queued.timestampMs < beforeMs && queued.gatingPlugin === undefined) this.#wake(queued, timeout);
		}
	}

	#nominate(pod: PodInfo): void {
		const nodeName = pod.pod.status?.nominatedNodeName ?? "";
		if (nodeName !== "") this.nominator.add(pod, nodeName);
	}
}

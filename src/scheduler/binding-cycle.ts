/**
 * From a decision to a pod that runs: the node is set aside for the pod, so that the next pod sees it there, and the pod is bound to it
 * while others are decided.
 *
 *   assume ─> Reserve ─> Permit ─┬─> wait, where a plugin says so ─> PreBind ─> Bind ─> PostBind
 *                │               │                  └──────────────────┴─────────┴─ failed: taken back, and others may have the node
 *                └───────────────┴─ rejected: forgotten at once
 *
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/#scheduling-cycle-binding-cycle
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import type { SchedulerCache } from "./cache/cache.ts";
import type { FailureHandler } from "./failure-handler.ts";
import type { AttemptRecorder } from "./framework/attempt-recorder.ts";
import { assignedPodDelete } from "./framework/cluster-event.ts";
import type { CycleState } from "./framework/cycle-state.ts";
import { bindByExtender, type Extender } from "./framework/extender.ts";
import type { Framework } from "./framework/framework.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import type { Scheduled } from "./framework/schedule-one.ts";
import { errorStatus, type Status, type Verdict } from "./framework/status.ts";
import type { HeldEvents } from "./held-events.ts";
import type { Nominator } from "./queue/nominator.ts";
import type { QueuedPod } from "./queue/queued-pod.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";
import type { SchedulerMetrics } from "./scheduler-metrics.ts";
import type { WaitingPods } from "./waiting-pods.ts";

const maxBindings = 512;

export interface BindingCyclesOptions {
	readonly clock: Clock;
	readonly events: EventRecorder;
	readonly metrics: SchedulerMetrics | undefined;
	readonly cache: SchedulerCache;
	readonly queue: SchedulingQueue;
	readonly nominator: Nominator;
	readonly waitingPods: WaitingPods;
	readonly held: HeldEvents;
	readonly failures: FailureHandler;
	/** In the order in which they are asked. */
	readonly extenders: () => readonly Extender[];
	/** Undefined while attempts are not recorded. */
	readonly recorder: () => AttemptRecorder | undefined;
	/** One is over: there is room for another. */
	readonly onEnded: () => void;
}

export class BindingCycles {
	readonly #options: BindingCyclesOptions;
	/** 0 <= #underWay <= maxBindings, where the loop heeds `isFull`. */
	#underWay = 0;

	constructor(options: BindingCyclesOptions) {
		this.#options = options;
	}

	/** As many are under way as may be. */
	get isFull(): boolean {
		return this.#underWay >= maxBindings;
	}

	/** Sets the node aside for the pod and goes on to bind it. @param startMs when the attempt began */
	begin(queued: QueuedPod, framework: Framework, scheduled: Scheduled, startMs: number): void {
		const { cache, nominator, failures, onEnded } = this.#options;
		const { podInfo } = queued;
		const { state, nodeName } = scheduled;
		cache.assume(podInfo, nodeName);
		nominator.delete(podInfo.uid);
		let verdict = framework.runReserve(state, podInfo, nodeName);
		let waits: ReadonlyMap<string, number> = new Map();
		if (verdict === undefined) ({ status: verdict, waits } = framework.runPermit(state, podInfo, nodeName));
		if (verdict !== undefined && verdict.code !== "Wait") {
			framework.runUnreserve(state, podInfo, nodeName);
			cache.forget(podInfo.uid);
			failures.failed(queued, verdict, startMs, nodeName);
			return;
		}
		this.#underWay++;
		void this.#bind(queued, framework, scheduled, { waits, startMs }).finally(() => {
			this.#underWay--;
			onEnded();
		});
	}

	/** Never rejects. */
	async #bind(
		queued: QueuedPod,
		framework: Framework,
		scheduled: Scheduled,
		{ waits, startMs }: { readonly waits: ReadonlyMap<string, number>; readonly startMs: number },
	): Promise<void> {
		const { clock, events, metrics, queue, waitingPods, held, recorder } = this.#options;
		const { podInfo } = queued;
		const { state, nodeName } = scheduled;
		let verdict: Verdict;
		try {
			if (waits.size > 0) {
				verdict = await waitingPods.wait(podInfo.uid, waits);
				recorder()?.waited(podInfo.uid, waits.keys(), verdict);
			}
			// A failure from here on has nothing to do with what happens in the cluster: the pod is retried all the same.
			if (verdict === undefined) queue.done(podInfo.uid);
			verdict ??= await framework.runPreBind(state, podInfo, nodeName);
			verdict ??= await this.#bindTo(nodeName, podInfo, framework, state);
		} catch (error) {
			verdict = errorStatus("", error);
		}
		if (verdict === undefined) {
			events.event(podInfo.pod, "Normal", "Scheduled", `Successfully assigned ${podInfo.key} to ${nodeName}`, { action: "Binding" });
			framework.runPostBind(state, podInfo, nodeName);
			recorder()?.ended(podInfo.uid);
			metrics?.attempted(podInfo.pod, "scheduled", clock.now() - startMs);
			metrics?.scheduled(queued, clock.now());
			return;
		}
		const why = verdict;
		held.run(() => this.#takeBack(queued, framework, scheduled, why, startMs));
	}

	async #bindTo(nodeName: string, podInfo: PodInfo, framework: Framework, state: CycleState): Promise<Verdict> {
		const extenders = this.#options.extenders();
		const verdict = extenders.length === 0 ? "nobody" : await bindByExtender(extenders, podInfo, nodeName);
		return verdict === "nobody" ? framework.runBind(state, podInfo, nodeName) : verdict;
	}

	/** The pod does not get the node that was set aside for it, and others may. */
	#takeBack(queued: QueuedPod, framework: Framework, { state, nodeName }: Scheduled, why: Status, startMs: number): void {
		const { cache, queue, failures } = this.#options;
		const { podInfo } = queued;
		framework.runUnreserve(state, podInfo, nodeName);
		cache.forget(podInfo.uid);
		failures.failed(queued, why, startMs, nodeName);
		const gone: Pod = { ...podInfo.pod, spec: { ...podInfo.pod.spec, containers: podInfo.pod.spec?.containers ?? [], nodeName } };
		queue.moveAll(assignedPodDelete, gone, undefined, (pod) => pod.metadata?.uid !== podInfo.uid);
	}
}

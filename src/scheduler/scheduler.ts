/**
 * kube-scheduler: gives every pod without a node one.
 *
 *   pop a pod ─> scheduleOne (pure, synchronous) ─> assume it in the cache ─> Reserve, Permit
 *                    │                                        └─> bind it at the API server, many at once
 *                    └─ fits nowhere: event, condition, back to the queue    └─ failed: forget it, back to the queue
 *
 * Reads pods, nodes, namespaces, PodDisruptionBudgets, Services, workload controllers, what volumes consist of, devices and claims to
 * them; writes bindings of pods and of volumes, allocations of devices, pod statuses, events, and deletes the victims of preemption.
 *
 * A pod that an extender is interested in holds the loop up until its node is decided, as every pod's does in kube-scheduler: what
 * happens meanwhile is put off (held-events.ts). Binding through an extender holds up nobody.
 *
 * The loop takes up to `maxPodsPerTurn` pods in one turn of the event loop, then lets others run. What follows from a decision is done by
 * binding-cycle.ts and failure-handler.ts.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { defaultFeatureGates, type FeatureGates } from "../apimachinery/feature-gates.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import type { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Pod, ResourceResourceClaim } from "../apimachinery/schema/generated/types.ts";
import type { Client } from "../client/client.ts";
import { EventRecorder } from "../client/event-recorder.ts";
import type { Informer, InformerFactory } from "../client/informer.ts";
import { namespaces, nodes, podDisruptionBudgets, podGroups, pods, type ResourceRef } from "../client/resources.ts";
import { BindingCycles } from "./binding-cycle.ts";
import { SchedulerCache } from "./cache/cache.ts";
import { watchCluster } from "./cluster-watch.ts";
import { defaultConfiguration, type SchedulerConfiguration } from "./configuration/configuration.ts";
import { createProfiles, type PluginFactories, type ProfileParts } from "./configuration/profiles.ts";
import { DryRun } from "./dry-run.ts";
import { ClaimWriter } from "./dynamicresources/claim-writer.ts";
import { DeviceCache, deviceResources } from "./dynamicresources/device-cache.ts";
import { Evictor } from "./evictor.ts";
import { explainAttempt, type PodExplanation } from "./explanation.ts";
import { type ConnectExtender, createExtenders } from "./extenders/http-extender.ts";
import { FailureHandler } from "./failure-handler.ts";
import { AttemptRecorder } from "./framework/attempt-recorder.ts";
import { objectEvent, unschedulableTimeout } from "./framework/cluster-event.ts";
import { type Cycle, runAsking, runNow } from "./framework/cycle.ts";
import type { Extender } from "./framework/extender.ts";
import { Framework } from "./framework/framework.ts";
import { type PodInfo, podUid } from "./framework/pod-info.ts";
import { defaultSchedulerName, type Profile, ProfileError } from "./framework/profile.ts";
import { type ScheduleContext, type ScheduleOutcome, scheduleCycle, scheduleOne } from "./framework/schedule-one.ts";
import { explainGroup } from "./group-explanation.ts";
import { HeldEvents } from "./held-events.ts";
import { followOwnSelectors, groupResources } from "./own-selectors.ts";
import { createDefaultBinder } from "./plugins/default-binder.ts";
import { createDefaultPreemption, type Preemption } from "./plugins/default-preemption.ts";
import { createGangScheduling } from "./plugins/gang-scheduling.ts";
import { VolumeCache, volumeResources } from "./plugins/volume-cache.ts";
import { PodGroupScheduler } from "./pod-group-scheduler.ts";
import { PodGroups, podGroupKey } from "./pod-groups.ts";
import { Nominator } from "./queue/nominator.ts";
import type { QueuedPod } from "./queue/queued-pod.ts";
import { QueueingHints } from "./queue/queueing-hints.ts";
import { SchedulingQueue } from "./queue/scheduling-queue.ts";
import { SchedulerMetrics } from "./scheduler-metrics.ts";
import { WaitingPods } from "./waiting-pods.ts";

const maxPodsPerTurn = 32;

/** Everything that a decision may depend on: none is made before all of it is known. */
const watchedResources: readonly ResourceRef<KubeObject>[] = [
	pods,
	nodes,
	namespaces,
	podDisruptionBudgets,
	...groupResources,
	...volumeResources,
	...deviceResources,
];

export interface SchedulerOptions {
	readonly client: Client;
	readonly clock: Clock;
	readonly random: Random;
	readonly informers: InformerFactory;
	readonly log: Logger;
	/** Default: kube-scheduler's own. Throws ProfileError for one whose plugins make no profile. */
	readonly configuration?: SchedulerConfiguration;
	/** Plugins that a configuration may enable besides kube-scheduler's own. */
	readonly plugins?: PluginFactories;
	/** The way to the extenders of a configuration; absent: one that names any is refused. */
	readonly connectExtender?: ConnectExtender;
	/** Default: as in 1.36. */
	readonly featureGates?: FeatureGates;
	/** Where it counts what it does; absent: nowhere. */
	readonly metrics?: MetricRegistry;
}

export class Scheduler {
	readonly #options: SchedulerOptions;
	readonly #cache = new SchedulerCache();
	readonly #nominator = new Nominator();
	readonly #waitingPods: WaitingPods;
	readonly #queue: SchedulingQueue;
	readonly #parts: ProfileParts;
	readonly #volumes: VolumeCache;
	readonly #devices: DeviceCache;
	readonly #claimWriter: ClaimWriter;
	readonly #evictor: Evictor;
	#configuration: SchedulerConfiguration;
	#profiles: readonly Profile[];
	/** Those of the configuration, in the order in which they are asked, as the recorder sees them. */
	#extenders: readonly Extender[];
	/** By schedulerName. */
	#frameworks: ReadonlyMap<string, Framework>;
	#recorder: AttemptRecorder | undefined;
	/** The same with every plugin's answers written down, for attempts that the recorder takes down in full. */
	#recordedFrameworks: ReadonlyMap<string, Framework> = new Map();
	readonly #events: EventRecorder;
	readonly #podInformer: Informer<Pod>;
	readonly #metrics: SchedulerMetrics | undefined;
	readonly #held = new HeldEvents();
	readonly #failures: FailureHandler;
	readonly #bindings: BindingCycles;
	/** With the feature gate GenericWorkload. */
	readonly #groups: PodGroups | undefined;
	readonly #groupScheduler: PodGroupScheduler | undefined;
	/** Where the next pod's search for nodes begins. */
	#startIndex = 0;
	/** Informers have synced and nobody has stopped us. */
	#running = false;
	/** A turn of the loop is due. */
	#turnDue = false;

	constructor(options: SchedulerOptions) {
		const { client, clock, random, informers, log, metrics } = options;
		this.#options = options;
		this.#metrics = metrics && new SchedulerMetrics(metrics, () => (this.#running ? this.#queue.counts : undefined));
		this.#podInformer = informers.informer(pods);
		this.#waitingPods = new WaitingPods(clock);
		this.#events = new EventRecorder({
			client,
			clock,
			random: random.fork("events"),
			component: defaultSchedulerName,
			style: "events",
			log,
		});
		const { genericWorkload } = options.featureGates ?? defaultFeatureGates;
		if (genericWorkload) {
			const groupCache = informers.informer(podGroups).cache;
			this.#groups = new PodGroups({ find: (key) => groupCache.get(key), isAssumed: (pod) => this.#cache.isAssumed(pod) });
		}
		const configuration = options.configuration ?? defaultConfiguration;
		this.#configuration = configuration;
		this.#volumes = new VolumeCache(informers);
		this.#devices = new DeviceCache(informers);
		this.#claimWriter = new ClaimWriter(client, log);
		this.#evictor = new Evictor({
			client,
			clock,
			log,
			events: this.#events,
			nominator: this.#nominator,
			waitingPods: this.#waitingPods,
			onFailed: (uid) => this.#queue.activate(uid),
		});
		this.#parts = this.#createParts(
			(preemption) => {
				if (this.#groupScheduler?.postpone(preemption) !== true) this.#evictor.evict(preemption);
			},
			(claim) => this.#claimWriter.deallocate(claim),
		);
		this.#profiles = createProfiles(configuration, this.#parts);
		this.#extenders = this.#createExtenders(configuration);
		this.#frameworks = this.#createFrameworks((profile) => profile);
		this.#queue = new SchedulingQueue({
			clock,
			nominator: this.#nominator,
			queueSort: this.#profiles[0]?.queueSort ?? { name: "", less: () => false },
			hints: new QueueingHints(this.#profiles),
			initialBackoffMs: configuration.podInitialBackoffMs,
			maxBackoffMs: configuration.podMaxBackoffMs,
			preEnqueue: (pod) => this.#frameworkFor(pod)?.runPreEnqueue(pod),
			onReady: () => this.#wake(),
		});
		const recorder = () => this.#recorder;
		this.#failures = new FailureHandler({
			client,
			clock,
			log,
			events: this.#events,
			metrics: this.#metrics,
			queue: this.#queue,
			nominator: this.#nominator,
			find: (key) => this.#podInformer.cache.get(key),
			recorder,
		});
		this.#bindings = new BindingCycles({
			clock,
			events: this.#events,
			metrics: this.#metrics,
			cache: this.#cache,
			queue: this.#queue,
			nominator: this.#nominator,
			waitingPods: this.#waitingPods,
			held: this.#held,
			failures: this.#failures,
			extenders: () => this.#extenders,
			recorder,
			onEnded: () => this.#wake(),
		});
		this.#groupScheduler = this.#groups === undefined ? undefined : this.#createGroupScheduler(this.#groups);
		watchCluster(informers, {
			cache: this.#cache,
			queue: this.#queue,
			events: this.#held,
			groups: this.#groups,
			isResponsible: (pod) => this.#frameworkFor(pod) !== undefined,
			onPendingPodDeleted: (uid) => this.#waitingPods.reject(uid, "", "removed"),
		});
	}

	/** Schedules until the signal aborts, from when the informers (which the caller starts) have synced. */
	start(signal: AbortSignal): void {
		const { informers } = this.#options;
		const watched = this.#groups === undefined ? watchedResources : [...watchedResources, podGroups];
		const synced = watched.map((ref) => informers.informer<KubeObject>(ref).whenSynced());
		signal.addEventListener(
			"abort",
			() => {
				this.#running = false;
			},
			{ once: true },
		);
		this.observe(signal);
		void Promise.all(synced).then(() => {
			if (signal.aborted) return;
			this.#running = true;
			this.#wake();
		});
	}

	/** Instead of `start`: only follows the cluster, for who wants to know what would happen, until the signal aborts. */
	observe(signal: AbortSignal): void {
		signal.addEventListener("abort", () => this.#queue.close(), { once: true });
	}

	/** How many pods are in each part of the queue. */
	get queueCounts(): SchedulingQueue["counts"] {
		return this.#queue.counts;
	}

	/**
	 * Starts to record attempts; the recorder holds the last `capacity` of them.
	 * @param maxNodes of a cluster whose attempts are written down in full
	 */
	recordAttempts(capacity: number, maxNodes?: number): AttemptRecorder {
		const recorder = new AttemptRecorder(capacity, maxNodes);
		this.#recorder = recorder;
		this.#recordedFrameworks = this.#createFrameworks((profile) => recorder.wrap(profile));
		return recorder;
	}

	/**
	 * Goes on with another configuration: pods that wait are looked at anew, those of profiles that are gone are left alone.
	 * Throws ProfileError, and goes on as before, for one whose plugins make no profile, whose extenders cannot be reached or that orders the
	 * queue otherwise.
	 */
	reconfigure(configuration: SchedulerConfiguration): void {
		const profiles = createProfiles(configuration, this.#parts);
		const extenders = this.#createExtenders(configuration);
		const [before, after] = [this.#profiles[0]?.queueSort.name, profiles[0]?.queueSort.name];
		if (before !== after)
			throw new ProfileError(`the queue is in the order of "${before}" as long as the scheduler runs, not of "${after}"`);
		this.#configuration = configuration;
		this.#profiles = profiles;
		const recorder = this.#recorder;
		this.#frameworks = this.#createFrameworks((profile) => profile);
		if (recorder !== undefined) this.#recordedFrameworks = this.#createFrameworks((profile) => recorder.wrap(profile));
		this.#extenders = extenders;
		this.#queue.reconfigure({
			hints: new QueueingHints(profiles),
			initialBackoffMs: configuration.podInitialBackoffMs,
			maxBackoffMs: configuration.podMaxBackoffMs,
		});
		for (const pod of this.#podInformer.cache.list()) {
			const waits = (pod.spec?.nodeName ?? "") === "" && pod.metadata?.deletionTimestamp === undefined;
			if (waits && !this.#cache.isAssumed(pod) && this.#frameworkFor(pod) !== undefined) this.#queue.update(pod, pod);
		}
		this.#queue.moveAll(unschedulableTimeout, undefined, undefined);
	}

	/** What would come of an attempt at this moment, and what came of those before. Binds and evicts nobody; asks extenders as an attempt does. */
	async explain(pod: Pod): Promise<PodExplanation> {
		const key = `${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}`;
		const uid = podUid(pod);
		const explanation = {
			pod: key,
			schedulerName: pod.spec?.schedulerName ?? defaultSchedulerName,
			nodeName: pod.spec?.nodeName ?? "",
			attempts: (this.#recorder?.records(key) ?? []).filter((record) => record.uid === uid).map(explainAttempt),
		};
		if (explanation.nodeName !== "" || this.#cache.isAssumed(pod)) return explanation;
		if (pod.metadata?.deletionTimestamp !== undefined) return { ...explanation, notScheduled: "it is being deleted" };
		const run = this.dryRun();
		const gate = run.gate(pod);
		if (gate !== undefined) return { ...explanation, notScheduled: `${gate.plugin}: ${gate.message}` };
		const groupKey = podGroupKey(pod);
		if (groupKey !== undefined && this.#groups?.find(groupKey) !== undefined) {
			return { ...explanation, ...(await explainGroup(this.#groups, groupKey, pod, run)) };
		}
		const record = await run.place(pod);
		if (record === undefined) {
			return { ...explanation, notScheduled: `no profile of this scheduler is named "${explanation.schedulerName}"` };
		}
		return { ...explanation, now: explainAttempt(record) };
	}

	/** Scheduling on a copy of the present state. @param configuration default: the scheduler's own. Throws ProfileError. */
	dryRun(configuration: SchedulerConfiguration = this.#configuration): DryRun {
		const { clock, random } = this.#options;
		return new DryRun({
			configuration,
			parts: this.#createParts(
				() => undefined,
				() => undefined,
				this.#volumes.copy(),
			),
			extenders: this.#createExtenders(configuration),
			cache: this.#cache.copy(),
			nominated: this.#nominator,
			random: random.fork("dry-run"),
			nowMs: clock.now(),
		});
	}

	/**
	 * @param evict what becomes of preemption's victims
	 * @param deallocate what becomes of devices that keep a pod from every node
	 */
	#createParts(
		evict: (preemption: Preemption) => void,
		deallocate: (claim: ResourceResourceClaim) => void,
		volumes = this.#volumes,
	): ProfileParts {
		const { client, clock, random, informers, plugins = {} } = this.#options;
		const namespaceCache = informers.informer(namespaces).cache;
		const nodeCache = informers.informer(nodes).cache;
		const budgetCache = informers.informer(podDisruptionBudgets).cache;
		const preemptionRandom = random.fork("preemption");
		const shareRandom = random.fork("devices");
		return {
			waitingPods: this.#waitingPods,
			plugins,
			namespaceLabels: (namespace) => namespaceCache.get(namespace)?.metadata?.labels,
			ownSelectors: followOwnSelectors(informers),
			volumes: {
				cache: volumes,
				client,
				clock,
				isPodThere: (key, uid) => this.#podInformer.cache.get(key)?.metadata?.uid === uid,
				nodeLabels: (node) => {
					const found = nodeCache.get(node);
					return found === undefined ? undefined : (found.metadata?.labels ?? {});
				},
			},
			devices: {
				cache: this.#devices,
				client,
				clock,
				newShareId: () => shareRandom.uuid(),
				deallocate,
				onTakenBack: (pending, claim) => this.#queue.moveAll(objectEvent("ResourceClaim", "update"), pending, claim),
				remove: (claim) => this.#claimWriter.remove(claim),
				unreserve: (claim, pod) => this.#claimWriter.unreserve(claim, pod),
				onWaiting: (pod, nodeName) => {
					const message = `waiting for binding conditions for device on node ${nodeName}`;
					this.#events.event(pod, "Normal", "BindingConditionsPending", message, { action: "Scheduling" });
				},
			},
			binder: createDefaultBinder(client),
			...this.#gangScheduling(),
			preemption: (args) =>
				createDefaultPreemption({
					...args,
					random: preemptionRandom,
					disruptionBudgets: () => budgetCache.list(),
					evict,
					isEvicting: (uid) => this.#evictor.isEvicting(uid),
				}),
		};
	}

	#gangScheduling(): Pick<ProfileParts, "gangScheduling"> {
		const groups = this.#groups;
		if (groups === undefined || this.#options.featureGates?.gangScheduling !== true) return {};
		const allow = (uid: string, plugin: string) => this.#waitingPods.allow(uid, plugin);
		return { gangScheduling: createGangScheduling({ groups, allow, activate: (uid) => this.#queue.activate(uid) }) };
	}

	#createGroupScheduler(groups: PodGroups): PodGroupScheduler {
		const { client, clock, log } = this.#options;
		return new PodGroupScheduler({
			client,
			clock,
			log,
			groups,
			cache: this.#cache,
			nominator: this.#nominator,
			queue: this.#queue,
			frameworkFor: (pod) => this.#frameworkFor(pod),
			skip: (queued) => this.#skip(queued),
			schedule: (pod, framework) => this.#memberCycle(pod, framework),
			reserve: (queued, framework, scheduled) => this.#bindings.begin(queued, framework, scheduled, clock.now()),
			fail: (queued, why) => this.#failures.unschedulable(queued, why, clock.now()),
			failWith: (queued, status) => this.#failures.failed(queued, status, clock.now()),
			evict: (preemption) => this.#evictor.evict(preemption),
		});
	}

	/** Throws ProfileError. */
	#createExtenders({ extenders }: SchedulerConfiguration): readonly Extender[] {
		const { connectExtender, log } = this.#options;
		if (extenders.length === 0) return [];
		if (connectExtender === undefined) throw new ProfileError("this scheduler has no way to an extender");
		try {
			return createExtenders(extenders, connectExtender, log);
		} catch (error) {
			throw new ProfileError(error instanceof Error ? error.message : String(error));
		}
	}

	#createFrameworks(wrap: (profile: Profile) => Profile): ReadonlyMap<string, Framework> {
		return new Map(this.#profiles.map((profile) => [profile.schedulerName, new Framework(wrap(profile), this.#nominator)]));
	}

	#frameworkFor({ spec }: Pod): Framework | undefined {
		return this.#frameworks.get(spec?.schedulerName ?? defaultSchedulerName);
	}

	/** Sees to it that a turn comes. */
	#wake(): void {
		if (!this.#running || this.#turnDue || this.#held.isHeld) return;
		this.#turnDue = true;
		queueMicrotask(() => this.#takeTurn());
	}

	#takeTurn(): void {
		this.#turnDue = false;
		// Selectors of devices have come, and what reads them is on its way: no pod is looked at without it.
		const { loading } = this.#devices.selectors;
		if (loading !== undefined) {
			void loading.then(() => this.#wake());
			return;
		}
		for (let count = 0; count < maxPodsPerTurn; count++) {
			if (!this.#running || this.#held.isHeld || this.#bindings.isFull) return;
			const queued = this.#queue.pop();
			if (queued === undefined) return;
			this.#schedule(queued);
		}
		this.#turnDue = true;
		this.#options.clock.setTimeout(() => this.#takeTurn(), 0);
	}

	/** One scheduling cycle. */
	#schedule(queued: QueuedPod): void {
		const { podInfo } = queued;
		const { pod } = podInfo;
		const framework = this.#frameworkFor(pod);
		const groupKey = this.#groupScheduler === undefined ? undefined : podGroupKey(pod);
		if (groupKey !== undefined) {
			this.#scheduleGroup(groupKey, queued);
			return;
		}
		if (framework === undefined) {
			this.#queue.done(podInfo.uid);
			return;
		}
		if (this.#skip(queued)) return;
		const startMs = this.#options.clock.now();
		const extenders = this.#interestedIn(pod);
		if (extenders.length === 0) this.#conclude(queued, framework, this.#decide(podInfo, framework), startMs);
		else void this.#decideAsking(queued, framework, extenders, startMs);
	}

	/** Of the extenders. */
	#interestedIn(pod: Pod): readonly Extender[] {
		return this.#extenders.length === 0 ? this.#extenders : this.#extenders.filter((extender) => extender.isInterested(pod));
	}

	/** Whether the pod has a node by now, or is on its way out: then it is done with. */
	#skip({ podInfo }: QueuedPod): boolean {
		const { pod } = podInfo;
		const isLeaving = pod.metadata?.deletionTimestamp !== undefined;
		if (!isLeaving && !this.#cache.isAssumed(pod)) return false;
		if (isLeaving) {
			this.#events.event(pod, "Warning", "FailedScheduling", `skip schedule deleting pod: ${podInfo.key}`, { action: "Scheduling" });
		}
		this.#queue.done(podInfo.uid);
		return true;
	}

	/** One cycle for a pod and the others of its group that wait. */
	#scheduleGroup(key: string, first: QueuedPod): void {
		const scheduler = this.#groupScheduler;
		const attempt = scheduler?.begin(key, first);
		if (scheduler === undefined || attempt === undefined) return;
		if (attempt.members.every(({ podInfo }) => this.#interestedIn(podInfo.pod).length === 0)) {
			scheduler.conclude(attempt, runNow(attempt.cycle));
			return;
		}
		this.#held.hold();
		void runAsking(attempt.cycle).then((outcome) => {
			this.#held.release();
			if (!this.#running) return;
			scheduler.conclude(attempt, outcome);
			this.#wake();
		});
	}

	*#memberCycle(pod: PodInfo, framework: Framework): Cycle<ScheduleOutcome> {
		const { random, clock } = this.#options;
		const snapshot = this.#cache.snapshot();
		const nodesCount = snapshot.nodes.length;
		const recorder = this.#recorder;
		const extenders = this.#interestedIn(pod.pod);
		const context: ScheduleContext = {
			framework: this.#writtenDown(framework, nodesCount),
			random,
			startIndex: this.#startIndex,
			extenders: recorder === undefined ? extenders : extenders.map((extender) => recorder.wrapExtender(extender)),
		};
		const cycle = scheduleCycle(pod, snapshot, context);
		const outcome = yield* recorder?.attemptCycle(pod, clock.now(), nodesCount, cycle) ?? cycle;
		this.#startIndex = context.startIndex;
		return outcome;
	}

	/** What follows from a decision. */
	#conclude(queued: QueuedPod, framework: Framework, outcome: ScheduleOutcome, startMs: number): void {
		switch (outcome.kind) {
			case "scheduled":
				this.#bindings.begin(queued, this.#writtenDown(framework, this.#cache.snapshot().nodes.length), outcome, startMs);
				return;
			case "unschedulable": {
				const { diagnosis, message, nominatedNodeName } = outcome;
				queued.unschedulablePlugins = diagnosis.unschedulablePlugins;
				queued.pendingPlugins = diagnosis.pendingPlugins;
				this.#failures.unschedulable(queued, { reason: "Unschedulable", message, nominatedNodeName }, startMs);
				return;
			}
			case "failed":
				this.#failures.failed(queued, outcome.status, startMs);
				return;
			default:
				outcome satisfies never;
		}
	}

	#decide(podInfo: PodInfo, framework: Framework): ScheduleOutcome {
		const nodesCount = this.#cache.snapshot().nodes.length;
		const context: ScheduleContext = {
			framework: this.#writtenDown(framework, nodesCount),
			random: this.#options.random,
			startIndex: this.#startIndex,
		};
		const run = () => scheduleOne(podInfo, this.#cache.snapshot(), context);
		const outcome = this.#recorder?.attempt(podInfo, this.#options.clock.now(), nodesCount, run) ?? run();
		this.#startIndex = context.startIndex;
		return outcome;
	}

	/** The framework whose plugins' answers are written down, where attempts are recorded in full. */
	#writtenDown(framework: Framework, nodesCount: number): Framework {
		if (this.#recorder?.isFull(nodesCount) !== true) return framework;
		return this.#recordedFrameworks.get(framework.profile.schedulerName) ?? framework;
	}

	/** The same with extenders, and what follows from it: nobody else is scheduled until they have answered. Never rejects. */
	async #decideAsking(queued: QueuedPod, framework: Framework, extenders: readonly Extender[], startMs: number): Promise<void> {
		const { podInfo } = queued;
		this.#held.hold();
		const snapshot = this.#cache.snapshot();
		const nodesCount = snapshot.nodes.length;
		const recorder = this.#recorder;
		const context: ScheduleContext = {
			framework: this.#writtenDown(framework, nodesCount),
			random: this.#options.random,
			startIndex: this.#startIndex,
			extenders: recorder === undefined ? extenders : extenders.map((extender) => recorder.wrapExtender(extender)),
		};
		const cycle = scheduleCycle(podInfo, snapshot, context);
		const outcome = await runAsking(recorder?.attemptCycle(podInfo, startMs, nodesCount, cycle) ?? cycle);
		this.#startIndex = context.startIndex;
		this.#held.release();
		if (!this.#running) return;
		this.#conclude(queued, framework, outcome, startMs);
		this.#wake();
	}
}

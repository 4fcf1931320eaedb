/**
 * Scheduling on a copy of the cluster's state: decides as the scheduler would, binds and evicts nobody. Pods that are placed stay
 * there for those that come after them.
 */
import type { Random } from "../apimachinery/random.ts";
import type { Node, Pod } from "../apimachinery/schema/generated/types.ts";
import type { SchedulerCache } from "./cache/cache.ts";
import type { SchedulerConfiguration } from "./configuration/configuration.ts";
import { createProfiles, type ProfileParts } from "./configuration/profiles.ts";
import { type AttemptRecord, AttemptRecorder } from "./framework/attempt-recorder.ts";
import { runAsking } from "./framework/cycle.ts";
import type { Extender } from "./framework/extender.ts";
import { Framework, type NominatedPods } from "./framework/framework.ts";
import { PodInfo } from "./framework/pod-info.ts";
import { defaultSchedulerName } from "./framework/profile.ts";
import { scheduleCycle } from "./framework/schedule-one.ts";
import type { Verdict } from "./framework/status.ts";

/** Plugins of which a dry run has state of its own. What others reserve, they might reserve for real. */
const reserving: ReadonlySet<string> = new Set(["VolumeBinding"]);

export interface DryRunOptions {
	readonly configuration: SchedulerConfiguration;
	/** Must not touch the cluster: preemption evicts nobody, volumes are spoken for in a copy. */
	readonly parts: ProfileParts;
	/** Of the configuration. */
	readonly extenders: readonly Extender[];
	/** Changes as pods are placed. */
	readonly cache: SchedulerCache;
	readonly nominated: NominatedPods;
	readonly random: Random;
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
}

export class DryRun {
	readonly #options: DryRunOptions;
	readonly #recorder = new AttemptRecorder(1);
	readonly #extenders: readonly Extender[];
	readonly #frameworks: ReadonlyMap<string, Framework>;
	#startIndex = 0;

	/** Throws ProfileError. */
	constructor(options: DryRunOptions) {
		this.#options = options;
		this.#extenders = options.extenders.map((extender) => this.#recorder.wrapExtender(extender));
		const profiles = createProfiles(options.configuration, options.parts);
		this.#frameworks = new Map(
			profiles.map((profile) => [profile.schedulerName, new Framework(this.#recorder.wrap(profile), options.nominated)]),
		);
	}

	/** What keeps the pod out of the queue; undefined: nothing. */
	gate(pod: Pod): Verdict {
		return this.#frameworkOf(pod)?.runPreEnqueue(pod);
	}

	/** Asks extenders as an attempt does. Undefined: the pod is for another scheduler. One pod at a time. */
	async place(pod: Pod): Promise<AttemptRecord | undefined> {
		const framework = this.#frameworkOf(pod);
		if (framework === undefined) return undefined;
		const { cache, random, nowMs } = this.#options;
		const snapshot = cache.snapshot();
		const info = new PodInfo(pod);
		const extenders = this.#extenders.filter((extender) => extender.isInterested(pod));
		const context = { framework, random, startIndex: this.#startIndex, extenders };
		const cycle = scheduleCycle(info, snapshot, context);
		const outcome = await runAsking(this.#recorder.attemptCycle(info, nowMs, snapshot.nodes.length, cycle));
		this.#startIndex = context.startIndex;
		if (outcome.kind === "scheduled") {
			cache.assume(info, outcome.nodeName);
			for (const plugin of framework.profile.reserve) {
				if (reserving.has(plugin.name)) plugin.reserve(outcome.state, info, outcome.nodeName);
			}
			this.#recorder.ended(info.uid);
		}
		return this.#recorder.records().at(-1);
	}

	/** One more node, or the same node otherwise. */
	addNode(node: Node): void {
		this.#options.cache.addNode(node);
	}

	/** Evicts the victims that the pod needs gone, and gives it their place. Their uids. */
	preempt(pod: Pod, { preemption, outcome }: AttemptRecord): readonly string[] {
		if (outcome.kind !== "unschedulable") return [];
		const chosen = preemption.find(({ nodeName }) => nodeName === outcome.nominatedNodeName);
		if (chosen === undefined) return [];
		for (const victim of chosen.victims) this.#options.cache.removePod(victim.pod);
		this.#options.cache.assume(new PodInfo(pod), chosen.nodeName);
		return chosen.victims.map(({ uid }) => uid);
	}

	#frameworkOf({ spec }: Pod): Framework | undefined {
		return this.#frameworks.get(spec?.schedulerName ?? defaultSchedulerName);
	}
}

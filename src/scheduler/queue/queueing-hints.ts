/**
 * Whether an event is worth waking a pod for, by what the plugins registered that turned it down.
 * Source: KEP-4247 (per-plugin callback functions for efficient requeueing).
 */

import { jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { ActionType, type ClusterEvent, covers, type EventRegistration, isWildcard } from "../framework/cluster-event.ts";
import { extenderName } from "../framework/extender.ts";
import { defaultSchedulerName, type Profile } from "../framework/profile.ts";
import type { RecordedEvent } from "./in-flight.ts";
import type { QueuedPod } from "./queued-pod.ts";

/** - skip: let it sleep. - afterBackoff: once its back-off is over. - immediately: its wait was not its fault. */
export type RequeueStrategy = "skip" | "afterBackoff" | "immediately";

const everything: readonly EventRegistration[] = [{ resource: "*", action: ActionType.all }];

/** The same but for what the scheduler itself writes to the pod's status: it would never sleep. */
const everythingElse: readonly EventRegistration[] = [
	{ resource: "*", action: ActionType.all, hint: (pod, old, object) => (isOwnStatus(pod, old, object) ? "Skip" : "Queue") },
];

function isOwnStatus(pod: Pod, old: KubeObject | undefined, object: KubeObject | undefined): boolean {
	if (old === undefined || object?.metadata?.uid !== pod.metadata?.uid) return false;
	const [before, after] = [old as Pod, object as Pod];
	return jsonEqual(before.spec, after.spec) && jsonEqual(before.metadata?.labels, after.metadata?.labels);
}

/** What concerns hints of a profile. */
type ProfilePlugins = Pick<Profile, "schedulerName" | "plugins">;

export class QueueingHints {
	/** By schedulerName and plugin. */
	readonly #registrations = new Map<string, ReadonlyMap<string, readonly EventRegistration[]>>();
	/** By resource and action of the event: a few dozen at most. */
	readonly #interested = new Map<string, readonly string[]>();

	/** A plugin that registers nothing at all is woken by everything, and so is who was turned down by an extender. */
	constructor(profiles: Iterable<ProfilePlugins>) {
		for (const { schedulerName, plugins } of profiles) {
			const registrations = plugins.map((plugin) => [plugin.name, plugin.eventsToRegister?.() ?? everything] as const);
			this.#registrations.set(schedulerName, new Map([...registrations, [extenderName, everythingElse]]));
		}
	}

	/** The plugins that an event can mean anything to, of any profile. */
	interestedIn(event: ClusterEvent): readonly string[] {
		const key = `${event.resource}/${event.action}`;
		let interested = this.#interested.get(key);
		if (interested === undefined) {
			const all = [...this.#registrations.values()].flatMap((ofProfile) => [...ofProfile]);
			interested = [...new Set(all.flatMap(([plugin, each]) => (each.some((one) => covers(one, event)) ? [plugin] : [])))];
			this.#interested.set(key, interested);
		}
		return interested;
	}

	/** For a pod that was turned down. */
	strategyFor({ podInfo, unschedulablePlugins, pendingPlugins }: QueuedPod, happened: RecordedEvent): RequeueStrategy {
		if (unschedulablePlugins.size === 0 && pendingPlugins.size === 0) return "afterBackoff";
		if (isWildcard(happened.event)) return pendingPlugins.size > 0 ? "immediately" : "afterBackoff";
		let strategy: RequeueStrategy = "skip";
		for (const plugin of pendingPlugins) {
			if (this.#helps(plugin, podInfo.pod, happened)) return "immediately";
		}
		for (const plugin of unschedulablePlugins) {
			if (!pendingPlugins.has(plugin) && this.#helps(plugin, podInfo.pod, happened)) strategy = "afterBackoff";
			if (strategy !== "skip") break;
		}
		return strategy;
	}

	/** For a gated pod: whether its plugin is worth asking again. */
	mayOpenGate(plugin: string, pod: Pod, { event }: RecordedEvent): boolean {
		return this.#registrationsOf(plugin, pod)?.some((registration) => covers(registration, event)) ?? true;
	}

	#registrationsOf(plugin: string, { spec }: Pod): readonly EventRegistration[] | undefined {
		return this.#registrations.get(spec?.schedulerName ?? defaultSchedulerName)?.get(plugin);
	}

	#helps(plugin: string, pod: Pod, { event, old, object }: RecordedEvent): boolean {
		const registrations = this.#registrationsOf(plugin, pod) ?? [];
		return registrations.some(
			(registration) => covers(registration, event) && (registration.hint?.(pod, old, object) ?? "Queue") === "Queue",
		);
	}
}

/**
 * Whether an event is worth waking a pod for, by what the plugins registered that turned it down.
 * Source: KEP-4247 (per-plugin callback functions for efficient requeueing).
 */

import { type ClusterEvent, covers, type EventRegistration, isWildcard } from "../framework/cluster-event.ts";
import type { AnyPlugin } from "../framework/plugin.ts";
import type { RecordedEvent } from "./in-flight.ts";
import type { QueuedPod } from "./queued-pod.ts";

/** - skip: let it sleep. - afterBackoff: once its back-off is over. - immediately: its wait was not its fault. */
export type RequeueStrategy = "skip" | "afterBackoff" | "immediately";

const everything: readonly EventRegistration[] = [{ resource: "*", action: (1 << 13) - 1 }];

export class QueueingHints {
	readonly #registrations = new Map<string, readonly EventRegistration[]>();
	/** By resource and action of the event: a few dozen at most. */
	readonly #interested = new Map<string, readonly string[]>();

	/** @param plugins of all profiles. One that registers nothing at all is woken by everything. */
	constructor(plugins: Iterable<AnyPlugin>) {
		for (const plugin of plugins) this.#registrations.set(plugin.name, plugin.eventsToRegister?.() ?? everything);
	}

	/** The plugins that an event can mean anything to. */
	interestedIn(event: ClusterEvent): readonly string[] {
		const key = `${event.resource}/${event.action}`;
		let interested = this.#interested.get(key);
		if (interested === undefined) {
			interested = [...this.#registrations].flatMap(([plugin, all]) => (all.some((each) => covers(each, event)) ? [plugin] : []));
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
	mayOpenGate(plugin: string, { event }: RecordedEvent): boolean {
		return this.#registrations.get(plugin)?.some((registration) => covers(registration, event)) ?? true;
	}

	#helps(plugin: string, pod: QueuedPod["podInfo"]["pod"], { event, old, object }: RecordedEvent): boolean {
		const registrations = this.#registrations.get(plugin) ?? [];
		return registrations.some(
			(registration) => covers(registration, event) && (registration.hint?.(pod, old, object) ?? "Queue") === "Queue",
		);
	}
}

/**
 * The pods that sleep: turned down, or gated. Filed by the plugins that can wake them, so that an event costs nothing
 * for all the others, be they thousands.
 */
import type { QueuedPod } from "./queued-pod.ts";

export class UnschedulablePods {
	/** By uid, in the order in which they came. */
	readonly #pods = new Map<string, QueuedPod>();
	/** Invariant: a pod is filed under the plugin that gates it, or else under all that turned it down. */
	readonly #byPlugin = new Map<string, Map<string, QueuedPod>>();

	get size(): number {
		return this.#pods.size;
	}

	get(uid: string): QueuedPod | undefined {
		return this.#pods.get(uid);
	}

	/** A copy, so that pods may be woken on the way. */
	all(): readonly QueuedPod[] {
		return [...this.#pods.values()];
	}

	/** How many are gated. */
	countGated(): number {
		let count = 0;
		for (const { gatingPlugin } of this.#pods.values()) if (gatingPlugin !== undefined) count++;
		return count;
	}

	/** The pods that wait for any of these plugins, each once. */
	waitingFor(plugins: readonly string[]): readonly QueuedPod[] {
		const found = new Set<QueuedPod>();
		for (const plugin of plugins) for (const queued of this.#byPlugin.get(plugin)?.values() ?? []) found.add(queued);
		return [...found];
	}

	/** The pod's plugins must not change while it is here. */
	add(queued: QueuedPod): void {
		const { uid } = queued.podInfo;
		this.delete(uid);
		this.#pods.set(uid, queued);
		for (const plugin of pluginsOf(queued)) {
			const waiting = this.#byPlugin.get(plugin) ?? new Map<string, QueuedPod>();
			this.#byPlugin.set(plugin, waiting.set(uid, queued));
		}
	}

	delete(uid: string): void {
		const queued = this.#pods.get(uid);
		if (queued === undefined) return;
		this.#pods.delete(uid);
		for (const plugin of pluginsOf(queued)) this.#byPlugin.get(plugin)?.delete(uid);
	}
}

function pluginsOf({ gatingPlugin, unschedulablePlugins, pendingPlugins }: QueuedPod): Iterable<string> {
	return gatingPlugin === undefined ? unschedulablePlugins.union(pendingPlugins) : [gatingPlugin];
}

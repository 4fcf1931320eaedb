/**
 * The nodes by zone, listed so that zones take turns: whoever looks at a part of the list looks at all zones.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/scheduler-perf-tuning/#how-the-scheduler-iterates-over-nodes
 */
import type { Node } from "../../apimachinery/schema/generated/types.ts";

export class NodeTree {
	/** Zones in the order in which they came, each with its nodes' names in theirs. */
	readonly #zones = new Map<string, Set<string>>();

	add(node: Node): void {
		const zone = zoneOf(node);
		const names = this.#zones.get(zone) ?? new Set();
		names.add(node.metadata?.name ?? "");
		this.#zones.set(zone, names);
	}

	remove(node: Node): void {
		const zone = zoneOf(node);
		const names = this.#zones.get(zone);
		names?.delete(node.metadata?.name ?? "");
		if (names?.size === 0) this.#zones.delete(zone);
	}

	/** One of each zone, then the next of each, until all are listed. */
	list(): readonly string[] {
		const listed: string[] = [];
		let turns = [...this.#zones.values()].map((names) => names.values());
		while (turns.length > 0) {
			turns = turns.filter((names) => {
				const next = names.next();
				if (next.done !== true) listed.push(next.value);
				return next.done !== true;
			});
		}
		return listed;
	}
}

/** Region and zone by their well-known labels; "" for nodes that have neither. */
export function zoneOf({ metadata }: Node): string {
	const region = metadata?.labels?.["topology.kubernetes.io/region"] ?? "";
	const zone = metadata?.labels?.["topology.kubernetes.io/zone"] ?? "";
	return region === "" && zone === "" ? "" : `${region}:${zone}`;
}

/**
 * Which nodes changed, in order, for plugins that remember what they counted on each: between two pods mostly one node
 * changed, and looking through thousands for it would cost more than everything else.
 */
import type { NodeInfo } from "./node-info.ts";

/** Changes remembered at least; whoever comes back after more counts everything again. */
const maxChanges = 8192;

export class ChangeLog {
	/** The changes from version `#firstVersion` on. */
	#nodes: NodeInfo[] = [];
	#firstVersion = 0;

	/** Grows by one with each change. */
	get version(): number {
		return this.#firstVersion + this.#nodes.length;
	}

	add(node: NodeInfo): void {
		this.#nodes.push(node);
		if (this.#nodes.length < 2 * maxChanges) return;
		this.#nodes = this.#nodes.slice(maxChanges);
		this.#firstVersion += maxChanges;
	}

	/** The nodes that changed since then, some of them more than once; undefined if that is forgotten. */
	since(version: number): readonly NodeInfo[] | undefined {
		if (version === this.version) return [];
		return version < this.#firstVersion ? undefined : this.#nodes.slice(version - this.#firstVersion);
	}
}

/**
 * State Machine Safety: if a server has applied a log entry at a given index to its state machine, no other server will
 * ever apply a different log entry for the same index. §5.4.3
 *
 * And each applies one after the other, without gaps.
 */
import type { MemberId } from "../../membership.ts";
import type { RaftNode } from "../../node.ts";
import type { Ready } from "../../ready.ts";
import { digest, PropertyViolation } from "./violation.ts";

export class StateMachineSafety {
	/** By index, what was applied first. */
	readonly #applied = new Map<number, string>();
	readonly #next = new Map<MemberId, number>();

	onStart(node: RaftNode): void {
		this.#next.set(node.id, node.status().applied + 1);
	}

	onReady(node: RaftNode, ready: Ready): void {
		for (const entry of ready.committedEntries) {
			const next = this.#next.get(node.id);
			if (entry.index !== next) throw new PropertyViolation("State Machine Safety", `${node.id} applies ${entry.index}, ${next} is next`);
			this.#next.set(node.id, entry.index + 1);
			const what = `${entry.term} ${digest(entry)}`;
			const other = this.#applied.get(entry.index);
			if (other === undefined) this.#applied.set(entry.index, what);
			else if (other !== what)
				throw new PropertyViolation("State Machine Safety", `${node.id} applies ${what} at ${entry.index}, where ${other} was applied`);
		}
		if (ready.snapshot !== undefined) this.#next.set(node.id, ready.snapshot.metadata.index + 1);
	}
}

/** Leader Append-Only: a leader never overwrites or deletes entries in its log; it only appends new entries. §5.3 */
import type { MemberId } from "../../membership.ts";
import type { RaftNode } from "../../node.ts";
import type { Ready } from "../../ready.ts";
import { PropertyViolation } from "./violation.ts";

export class LeaderAppendOnly {
	/** Where the log of each present leader ended when last seen. */
	readonly #ends = new Map<MemberId, { readonly term: number; readonly lastIndex: number }>();

	onStart(node: RaftNode): void {
		this.#ends.delete(node.id);
	}

	onReady(node: RaftNode, ready: Ready): void {
		const { id, role, term, last } = node.status();
		if (role !== "leader") {
			this.#ends.delete(id);
			return;
		}
		const before = this.#ends.get(id);
		if (before?.term === term) {
			const first = ready.entries[0];
			if (last.index < before.lastIndex) throw violation(id, term, `its log shrank from ${before.lastIndex} to ${last.index}`);
			// What it writes was in its log before, or follows it.
			for (const entry of ready.entries)
				if (node.termAt(entry.index) !== entry.term)
					throw violation(id, term, `it writes ${entry.term}/${entry.index}, which is not in its log`);
			if (ready.snapshot !== undefined) throw violation(id, term, `it takes a snapshot, before entry ${first?.index}`);
		}
		this.#ends.set(id, { term, lastIndex: last.index });
	}
}

function violation(id: MemberId, term: number, what: string): PropertyViolation {
	return new PropertyViolation("Leader Append-Only", `${id} leads term ${term}: ${what}`);
}

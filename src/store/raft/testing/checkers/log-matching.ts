/**
 * Log Matching: if two logs contain an entry with the same index and term, then the logs are identical in all entries up
 * through the given index. §5.3
 *
 * Checked as the paper proves it, by induction: all entries with one index and term are the same and follow an entry of
 * the same term. Every entry of a log is seen when it is written.
 */
import type { MemberId } from "../../membership.ts";
import type { RaftNode } from "../../node.ts";
import type { Ready } from "../../ready.ts";
import { digest, PropertyViolation } from "./violation.ts";

interface Seen {
	readonly member: MemberId;
	readonly previousTerm: number | undefined;
	readonly content: string;
}

export class LogMatching {
	/** By "term/index". */
	readonly #seen = new Map<string, Seen>();

	onReady(node: RaftNode, ready: Ready): void {
		const [first] = ready.entries;
		if (first === undefined) return;
		let previousTerm = node.termAt(first.index - 1);
		for (const entry of ready.entries) {
			const place = `${entry.term}/${entry.index}`;
			const seen: Seen = { member: node.id, previousTerm, content: digest(entry) };
			const other = this.#seen.get(place);
			if (other === undefined) this.#seen.set(place, seen);
			else if (other.previousTerm !== seen.previousTerm || other.content !== seen.content)
				throw new PropertyViolation("Log Matching", `entry ${place}: ${JSON.stringify(other)} and ${JSON.stringify(seen)}`);
			previousTerm = entry.term;
		}
	}
}

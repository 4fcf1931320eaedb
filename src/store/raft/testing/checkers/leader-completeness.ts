/**
 * Leader Completeness: if a log entry is committed in a given term, then that entry will be present in the logs of the
 * leaders for all higher-numbered terms. §5.4
 */
import type { RaftNode } from "../../node.ts";
import { PropertyViolation } from "./violation.ts";

interface Commit {
	readonly index: number;
	readonly term: number;
	/** The term in which it was committed, or a later one. */
	readonly committedIn: number;
}

export class LeaderCompleteness {
	/** Indexes ascend. */
	readonly #commits: Commit[] = [];
	/** Terms whose leader was looked at. */
	readonly #checkedTerms = new Set<number>();

	onReady(node: RaftNode): void {
		const { id, role, term, commit, firstIndex } = node.status();
		if (role === "leader" && !this.#checkedTerms.has(term)) {
			this.#checkedTerms.add(term);
			// The newest is enough: by Log Matching all before it are there too.
			const newest = this.#commits.findLast(({ committedIn }) => committedIn < term);
			if (newest !== undefined && newest.index >= firstIndex && node.termAt(newest.index) !== newest.term)
				throw new PropertyViolation(
					"Leader Completeness",
					`${id} leads term ${term} without ${newest.term}/${newest.index}, committed in term ${newest.committedIn}`,
				);
		}
		const entryTerm = node.termAt(commit);
		if (entryTerm !== undefined && commit > (this.#commits.at(-1)?.index ?? 0))
			this.#commits.push({ index: commit, term: entryTerm, committedIn: term });
	}
}

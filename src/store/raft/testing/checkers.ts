/**
 * The five properties of figure 3 of the Raft paper, and that nobody votes twice, checked while members run. Each
 * checker sees every `Ready` before it is acted upon, and every message sent; it throws `PropertyViolation`.
 */
import type { Message } from "../message.ts";
import type { RaftNode } from "../node.ts";
import type { Ready } from "../ready.ts";
import { ElectionSafety } from "./checkers/election-safety.ts";
import { LeaderAppendOnly } from "./checkers/leader-append-only.ts";
import { LeaderCompleteness } from "./checkers/leader-completeness.ts";
import { LogMatching } from "./checkers/log-matching.ts";
import { StateMachineSafety } from "./checkers/state-machine-safety.ts";
import { VoteOnce } from "./checkers/vote-once.ts";

export interface Checker {
	/** A member begins, or begins again after a crash. */
	onStart?(node: RaftNode): void;
	/** A member says what it wants done. */
	onReady?(node: RaftNode, ready: Ready): void;
	/** A message leaves its sender. */
	onSend?(message: Message): void;
}

export class Checkers implements Required<Checker> {
	readonly #all: readonly Checker[] = [
		new ElectionSafety(),
		new LeaderAppendOnly(),
		new LogMatching(),
		new LeaderCompleteness(),
		new StateMachineSafety(),
		new VoteOnce(),
	];

	onStart(node: RaftNode): void {
		for (const checker of this.#all) checker.onStart?.(node);
	}

	onReady(node: RaftNode, ready: Ready): void {
		for (const checker of this.#all) checker.onReady?.(node, ready);
	}

	onSend(message: Message): void {
		for (const checker of this.#all) checker.onSend?.(message);
	}
}

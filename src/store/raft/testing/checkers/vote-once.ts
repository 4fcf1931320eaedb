/** "Each server will vote for at most one candidate in a given term" (§5.2), across crashes too. */
import type { Message } from "../../message.ts";
import { PropertyViolation } from "./violation.ts";

export class VoteOnce {
	/** By "voter term". */
	readonly #votes = new Map<string, string>();

	onSend(message: Message): void {
		// Who asks for votes has its own.
		if (message.type === "vote") this.#record(message.from, message.term, message.from);
		if (message.type === "voteResponse" && message.granted) this.#record(message.from, message.term, message.to);
	}

	#record(voter: string, term: number, candidate: string): void {
		const key = `${voter} ${term}`;
		const other = this.#votes.get(key);
		if (other !== undefined && other !== candidate)
			throw new PropertyViolation("Vote Once", `${voter} votes for ${other} and for ${candidate} in term ${term}`);
		this.#votes.set(key, candidate);
	}
}

/** What must never be, is: a defect here, or storage that lost what it had confirmed. The member must stop. */
export class RaftInvariantError extends Error {
	constructor(message: string) {
		super(`raft: ${message}`);
		this.name = "RaftInvariantError";
	}
}

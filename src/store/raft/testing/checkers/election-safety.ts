/** Election Safety: at most one leader can be elected in a given term. §5.2 */
import type { MemberId } from "../../membership.ts";
import type { RaftNode } from "../../node.ts";
import { PropertyViolation } from "./violation.ts";

export class ElectionSafety {
	readonly #leaders = new Map<number, MemberId>();

	onReady(node: RaftNode): void {
		const { id, role, term } = node.status();
		if (role !== "leader") return;
		const other = this.#leaders.get(term);
		if (other !== undefined && other !== id) throw new PropertyViolation("Election Safety", `${other} and ${id} both lead term ${term}`);
		this.#leaders.set(term, id);
	}
}

/**
 * What is wrong with the links of a group, on purpose: for lessons and tests. A link is one direction between two members.
 */
import type { Random } from "../../apimachinery/random.ts";
import type { MemberId } from "../raft/index.ts";

export interface LinkFault {
	/** Nothing gets through. */
	readonly isCut?: boolean;
	/** Everything takes so much longer, ms. */
	readonly delayMs?: number;
	/** So many of 100 messages are lost. */
	readonly dropPercent?: number;
}

export class LinkFaults {
	readonly #random: Random;
	readonly #isolated = new Set<MemberId>();
	/** By "from>to". */
	readonly #links = new Map<string, LinkFault>();

	constructor(random: Random) {
		this.#random = random;
	}

	/** Cuts all links from and to a member. */
	isolate(id: MemberId): void {
		this.#isolated.add(id);
	}

	/** What is said of a link replaces what was said of it before. */
	set(from: MemberId, to: MemberId, fault: LinkFault): void {
		this.#links.set(`${from}>${to}`, fault);
	}

	/** All is well again: on every link, or on those from and to one member. */
	heal(id?: MemberId): void {
		if (id === undefined) {
			this.#isolated.clear();
			this.#links.clear();
			return;
		}
		this.#isolated.delete(id);
		for (const link of [...this.#links.keys()]) if (link.split(">").includes(id)) this.#links.delete(link);
	}

	/** In words, for people. */
	describe(name: (id: MemberId) => string): readonly string[] {
		const links = [...this.#links].map(([link, { isCut, delayMs, dropPercent }]) => {
			const [from = "", to = ""] = link.split(">");
			const faults = [
				...(isCut === true ? ["cut"] : []),
				...(delayMs === undefined ? [] : [`delayed by ${delayMs} ms`]),
				...(dropPercent === undefined ? [] : [`drops ${dropPercent} %`]),
			];
			return `${name(from)} > ${name(to)}: ${faults.join(", ")}`;
		});
		return [...[...this.#isolated].map((id) => `${name(id)}: isolated`), ...links];
	}

	/** What becomes of one message: how much later it arrives, ms; undefined if it does not. */
	fate(from: MemberId, to: MemberId): number | undefined {
		if (this.#isolated.size === 0 && this.#links.size === 0) return 0;
		if (this.#isolated.has(from) || this.#isolated.has(to)) return undefined;
		const fault = this.#links.get(`${from}>${to}`);
		if (fault === undefined) return 0;
		if (fault.isCut === true) return undefined;
		if (fault.dropPercent !== undefined && this.#random.next() * 100 < fault.dropPercent) return undefined;
		return fault.delayMs ?? 0;
	}
}

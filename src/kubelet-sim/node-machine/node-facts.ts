/**
 * What a node's kubelet did that its journal would tell of, as little as can be kept: the lines are made when somebody reads them.
 * A node where nothing happens has none; another one has the last of them.
 */

/** 200 bytes each, or so. */
export const maxFacts = 200;

/** Of a container's events. */
export interface FactContainer {
	readonly name: string;
	readonly image: string;
	/** `containerd://…`, of its present instance; "" before there is one. */
	readonly id: string;
	/** `10s`: until it is started again. */
	readonly backOff?: string;
}

/** An event of a pod, as the kubelet recorded it, and what it was about. */
export interface NodeFact {
	/** Unix ms. */
	readonly atMs: number;
	/** `default/web`. */
	readonly pod: string;
	readonly uid: string;
	readonly container?: FactContainer | undefined;
	/** `Pulling`, `Failed`, `BackOff` … */
	readonly reason: string;
	readonly message: string;
}

export class NodeFacts {
	#facts: NodeFact[] = [];
	/** Told of each new one. */
	onFact: ((fact: NodeFact) => void) | undefined;

	/** The oldest first. */
	list(): readonly NodeFact[] {
		return this.#facts;
	}

	add(fact: NodeFact): void {
		this.#facts.push(fact);
		if (this.#facts.length > maxFacts) this.#facts = this.#facts.slice(-maxFacts / 2);
		this.onFact?.(fact);
	}
}

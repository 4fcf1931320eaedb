/**
 * What a node's kubelet did that its journal would tell of, as little as can be kept: the lines are made when somebody reads them.
 * A node where nothing happens has none; another one has the last of them.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatGoDuration } from "../../apimachinery/time.ts";

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

/** An event of a pod, or of one of its containers, for the journal of its node. @param container none: it is the pod's */
export function podFact(
	{ metadata, spec }: Pod,
	event: Pick<NodeFact, "atMs" | "reason" | "message">,
	container?: { readonly name: string; readonly record: KnownRecord | undefined },
): NodeFact {
	const about = container === undefined ? undefined : factContainer(spec, container.name, container.record);
	const { atMs, reason, message } = event;
	return { atMs, pod: `${metadata?.namespace}/${metadata?.name}`, uid: metadata?.uid ?? "", container: about, reason, message };
}

/** What the kubelet knows of a container, as far as it matters here. */
interface KnownRecord {
	readonly containerId: string;
	readonly restartBackoff: { readonly delayMs: number } | undefined;
}

function factContainer(spec: Pod["spec"], name: string, record: KnownRecord | undefined): FactContainer {
	const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
	const image = all.find((each) => each.name === name)?.image ?? "";
	const { containerId: id = "", restartBackoff } = record ?? {};
	return { name, image, id, ...(restartBackoff === undefined ? {} : { backOff: formatGoDuration(restartBackoff.delayMs) }) };
}

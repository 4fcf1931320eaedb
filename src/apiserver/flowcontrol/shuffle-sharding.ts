/**
 * Shuffle sharding: every flow is dealt a hand of a few queues out of many, so that two flows rarely share all of
 * theirs, and one that floods its own leaves others a way.
 * Source: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#priority-levels and KEP-1040.
 */
import { createHash } from "node:crypto";

/**
 * The hand of a flow: `handSize` different numbers below `deckSize`, always the same for the same flow.
 * @param flow what tells flows apart; any text
 */
export function dealHand(flow: string, deckSize: number, handSize: number): readonly number[] {
	let entropy = createHash("sha256").update(flow).digest().readBigUInt64LE();
	const hand: number[] = [];
	for (let cards = deckSize; hand.length < handSize && cards > 0; cards--) {
		let card = Number(entropy % BigInt(cards));
		entropy /= BigInt(cards);
		// `card` counts among those that are left: each smaller one that is gone moves it up.
		for (const taken of [...hand].sort((a, b) => a - b)) if (taken <= card) card++;
		hand.push(card);
	}
	return hand;
}

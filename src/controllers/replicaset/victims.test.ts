import { expect, test } from "vitest";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { chooseVictims } from "./victims.ts";

const nowMs = Date.UTC(2026, 0, 2);
const at = (secondsAgo: number) => formatTime(nowMs - secondsAgo * 1000);

interface Traits {
	readonly node?: string;
	readonly phase?: string;
	/** Seconds it has been ready; absent: it is not. */
	readonly ready?: number;
	readonly cost?: string;
	readonly restarts?: number;
	/** Seconds. */
	readonly age?: number;
}

function pod(name: string, { node = "n", phase = "Running", ready, cost, restarts = 0, age = 1000 }: Traits): Pod {
	return {
		metadata: {
			name,
			uid: name,
			creationTimestamp: at(age),
			...(cost === undefined ? {} : { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } }),
		},
		spec: { containers: [], ...(node === "" ? {} : { nodeName: node }) },
		status: {
			phase,
			conditions: ready === undefined ? [] : [{ type: "Ready", status: "True", lastTransitionTime: at(ready) }],
			containerStatuses: [{ name: "c", image: "", imageID: "", ready: true, restartCount: restarts }],
		},
	};
}

/** Each row: the pod that goes, then the one that stays, by nothing but the named rule. */
const rules: readonly (readonly [rule: string, goes: Traits, stays: Traits])[] = [
	["unassigned before assigned", { node: "", ready: 1000 }, { node: "n" }],
	["pending before unknown", { phase: "Pending", cost: "9" }, { phase: "Unknown" }],
	["unknown before running", { phase: "Unknown", cost: "9" }, { phase: "Running" }],
	["not ready before ready", { cost: "9" }, { ready: 1000 }],
	["lower deletion cost first", { ready: 9000, cost: "-10" }, { ready: 1 }],
	["a cost that is no number counts as 0", { ready: 1000, cost: "-1x" }, { ready: 1000, cost: "1" }],
	["ready for a short time before ready for long", { ready: 10 }, { ready: 1000 }],
	["more restarts first", { ready: 1000, restarts: 3 }, { ready: 1000 }],
	["younger before older", { ready: 1000, age: 2000 }, { ready: 1000, age: 90_000 }],
];

test.each(rules)("%s", (_rule, goes, stays) => {
	const [first, second] = [pod("stays", stays), pod("goes", goes)];
	expect(chooseVictims([first, second], [], 1, nowMs).map(({ metadata }) => metadata?.name)).toEqual(["goes"]);
});

test("where more pods of the application share a node, one goes first", () => {
	const alone = pod("alone", { node: "a", ready: 1 });
	const crowded = pod("crowded", { node: "b", ready: 9000 });
	const sibling = pod("sibling", { node: "b", ready: 9000 });
	expect(chooseVictims([alone, crowded], [alone, crowded, sibling], 1, nowMs)).toEqual([crowded]);
});

test("ages of one order of magnitude count as equal, and the uid decides", () => {
	const a = pod("a", { ready: 1000, age: 1000 });
	const b = pod("b", { ready: 1000, age: 900 });
	expect(chooseVictims([b, a], [], 1, nowMs)).toEqual([a]);
});

test("when all must go, all go as they come", () => {
	const all = [pod("a", {}), pod("b", { ready: 1 })];
	expect(chooseVictims(all, all, 2, nowMs)).toEqual(all);
});

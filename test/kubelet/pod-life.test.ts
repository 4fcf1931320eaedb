/**
 * Kubelets under the properties of pod-life.ts. Lives: KUBELET_LIVES, default 12; each property is shown to fail on a kubelet that is broken
 * in mutants.ts (npm run kubelet:mutants).
 */
import { expect, test } from "vitest";
import { checkLives } from "./pod-life.ts";

const runs = Number(process.env.KUBELET_LIVES ?? 12);

test("pods of every shape live through faults, lost nodes, power cuts and new starts as they should", async () => {
	const { created, restarts, gone } = await checkLives({ runs });
	// Lives in which nothing happens would prove little.
	expect(created).toBeGreaterThan(runs);
	expect(restarts).toBeGreaterThan(runs / 2);
	expect(gone).toBeGreaterThan(runs / 4);
}, 600_000);

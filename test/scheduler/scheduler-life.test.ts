/**
 * The scheduler under the properties of scheduler-life.ts. Lives: SCHEDULER_LIVES, default 100; each property is shown to fail on a
 * scheduler that is broken in mutants.ts (npm run scheduler:mutants).
 */
import { expect, test } from "vitest";
import { checkLives, checkRepeatable } from "./scheduler-life.ts";

const runs = Number(process.env.SCHEDULER_LIVES ?? 100);

test("pods go only where they may, wait only where they must, and preempt only whom they may", async () => {
	const { bound, evicted, waiting } = await checkLives({ runs });
	// Clusters in which everything fits, or nothing does, would prove little.
	expect(bound).toBeGreaterThan(runs);
	expect(waiting).toBeGreaterThan(runs);
	expect(evicted).toBeGreaterThan(runs / 20);
}, 600_000);

test("equal seeds give equal placements", () => checkRepeatable({ runs: Math.ceil(runs / 5) }), 600_000);

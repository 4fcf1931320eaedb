/**
 * The built-in controllers under the properties of every controller, as tests: `CONTROLLER_RUNS` says how many lives each of them has
 * (in CI 200, elsewhere 50 unless it is said; `npm run controllers` 1,000), and a file of tests takes a share of the controllers, so that the files run side by side.
 */
import { expect, test } from "vitest";
import { type Life, live } from "./life.ts";

const runs = Number(process.env.CONTROLLER_RUNS ?? (process.env.CI === undefined ? 50 : 200));
/** The same lives in each run of CI; `npm run controllers -- --seed N` looks elsewhere. */
const seed = 20261128;

export function testLives(lives: Readonly<Record<string, Life>>): void {
	test.each(Object.entries(lives))(
		"%s",
		async (name, life) => {
			await expect(live(life, { runs, seed }), `npm run controllers -- --seed ${seed} ${name}`).resolves.toBeUndefined();
		},
		30 * 60_000,
	);
}

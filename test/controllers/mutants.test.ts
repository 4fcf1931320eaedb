/** Each property is shown to fail on a controller that is broken: see mutants.ts. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { mutants } from "./mutants.ts";

/** In a process of its own, whose modules are loaded anew for each mutant. */
const program = fileURLToPath(new URL("mutants-main.ts", import.meta.url));
const noticed = new Map<string, string | null>();

beforeAll(async () => {
	const { stdout } = await promisify(execFile)(process.execPath, [program], { maxBuffer: 1 << 24 });
	for (const line of stdout.trim().split("\n")) {
		const result = JSON.parse(line) as { readonly name: string; readonly noticed: string | null };
		noticed.set(result.name, result.noticed);
	}
}, 30 * 60_000);

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))("%s", (name, { breaks }) => {
	expect(noticed.get(name)).toMatch(breaks);
});

test.each(["converges", "quiescent", "idempotent", "no hot loop", "ownership", "invariant"])("the property is tried: %s", (property) => {
	expect([...noticed.values()].some((what) => what?.startsWith(property))).toBe(true);
});

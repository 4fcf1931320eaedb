/** What tests of documentation pages compare: steps that a command tells, tables that come to read as printed, rows of a watch. */
import { expect } from "vitest";
import type { TestCluster } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import { maskedLines } from "./masked-text.ts";

/** How long real time may take on a machine that has other things to do. */
const limitMs = 60_000;

function withoutRepetitions(lines: readonly string[]): readonly string[] {
	return lines.filter((line, index) => line !== lines[index - 1]);
}

/** What `rollout status` tells, without the repetitions that a watch brings, and without the wait for a controller that is behind. */
export function steps(printed: string): readonly string[] {
	const lines = printed.trimEnd().split("\n");
	return withoutRepetitions(lines.filter((line) => !/^Waiting for \w+( set)? spec update to be observed\.\.\.$/.test(line)));
}

/** Fails unless the lines are some of these, in this order, and end as these do: what is over before kubectl looks is not told. */
export function expectAlong(lines: readonly string[], story: readonly string[]): void {
	expect(lines).toEqual(story.filter((line) => lines.includes(line)));
	expect(lines.at(-1)).toBe(story.at(-1));
}

/** Waits until what kubectl prints reads so, masked. */
export async function shows({ run }: TestCluster, args: string, lines: readonly string[]): Promise<void> {
	let printed: readonly string[] = [];
	const look = async () => {
		printed = maskedLines(await run(args));
		return JSON.stringify(printed) === JSON.stringify(lines) || undefined;
	};
	await eventually(look, { limitMs, what: () => `kubectl ${args} prints\n${printed.join("\n")}` });
}

/** The rows of a watch, masked, each change once. @param name of the object whose rows alone are wanted. */
export function rowsOf({ stdout }: { readonly stdout: string }, name = ""): readonly string[] {
	const rows = maskedLines(stdout).map((row) => row.replace(/ AGE$/, ""));
	return withoutRepetitions(rows.filter((row) => row.startsWith(name)));
}

/** Waits until a watch has printed this row, masked, and gives all rows up to now. */
export async function rowsUntil(
	watch: { readonly stdout: string; readonly stderr: string },
	row: string | RegExp,
): Promise<readonly string[]> {
	const isThere = (rows: readonly string[]) => rows.some((found) => (typeof row === "string" ? found === row : row.test(found)));
	const look = () => (isThere(rowsOf(watch)) ? rowsOf(watch) : undefined);
	return await eventually(look, { limitMs, what: () => `${row} in\n${rowsOf(watch).join("\n")}` });
}

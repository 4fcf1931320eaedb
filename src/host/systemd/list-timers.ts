/** `systemctl list-timers`. Source: systemctl(1), src/systemctl/systemctl-list-units.c */
import type { SystemManager } from "./manager.ts";
import { globOf, type ListOptions } from "./systemctl-lists.ts";
import { Timer } from "./timer.ts";
import { formatAgo, formatDistance, formatStamp } from "./times.ts";

const headings = ["NEXT", "LEFT", "LAST", "PASSED", "UNIT", "ACTIVATES"] as const;
/** Columns whose cells end where the column ends. */
const rightAligned: ReadonlySet<number> = new Set([1, 3]);

export function listTimers(manager: SystemManager, { patterns, all, legend }: ListOptions): string {
	const nowMs = manager.clock.now();
	const timers = manager
		.units()
		.filter((unit) => unit instanceof Timer)
		.filter(({ name, isUp }) => (all || isUp) && (patterns.length === 0 || patterns.some((pattern) => globOf(pattern).test(name))))
		.sort((a, b) => (a.nextMs ?? Number.POSITIVE_INFINITY) - (b.nextMs ?? Number.POSITIVE_INFINITY) || (a.name < b.name ? -1 : 1));
	const rows = timers.map(({ name, target, nextMs, lastTriggerMs }) => [
		nextMs === undefined ? "-" : formatStamp(nextMs),
		nextMs === undefined ? "-" : formatDistance(nextMs - nowMs),
		lastTriggerMs === 0 ? "-" : formatStamp(lastTriggerMs),
		lastTriggerMs === 0 ? "-" : formatAgo(lastTriggerMs, nowMs),
		name,
		target,
	]);
	const shown = legend ? [headings, ...rows] : rows;
	const widths = headings.map((_, column) => Math.max(0, ...shown.map((row) => row[column]?.length ?? 0)));
	const lines = shown.map((row) =>
		row
			.map((cell, column) => (rightAligned.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
			.join(" ")
			.trimEnd(),
	);
	const count = `${timers.length} timers listed.`;
	const hint = all ? [] : ["Pass --all to see loaded but inactive timers, too."];
	const end = legend ? [...(timers.length === 0 ? [] : [""]), count, ...hint] : [];
	const body = legend && timers.length === 0 ? [] : lines;
	return [...body, ...end].map((line) => `${line}\n`).join("");
}

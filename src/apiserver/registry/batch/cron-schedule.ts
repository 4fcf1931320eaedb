/**
 * Whether a CronJob's schedule can be read, in the words of the parser that Kubernetes uses (github.com/robfig/cron v3,
 * standard form): five fields, or a name such as `@daily`, or `@every 5m`.
 */
import { parseGoDuration, TimeError } from "../../../apimachinery/time.ts";

interface FieldRange {
	readonly min: number;
	readonly max: number;
	readonly names: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Minute, hour, day of the month, month, day of the week. A name stands for its place from `min` on. */
const fieldRanges: readonly FieldRange[] = [
	{ min: 0, max: 59, names: [] },
	{ min: 0, max: 23, names: [] },
	{ min: 1, max: 31, names: [] },
	{ min: 1, max: 12, names: months },
	{ min: 0, max: 6, names: weekdays },
];

const descriptors: ReadonlySet<string> = new Set(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]);

/** What is wrong with a schedule, undefined for a good one. */
export function cronScheduleError(schedule: string): string | undefined {
	if (schedule === "") return "empty spec string";
	const zone = /^(?:TZ|CRON_TZ)=(\S*)(?:\s+|$)/.exec(schedule);
	if (zone !== null) {
		if (!isTimeZone(zone[1] ?? "")) return `provided bad location ${zone[1]}: unknown time zone ${zone[1]}`;
		return cronScheduleError(schedule.slice(zone[0].length).trim());
	}
	if (schedule.startsWith("@")) return descriptorError(schedule);
	const fields = schedule.trim().split(/\s+/);
	if (fields.length !== fieldRanges.length) {
		return `expected exactly ${fieldRanges.length} fields, found ${fields.length}: [${fields.join(" ")}]`;
	}
	for (const [index, range] of fieldRanges.entries()) {
		for (const expression of (fields[index] ?? "").split(",")) {
			const error = rangeError(expression, range);
			if (error !== undefined) return error;
		}
	}
	return undefined;
}

/** Letters, digits and a few signs, of which a part of a zone's name has at most fourteen. */
const zonePart = /^(?!-)(?!\.{1,2}$)[A-Za-z._\-0-9+]{1,14}$/;

/** Whether the IANA database knows a zone by this very name, upper and lower case included. */
export function isTimeZone(name: string): boolean {
	if (!name.split("/").every((part) => zonePart.test(part)) || !/^[A-Z]/.test(name)) return false;
	try {
		const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
		// Intl overlooks the case, and tells the name of another zone for one that is a link.
		return timeZone === name || timeZone.toLowerCase() !== name.toLowerCase();
	} catch (error) {
		if (error instanceof RangeError) return false;
		throw error;
	}
}

function descriptorError(descriptor: string): string | undefined {
	if (descriptors.has(descriptor)) return undefined;
	if (!descriptor.startsWith("@every ")) return `unrecognized descriptor: ${descriptor}`;
	try {
		parseGoDuration(descriptor.slice("@every ".length));
		return undefined;
	} catch (error) {
		if (error instanceof TimeError) return `failed to parse duration ${descriptor}: ${error.message}`;
		throw error;
	}
}

/** `*`, `5`, `1-5`, `mon-fri`, each with `/step`. */
function rangeError(expression: string, range: FieldRange): string | undefined {
	const [span = "", step, ...moreSteps] = expression.split("/");
	const [low = "", high, ...moreBounds] = span.split("-");
	let start = range.min;
	let end = range.max;
	if (low !== "*" && low !== "?") {
		const first = readNumber(low, range);
		if (typeof first === "string") return first;
		start = first;
		end = first;
		if (moreBounds.length > 0) return `too many hyphens: ${expression}`;
		if (high !== undefined) {
			const last = readNumber(high, range);
			if (typeof last === "string") return last;
			end = last;
		}
	}
	if (moreSteps.length > 0) return `too many slashes: ${expression}`;
	let every = 1;
	if (step !== undefined) {
		const parsed = readNumber(step, undefined);
		if (typeof parsed === "string") return parsed;
		every = parsed;
		if (high === undefined) end = range.max;
	}
	if (start < range.min) return `beginning of range (${start}) below minimum (${range.min}): ${expression}`;
	if (end > range.max) return `end of range (${end}) above maximum (${range.max}): ${expression}`;
	if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${expression}`;
	return every === 0 ? `step of range should be a positive number: ${expression}` : undefined;
}

/** A number or, in a range that has them, a name; a text says what is wrong. */
function readNumber(text: string, range: FieldRange | undefined): number | string {
	const name = range?.names.indexOf(text.toLowerCase()) ?? -1;
	if (range !== undefined && name !== -1) return range.min + name;
	if (!/^[+-]?\d+$/.test(text)) return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
	const value = Number(text);
	return value < 0 ? `negative number (${value}) not allowed: ${text}` : value;
}

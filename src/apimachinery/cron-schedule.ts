/**
 * Schedules of CronJobs, in the form and with the error texts of the parser that Kubernetes uses (github.com/robfig/cron
 * v3, standard form): five fields, or a name such as `@daily`, or `@every 5m`; before it, in old objects, `TZ=zone`.
 *
 * A schedule of fields is met in each minute that a clock in the zone shows as the fields say. So an hour that is left
 * out when the clocks go forward has no meeting, and in one that comes twice there are two.
 * Source of behaviour: https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format
 */
import { parseGoDuration, TimeError } from "./time.ts";
import { isTimeZone, loadTimeZone, type TimeZone, utc } from "./time-zone.ts";

export interface CronSchedule {
	/** The first time after `timeMs`, Unix ms; undefined: there is none within five years. */
	next(timeMs: number): number | undefined;
}

/** A text that is no schedule; the message is the parser's. */
export class CronError extends Error {
	override readonly name = "CronError";
}

interface FieldRange {
	readonly min: number;
	readonly max: number;
	readonly names: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const fieldRanges = {
	minute: { min: 0, max: 59, names: [] },
	hour: { min: 0, max: 23, names: [] },
	dayOfMonth: { min: 1, max: 31, names: [] },
	/** A name stands for its place from `min` on. */
	month: { min: 1, max: 12, names: months },
	dayOfWeek: { min: 0, max: 6, names: weekdays },
} as const satisfies Record<string, FieldRange>;

type FieldName = keyof typeof fieldRanges;
const fieldNames = Object.keys(fieldRanges) as readonly FieldName[];

const descriptors: Readonly<Record<string, string>> = {
	"@yearly": "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly": "0 0 1 * *",
	"@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly": "0 * * * *",
};
const every = "@every ";

/** Throws CronError. @param zone in which the schedule is meant, unless it names one itself. */
export function parseCronSchedule(text: string, zone: TimeZone = utc): CronSchedule {
	if (text === "") throw new CronError("empty spec string");
	const named = /^(?:TZ|CRON_TZ)=(\S*)(?:\s+|$)/.exec(text);
	if (named !== null) {
		const [prefix, name = ""] = named;
		if (!isTimeZone(name)) throw new CronError(`provided bad location ${name}: unknown time zone ${name}`);
		return parseCronSchedule(text.slice(prefix.length).trim(), loadTimeZone(name));
	}
	if (text.startsWith("@")) return parseDescriptor(text, zone);
	const expressions = text.trim().split(/\s+/);
	if (expressions.length !== fieldNames.length) {
		throw new CronError(`expected exactly ${fieldNames.length} fields, found ${expressions.length}: [${expressions.join(" ")}]`);
	}
	const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = expressions;
	return new FieldSchedule(
		{
			minute: parseField(minute, fieldRanges.minute),
			hour: parseField(hour, fieldRanges.hour),
			dayOfMonth: parseField(dayOfMonth, fieldRanges.dayOfMonth),
			month: parseField(month, fieldRanges.month),
			dayOfWeek: parseField(dayOfWeek, fieldRanges.dayOfWeek),
		},
		zone,
	);
}

/** What is wrong with a schedule, undefined for a good one. */
export function cronScheduleError(text: string): string | undefined {
	try {
		parseCronSchedule(text);
		return undefined;
	} catch (error) {
		if (error instanceof CronError) return error.message;
		throw error;
	}
}

function parseDescriptor(descriptor: string, zone: TimeZone): CronSchedule {
	const fields = Object.hasOwn(descriptors, descriptor) ? descriptors[descriptor] : undefined;
	if (fields !== undefined) return parseCronSchedule(fields, zone);
	if (!descriptor.startsWith(every)) throw new CronError(`unrecognized descriptor: ${descriptor}`);
	return new IntervalSchedule(parseInterval(descriptor));
}

function parseInterval(descriptor: string): number {
	try {
		return parseGoDuration(descriptor.slice(every.length));
	} catch (error) {
		if (error instanceof TimeError) throw new CronError(`failed to parse duration ${descriptor}: ${error.message}`);
		throw error;
	}
}

/** The values of a field that are meant. */
interface Field {
	readonly values: ReadonlySet<number>;
	/** The field leaves the choice to others: `*` or `?`, also in a list. */
	readonly isOpen: boolean;
}

/** Ranges with commas between; empty ones are passed over. */
function parseField(text: string, range: FieldRange): Field {
	const parts = text.split(",").filter((part) => part !== "");
	const parsed = parts.map((part) => parseRange(part, range));
	return { values: new Set(parsed.flatMap(({ values }) => values)), isOpen: parsed.some(({ isOpen }) => isOpen) };
}

/** `*`, `5`, `1-5`, `mon-fri`, each with `/step`. */
function parseRange(expression: string, range: FieldRange): { readonly values: readonly number[]; readonly isOpen: boolean } {
	const [span = "", step, ...moreSteps] = expression.split("/");
	const [low = "", high, ...moreBounds] = span.split("-");
	const isStar = low === "*" || low === "?";
	let start = range.min;
	let end = range.max;
	if (!isStar) {
		start = readNumber(low, range);
		if (moreBounds.length > 0) throw new CronError(`too many hyphens: ${expression}`);
		end = high === undefined ? start : readNumber(high, range);
	}
	if (moreSteps.length > 0) throw new CronError(`too many slashes: ${expression}`);
	const stride = step === undefined ? 1 : readNumber(step, undefined);
	// `5/10` means from 5 on.
	if (step !== undefined && high === undefined) end = range.max;
	if (start < range.min) throw new CronError(`beginning of range (${start}) below minimum (${range.min}): ${expression}`);
	if (end > range.max) throw new CronError(`end of range (${end}) above maximum (${range.max}): ${expression}`);
	if (start > end) throw new CronError(`beginning of range (${start}) beyond end of range (${end}): ${expression}`);
	if (stride === 0) throw new CronError(`step of range should be a positive number: ${expression}`);
	const values = Array.from({ length: Math.floor((end - start) / stride) + 1 }, (_, at) => start + at * stride);
	return { values, isOpen: isStar && stride === 1 };
}

/** A number or, in a range that has them, a name. */
function readNumber(text: string, range: FieldRange | undefined): number {
	const name = range?.names.indexOf(text.toLowerCase()) ?? -1;
	if (range !== undefined && name !== -1) return range.min + name;
	if (!/^[+-]?\d+$/.test(text)) {
		throw new CronError(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
	}
	const value = Number(text);
	if (value < 0) throw new CronError(`negative number (${value}) not allowed: ${text}`);
	return value;
}

/** `@every 90s`, from whatever time is asked for. Whole seconds, one at least. */
class IntervalSchedule implements CronSchedule {
	readonly #intervalMs: number;

	constructor(intervalMs: number) {
		this.#intervalMs = Math.max(1_000, Math.floor(intervalMs / 1_000) * 1_000);
	}

	next(timeMs: number): number {
		return Math.floor(timeMs / 1_000) * 1_000 + this.#intervalMs;
	}
}

const minuteMs = 60_000;
/** A year further than this is not looked at. */
const maxYears = 5;

class FieldSchedule implements CronSchedule {
	readonly #fields: Readonly<Record<FieldName, Field>>;
	readonly #zone: TimeZone;

	constructor(fields: Readonly<Record<FieldName, Field>>, zone: TimeZone) {
		this.#fields = fields;
		this.#zone = zone;
	}

	next(timeMs: number): number | undefined {
		const lastYear = this.#clockAt(timeMs).getUTCFullYear() + maxYears;
		let candidateMs = (Math.floor(timeMs / minuteMs) + 1) * minuteMs;
		for (;;) {
			const clock = this.#clockAt(candidateMs);
			if (clock.getUTCFullYear() > lastYear) return undefined;
			const mismatchEnds = this.#endOfMismatch(clock);
			if (mismatchEnds === undefined) return candidateMs;
			candidateMs = this.#firstShowing(mismatchEnds, candidateMs);
		}
	}

	/** What a clock in the zone shows, read by the UTC methods. */
	#clockAt(timeMs: number): Date {
		return new Date(timeMs + this.#zone.offsetMs(timeMs));
	}

	/** Undefined if all fields match; else the next reading of the clock that may, as if it were UTC. */
	#endOfMismatch(clock: Date): number | undefined {
		const { minute, hour, month } = this.#fields;
		const [year, monthAt, day, hourAt] = [clock.getUTCFullYear(), clock.getUTCMonth(), clock.getUTCDate(), clock.getUTCHours()];
		if (!month.values.has(monthAt + 1)) return Date.UTC(year, monthAt + 1);
		if (!this.#matchesDay(clock)) return Date.UTC(year, monthAt, day + 1);
		if (!hour.values.has(hourAt)) return Date.UTC(year, monthAt, day, hourAt + 1);
		return minute.values.has(clock.getUTCMinutes()) ? undefined : Date.UTC(year, monthAt, day, hourAt, clock.getUTCMinutes() + 1);
	}

	/** Where both day fields choose, either may be met; where one is open, the other decides. */
	#matchesDay(clock: Date): boolean {
		const { dayOfMonth, dayOfWeek } = this.#fields;
		const ofMonth = dayOfMonth.values.has(clock.getUTCDate());
		const ofWeek = dayOfWeek.values.has(clock.getUTCDay());
		return dayOfMonth.isOpen || dayOfWeek.isOpen ? ofMonth && ofWeek : ofMonth || ofWeek;
	}

	/**
	 * A time after `afterMs` at which the clock may show this reading for the first time; never later than that. If the
	 * clocks are changed on the way it may be too early, and is looked at once more.
	 */
	#firstShowing(reading: number, afterMs: number): number {
		const straight = reading - this.#zone.offsetMs(afterMs);
		const corrected = reading - Math.max(this.#zone.offsetMs(afterMs), this.#zone.offsetMs(straight));
		return Math.max(corrected, afterMs + minuteMs);
	}
}

/**
 * Calendar events: `Mon..Fri *-*-* 08:00/15`, `daily`, `*-02~03`. Times are those of UTC, as a node's are.
 * Source: systemd.time(7), section "Calendar events". Not simulated: fractions of seconds, other time zones.
 */

/** `start`, `start..stop`, each with `/repeat`. Of days counted from a month's end, 1 is the last. */
interface Item {
	readonly start: number;
	readonly stop?: number;
	readonly repeat: number;
}

/** Sorted by start; undefined: any. */
type Chain = readonly Item[] | undefined;

export interface CalendarSpec {
	/** Sunday is 0, as in Date; undefined: any. */
	readonly weekdays: ReadonlySet<number> | undefined;
	readonly year: Chain;
	readonly month: Chain;
	readonly day: Chain;
	/** `~`: days count from the month's end. */
	readonly isFromEnd: boolean;
	readonly hour: Chain;
	readonly minute: Chain;
	readonly second: Chain;
	/** `UTC` was written. */
	readonly isUtc: boolean;
}

const dayMs = 86_400_000;
/** systemd looks no further. */
const lastYear = 2199;
/** Monday first, as they are written. */
const dayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const longDayNames = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const shorthands: Readonly<Record<string, string>> = {
	minutely: "*-*-* *:*:00",
	hourly: "*-*-* *:00:00",
	daily: "*-*-* 00:00:00",
	monthly: "*-*-01 00:00:00",
	weekly: "Mon *-*-* 00:00:00",
	yearly: "*-01-01 00:00:00",
	annually: "*-01-01 00:00:00",
	anually: "*-01-01 00:00:00",
	quarterly: "*-01,04,07,10-01 00:00:00",
	biannually: "*-01,07-01 00:00:00",
	"bi-annually": "*-01,07-01 00:00:00",
	semiannually: "*-01,07-01 00:00:00",
	"semi-annually": "*-01,07-01 00:00:00",
};

const at = (value: number): Chain => [{ start: value, repeat: 0 }];

/** Undefined if it is none. */
export function parseCalendar(text: string): CalendarSpec | undefined {
	const words = text.trim().split(/\s+/);
	const isUtc = words.length > 1 && words.at(-1)?.toUpperCase() === "UTC";
	if (isUtc) words.pop();
	const [only = ""] = words;
	const shorthand = words.length === 1 ? shorthands[only.toLowerCase()] : undefined;
	if (shorthand !== undefined) {
		const spec = parseCalendar(shorthand);
		return spec === undefined ? undefined : { ...spec, isUtc };
	}
	const weekdays = /^[a-z]/i.test(only) ? parseWeekdays(words.shift() ?? "") : undefined;
	if (weekdays === null) return undefined;
	const date = words[0] !== undefined && !words[0].includes(":") ? parseDate(words.shift() ?? "") : anyDate;
	const time = words.length === 0 ? midnight : parseTime(words.shift() ?? "");
	if (date === undefined || time === undefined || words.length > 0) return undefined;
	return { weekdays: weekdays?.size === 7 ? undefined : weekdays, ...date, ...time, isUtc };
}

const anyDate = { year: undefined, month: undefined, day: undefined, isFromEnd: false } as const;
const midnight = { hour: at(0), minute: at(0), second: at(0) } as const;

/** Null if these are none. */
function parseWeekdays(text: string): Set<number> | null {
	const days = new Set<number>();
	for (const part of text.split(",")) {
		if (part === "" && days.size > 0) continue;
		const [first = -1, last = first] = part.split(/\.\.|-/).map(dayIndex);
		if (first < 0 || last < 0 || part.split(/\.\.|-/).length > 2) return null;
		for (let day = first; ; day = (day + 1) % 7) {
			days.add((day + 1) % 7);
			if (day === last) break;
		}
	}
	return days;
}

/** From Monday. */
function dayIndex(name: string): number {
	const lower = name.toLowerCase();
	return longDayNames.findIndex((long) => long === lower || long.slice(0, 3) === lower);
}

type DateParts = Pick<CalendarSpec, "year" | "month" | "day" | "isFromEnd">;

function parseDate(text: string): DateParts | undefined {
	const match = /^(?:([^-~]+)-)?([^-~]+)([-~])([^-~]+)$/.exec(text);
	if (match === null) return undefined;
	const [, year = "*", month = "*", separator, day = "*"] = match;
	const chains = [parseChain(year, 1970, lastYear), parseChain(month, 1, 12), parseChain(day, 1, 31)];
	if (chains.includes(null)) return undefined;
	const [years, months, days] = chains as readonly Chain[];
	return { year: years, month: months, day: days, isFromEnd: separator === "~" };
}

function parseTime(text: string): Pick<CalendarSpec, "hour" | "minute" | "second"> | undefined {
	const [hour = "", minute, second = "0", ...rest] = text.split(":");
	if (minute === undefined || rest.length > 0) return undefined;
	const chains = [parseChain(hour, 0, 23), parseChain(minute, 0, 59), parseChain(second, 0, 60)];
	if (chains.includes(null)) return undefined;
	const [hours, minutes, seconds] = chains as readonly Chain[];
	return { hour: hours, minute: minutes, second: seconds };
}

/** Null if it is none. */
function parseChain(text: string, least: number, most: number): Chain | null {
	if (text === "*") return undefined;
	const items: Item[] = [];
	for (const part of text.split(",")) {
		const match = /^(\d+)(?:\.\.(\d+))?(?:\/(\d+))?$/.exec(part);
		if (match === null) return null;
		const [, first = "", last, every] = match;
		const start = least === 1970 ? fullYear(Number(first)) : Number(first);
		const stop = last === undefined ? undefined : least === 1970 ? fullYear(Number(last)) : Number(last);
		const repeat = Number(every ?? (stop === undefined ? 0 : 1));
		if (start < least || (stop ?? start) > most || (stop ?? start) < start || (every !== undefined && repeat === 0)) return null;
		items.push({ start, ...(stop === undefined || stop === start ? {} : { stop }), repeat: stop === start ? 0 : repeat });
	}
	items.sort((a, b) => a.start - b.start || (a.stop ?? a.start) - (b.stop ?? b.start));
	return items.filter((item, index) => index === 0 || formatItem(item, 1) !== formatItem(items[index - 1] as Item, 1));
}

/** `26` is 2026, `99` is 1999. */
function fullYear(year: number): number {
	return year < 70 ? year + 2000 : year < 100 ? year + 1900 : year;
}

/** The normalized form: `Mon..Fri *-*-* 08:00/15:00`. */
export function formatCalendar({ weekdays, year, month, day, isFromEnd, hour, minute, second, isUtc }: CalendarSpec): string {
	const days = weekdays === undefined ? "" : `${formatWeekdays(weekdays)} `;
	const date = `${formatChain(year, 4)}-${formatChain(month, 2)}${isFromEnd ? "~" : "-"}${formatChain(day, 2)}`;
	return `${days}${date} ${[hour, minute, second].map((chain) => formatChain(chain, 2)).join(":")}${isUtc ? " UTC" : ""}`;
}

function formatChain(chain: Chain, digits: number): string {
	return chain === undefined ? "*" : chain.map((item) => formatItem(item, digits)).join(",");
}

function formatItem({ start, stop, repeat }: Item, digits: number): string {
	const number = (value: number) => String(value).padStart(digits, "0");
	const range = stop === undefined ? number(start) : `${number(start)}..${number(stop)}`;
	return repeat > (stop === undefined ? 0 : 1) ? `${range}/${repeat}` : range;
}

/** Three and more in a row are a range. */
function formatWeekdays(weekdays: ReadonlySet<number>): string {
	const runs: number[][] = [];
	for (let day = 0; day < 7; day++) {
		if (!weekdays.has((day + 1) % 7)) continue;
		const run = runs.at(-1);
		if (run?.at(-1) === day - 1) run.push(day);
		else runs.push([day]);
	}
	const name = (day: number | undefined) => dayNames[day ?? 0];
	return runs.map((run) => (run.length > 2 ? `${name(run[0])}..${name(run.at(-1))}` : run.map(name).join(","))).join(",");
}

/** The first moment after this one, Unix ms; undefined: there is none any more. */
export function nextElapse(spec: CalendarSpec, afterMs: number): number | undefined {
	const firstDay = Math.floor(afterMs / dayMs);
	const first = new Date(firstDay * dayMs);
	for (let year = first.getUTCFullYear(); year <= lastYear; year++) {
		if (!matches(spec.year, year, lastYear)) continue;
		const isFirstYear = year === first.getUTCFullYear();
		for (let month = isFirstYear ? first.getUTCMonth() + 1 : 1; month <= 12; month++) {
			if (!matches(spec.month, month, 12)) continue;
			const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
			const isFirstMonth = isFirstYear && month === first.getUTCMonth() + 1;
			for (let day = isFirstMonth ? first.getUTCDate() : 1; day <= days; day++) {
				const startMs = Date.UTC(year, month - 1, day);
				if (!isDay(spec, day, days) || spec.weekdays?.has(new Date(startMs).getUTCDay()) === false) continue;
				const second = nextSecond(spec, Math.floor((afterMs - startMs) / 1000));
				if (second !== undefined) return startMs + second * 1000;
			}
		}
	}
	return undefined;
}

function isDay({ day: chain, isFromEnd }: CalendarSpec, day: number, days: number): boolean {
	if (!isFromEnd || chain === undefined) return matches(chain, day, days);
	return chain.some(({ start, stop, repeat }) => {
		// Mirrored, so that a range's first day is the one that is further from the end.
		const [from, to] =
			stop === undefined ? [days + 1 - start, repeat === 0 ? days + 1 - start : days] : [days + 1 - stop, days + 1 - start];
		return day >= from && day <= to && (day - from) % Math.max(1, repeat) === 0;
	});
}

/** Of the day, after this one. */
function nextSecond({ hour: hours, minute: minutes, second: seconds }: CalendarSpec, after: number): number | undefined {
	for (let hour = Math.max(0, Math.floor(after / 3600)); hour < 24; hour++) {
		if (!matches(hours, hour, 23)) continue;
		for (let minute = 0; minute < 60; minute++) {
			const startsAt = hour * 3600 + minute * 60;
			if (startsAt + 59 <= after || !matches(minutes, minute, 59)) continue;
			for (let second = 0; second < 60; second++) if (startsAt + second > after && matches(seconds, second, 59)) return startsAt + second;
		}
	}
	return undefined;
}

function matches(chain: Chain, value: number, most: number): boolean {
	if (chain === undefined) return true;
	return chain.some(({ start, stop, repeat }) => {
		if (value < start || value > (stop ?? (repeat === 0 ? start : most))) return false;
		return repeat === 0 || (value - start) % repeat === 0;
	});
}

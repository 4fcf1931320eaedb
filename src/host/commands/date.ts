/** `date`: the cluster's clock, in UTC. Source: POSIX.1-2024, date; strftime's conversions. */
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { parseOptions } from "./options.ts";

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const dayMs = 86_400_000;

export const date: Program = async ({ argv, machine, stdout, stderr }) => {
	const { flags, values, operands } = parseOptions(argv.slice(1), "uRd:s:r:I", ["utc", "date:", "iso-8601", "rfc-3339:"]);
	const asked = values.get("d") ?? values.get("date");
	const timeMs = asked === undefined ? machine.clock.now() : parseDate(asked, machine.clock.now());
	if (timeMs === undefined) {
		await writeText(stderr, `date: invalid date '${asked}'\n`);
		return 1;
	}
	const format = operands.find((operand) => operand.startsWith("+"))?.slice(1);
	await writeText(stdout, `${formatDate(timeMs, format ?? defaultFormat(flags, values))}\n`);
	return 0;
};

function defaultFormat(flags: ReadonlySet<string>, values: ReadonlyMap<string, string>): string {
	if (flags.has("R")) return "%a, %d %b %Y %H:%M:%S +0000";
	if (flags.has("I") || flags.has("iso-8601")) return "%Y-%m-%d";
	if (values.has("rfc-3339")) return "%Y-%m-%d %H:%M:%S+00:00";
	return "%a %b %e %H:%M:%S UTC %Y";
}

function parseDate(text: string, nowMs: number): number | undefined {
	if (/^@-?\d+$/.test(text)) return Number(text.slice(1)) * 1000;
	if (text === "now") return nowMs;
	const relative = /^([-+]?\d+) (second|minute|hour|day|week)s?( ago)?$/.exec(text);
	if (relative !== null) {
		const unitMs = { second: 1000, minute: 60_000, hour: 3_600_000, day: dayMs, week: 7 * dayMs }[relative[2] ?? ""] ?? 0;
		return nowMs + Number(relative[1]) * unitMs * (relative[3] === undefined ? 1 : -1);
	}
	const parsed = Date.parse(/[zZ]|[-+]\d\d:?\d\d$/.test(text) ? text : `${text.replace(" ", "T")}${text.includes(":") ? "Z" : ""}`);
	return Number.isNaN(parsed) ? undefined : parsed;
}

/** strftime in UTC. @param timeMs Unix ms. */
function formatDate(timeMs: number, format: string): string {
	return format.replace(/%([-_0]?)([a-zA-Z%])/g, (whole, flag: string, letter: string) => {
		const text = convert(new Date(timeMs), timeMs, letter);
		if (text === undefined) return whole;
		return flag === "-" ? text.replace(/^[0 ]+(?=.)/, "") : text;
	});
}

function convert(at: Date, timeMs: number, letter: string): string | undefined {
	const two = (value: number) => String(value).padStart(2, "0");
	const hour12 = at.getUTCHours() % 12 || 12;
	switch (letter) {
		case "Y":
			return String(at.getUTCFullYear());
		case "y":
			return two(at.getUTCFullYear() % 100);
		case "m":
			return two(at.getUTCMonth() + 1);
		case "d":
			return two(at.getUTCDate());
		case "e":
			return String(at.getUTCDate()).padStart(2);
		case "H":
			return two(at.getUTCHours());
		case "I":
			return two(hour12);
		case "M":
			return two(at.getUTCMinutes());
		case "S":
			return two(at.getUTCSeconds());
		case "N":
			return `${String(at.getUTCMilliseconds()).padStart(3, "0")}000000`;
		case "p":
			return at.getUTCHours() < 12 ? "AM" : "PM";
		case "a":
			return days[at.getUTCDay()]?.slice(0, 3);
		case "A":
			return days[at.getUTCDay()];
		case "b":
		case "h":
			return months[at.getUTCMonth()]?.slice(0, 3);
		case "B":
			return months[at.getUTCMonth()];
		case "j":
			return String(Math.floor((timeMs - Date.UTC(at.getUTCFullYear(), 0, 1)) / dayMs) + 1).padStart(3, "0");
		case "u":
			return String(at.getUTCDay() || 7);
		case "w":
			return String(at.getUTCDay());
		case "s":
			return String(Math.floor(timeMs / 1000));
		case "F":
			return formatDate(timeMs, "%Y-%m-%d");
		case "T":
			return formatDate(timeMs, "%H:%M:%S");
		case "D":
			return formatDate(timeMs, "%m/%d/%y");
		case "R":
			return formatDate(timeMs, "%H:%M");
		case "c":
			return formatDate(timeMs, "%a %b %e %H:%M:%S %Y");
		case "z":
			return "+0000";
		case "Z":
			return "UTC";
		case "n":
			return "\n";
		case "t":
			return "\t";
		case "%":
			return "%";
		default:
			return undefined;
	}
}

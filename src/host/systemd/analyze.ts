/** `systemd-analyze calendar` and `timespan`. Source: systemd-analyze(1). Its other verbs are not simulated. */
import { parseOptions } from "../commands/options.ts";
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { formatCalendar, nextElapse, parseCalendar } from "./calendar.ts";
import { formatDistance, formatSpan, formatStamp } from "./times.ts";
import { parseSpan } from "./unit-file.ts";

export const systemdAnalyze: Program = async ({ argv, machine, stdout, stderr }) => {
	const { values, operands } = parseOptions(argv.slice(1), "", ["iterations:", "no-pager"]);
	const [verb = "time", ...expressions] = operands;
	const describe = verb === "calendar" ? describeCalendar : verb === "timespan" ? describeSpan : undefined;
	if (describe === undefined) {
		await writeText(stderr, `kubesim: systemd-analyze ${verb} is not simulated: calendar and timespan are\n`);
		return 1;
	}
	if (expressions.length === 0) {
		await writeText(stderr, "Too few arguments.\n");
		return 1;
	}
	let status = 0;
	for (const [index, expression] of expressions.entries()) {
		const described = describe(expression, machine.clock.now(), Number(values.get("iterations") ?? 1));
		if (described.error !== undefined) {
			await writeText(stderr, `${described.error}\n`);
			status = 1;
		}
		await writeText(stdout, `${fieldLines(described.fields)}${index < expressions.length - 1 ? "\n" : ""}`);
	}
	return status;
};

interface Description {
	readonly fields: readonly (readonly [name: string, value: string])[];
	readonly error?: string;
}

function describeCalendar(text: string, nowMs: number, iterations: number): Description {
	const spec = parseCalendar(text);
	if (spec === undefined) return { fields: [], error: `Failed to parse calendar specification '${text}': Invalid argument` };
	const normalized = formatCalendar(spec);
	const fields: [string, string][] = [];
	if (normalized !== text) fields.push(["Original form", text]);
	fields.push(["Normalized form", normalized]);
	let atMs = nowMs;
	for (let round = 0; round < iterations; round++) {
		const next = nextElapse(spec, atMs);
		if (next === undefined) {
			if (round === 0) fields.push(["Next elapse", "never"]);
			break;
		}
		const left = formatDistance(next - nowMs);
		fields.push([round === 0 ? "Next elapse" : `Iteration #${round + 1}`, formatStamp(next)], ["From now", `${left} left`]);
		atMs = next;
	}
	return { fields };
}

function describeSpan(text: string): Description {
	const ms = parseSpan(text);
	if (ms === undefined) return { fields: [], error: `Failed to parse time span '${text}': Invalid argument` };
	const isInfinite = !Number.isFinite(ms);
	return {
		fields: [
			["Original", text],
			["μs", isInfinite ? "18446744073709551615" : String(Math.round(ms * 1000))],
			["Human", isInfinite ? "infinity" : ms === 0 ? "0" : formatSpan(ms)],
		],
	};
}

function fieldLines(fields: readonly (readonly [name: string, value: string])[]): string {
	const width = Math.max(0, ...fields.map(([name]) => name.length));
	return fields.map(([name, value]) => `${name.padStart(width)}: ${value}\n`).join("");
}

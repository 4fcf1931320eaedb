/** Moments and spans as systemd's tools write them. Source: systemd.time(7) */

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const [secondMs, minuteMs, hourMs, dayMs, weekMs, monthMs, yearMs] = [
	1_000, 60_000, 3_600_000, 86_400_000, 604_800_000, 2_629_800_000, 31_557_600_000,
] as const;

/** `Sun 2026-11-29 01:46:53 UTC`. */
export function formatStamp(timeMs: number): string {
	const iso = new Date(timeMs).toISOString();
	return `${days[new Date(timeMs).getUTCDay()]} ${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** `Nov 29 01:46:53`. */
export function formatSyslogTime(timeMs: number): string {
	const date = new Date(timeMs);
	return `${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2, "0")} ${date.toISOString().slice(11, 19)}`;
}

/** `5min ago`, `1h 2min ago`, `3 days ago`; `now`. */
export function formatAgo(timeMs: number, nowMs: number): string {
	const distance = formatDistance(nowMs - timeMs);
	return distance === "now" ? distance : `${distance} ago`;
}

/** `23h`, `1min 9s`, `2 weeks 3 days`: coarser the longer it is; `now` for what is not to come, or not past. */
export function formatDistance(spanMs: number): string {
	const ms = Math.max(0, spanMs);
	const counted = (count: number, unit: string) => `${count} ${unit}${count === 1 ? "" : "s"}`;
	const pair = (whole: number, wholeUnit: string, part: number, partUnit: string) =>
		`${counted(whole, wholeUnit)}${part > 0 ? ` ${counted(part, partUnit)}` : ""}`;
	if (ms >= yearMs) return pair(Math.floor(ms / yearMs), "year", Math.floor((ms % yearMs) / monthMs), "month");
	if (ms >= monthMs) return pair(Math.floor(ms / monthMs), "month", Math.floor((ms % monthMs) / dayMs), "day");
	if (ms >= weekMs) return pair(Math.floor(ms / weekMs), "week", Math.floor((ms % weekMs) / dayMs), "day");
	if (ms >= 2 * dayMs) return `${counted(Math.floor(ms / dayMs), "day")}`;
	if (ms >= 25 * hourMs) return `1 day ${Math.floor((ms % dayMs) / hourMs)}h`;
	if (ms >= 6 * hourMs) return `${Math.floor(ms / hourMs)}h`;
	if (ms >= hourMs) return `${Math.floor(ms / hourMs)}h ${Math.floor((ms % hourMs) / minuteMs)}min`;
	if (ms >= 5 * minuteMs) return `${Math.floor(ms / minuteMs)}min`;
	if (ms >= minuteMs) return `${Math.floor(ms / minuteMs)}min ${Math.floor((ms % minuteMs) / secondMs)}s`;
	if (ms >= secondMs) return `${Math.floor(ms / secondMs)}s`;
	return ms > 0 ? `${Math.floor(ms)}ms` : "now";
}

/** `194ms`, `5.012s`, `1min 3.5s`, `2h 5min 3s`. */
export function formatSpan(ms: number): string {
	if (ms < secondMs) return `${Math.floor(ms)}ms`;
	const parts: string[] = [];
	let rest = Math.floor(ms);
	for (const [unitMs, unit] of [
		[dayMs, "d"],
		[hourMs, "h"],
		[minuteMs, "min"],
	] as const) {
		if (rest >= unitMs) parts.push(`${Math.floor(rest / unitMs)}${unit}`);
		rest %= unitMs;
	}
	if (rest > 0) parts.push(`${Number((rest / secondMs).toFixed(3))}s`);
	return parts.join(" ");
}

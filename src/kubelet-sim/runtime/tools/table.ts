/** Text as Go's programs on a node print it: tables of text/tabwriter, ages and sizes of docker/go-units. */

export interface TableLayout {
	readonly minWidth: number;
	readonly padding: number;
	/** Whether the last cell is padded, too: the program ends it with a tab. */
	readonly endsWithTab?: boolean;
}

/** Columns as wide as their widest cell, filled up with spaces. */
export function formatTable(rows: readonly (readonly string[])[], { minWidth, padding, endsWithTab = false }: TableLayout): string {
	const widths: number[] = [];
	for (const row of rows)
		for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? minWidth, [...cell].length + padding);
	const line = (row: readonly string[]) =>
		row
			.map((cell, column) =>
				column === row.length - 1 && !endsWithTab ? cell : cell.padEnd((widths[column] ?? 0) + cell.length - [...cell].length),
			)
			.join("");
	return rows.map((row) => `${line(row)}\n`).join("");
}

/** `About a minute`, `3 hours`. Source: docker/go-units, HumanDuration. */
export function humanDuration(durationMs: number): string {
	const seconds = Math.floor(durationMs / 1000);
	if (seconds < 1) return "Less than a second";
	if (seconds === 1) return "1 second";
	if (seconds < 60) return `${seconds} seconds`;
	const minutes = Math.floor(durationMs / 60_000);
	if (minutes === 1) return "About a minute";
	if (minutes < 60) return `${minutes} minutes`;
	const hours = Math.floor(durationMs / 3_600_000 + 0.5);
	if (hours === 1) return "About an hour";
	if (hours < 48) return `${hours} hours`;
	if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
	if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
	if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
	return `${Math.floor(durationMs / 3_600_000 / 24 / 365)} years`;
}

function sized(size: number, base: number, units: readonly string[], digits: number): string {
	let rest = size;
	let at = 0;
	for (; rest >= base && at < units.length - 1; at++) rest /= base;
	return `${Number(rest.toPrecision(digits))}${units[at]}`;
}

/** `72.1MB`: thousands, with so many digits. */
export function humanSize(bytes: number, digits: number): string {
	return sized(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB"], digits);
}

/** `68.6 MiB`, as containerd's own programs write it. */
export function binarySize(bytes: number): string {
	let rest = bytes;
	let at = 0;
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	for (; rest >= 1024 && at < units.length - 1; at++) rest /= 1024;
	return `${rest.toFixed(1)} ${units[at]}`;
}

/** RFC 3339 as Go's RFC3339Nano has it: without zeros at the end. */
export function nanoTime(timeMs: number): string {
	return new Date(timeMs)
		.toISOString()
		.replace(/\.(\d*?)0*Z$/, ".$1Z")
		.replace(".Z", "Z");
}

/** Columns as kubectl prints them: as wide as their widest cell, three blanks between them. */

export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const lines = [head, ...rows];
	const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
	return lines
		.map(
			(line) =>
				`${line
					.map((cell, column) => cell.padEnd(widths[column] ?? 0))
					.join("   ")
					.trimEnd()}\n`,
		)
		.join("");
}

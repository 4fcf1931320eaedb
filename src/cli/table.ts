/** Columns as kubectl prints them: as wide as their widest cell, three blanks between them. */

const gap = "   ";

/**
 * @param screenWidth in which it is to be read: columns that find no room follow below, each time behind the first one; default: there is room for all
 */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[], screenWidth = Number.POSITIVE_INFINITY): string {
	const lines = [head, ...rows];
	const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
	return columnGroups(widths, screenWidth)
		.map((columns) => lines.map((line) => lineOf(columns.map((column) => (line[column] ?? "").padEnd(widths[column] ?? 0)))).join(""))
		.join("\n");
}

function lineOf(cells: readonly string[]): string {
	return `${cells.join(gap).trimEnd()}\n`;
}

/** Which columns stand beside each other; the first one in every group. */
function columnGroups([first = 0, ...others]: readonly number[], screenWidth: number): readonly (readonly number[])[] {
	const groups: number[][] = [[0]];
	let used = first;
	for (const [index, width] of others.entries()) {
		const group = groups.at(-1);
		const isFull = used + gap.length + width > screenWidth && (group?.length ?? 0) > 1;
		if (isFull) groups.push([0, index + 1]);
		else group?.push(index + 1);
		used = (isFull ? first : used) + gap.length + width;
	}
	return groups;
}

/** Of the terminal that reads stdout, or what a program says that shows it in one (`COLUMNS`); infinite for what is read by programs. */
export function screenWidth(): number {
	if (process.stdout.isTTY) return process.stdout.columns;
	return Number(process.env.COLUMNS) || Number.POSITIVE_INFINITY;
}

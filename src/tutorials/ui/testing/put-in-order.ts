/** Answers an order step by keys, in whatever terminal. */
export interface Desk {
	readonly press: (keys: string) => void;
	readonly rows: () => readonly string[];
	/** Resolves once the screen shows it. */
	readonly shows: (pattern: RegExp) => Promise<unknown>;
}

const up = "\u001b[A";
const down = "\u001b[B";

/** @param items how each begins, in the order that is wanted; the cursor is on the first one, before and after */
export async function putInOrder(items: readonly RegExp[], { press, rows, shows }: Desk): Promise<void> {
	for (const [place, { source }] of items.entries()) {
		await shows(/^› 1\. /m);
		const shown = rows().filter((row) => /^[ ›↕] \d\. /.test(row));
		const at = shown.findIndex((row) => new RegExp(`^. \\d\\. ${source}`).test(row));
		// Down to it, take it up, up to its place, put it down, back to the top.
		press(`${down.repeat(at)} ${up.repeat(at - place)} ${up.repeat(place)}`);
		await shows(new RegExp(`^[ ›] ${place + 1}\\. ${source}`, "m"));
	}
}

/**
 * What JSON.parse does not say: which keys stand twice in an object. Strict field validation refuses such bodies.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
 */

interface Frame {
	/** Keys so far; undefined for a list. */
	readonly keys: Set<string> | undefined;
	/** The key or index at hand. */
	place: string | number;
	/** In an object: whether the next string is a key. */
	expectsKey: boolean;
}

const quote = 0x22;
const backslash = 0x5c;

/**
 * Paths of the keys that stand more than once, each named once, as strict decoding names them: `spec.containers[0].image`.
 * The text must be valid JSON. One pass without recursion, so that deep nesting does no harm.
 */
export function findDuplicateKeys(text: string): string[] {
	const duplicates = new Set<string>();
	const frames: Frame[] = [];
	let top: Frame | undefined;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		switch (code) {
			case quote: {
				const end = endOfString(text, index);
				if (top?.keys !== undefined && top.expectsKey) {
					const key = readKey(text, index, end);
					top.expectsKey = false;
					top.place = key;
					if (top.keys.has(key)) duplicates.add(formatPath(frames));
					else top.keys.add(key);
				}
				index = end;
				break;
			}
			case 0x7b: // {
				top = { keys: new Set(), place: "", expectsKey: true };
				frames.push(top);
				break;
			case 0x5b: // [
				top = { keys: undefined, place: 0, expectsKey: false };
				frames.push(top);
				break;
			case 0x7d: // }
			case 0x5d: // ]
				frames.pop();
				top = frames.at(-1);
				break;
			case 0x2c: // ,
				if (top === undefined) break;
				if (typeof top.place === "number") top.place++;
				else top.expectsKey = true;
				break;
		}
	}
	return [...duplicates];
}

/** Index of the quote that closes the string which opens at `start`. */
function endOfString(text: string, start: number): number {
	for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
		let backslashes = 0;
		while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes++;
		if (backslashes % 2 === 0) return end;
	}
	return text.length;
}

function readKey(text: string, start: number, end: number): string {
	const raw = text.slice(start + 1, end);
	return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
}

function formatPath(frames: readonly Frame[]): string {
	let path = "";
	for (const { place } of frames) path += typeof place === "number" ? `[${place}]` : path === "" ? place : `.${place}`;
	return path;
}

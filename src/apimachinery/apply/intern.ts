/**
 * One value for equal sets: the pods of a ReplicaSet have the same owners of the same fields, and so have the versions
 * of one object.
 */
import type { FieldSet } from "./field-set.ts";

/** Sets that are remembered; the oldest goes when another comes. */
const capacity = 1024;
/** Sets with a longer text are rarely equal to others, and dear to remember. */
const maxLength = 8192;

/** Pure memos: an answer is always equal to what was asked, and a set has one text. */
const byText = new Map<string, FieldSet>();
const texts = new Map<FieldSet, string>();

/** A set equal to this one, the same for all equal ones among the last thousand. */
export function intern(set: FieldSet): FieldSet {
	if (texts.has(set)) return set;
	const text = JSON.stringify(set);
	if (text.length > maxLength) return set;
	const known = byText.get(text);
	if (known !== undefined) return known;
	if (byText.size >= capacity) forgetOldest();
	byText.set(text, set);
	texts.set(set, text);
	return set;
}

function forgetOldest(): void {
	for (const [text, set] of byText) {
		byText.delete(text);
		texts.delete(set);
		return;
	}
}

/** The JSON of a set, without writing it anew if it is one of those. */
export function textOfSet(set: FieldSet): string {
	return texts.get(set) ?? JSON.stringify(set);
}

/**
 * One value for equal sets: the pods of a ReplicaSet have the same owners of the same fields, and so have the versions
 * of one object.
 */
import { emptySet, type FieldSet, isEmptySet } from "./field-set.ts";

/** Sets that are remembered; the oldest goes when another comes. */
const capacity = 1024;
/** Sets with a longer text are rarely equal to others, and dear to remember. */
const maxLength = 8192;
/** Of sets with a longer text the parts are shared, too. */
const minLengthOfShared = 64;

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
	const made = text.length < minLengthOfShared ? set : withSharedParts(set);
	if (byText.size >= capacity) forgetOldest();
	byText.set(text, made);
	texts.set(made, text);
	return made;
}

/** What differs is often little of it: the address of a pod, the zone of a node. */
function withSharedParts(set: FieldSet): FieldSet {
	const made: Record<string, FieldSet> = {};
	let isSame = true;
	for (const element in set) {
		const part = set[element] ?? emptySet;
		const shared = isEmptySet(part) ? emptySet : intern(part);
		made[element] = shared;
		isSame &&= shared === part;
	}
	return isSame ? set : made;
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

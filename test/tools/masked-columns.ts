/**
 * Makes what kubectl prints comparable: what differs from run to run (times, ages, addresses, uids, generated names)
 * becomes a word in angle brackets, and columns stand two blanks apart whatever the width of their widest cell.
 */

/** Letters that Kubernetes generates names from: no vowels, nothing that looks like another. */
const suffixLetters = "bcdfghjklmnpqrstvwxz2456789";

const masks: readonly (readonly [RegExp, string])[] = [
	[/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "<time>"],
	[/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000/g, "<time>"],
	[/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "<uid>"],
	[/\b(10|172|192)(\.\d{1,3}){3}\b/g, "<ip>"],
	// A pod of a ReplicaSet, then the ReplicaSet itself.
	[new RegExp(`-[${suffixLetters}]{8,10}-[${suffixLetters}]{5}\\b`, "g"), "-<hash>-<id>"],
	[new RegExp(`([-=])(?=[${suffixLetters}]*\\d)[${suffixLetters}]{8,10}\\b`, "g"), "$1<hash>"],
	[/(?<= {2})(\d+[smh]){1,2}(?= {2,}|$)/gm, "<age>"],
	[/(?<=\S) {2,}(?=\S)/g, "  "],
	[/ +$/gm, ""],
];

/** The text with everything masked that no test can know. */
export function mask(text: string): string {
	return masks.reduce((masked, [pattern, word]) => masked.replace(pattern, word), text);
}

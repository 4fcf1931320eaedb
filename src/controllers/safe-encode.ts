/** Numbers as text that spells no bad words: what hashes in names and labels are written in. */

const safeAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A hash as 1 to 10 characters. Source of behaviour: SafeEncodeString in apimachinery/pkg/util/rand. */
export function safeEncode(hash: number): string {
	return [...String(hash)].map((digit) => safeAlphabet.charAt(digit.charCodeAt(0) % safeAlphabet.length)).join("");
}

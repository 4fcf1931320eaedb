/**
 * `Warning` headers: code 299, no agent, each text once. What clients can take is limited: with more than 4096
 * characters in all, every text is cut to 256, and what then still goes beyond is left out.
 * Source: RFC 7234, and k8s.io/apiserver/pkg/endpoints/filters/warning.go.
 */
const maxCharacters = 4 * 1024;
const maxCharactersEach = 256;

export function warningHeaders(warnings: readonly string[]): string[] {
	const texts = [...new Set(warnings)].map((text) => Array.from(text.replace(/\p{Cc}/gu, " ")));
	const isTooMuch = texts.reduce((sum, { length }) => sum + length, 0) > maxCharacters;
	const cut = isTooMuch ? texts.map((text) => text.slice(0, maxCharactersEach)) : texts;
	let sum = 0;
	const fitting = cut.filter(({ length }) => {
		sum += length;
		return sum <= maxCharacters;
	});
	return fitting.map((text) => warningHeader(text.join("")));
}

/** node:http writes a character a byte: UTF-8 has to be made before. */
function warningHeader(text: string): string {
	return Buffer.from(`299 - "${text.replace(/["\\]/g, "\\$&")}"`).toString("latin1");
}

/** Replaces what differs from run to run, so that whole outputs can be compared. */

const masks: readonly (readonly [RegExp, string])[] = [
	// 2026-01-01T00:00:00Z, with or without fractions
	[/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME"],
	// Thu, 01 Jan 2026 00:00:00 +0000
	[/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, "TIME"],
	[/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UID"],
	[/containerd:\/\/[0-9a-f]{64}/g, "containerd://ID"],
	[/sha256:[0-9a-f]{64}/g, "sha256:DIGEST"],
	[/\b10\.244\.\d+\.\d+\b/g, "POD-IP"],
	[/\b10\.(9[6-9]|10\d|11[01])\.\d+\.\d+\b/g, "CLUSTER-IP"],
	// web-5d78c9869d-x7k2p, web-5d78c9869d, kube-api-access-x7k2p: letters and digits that Kubernetes chooses
	[/-[bcdf-hj-np-tv-z2456789]{8,10}-[bcdf-hj-np-tv-z2456789]{5}\b/g, "-HASH-RANDOM"],
	[/-[bcdf-hj-np-tv-z2456789]{8,10}\b/g, "-HASH"],
	[/\b(pod-template-hash=)[bcdf-hj-np-tv-z2456789]{8,10}\b/g, "$1HASH"],
	[/\b(kube-api-access)-[bcdf-hj-np-tv-z2456789]{5}\b/g, "$1-RANDOM"],
	// (x3 over 2m5s), then ages that stand alone
	[/\(x\d+ over [\dhms]+\)/g, "(xN over AGE)"],
	[/(?<=^|\s|\()(\d+d)?(\d+h)?(\d+m)?(\d+s)?(?<=[dhms])(?=\s|$| ago\))/gm, "AGE"],
];

/** Ages, times, hashes, random suffixes, addresses and ids become words; runs of blanks become one (columns shift with them). */
export function maskedText(text: string): string {
	const masked = masks.reduce((result, [pattern, word]) => result.replace(pattern, word), text);
	return masked.replace(/[ \t]+/g, " ").replace(/ +$/gm, "");
}

/** The lines of a table, masked. */
export function maskedLines(text: string): string[] {
	return maskedText(text).trimEnd().split("\n");
}

/**
 * Addresses and ranges in fields that once took sloppy forms of them: an update may keep what was in the store before,
 * and who writes an IPv6 address in an unusual form is told the usual one.
 * Source: IsValidIPForLegacyField, GetWarningsForIP in k8s.io/apimachinery/pkg/util/validation/ip.go of Kubernetes 1.36; KEP-4858.
 */
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { ipFamily, ipToNumber, isValidCidr, isValidIp, parseCidr } from "./ip.ts";

/** An address, unless it is one of those that were there before. */
export function validateLegacyIp(text: string, path: string, known: readonly string[] = []): readonly FieldError[] {
	return known.includes(text) ? [] : isValidIp(text).map((message) => fieldInvalid(path, text, message));
}

/** A range, unless it is one of those that were there before. */
export function validateLegacyCidr(text: string, path: string, known: readonly string[] = []): readonly FieldError[] {
	if (known.includes(text)) return [];
	const plain = withoutLeadingZeros(text);
	if (plain !== text && parseCidr(plain) !== undefined)
		return [fieldInvalid(path, text, "must not have leading 0s in IP or prefix length")];
	return isValidCidr(text).map((message) => fieldInvalid(path, text, message));
}

/** What is wrong with an address in a field that never took sloppy forms: it is written as Go writes it. */
export function isCanonicalIp(text: string): readonly string[] {
	const texts = isValidIp(text);
	if (texts.length > 0 || ipFamily(text) === "IPv4") return texts;
	const canonical = formatIpv6(ipToNumber(text));
	return text === canonical ? [] : [`must be in canonical form ("${canonical}")`];
}

/** The same for a range. */
export function validateCanonicalCidr(text: string, path: string): readonly FieldError[] {
	const errors = validateLegacyCidr(text, path);
	const cidr = parseCidr(text);
	if (errors.length > 0 || cidr?.family !== "IPv6") return errors;
	const canonical = `${formatIpv6(cidr.address)}/${cidr.prefixLength}`;
	return text === canonical ? [] : [fieldInvalid(path, text, `must be in canonical form ("${canonical}")`)];
}

/** `010.01.0.0/08` → `10.1.0.0/8`. */
function withoutLeadingZeros(text: string): string {
	const [address = "", ...rest] = text.split("/");
	const plain = address.includes(":") ? address : address.replace(/(^|\.)0+(?=\d)/g, "$1");
	return [plain, ...rest.map((length) => length.replace(/^0+(?=\d)/, ""))].join("/");
}

/** Text of a `Warning` header for an IPv6 address that is not written as RFC 5952 wants it. */
export function ipWarnings(text: string, path: string): readonly string[] {
	if (ipFamily(text) !== "IPv6") return [];
	const canonical = formatIpv6(ipToNumber(text));
	return text === canonical ? [] : [`${path}: IPv6 address "${text}" should be in RFC 5952 canonical format ("${canonical}")`];
}

/** The same for a range. */
export function cidrWarnings(text: string, path: string): readonly string[] {
	const cidr = parseCidr(text);
	if (cidr?.family !== "IPv6") return [];
	const canonical = `${formatIpv6(cidr.address)}/${cidr.prefixLength}`;
	return text === canonical ? [] : [`${path}: IPv6 CIDR value "${text}" should be in RFC 5952 canonical format ("${canonical}")`];
}

/** RFC 5952: lower case, no leading zeros, the longest run of zero groups (two at least, the first of equals) as `::`. */
export function formatIpv6(address: bigint): string {
	const groups = Array.from({ length: 8 }, (_, index) => ((address >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
	let longest = { start: 0, length: 0 };
	for (let start = 0; start < groups.length; start++) {
		let length = 0;
		while (groups[start + length] === "0") length++;
		if (length > longest.length) longest = { start, length };
	}
	if (longest.length < 2) return groups.join(":");
	return `${groups.slice(0, longest.start).join(":")}::${groups.slice(longest.start + longest.length).join(":")}`;
}

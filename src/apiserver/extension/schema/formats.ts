/**
 * The formats of strings that a CustomResourceDefinition's schema may ask for; any other is not looked at.
 * Source: supportedVersionedFormats in k8s.io/apiextensions-apiserver/pkg/apiserver/validation/formats.go of Kubernetes 1.36,
 * and k8s.io/kube-openapi/pkg/validation/strfmt.
 */
import { isIPv4, isIPv6 } from "node:net";
import { isQuantity } from "../../../apimachinery/quantity.ts";
import { parseGoDuration, TimeError } from "../../../apimachinery/time.ts";
import { isDns1123Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";

type FormatTest = (text: string) => boolean;

const maxHostnameLength = 255;
const maxHostnameLabelLength = 63;

// None of these goes back over what it has seen for long: their alternatives differ in their first characters.
const hostname =
	/^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z0-9\p{S}\p{L}])(-?[a-zA-Z0-9\p{S}\p{L}]){1,62})$/u;
const uuid = (version: string, variant: string): FormatTest => {
	const expression = new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?${variant}[0-9a-f]{3}-?[0-9a-f]{12}$`, "i");
	return (text) => expression.test(text);
};
const like =
	(expression: RegExp): FormatTest =>
	(text) =>
		expression.test(text);

/** By the format's name without dashes. */
const tests: Readonly<Record<string, FormatTest>> = {
	bsonobjectid: like(/^[0-9a-fA-F]{24}$/),
	uri: isRequestUri,
	email: like(/^(?:[^<>]*<)?[^\s<>@]+@[^\s<>@]+>?$/),
	hostname: isHostname,
	ipv4: isIPv4,
	ipv6: (text) => isIPv6(text) && !text.includes("%"),
	cidr: isCidr,
	mac: like(
		/^(?:[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}|[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\2){6}[0-9a-fA-F]{2}|[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\3){18}[0-9a-fA-F]{2}|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){2}|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){3}|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){9})$/,
	),
	uuid: uuid("[0-9a-f]", "[0-9a-f]"),
	uuid3: uuid("3", "[0-9a-f]"),
	uuid4: uuid("4", "[89ab]"),
	uuid5: uuid("5", "[89ab]"),
	isbn: (text) => isIsbn10(text) || isIsbn13(text),
	isbn10: isIsbn10,
	isbn13: isIsbn13,
	creditcard: isCreditCard,
	ssn: like(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
	hexcolor: like(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
	rgbcolor: isRgbColor,
	byte: like(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
	password: () => true,
	date: isDate,
	duration: isDuration,
	datetime: isDateTime,
	quantity: isQuantity,
	k8sshortname: (text) => isDns1123Label(text).length === 0,
	k8slongname: (text) => isDns1123Subdomain(text).length === 0,
};

/** How a string of this format is tested; undefined for a format that nobody knows. */
export function formatTest(format: string): FormatTest | undefined {
	const name = format.replaceAll("-", "");
	return Object.hasOwn(tests, name) ? tests[name] : undefined;
}

/** Whether a format counts for values of this type. */
export function isKnownFormat(format: string, type: string): boolean {
	if (type === "integer") return format === "int32" || format === "int64";
	if (type === "number") return format === "float" || format === "double";
	return (type === "" || type === "string") && formatTest(format) !== undefined;
}

/** What Go's url.ParseRequestURI takes: an absolute URI, or an absolute path. */
function isRequestUri(text: string): boolean {
	for (const point of text) if (point < " " || point === "\x7f") return false;
	if (/%(?![0-9a-fA-F]{2})/.test(text)) return false;
	if (text.startsWith("/")) return true;
	const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]*:/.exec(text)?.[0];
	if (scheme === undefined) return false;
	const rest = text.slice(scheme.length);
	if (!rest.startsWith("//")) return rest.startsWith("/") || rest !== "";
	const [authority = ""] = rest.slice(2).split(/[/?#]/, 1);
	return !/[\s<>"\\^`{|}]/.test(authority);
}

function isHostname(text: string): boolean {
	if (text.length > maxHostnameLength || !hostname.test(text)) return false;
	return text.split(".").every((label) => label.length <= maxHostnameLabelLength);
}

function isCidr(text: string): boolean {
	const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
	if (match === null) return false;
	const [, address = "", bits = ""] = match;
	if (bits.length > 1 && bits.startsWith("0")) return false;
	return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && !address.includes("%") && Number(bits) <= 128);
}

function isIsbn10(text: string): boolean {
	const digits = text.replaceAll(/[\s-]+/g, "");
	if (!/^\d{9}[\dX]$/.test(digits)) return false;
	const sum = Array.from(digits).reduce((total, digit, index) => total + (index + 1) * (digit === "X" ? 10 : Number(digit)), 0);
	return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
	const digits = text.replaceAll(/[\s-]+/g, "");
	if (!/^\d{13}$/.test(digits)) return false;
	return Array.from(digits).reduce((total, digit, index) => total + (index % 2 === 0 ? 1 : 3) * Number(digit), 0) % 10 === 0;
}

function isCreditCard(text: string): boolean {
	const digits = text.replaceAll(/\D+/g, "");
	const known =
		/^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;
	if (!known.test(digits)) return false;
	const sum = Array.from(digits)
		.reverse()
		.reduce((total, digit, index) => {
			const doubled = index % 2 === 0 ? Number(digit) : Number(digit) * 2;
			return total + (doubled > 9 ? doubled - 9 : doubled);
		}, 0);
	return sum % 10 === 0;
}

function isRgbColor(text: string): boolean {
	const match = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
	return match?.slice(1).every((part) => String(Number(part)) === part && Number(part) <= 255) === true;
}

function isDate(text: string): boolean {
	const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
	if (match === null) return false;
	const [year, month, day] = match.slice(1).map(Number);
	const date = new Date(`${text}T00:00:00Z`);
	return date.getUTCFullYear() === year && date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
}

function isDateTime(text: string): boolean {
	const [date = "", time = ""] = text.toLowerCase().split("t");
	const match = /^(\d{2}):(\d{2}):(\d{2})(?:.\d+)?(?:z|[+-]\d{2}:\d{2})$/.exec(time);
	if (!isDate(date) || match === null) return false;
	const [hours = 0, minutes = 0, seconds = 0] = match.slice(1).map(Number);
	return hours <= 23 && minutes <= 59 && seconds <= 59;
}

/** Units of durations in words, besides Go's own. */
const units: ReadonlySet<string> = new Set(
	["nano", "micro", "milli", "second", "minute", "hour", "day", "week", "ns", "us", "µs", "ms", "s", "m", "h", "d", "w"].concat([
		"nanosecond",
		"microsecond",
		"millisecond",
		"sec",
		"min",
		"hr",
		"wk",
	]),
);

function isDuration(text: string): boolean {
	try {
		parseGoDuration(text);
		return true;
	} catch (error) {
		if (!(error instanceof TimeError)) throw error;
	}
	const parts = [...text.matchAll(/(\d+)\s*([A-Za-zµ]+)/g)];
	return (
		parts.length > 0 && parts.every(([, , unit = ""]) => units.has(unit.toLowerCase()) || units.has(unit.toLowerCase().replace(/s$/, "")))
	);
}

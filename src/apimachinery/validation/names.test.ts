import { expect, test } from "vitest";
import {
	isCIdentifier,
	isConfigMapKey,
	isDns1035Label,
	isDns1123Label,
	isDns1123Subdomain,
	isDns1123SubdomainWithUnderscore,
	isEnvVarName,
	isHttpHeaderName,
	isPathSegmentName,
	isQualifiedName,
	isValidLabelValue,
	isValidPercent,
	isValidPortName,
	isValidPortNumber,
	isValidUserId,
	isWildcardDns1123Subdomain,
	nameIsDns1035Label,
	nameIsDnsLabel,
	nameIsDnsSubdomain,
} from "./names.ts";

const label = "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?'";
const subdomain =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelText = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', ${label})`;
const qualified =
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const checks = {
	isCIdentifier,
	isConfigMapKey,
	isDns1035Label,
	isDns1123Label,
	isDns1123Subdomain,
	isDns1123SubdomainWithUnderscore,
	isEnvVarName,
	isHttpHeaderName,
	isPathSegmentName,
	isQualifiedName,
	isValidLabelValue,
	isValidPercent,
	isValidPortName,
	isWildcardDns1123Subdomain,
};

test.each<[keyof typeof checks, string, string[]]>([
	["isDns1123Label", "web-0", []],
	["isDns1123Label", "Web", [labelText]],
	["isDns1123Label", "", [labelText]],
	["isDns1123Label", "a.b", ["must not contain dots"]],
	["isDns1123Label", "a".repeat(64), ["must be no more than 63 characters"]],
	["isDns1123Subdomain", "a.b-c.d", []],
	["isDns1123Subdomain", "a..b", [subdomain]],
	["isDns1123Subdomain", "a_b", [subdomain]],
	["isDns1123Subdomain", "a".repeat(254), ["must be no more than 253 characters"]],
	["isDns1123SubdomainWithUnderscore", "_tcp.a_b", []],
	[
		"isDns1035Label",
		"0web",
		[
			"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
		],
	],
	["isWildcardDns1123Subdomain", "*.example.com", []],
	["isQualifiedName", "example.com/My_name.1", []],
	[
		"isQualifiedName",
		"a/b/c",
		[`a valid label key ${qualified} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`],
	],
	["isQualifiedName", "/a", ["prefix part must be non-empty"]],
	["isQualifiedName", "a/", ["name part must be non-empty", `name part ${qualified}`]],
	["isQualifiedName", "A/b", [`prefix part ${subdomain}`]],
	["isQualifiedName", "a".repeat(64), ["name part must be no more than 63 bytes"]],
	["isQualifiedName", `${"a".repeat(254)}/b`, ["prefix part must be no more than 253 bytes"]],
	["isValidLabelValue", "", []],
	["isValidLabelValue", "é".repeat(32), expect.arrayContaining(["must be no more than 63 bytes"])],
	["isCIdentifier", "my_name", []],
	["isEnvVarName", "0 any-thing.at/all", []],
	["isEnvVarName", "a=b", ["a valid environment variable name must consist only of printable ASCII characters other than '='"]],
	["isEnvVarName", "", ["environment variable name must be non-empty"]],
	["isConfigMapKey", ".dockerconfigjson", []],
	["isConfigMapKey", "..", ["must not be '..'"]],
	["isConfigMapKey", "..a", ["must not start with '..'"]],
	["isHttpHeaderName", "X-Custom", []],
	["isValidPortName", "http-2", []],
	[
		"isValidPortName",
		"-80--",
		["must contain at least one letter (a-z)", "must not contain consecutive hyphens", "must not begin or end with a hyphen"],
	],
	["isValidPortName", "a-name-too-long-x", ["must be no more than 15 characters"]],
	["isValidPercent", "25%", []],
	["isPathSegmentName", "system:node", []],
	["isPathSegmentName", "..", ["may not be '..'"]],
	["isPathSegmentName", "a/b%", ["may not contain '/'", "may not contain '%'"]],
])("%s of %j", (check, value, errors) => {
	expect(checks[check](value)).toEqual(errors);
});

test("a generateName may end in a hyphen, a name may not", () => {
	expect(nameIsDnsSubdomain("web-", true)).toEqual([]);
	expect(nameIsDnsSubdomain("web-", false)).toEqual([subdomain]);
	expect(nameIsDnsLabel("web-", true)).toEqual([]);
	expect(nameIsDns1035Label("web-", true)).toEqual([]);
});

test("ports and ids have ranges", () => {
	expect(isValidPortNumber(65535)).toEqual([]);
	expect(isValidPortNumber(0)).toEqual(["must be between 1 and 65535, inclusive"]);
	expect(isValidUserId(-1)).toEqual(["must be between 0 and 2147483647, inclusive"]);
});

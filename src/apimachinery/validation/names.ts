/**
 * What Kubernetes accepts as a name. Each check returns the reasons why a value is not one, in Kubernetes' words, and
 * nothing for a good one.
 * Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and k8s.io/apimachinery
 * pkg/util/validation, pkg/api/validate/content
 */

const dns1123Label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const dns1123Subdomain = `${dns1123Label}(\\.${dns1123Label})*`;
const dns1123LabelUnderscore = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const dns1123SubdomainUnderscore = `${dns1123LabelUnderscore}(\\.${dns1123LabelUnderscore})*`;
const dns1035Label = "[a-z]([-a-z0-9]*[a-z0-9])?";
const wildcardSubdomain = `\\*\\.${dns1123Subdomain}`;
const labelKey = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValue = `(${labelKey})?`;
const cIdentifier = "[A-Za-z_][A-Za-z0-9_]*";
const httpHeader = "[-A-Za-z0-9]+";
const configMapKey = "[-._a-zA-Z0-9]+";
const percent = "[0-9]+%";
const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const labelKeyRule = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const whole = (pattern: string) => new RegExp(`^${pattern}$`);
const patterns = {
	dns1123Label: whole(dns1123Label),
	dns1123Subdomain: whole(dns1123Subdomain),
	dns1123SubdomainUnderscore: whole(dns1123SubdomainUnderscore),
	dns1035Label: whole(dns1035Label),
	wildcardSubdomain: whole(wildcardSubdomain),
	labelKey: whole(labelKey),
	labelValue: whole(labelValue),
	cIdentifier: whole(cIdentifier),
	httpHeader: whole(httpHeader),
	configMapKey: whole(configMapKey),
	percent: whole(percent),
	httpPath: whole(httpPath),
} as const;

/** Longest label of DNS and longest label value, bytes. */
export const maxLabelBytes = 63;
/** Longest subdomain of DNS, bytes: the limit of most object names. */
export const maxSubdomainBytes = 253;

/** `must be no more than 253 characters`. */
export const maxLengthText = (max: number) => `must be no more than ${max} characters`;
/** `must be between 1 and 65535, inclusive`. */
export const inclusiveRangeText = (low: number, high: number) => `must be between ${low} and ${high}, inclusive`;

/** `RULE (e.g. 'a',  or 'b', regex used for validation is 'PATTERN')`. */
export function regexText(rule: string, pattern: string, ...examples: readonly string[]): string {
	const suffix = `regex used for validation is '${pattern}')`;
	if (examples.length === 0) return `${rule} (${suffix}`;
	return `${rule} (e.g. ${examples.map((example) => `'${example}', `).join(" or ")}${suffix}`;
}

/** Names of namespaces, containers, Services: `my-name`, at most 63 characters. */
export function isDns1123Label(value: string): string[] {
	const errors = tooLong(value, maxLabelBytes);
	if (patterns.dns1123Label.test(value)) return errors;
	if (patterns.dns1123Subdomain.test(value)) return [...errors, "must not contain dots"];
	const rule =
		"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
	return [...errors, regexText(rule, dns1123Label, "my-name", "123-abc")];
}

const subdomainRule = (characters: string) =>
	`a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, ${characters}, and must start and end with an alphanumeric character`;

/** Names of most objects: `example.com`, at most 253 characters. */
export function isDns1123Subdomain(value: string): string[] {
	const errors = tooLong(value, maxSubdomainBytes);
	if (!patterns.dns1123Subdomain.test(value)) errors.push(regexText(subdomainRule("'-' or '.'"), dns1123Subdomain, "example.com"));
	return errors;
}

/** A subdomain whose labels may hold underscores: hosts in a Pod's DNS searches. */
export function isDns1123SubdomainWithUnderscore(value: string): string[] {
	const errors = tooLong(value, maxSubdomainBytes);
	if (!patterns.dns1123SubdomainUnderscore.test(value)) {
		errors.push(regexText(subdomainRule("'_', '-' or '.'"), dns1123SubdomainUnderscore, "example.com"));
	}
	return errors;
}

/** A label that starts with a letter: `abc-123`. */
export function isDns1035Label(value: string): string[] {
	const errors = tooLong(value, maxLabelBytes);
	const rule =
		"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
	if (!patterns.dns1035Label.test(value)) errors.push(regexText(rule, dns1035Label, "my-name", "abc-123"));
	return errors;
}

/** Hosts of Ingress rules with a wildcard: `*.example.com`. */
export function isWildcardDns1123Subdomain(value: string): string[] {
	const errors = tooLong(value, maxSubdomainBytes);
	const rule =
		"a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
	if (!patterns.wildcardSubdomain.test(value)) errors.push(regexText(rule, wildcardSubdomain, "*.example.com"));
	return errors;
}

const qualifiedNameRule = regexText(labelKeyRule, labelKey, "MyName", "my.name", "123-abc");

/** Keys of labels, annotations, finalizers, taints, resources: `example.com/MyName`. */
export function isQualifiedName(value: string): string[] {
	const rule = qualifiedNameRule;
	const parts = value.split("/");
	if (parts.length > 2) return [`a valid label key ${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
	const errors: string[] = [];
	const name = parts.at(-1) ?? "";
	if (parts.length === 2) {
		const [prefix = ""] = parts;
		// The DNS rules of label keys count bytes, where those of names count characters: two copies upstream.
		if (prefix === "") errors.push("prefix part must be non-empty");
		else errors.push(...isDns1123Subdomain(prefix).map((text) => `prefix part ${text.replace(/characters$/, "bytes")}`));
	}
	if (name === "") errors.push("name part must be non-empty");
	else if (Buffer.byteLength(name) > maxLabelBytes) errors.push(`name part ${maxBytesText(maxLabelBytes)}`);
	if (!patterns.labelKey.test(name)) errors.push(`name part ${rule}`);
	return errors;
}

/** Values of labels: empty, or up to 63 characters. */
export function isValidLabelValue(value: string): string[] {
	const errors = Buffer.byteLength(value) > maxLabelBytes ? [maxBytesText(maxLabelBytes)] : [];
	const rule =
		"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
	if (!patterns.labelValue.test(value)) errors.push(regexText(rule, labelValue, "MyValue", "my_value", "12345"));
	return errors;
}

/** An identifier in C: `my_name`. */
export function isCIdentifier(value: string): string[] {
	const rule = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'";
	return patterns.cIdentifier.test(value) ? [] : [regexText(rule, cIdentifier, "my_name", "MY_NAME", "MyName")];
}

/** Names of environment variables: any printable ASCII but `=` (relaxed since Kubernetes 1.34). */
export function isEnvVarName(value: string): string[] {
	if (value === "") return ["environment variable name must be non-empty"];
	if (/^[ -<>-~]*$/.test(value)) return [];
	return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** Keys of ConfigMaps and Secrets: `key.name`, at most 253 characters. */
export function isConfigMapKey(value: string): string[] {
	const errors = tooLong(value, maxSubdomainBytes);
	const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
	if (!patterns.configMapKey.test(value)) errors.push(regexText(rule, configMapKey, "key.name", "KEY_NAME", "key-name"));
	if (value === ".") errors.push("must not be '.'");
	else if (value === "..") errors.push("must not be '..'");
	else if (value.startsWith("..")) errors.push("must not start with '..'");
	return errors;
}

/** Names of HTTP headers in probes: `X-Header-Name`. */
export function isHttpHeaderName(value: string): string[] {
	const rule = "a valid HTTP header must consist of alphanumeric characters or '-'";
	return patterns.httpHeader.test(value) ? [] : [regexText(rule, httpHeader, "X-Header-Name")];
}

/** Names of ports: at most 15 characters of [-a-z0-9] with a letter, no hyphen at an end or beside another. */
export function isValidPortName(value: string): string[] {
	const errors = tooLong(value, 15);
	if (!/^[-a-z0-9]+$/.test(value)) errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
	if (!/[a-z]/.test(value)) errors.push("must contain at least one letter (a-z)");
	if (value.includes("--")) errors.push("must not contain consecutive hyphens");
	if (value.startsWith("-") || value.endsWith("-")) errors.push("must not begin or end with a hyphen");
	return errors;
}

/** Port numbers, 1 to 65535. */
export function isValidPortNumber(port: number): string[] {
	return isInRange(port, 1, 65535);
}

/** An inclusive range. */
export function isInRange(value: number, low: number, high: number): string[] {
	return value >= low && value <= high ? [] : [inclusiveRangeText(low, high)];
}

/** `25%`. */
export function isValidPercent(value: string): string[] {
	const rule = "a valid percent string must be a numeric string followed by an ending '%'";
	return patterns.percent.test(value) ? [] : [regexText(rule, percent, "1%", "93%")];
}

/** Numeric user and group ids, 0 to 2^31-1: the limits of libcontainer. */
export function isValidUserId(id: number): string[] {
	return isInRange(id, 0, 0x7fff_ffff);
}

/** The path part of a domain-prefixed path (`acme.io/foo`), as signer names and controller names need it. */
export function isHttpPath(value: string): string[] {
	return patterns.httpPath.test(value) ? [] : [regexText("Invalid path", httpPath)];
}

/** Names that become one segment of a URL path and nothing more is asked of them: RBAC objects. */
export function isPathSegmentName(value: string): string[] {
	if (value === "." || value === "..") return [`may not be '${value}'`];
	return ["/", "%"].filter((character) => value.includes(character)).map((character) => `may not contain '${character}'`);
}

function maxBytesText(max: number): string {
	return `must be no more than ${max} bytes`;
}

function tooLong(value: string, maxBytes: number): string[] {
	return Buffer.byteLength(value) > maxBytes ? [maxLengthText(maxBytes)] : [];
}

/**
 * How a kind's metadata.name is checked. With `prefix` the value is a generateName, which may end in a hyphen because
 * a suffix follows.
 */
export type NameRule = (name: string, prefix: boolean) => readonly string[];

/** The rule of most kinds. */
export const nameIsDnsSubdomain: NameRule = (name, prefix) => isDns1123Subdomain(prefix ? maskTrailingDash(name) : name);
/** The rule of namespaces and of kinds whose name becomes a DNS label. */
export const nameIsDnsLabel: NameRule = (name, prefix) => isDns1123Label(prefix ? maskTrailingDash(name) : name);
/** The rule of Services until 1.34, and of what becomes a variable's name. */
export const nameIsDns1035Label: NameRule = (name, prefix) => isDns1035Label(prefix ? maskTrailingDash(name) : name);
function maskTrailingDash(name: string): string {
	return name.length > 1 && name.endsWith("-") ? `${name.slice(0, -2)}a` : name;
}

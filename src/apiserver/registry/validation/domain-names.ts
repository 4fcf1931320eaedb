/**
 * Names that begin with a domain: of webhooks, controllers and signers.
 * Source: k8s.io/apimachinery/pkg/util/validation/validation.go, pkg/apis/core/validation (signer names).
 */
import { type FieldError, fieldInvalid, fieldRequired, fieldTooLong } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label, isDns1123Subdomain, isHttpPath, maxSubdomainBytes } from "../../../apimachinery/validation/names.ts";

/** `pods.example.com`: a domain of three segments or more. */
export function validateFullyQualifiedName(name: string, path: string): readonly FieldError[] {
	if (name === "") return [fieldRequired(path)];
	const texts = isDns1123Subdomain(name);
	if (texts.length > 0) return [fieldInvalid(path, name, texts.join(","))];
	if (name.split(".").length >= 3) return [];
	return [fieldInvalid(path, name, "should be a domain with at least three segments separated by dots")];
}

/** `example.com` or `example.com.`: a domain of two segments or more. */
export function validateFullyQualifiedDomainName(name: string, path: string): readonly FieldError[] {
	if (name === "") return [fieldRequired(path)];
	const domain = name.endsWith(".") ? name.slice(0, -1) : name;
	const texts = isDns1123Subdomain(domain);
	if (texts.length > 0) return [fieldInvalid(path, domain, texts.join(","))];
	const labels = domain.split(".");
	if (labels.length < 2) return [fieldInvalid(path, domain, "should be a domain with at least two segments separated by dots")];
	return labels.flatMap((label) => {
		const labelTexts = isDns1123Label(label);
		return labelTexts.length === 0 ? [] : [fieldInvalid(path, label, labelTexts.join(","))];
	});
}

/** `acme.io/foo`: the name of a controller. */
export function validateDomainPrefixedPath(value: string, path: string): readonly FieldError[] {
	if (value === "") return [fieldRequired(path)];
	const slash = value.indexOf("/");
	const [host, rest] = [value.slice(0, slash), value.slice(slash + 1)];
	if (slash <= 0 || rest === "") return [fieldInvalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
	return [
		...isDns1123Subdomain(host).map((text) => fieldInvalid(path, host, text)),
		...isHttpPath(rest).map((text) => fieldInvalid(path, rest, text)),
	];
}

/** `example.com/signer-name`: the signer of a CertificateSigningRequest. */
export function validateSignerName(value: string, path: string): readonly FieldError[] {
	const segments = value.split("/");
	const [domain = "", name = ""] = segments;
	const missing = value === "" ? [fieldRequired(path)] : [];
	if (segments.length !== 2) {
		return [...missing, fieldInvalid(path, value, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
	}
	const labels = domain.split(".");
	return [
		...missing,
		...(Buffer.byteLength(domain) > maxSubdomainBytes ? [fieldTooLong(path, maxSubdomainBytes)] : []),
		...firstBadLabel(labels, isDns1123Label).map((text) => fieldInvalid(path, domain, text)),
		...(labels.length < 2 ? [fieldInvalid(path, domain, "should be a domain with at least two segments separated by dots")] : []),
		...firstBadLabel(name.split("."), isDns1123Subdomain).map((text) => fieldInvalid(path, name, text)),
	];
}

/** What is wrong with the first label that is wrong; the others would only repeat it. */
function firstBadLabel(labels: readonly string[], check: (label: string) => readonly string[]): readonly string[] {
	const bad = labels.find((label) => check(label).length > 0);
	return bad === undefined ? [] : check(bad).map((text) => `validating label ${JSON.stringify(bad)}: ${text}`);
}

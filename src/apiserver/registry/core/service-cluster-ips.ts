/**
 * Rules of a Service's addresses and their families. Source: ValidateServiceClusterIPsRelatedFields,
 * validateUpgradeDowngradeClusterIPs, validateUpgradeDowngradeIPFamilies in pkg/apis/core/validation of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/services-networking/dual-stack/
 */
import type { ServiceSpec } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { ipFamily } from "../validation/ip.ts";
import { validateLegacyIp } from "../validation/legacy-ip.ts";
import { type FieldErrors, NO_ERRORS, validateEach, validateOptionalEnum } from "../validation/primitives.ts";
import { isHeadless } from "./service-fields.ts";

const families = ["IPv4", "IPv6"];
const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const mayNotChange = "may not change once set";

/** Addresses of any Service but an ExternalName; those in `known` were in the store before. */
export function validateClusterIps(spec: ServiceSpec, known: readonly string[]): FieldErrors {
	const { clusterIP = "", clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
	const path = "spec.clusterIPs";
	const errors: FieldError[] = [];
	if (clusterIP === "" && clusterIPs.length > 0) {
		errors.push(fieldInvalid(path, clusterIPs, "must be empty when `clusterIP` is not specified"));
	} else if (clusterIP !== "" && clusterIPs.length === 0) {
		errors.push(fieldRequired(path));
	} else if (clusterIP !== "" && clusterIPs[0] !== clusterIP) {
		errors.push(fieldInvalid(path, clusterIPs, "first value must match `clusterIP`"));
	}
	errors.push(...validateFamilies(ipFamilies));
	errors.push(...validateOptionalEnum(ipFamilyPolicy, "spec.ipFamilyPolicy", policies));
	const badAddresses = validateAddresses(clusterIPs, known);
	errors.push(...badAddresses);
	if (clusterIPs.length > 2) errors.push(fieldInvalid(path, clusterIPs, "may only hold up to 2 values"));
	// Families of addresses that are none would only confuse.
	if (badAddresses.length > 0) return errors;
	const isDualStack = new Set(clusterIPs.map(ipFamily)).size === 2;
	if (clusterIPs.length > 1 && !isDualStack) {
		errors.push(fieldInvalid(path, clusterIPs, "may specify no more than one IP for each IP family"));
	}
	return isHeadless(spec) ? errors : [...errors, ...validateFamiliesOfAddresses(clusterIPs, ipFamilies)];
}

function validateFamilies(ipFamilies: readonly string[]): FieldErrors {
	return validateEach(ipFamilies, "spec.ipFamilies", (family, at) => {
		const errors = families.includes(family) ? [] : [fieldNotSupported(at, family, families)];
		const isRepeated = `spec.ipFamilies[${ipFamilies.indexOf(family)}]` !== at;
		return isRepeated ? [...errors, fieldDuplicate(at, family)] : errors;
	});
}

/** "None" stands alone. */
function validateAddresses(clusterIPs: readonly string[], known: readonly string[]): FieldErrors {
	return clusterIPs.flatMap((address, index) => {
		if (index > 0 || address !== "None") return validateLegacyIp(address, `spec.clusterIPs[${index}]`, known);
		return clusterIPs.length > 1 ? [fieldInvalid("spec.clusterIPs", clusterIPs, "'None' must be the first and only value")] : [];
	});
}

function validateFamiliesOfAddresses(clusterIPs: readonly string[], ipFamilies: readonly string[]): FieldErrors {
	return clusterIPs.flatMap((address, index) => {
		const family = ipFamilies[index];
		if (family === undefined || !families.includes(family) || family === ipFamily(address)) return [];
		const text = `expected an ${family} value as indicated by \`ipFamilies[${index}]\``;
		return [fieldInvalid(`spec.clusterIPs[${index}]`, address, text)];
	});
}

/** An address stays for good, unless the type becomes, or was, ExternalName; a second one may come and go. */
export function validateClusterIpsChange(spec: ServiceSpec, old: ServiceSpec): FieldErrors {
	if (spec.type === "ExternalName" || old.type === "ExternalName") return NO_ERRORS;
	if (isHeadless(spec) && isHeadless(old)) return NO_ERRORS;
	const { clusterIPs = [] } = spec;
	const { clusterIPs: before = [] } = old;
	const changed = (index: number) => fieldInvalid(`spec.clusterIPs[${index}]`, spec.clusterIPs, mayNotChange);
	if (before.length === clusterIPs.length)
		return before.flatMap((address, index) => (address === clusterIPs[index] ? [] : [changed(index)]));
	const errors: FieldError[] = [];
	if (clusterIPs.length === 0) errors.push(fieldInvalid("spec.clusterIPs[0]", spec.clusterIPs, "primary clusterIP can not be unset"));
	else if (before.length > 0 && before[0] !== clusterIPs[0]) errors.push(changed(0));
	if (clusterIPs.length === 1 && before.length > 1) errors.push(...mustBeSingleStack(spec, "clusterIP"));
	return errors;
}

/** The same for the families of addresses. */
export function validateFamiliesChange(spec: ServiceSpec, old: ServiceSpec): FieldErrors {
	if (spec.type === "ExternalName" || old.type === "ExternalName") return NO_ERRORS;
	// Headless Services have no address that could be of the wrong family.
	if (isHeadless(spec) || isHeadless(old)) return NO_ERRORS;
	const { ipFamilies = [] } = spec;
	const { ipFamilies: before = [] } = old;
	const path = "spec.ipFamilies[0]";
	if (before.length === ipFamilies.length) {
		return before.flatMap((family, index) => (family === ipFamilies[index] ? [] : [fieldInvalid(path, spec.ipFamilies, mayNotChange)]));
	}
	const errors: FieldError[] = [];
	if (before.length > ipFamilies.length && (spec.clusterIPs ?? []).length === 0) {
		errors.push(fieldInvalid(path, spec.ipFamilies, "primary ipFamily can not be unset"));
	}
	const isOther = before.length > 0 && ipFamilies.length > 0 && before[0] !== ipFamilies[0];
	if (isOther) errors.push(fieldInvalid(path, spec.clusterIPs, mayNotChange));
	if (ipFamilies.length === 1 && before.length > 1) errors.push(...mustBeSingleStack(spec, "ipFamily"));
	return errors;
}

function mustBeSingleStack({ ipFamilyPolicy }: ServiceSpec, what: string): FieldErrors {
	if (ipFamilyPolicy === "SingleStack") return NO_ERRORS;
	const text = `must be set to 'SingleStack' when releasing the secondary ${what}`;
	return [fieldInvalid("spec.ipFamilyPolicy", ipFamilyPolicy ?? "null", text)];
}

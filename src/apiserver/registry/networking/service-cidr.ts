/** networking.k8s.io/v1 ServiceCIDR: a range that Services get their cluster IPs from. */
import type { ServiceCIDR } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { parseCidr } from "../validation/ip.ts";
import { validateCanonicalCidr } from "../validation/legacy-ip.ts";
import { FIELD_IMMUTABLE, type FieldErrors, validateEach } from "../validation/primitives.ts";

const path = "spec.cidrs";

export const serviceCidr = defineKind<ServiceCIDR>({
	group: "networking.k8s.io",
	kind: "ServiceCIDR",
	resource: "servicecidrs",
	singular: "servicecidr",
	versions: ["v1"],
	storageVersion: "v1",
	validate: ({ spec }, old) =>
		old === undefined ? validateCidrs(spec?.cidrs ?? []) : validateChange(spec?.cidrs ?? [], old.spec?.cidrs ?? []),
	columns: [
		nameColumn(),
		stringColumn(
			"CIDRs",
			'CIDRs defines the IP blocks in CIDR notation (e.g. "192.168.0.0/24" or "2001:db8::/64") from which to assign service cluster IPs. Max of two CIDRs is allowed, one of each IP family. This field is immutable.',
			({ spec }) => (spec?.cidrs ?? []).join(","),
		),
		ageColumn(),
	],
});

function validateCidrs(cidrs: readonly string[]): FieldErrors {
	if (cidrs.length === 0) return [fieldRequired(path, "at least one CIDR required")];
	if (cidrs.length > 2) return [fieldInvalid(path, { CIDRs: cidrs }, "may only hold up to 2 values")];
	const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.family);
	const sameFamily = first !== undefined && first === second;
	return [
		...validateEach(cidrs, path, (cidr, at) => validateCanonicalCidr(cidr, at)),
		...(sameFamily
			? [fieldInvalid(path, cidrs, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64")]
			: []),
	];
}

/** Only a second family may be added. */
function validateChange(cidrs: readonly string[], old: readonly string[]): FieldErrors {
	const gainsFamily = old.length === 1 && cidrs.length === 2;
	if (cidrs.length !== old.length && !gainsFamily) return [fieldInvalid(path, cidrs, FIELD_IMMUTABLE)];
	const changed = old.flatMap((cidr, index) =>
		cidr === cidrs[index] ? [] : [fieldInvalid(`${path}[${index}]`, cidrs[index], FIELD_IMMUTABLE)],
	);
	return gainsFamily ? [...changed, ...validateCidrs(cidrs)] : changed;
}

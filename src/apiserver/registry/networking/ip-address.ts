/** networking.k8s.io/v1 IPAddress: one address of the Service range, and whose it is. */
import type { IPAddress, ParentReference } from "../../../apimachinery/schema/generated/types.ts";
import { fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { nameColumn, stringColumn } from "../printing/columns.ts";
import { isCanonicalIp } from "../validation/legacy-ip.ts";
import { type FieldErrors, invalidFor, validateImmutable, validateOptionalSubdomain } from "../validation/primitives.ts";

export const ipAddress = defineKind<IPAddress>({
	group: "networking.k8s.io",
	kind: "IPAddress",
	resource: "ipaddresses",
	singular: "ipaddress",
	shortNames: ["ip"],
	versions: ["v1"],
	storageVersion: "v1",
	validateName: isCanonicalIp,
	validate: ({ spec }) => validateParent(spec?.parentRef),
	validateUpdate: (object, old) => validateImmutable(object.spec?.parentRef, old.spec?.parentRef, "spec.parentRef"),
	columns: [
		nameColumn(),
		stringColumn("ParentRef", "ParentRef references the resource that an IPAddress is attached to.", ({ spec }) =>
			formatParent(spec?.parentRef),
		),
	],
});

function validateParent(parent: ParentReference | undefined): FieldErrors {
	const path = "spec.parentRef";
	if (parent === undefined) return [fieldRequired(path)];
	const segment = (field: "resource" | "name") => {
		const value = parent[field] ?? "";
		return value === "" ? [fieldRequired(`${path}.${field}`)] : invalidFor(`${path}.${field}`, value, isPathSegmentName(value));
	};
	const { namespace = "" } = parent;
	return [
		...validateOptionalSubdomain(parent.group, `${path}.group`),
		...segment("resource"),
		...segment("name"),
		...invalidFor(`${path}.namespace`, namespace, isPathSegmentName(namespace)),
	];
}

/** `services/default/kubernetes`. */
function formatParent(parent: ParentReference | undefined): string {
	if (parent === undefined) return "<none>";
	const { group = "", resource = "", namespace = "", name = "" }: Partial<ParentReference> = parent;
	const what = (group === "" ? resource : `${resource}.${group}`).toLowerCase();
	return [what, ...(namespace === "" ? [] : [namespace]), name].join("/");
}

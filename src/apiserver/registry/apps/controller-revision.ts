/**
 * ControllerRevision: one remembered state of a StatefulSet's or DaemonSet's template. Its data never change.
 * Source: pkg/apis/apps/validation, pkg/registry/apps/controllerrevision of Kubernetes 1.36.
 */
import { parseApiVersion } from "../../../apimachinery/meta.ts";
import type { ControllerRevision } from "../../../apimachinery/schema/generated/types.ts";
import { fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateImmutable, validateNonnegative } from "../validation/primitives.ts";

/** `statefulset.apps/web`. */
function formatController({ metadata }: ControllerRevision): string {
	const owner = metadata?.ownerReferences?.find((reference) => reference.controller === true);
	if (owner === undefined) return "<none>";
	const { group } = parseApiVersion(owner.apiVersion ?? "");
	const kind = (owner.kind ?? "").toLowerCase();
	return `${group === "" ? kind : `${kind}.${group}`}/${owner.name}`;
}

export const controllerRevisionKind = defineKind<ControllerRevision>({
	group: "apps",
	kind: "ControllerRevision",
	resource: "controllerrevisions",
	singular: "controllerrevision",
	versions: ["v1"],
	storageVersion: "v1",
	validate: ({ data, revision }) => [
		...(data === undefined || data === null ? [fieldRequired("data", "data is mandatory")] : []),
		...validateNonnegative(revision, "revision"),
	],
	validateUpdate: (revision, old) => validateImmutable(revision.data, old.data, "data"),
	columns: [
		nameColumn(),
		stringColumn("Controller", "Controller of the object", formatController),
		integerColumn("Revision", "Revision indicates the revision of the state represented by Data.", ({ revision }) => revision),
		ageColumn(),
	],
});

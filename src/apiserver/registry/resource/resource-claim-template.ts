/** resource.k8s.io/v1 ResourceClaimTemplate: makes a ResourceClaim for each pod that refers to it. */
import type { ResourceClaimTemplate } from "../../../apimachinery/schema/generated/types.ts";
import { validateLabels } from "../../../apimachinery/validation/label-selector.ts";
import { mapField } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn } from "../printing/columns.ts";
import { validateAnnotations, validateImmutable } from "../validation/primitives.ts";
import { defaultClaimSpec, validateClaimExpressions, validateClaimSpec } from "./device-claim.ts";

export const resourceClaimTemplate = defineKind<ResourceClaimTemplate>({
	group: "resource.k8s.io",
	kind: "ResourceClaimTemplate",
	resource: "resourceclaimtemplates",
	singular: "resourceclaimtemplate",
	versions: ["v1"],
	storageVersion: "v1",
	setDefaults: (object) => mapField(object, "spec", (template) => mapField(template, "spec", defaultClaimSpec)),
	validate: ({ spec }) => [
		...validateLabels(spec?.metadata?.labels, "spec.metadata.labels"),
		...validateAnnotations(spec?.metadata?.annotations, "spec.metadata.annotations"),
		...validateClaimSpec(spec?.spec ?? {}, "spec.spec"),
	],
	validateUpdate: (object, old) => validateImmutable(object.spec, old.spec, "spec"),
	validateExpressions: ({ spec }, old) => (old === undefined ? validateClaimExpressions(spec?.spec ?? {}, "spec.spec") : undefined),
	columns: [nameColumn(), ageColumn()],
});

/**
 * PodTemplate: a template that stands alone; no controller of Kubernetes' own uses it.
 */
import type { PodTemplate } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { formatLabels, nameColumn, stringColumn } from "../printing/columns.ts";
import { containerImages, containerNames } from "../printing/pod-template-columns.ts";
import { validatePodTemplate } from "../validation/pod-spec.ts";
import { mapField } from "./defaulting.ts";
import { defaultPodTemplate } from "./pod-spec-defaults.ts";
import { podTemplateWarnings } from "./pod-warnings.ts";

export const podTemplateKind = defineKind<PodTemplate>({
	group: "",
	kind: "PodTemplate",
	resource: "podtemplates",
	singular: "podtemplate",
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	returnDeletedObject: true,
	setDefaults: (object) => mapField(object, "template", defaultPodTemplate),
	validate: ({ template }) => validatePodTemplate(template, "template"),
	columns: [
		nameColumn(),
		stringColumn("Containers", "Names of each container in the template.", ({ template }) => containerNames(template?.spec?.containers)),
		stringColumn("Images", "Images referenced by each container in the template.", ({ template }) =>
			containerImages(template?.spec?.containers),
		),
		stringColumn("Pod Labels", "The labels for the pod template.", ({ template }) => formatLabels(template?.metadata?.labels)),
	],
	warnings: ({ template }) => podTemplateWarnings(template, "template"),
});

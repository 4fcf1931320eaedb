/** storage.k8s.io/v1 VolumeAttachment: the wish to have a volume attached to a node, and what became of it. */
import type { VolumeAttachment, VolumeAttachmentSource, VolumeError } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid, fieldRequired, fieldTooLong } from "../../../apimachinery/validation/field-error.ts";
import { inclusiveRangeText, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, booleanColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateDriverName } from "../validation/csi.ts";
import { type FieldErrors, invalidFor, validateImmutable } from "../validation/primitives.ts";

const maxErrorBytes = 1024;

export const volumeAttachment = defineKind<VolumeAttachment>({
	group: "storage.k8s.io",
	kind: "VolumeAttachment",
	resource: "volumeattachments",
	singular: "volumeattachment",
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	allowUnconditionalUpdate: false,
	validate: ({ spec }) => [
		...validateDriverName(spec?.attacher, "spec.attacher"),
		...validateSource(spec?.source ?? {}),
		...invalidFor("spec.nodeName", spec?.nodeName ?? "", isDns1123Subdomain(spec?.nodeName ?? "")),
	],
	validateUpdate: (object, old) => validateImmutable(object.spec, old.spec, "spec"),
	validateStatusUpdate: ({ status }) => [
		...validateError(status?.attachError, "status.attachError"),
		...validateError(status?.detachError, "status.detachError"),
	],
	columns: [
		nameColumn(),
		{
			...stringColumn<VolumeAttachment>(
				"Attacher",
				"attacher indicates the name of the volume driver that MUST handle this request. This is the name returned by GetPluginName().",
				({ spec }) => spec?.attacher ?? "",
			),
			format: "name",
		},
		stringColumn(
			"PV",
			"persistentVolumeName represents the name of the persistent volume to attach.",
			({ spec }) => spec?.source?.persistentVolumeName ?? "",
		),
		stringColumn("Node", "nodeName represents the node that the volume should be attached to.", ({ spec }) => spec?.nodeName ?? ""),
		booleanColumn(
			"Attached",
			"attached indicates the volume is successfully attached. This field must only be set by the entity completing the attach operation, i.e. the external-attacher.",
			({ status }) => status?.attached ?? false,
		),
		ageColumn(),
	],
});

function validateSource({ inlineVolumeSpec, persistentVolumeName: name }: VolumeAttachmentSource): FieldErrors {
	const path = "spec.source";
	const one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
	if (inlineVolumeSpec === undefined && name === undefined) return [fieldRequired(path, one)];
	if (inlineVolumeSpec !== undefined && name !== undefined) return [fieldForbidden(path, one)];
	if (name === undefined) return [];
	if (name === "") return [fieldRequired(`${path}.persistentVolumeName`, "must specify non empty persistentVolumeName")];
	return invalidFor(`${path}.persistentVolumeName`, name, isDns1123Subdomain(name));
}

function validateError(error: VolumeError | undefined, path: string): FieldErrors {
	const { message = "", errorCode = 0 } = error ?? {};
	return [
		...(Buffer.byteLength(message) > maxErrorBytes ? [fieldTooLong(`${path}.message`, maxErrorBytes)] : []),
		...(errorCode < 0 ? [fieldInvalid(`${path}.errorCode`, errorCode, inclusiveRangeText(0, 2 ** 31 - 1))] : []),
	];
}

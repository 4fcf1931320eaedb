/** storage.k8s.io/v1 VolumeAttachment: the wish to have a volume attached to a node, and what became of it. */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type {
	VolumeAttachment,
	VolumeAttachmentSource,
	VolumeAttachmentSpec,
	VolumeError,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
	fieldTooLong,
} from "../../../apimachinery/validation/field-error.ts";
import { inclusiveRangeText, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, booleanColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateDriverName } from "../validation/csi.ts";
import { FIELD_IMMUTABLE, type FieldErrors, invalidFor, validateRequired } from "../validation/primitives.ts";

const maxErrorBytes = 1024;
const maxMetadataBytes = 256 * 1024;

export const volumeAttachment = defineKind<VolumeAttachment>({
	group: "storage.k8s.io",
	kind: "VolumeAttachment",
	resource: "volumeattachments",
	singular: "volumeattachment",
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	allowUnconditionalUpdate: false,
	validate: ({ spec }, old) => [
		...(old === undefined ? validateDriverName(spec?.attacher, "spec.attacher") : validateRequired(spec?.attacher, "spec.attacher")),
		...validateSource(spec?.source ?? {}, old === undefined),
		...invalidFor("spec.nodeName", spec?.nodeName ?? "", isDns1123Subdomain(spec?.nodeName ?? "")),
	],
	validateUpdate: (object, old) =>
		jsonEqual(object.spec, old.spec) ? [] : [fieldInvalid("spec", goSpec(object.spec ?? {}), FIELD_IMMUTABLE)],
	validateStatusUpdate: ({ status }) => [
		...validateMetadata(status?.attachmentMetadata),
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

function validateSource({ inlineVolumeSpec, persistentVolumeName: name }: VolumeAttachmentSource, isNew: boolean): FieldErrors {
	const path = "spec.source";
	const one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
	const at = `${path}.persistentVolumeName`;
	const errors: FieldError[] = [];
	if (inlineVolumeSpec === undefined && name === undefined) errors.push(fieldRequired(path, one));
	else if (inlineVolumeSpec !== undefined && name !== undefined) errors.push(fieldForbidden(path, one));
	else if (name === "") errors.push(fieldRequired(at, "must specify non empty persistentVolumeName"));
	return name === undefined || !isNew ? errors : [...errors, ...invalidFor(at, name, isDns1123Subdomain(name))];
}

/** The spec as Go prints it; of a volume in line only that there is one. */
const goSpec = ({ attacher = "", source = {}, nodeName = "" }: Partial<VolumeAttachmentSpec>) => ({
	Attacher: attacher,
	Source: { PersistentVolumeName: source.persistentVolumeName ?? null, InlineVolumeSpec: source.inlineVolumeSpec ?? null },
	NodeName: nodeName,
});

function validateMetadata(metadata: Readonly<Record<string, string>> | undefined): FieldErrors {
	const sizeBytes = Object.entries(metadata ?? {}).reduce(
		(sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
		0,
	);
	return sizeBytes > maxMetadataBytes ? [fieldTooLong("status.attachmentMetadata", maxMetadataBytes)] : [];
}

/** Kubernetes' text names the limit of the metadata, whatever the limit of a message is. */
function validateError(error: VolumeError | undefined, path: string): FieldErrors {
	const { message = "", errorCode = 0 } = error ?? {};
	return [
		...(Buffer.byteLength(message) > maxErrorBytes ? [fieldTooLong(`${path}.message`, maxMetadataBytes)] : []),
		...(errorCode < 0 ? [fieldInvalid(`${path}.errorCode`, errorCode, inclusiveRangeText(0, 2 ** 31 - 1))] : []),
	];
}

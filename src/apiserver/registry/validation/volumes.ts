/**
 * Volumes of a Pod: their names, and exactly one source each. Source: ValidateVolumes, validateVolumeSource in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { compareQuantities, QuantityError } from "../../../apimachinery/quantity.ts";
import type { Volume } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { validateClaimTemplate } from "./claim-template.ts";
import { validateDriverName } from "./csi.ts";
import { validateDescendingPath } from "./file-paths.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateDnsLabel, validateEnum, validateRequired } from "./primitives.ts";
import { validateConfigMapVolume, validateDownwardApiVolume, validateProjectedVolume, validateSecretVolume } from "./volume-files.ts";
import {
	validateAwsElasticBlockStore,
	validateAzureDisk,
	validateFc,
	validateFlexVolume,
	validateFlocker,
	validateGcePersistentDisk,
	validateHostPath,
	validateIscsi,
	validateMonitors,
	validateNfs,
	validateQuobyte,
	validateScaleIo,
	validateSecretRef,
	validateStorageOs,
} from "./volume-sources.ts";

export { validateHostPath } from "./volume-sources.ts";

export interface VolumesResult {
	readonly errors: FieldErrors;
	/** Volumes with nothing wrong, by name: only these can be mounted. */
	readonly sound: ReadonlyMap<string, Volume>;
}

/** `podName` is undefined in templates: claims of ephemeral volumes have no names there yet. */
export function validateVolumes(volumes: readonly Volume[] | undefined, podName: string | undefined, path: string): VolumesResult {
	const all = volumes ?? [];
	const sound = new Map<string, Volume>();
	const errors: FieldError[] = [];
	const ownClaims = new Set(
		(podName ?? "") === "" ? [] : all.filter(({ ephemeral }) => ephemeral !== undefined).map(({ name }) => `${podName}-${name}`),
	);
	for (const [index, volume] of all.entries()) {
		const at = `${path}[${index}]`;
		const { name = "", persistentVolumeClaim } = volume;
		const own = [...validateSource(volume, podName ?? "", at), ...validateDnsLabel(name, `${at}.name`)];
		if (sound.has(name)) own.push(fieldDuplicate(`${at}.name`, name));
		if (own.length === 0) sound.set(name, volume);
		errors.push(...own);
		const claimName = persistentVolumeClaim?.claimName ?? "";
		if (ownClaims.has(claimName)) {
			const text = "must not reference a PVC that gets created for an ephemeral volume";
			errors.push(fieldInvalid(`${at}.persistentVolumeClaim.claimName`, claimName, text));
		}
	}
	return { errors, sound };
}

type SourceField = Exclude<keyof Volume, "name">;

interface SourceRule {
	readonly field: SourceField;
	/** How texts about a second source name this one: not always as the API does. */
	readonly label: string;
	/** Undefined where the volume has no such source. */
	validate(volume: Volume, path: string): FieldErrors | undefined;
}

interface SourceNames {
	readonly label?: string;
	/** Segment of the path to the source's own errors. */
	readonly segment?: string;
}

function rule<K extends SourceField>(
	field: K,
	check: (source: NonNullable<Volume[K]>, path: string) => FieldErrors,
	{ label = field, segment = field }: SourceNames = {},
): SourceRule {
	return {
		field,
		label,
		validate: (volume, path) => {
			const source = volume[field];
			return source === undefined ? undefined : check(source as NonNullable<Volume[K]>, `${path}.${segment}`);
		},
	};
}

/** In upstream's order: of two sources the earlier one is checked and the later one forbidden. */
const sourceRules: readonly SourceRule[] = [
	rule("emptyDir", ({ sizeLimit }, at) =>
		sizeLimit !== undefined && isNegative(sizeLimit)
			? [fieldForbidden(`${at}.sizeLimit`, "SizeLimit field must be a valid resource quantity")]
			: NO_ERRORS,
	),
	rule("hostPath", (source, at) => validateHostPath(source.path, source.type, at)),
	rule("gitRepo", ({ repository, directory = "" }, at) => [
		...validateRequired(repository, `${at}.repository`),
		...validateDescendingPath(directory, `${at}.directory`),
	]),
	rule("gcePersistentDisk", validateGcePersistentDisk, { segment: "persistentDisk" }),
	rule("awsElasticBlockStore", validateAwsElasticBlockStore),
	rule("secret", validateSecretVolume),
	rule("nfs", validateNfs),
	rule("iscsi", validateIscsi),
	rule("glusterfs", ({ endpoints, path }, at) => [
		...validateRequired(endpoints, `${at}.endpoints`),
		...validateRequired(path, `${at}.path`),
	]),
	rule("flocker", validateFlocker),
	rule("persistentVolumeClaim", ({ claimName }, at) => validateRequired(claimName, `${at}.claimName`)),
	rule("rbd", ({ monitors, image }, at) => [...validateMonitors(monitors, at), ...validateRequired(image, `${at}.image`)]),
	rule("cinder", ({ volumeID, secretRef }, at) => [
		...validateRequired(volumeID, `${at}.volumeID`),
		...validateSecretRef(secretRef, `${at}.secretRef`),
	]),
	rule("cephfs", ({ monitors }, at) => validateMonitors(monitors, at), { label: "cephFS" }),
	rule("quobyte", validateQuobyte),
	rule("downwardAPI", validateDownwardApiVolume, { label: "downwarAPI" }),
	rule("fc", validateFc),
	rule("flexVolume", validateFlexVolume),
	rule("configMap", validateConfigMapVolume),
	rule("azureFile", ({ secretName, shareName }, at) => [
		...validateRequired(secretName, `${at}.secretName`),
		...validateRequired(shareName, `${at}.shareName`),
	]),
	rule("vsphereVolume", ({ volumePath }, at) => validateRequired(volumePath, `${at}.volumePath`)),
	rule("photonPersistentDisk", ({ pdID }, at) => validateRequired(pdID, `${at}.pdID`)),
	rule("portworxVolume", ({ volumeID }, at) => validateRequired(volumeID, `${at}.volumeID`)),
	rule("azureDisk", validateAzureDisk),
	rule("storageos", validateStorageOs),
	rule("projected", validateProjectedVolume),
	rule("scaleIO", validateScaleIo),
	rule("csi", ({ driver, nodePublishSecretRef: secret }, at) => [
		...validateDriverName(driver, `${at}.driver`),
		...validateSecretRef(secret, `${at}.nodePublishSecretRef`),
		...((secret?.name ?? "") === "" ? [] : invalidFor(`${at}.name`, secret?.name, isDns1123Subdomain(secret?.name ?? ""))),
	]),
	rule("ephemeral", ({ volumeClaimTemplate: template }, at) =>
		template === undefined ? [fieldRequired(`${at}.volumeClaimTemplate`)] : validateClaimTemplate(template, `${at}.volumeClaimTemplate`),
	),
	rule("image", ({ reference, pullPolicy }, at) => [
		...validateRequired(reference, `${at}.reference`),
		...validateEnum(pullPolicy, `${at}.pullPolicy`, ["Always", "IfNotPresent", "Never"]),
	]),
];

function validateSource(volume: Volume, podName: string, path: string): FieldErrors {
	let first: SourceField | undefined;
	const errors: FieldError[] = [];
	for (const { field, label, validate } of sourceRules) {
		const own = validate(volume, path);
		if (own === undefined) continue;
		errors.push(...(first === undefined ? own : [fieldForbidden(`${path}.${label}`, "may not specify more than 1 volume type")]));
		if (field === "iscsi") errors.push(...validateIscsiVolumeName(volume, path));
		if (first === undefined && field === "ephemeral") errors.push(...validateClaimName(volume, podName, path));
		first ??= field;
	}
	return first === undefined ? [fieldRequired(path, "must specify a volume type")] : errors;
}

/** The name of the interface that is made for the initiator. */
function validateIscsiVolumeName({ name = "", iscsi }: Volume, path: string): FieldErrors {
	if (iscsi?.initiatorName === undefined || Buffer.byteLength(`${name}:${iscsi.targetPortal ?? ""}`) <= 64) return NO_ERRORS;
	const text = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
	return [fieldInvalid(`${path}.name`, name, text)];
}

/** The claim of an ephemeral volume is named after the Pod and the volume. */
function validateClaimName({ name = "" }: Volume, podName: string, path: string): FieldErrors {
	if (podName === "" || name === "") return NO_ERRORS;
	const claim = `${podName}-${name}`;
	return isDns1123Subdomain(claim).map((text) => fieldInvalid(`${path}.name`, name, `PVC name ${JSON.stringify(claim)}: ${text}`));
}

function isNegative(quantity: string): boolean {
	try {
		return compareQuantities(quantity, "0") < 0;
	} catch (error) {
		// Decoding refuses what is no quantity.
		if (error instanceof QuantityError) return false;
		throw error;
	}
}

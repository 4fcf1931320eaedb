/**
 * How containers use the Pod's volumes: as files, or as block devices. Source: ValidateVolumeMounts,
 * ValidateVolumeDevices in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { Container, Volume, VolumeDevice, VolumeMount } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotFound,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateDescendingPath, validateNoBacksteps } from "./file-paths.ts";
import { type FieldErrors, NO_ERRORS, validateEach, validateRequired } from "./primitives.ts";

const propagations = ["Bidirectional", "HostToContainer", "None"];
const recursions = ["Disabled", "Enabled", "IfPossible"];

/** Volumes that containers may use by name; those of a StatefulSet's claim templates are claims. */
export type UsableVolumes = ReadonlyMap<string, Volume>;

export const validateMounts = (container: Container, volumes: UsableVolumes, path: string): FieldErrors => [
	...validateVolumeMounts(container, volumes, `${path}.volumeMounts`),
	...validateVolumeDevices(container, volumes, `${path}.volumeDevices`),
];

function validateVolumeMounts(container: Container, volumes: UsableVolumes, path: string): FieldErrors {
	const seen = new Set<string>();
	const devices = container.volumeDevices ?? [];
	return validateEach(container.volumeMounts, path, (mount, at) => {
		const { name = "", mountPath = "" } = mount;
		const errors: FieldError[] = [...validateVolumeName(name, volumes, `${at}.name`), ...validateRequired(mountPath, `${at}.mountPath`)];
		if (seen.has(mountPath)) errors.push(fieldInvalid(`${at}.mountPath`, mountPath, "must be unique"));
		seen.add(mountPath);
		if (devices.some((device) => (device.name ?? "") === name)) {
			errors.push(fieldInvalid(`${at}.name`, name, "must not already exist in volumeDevices"));
		}
		if (devices.some(({ devicePath = "" }) => devicePath === mountPath)) {
			errors.push(fieldInvalid(`${at}.mountPath`, mountPath, "must not already exist as a path in volumeDevices"));
		}
		return [
			...errors,
			...validateSubPaths(mount, at, path),
			...validatePropagation(mount, container, path),
			...validateRecursion(mount, path),
		];
	});
}

/** Upstream's errors about the paths themselves name the list, not the mount. */
function validateSubPaths({ subPath = "", subPathExpr = "" }: VolumeMount, path: string, listPath: string): FieldErrors {
	return [
		...validateDescendingPath(subPath, `${listPath}.subPath`),
		...(subPath !== "" && subPathExpr !== ""
			? [fieldInvalid(`${path}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive")]
			: []),
		...validateDescendingPath(subPathExpr, `${listPath}.subPathExpr`),
	];
}

function validatePropagation({ mountPropagation: mode }: VolumeMount, container: Container, listPath: string): FieldErrors {
	if (mode === undefined) return NO_ERRORS;
	const path = `${listPath}.mountPropagation`;
	if (!propagations.includes(mode)) return [fieldNotSupported(path, mode, propagations)];
	return mode === "Bidirectional" && container.securityContext?.privileged !== true
		? [fieldForbidden(path, "Bidirectional mount propagation is available only to privileged containers")]
		: NO_ERRORS;
}

function validateRecursion({ recursiveReadOnly: mode, readOnly, mountPropagation }: VolumeMount, listPath: string): FieldErrors {
	if (mode === undefined || mode === "Disabled") return NO_ERRORS;
	const path = `${listPath}.recursiveReadOnly`;
	if (!recursions.includes(mode)) return [fieldNotSupported(path, mode, recursions)];
	return [
		...(readOnly === true ? [] : [fieldForbidden(path, "may only be specified when readOnly is true")]),
		...(mountPropagation === undefined || mountPropagation === "None"
			? []
			: [fieldForbidden(path, "may only be specified when mountPropagation is None or not specified")]),
	];
}

function validateVolumeDevices(container: Container, volumes: UsableVolumes, path: string): FieldErrors {
	const names = new Set<string>();
	const paths = new Set<string>();
	const mounts = container.volumeMounts ?? [];
	return validateEach(container.volumeDevices, path, (device: VolumeDevice, at) => {
		const { name = "", devicePath = "" } = device;
		const volume = volumes.get(name);
		const errors: FieldError[] = name === "" ? [fieldRequired(`${at}.name`)] : [];
		if (names.has(name)) errors.push(fieldInvalid(`${at}.name`, name, "must be unique"));
		if (volume === undefined) errors.push(fieldNotFound(`${at}.name`, name));
		else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
			const text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
			errors.push(fieldInvalid(`${at}.name`, name, text));
		}
		if (devicePath === "") errors.push(fieldRequired(`${at}.devicePath`));
		if (paths.has(devicePath)) errors.push(fieldInvalid(`${at}.devicePath`, devicePath, "must be unique"));
		if (validateNoBacksteps(devicePath, at).length > 0) {
			errors.push(fieldInvalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"));
		} else paths.add(devicePath);
		if (mounts.some((mount) => (mount.name ?? "") === name)) {
			errors.push(fieldInvalid(`${at}.name`, name, "must not already exist in volumeMounts"));
		}
		if (mounts.some(({ mountPath = "" }) => mountPath === devicePath)) {
			errors.push(fieldInvalid(`${at}.devicePath`, devicePath, "must not already exist as a path in volumeMounts"));
		}
		if (name !== "") names.add(name);
		return errors;
	});
}

function validateVolumeName(name: string, volumes: UsableVolumes, path: string): FieldErrors {
	return [...(name === "" ? [fieldRequired(path)] : []), ...(volumes.has(name) ? [] : [fieldNotFound(path, name)])];
}

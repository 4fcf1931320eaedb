/**
 * Volumes of a Pod and how containers mount them. Source: ValidateVolumes, ValidateVolumeMounts in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	Container,
	DownwardAPIVolumeFile,
	KeyToPath,
	Volume,
	VolumeDevice,
	VolumeMount,
	VolumeProjection,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotFound,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { downwardVolumeFields, validateFieldRef, validateResourceField } from "./env.ts";
import {
	type FieldErrors,
	NO_ERRORS,
	validateDnsLabel,
	validateEach,
	validateOptionalEnum,
	validateRequired,
	validateUnique,
} from "./primitives.ts";
import { validateQuantity } from "./resources.ts";

const FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive";

const hostPathTypes = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

export function validateVolumes(volumes: readonly Volume[] | undefined, path: string): FieldErrors {
	const all = volumes ?? [];
	return [
		...validateEach(all, path, (volume, at) => [...validateDnsLabel(volume.name, `${at}.name`), ...validateVolumeSource(volume, at)]),
		...validateUnique(
			all,
			(volume) => volume.name,
			(index) => `${path}[${index}].name`,
		),
	];
}

function validateVolumeSource(volume: Volume, path: string): FieldErrors {
	const [first, ...others] = Object.keys(volume).filter((field) => field !== "name" && volume[field as keyof Volume] !== undefined);
	if (first === undefined) return [fieldRequired(path, "must specify a volume type")];
	return [
		...validateKnownSource(volume, path),
		...others.map((other) => fieldForbidden(`${path}.${other}`, "may not specify more than 1 volume type")),
	];
}

/** The sources that a learner meets first; the rest are checked by their schema alone. */
function validateKnownSource(volume: Volume, path: string): FieldErrors {
	const { hostPath, configMap, secret, persistentVolumeClaim, emptyDir, projected, downwardAPI, nfs, csi } = volume;
	if (hostPath !== undefined) return validateHostPath(hostPath.path, hostPath.type, `${path}.hostPath`);
	if (configMap !== undefined) {
		const at = `${path}.configMap`;
		return [...validateRequired(configMap.name, `${at}.name`), ...validateFiles(configMap.items, configMap.defaultMode, at)];
	}
	if (secret !== undefined) {
		const at = `${path}.secret`;
		return [...validateRequired(secret.secretName, `${at}.secretName`), ...validateFiles(secret.items, secret.defaultMode, at)];
	}
	if (persistentVolumeClaim !== undefined) {
		return validateRequired(persistentVolumeClaim.claimName, `${path}.persistentVolumeClaim.claimName`);
	}
	if (emptyDir?.sizeLimit !== undefined) return validateQuantity("storage", emptyDir.sizeLimit, `${path}.emptyDir.sizeLimit`);
	if (projected !== undefined) {
		const at = `${path}.projected`;
		return [
			...validateMode(projected.defaultMode, `${at}.defaultMode`),
			...validateEach(projected.sources, `${at}.sources`, validateProjection),
		];
	}
	if (downwardAPI !== undefined) {
		const at = `${path}.downwardAPI`;
		return [
			...validateMode(downwardAPI.defaultMode, `${at}.defaultMode`),
			...validateEach(downwardAPI.items, `${at}.items`, validateDownwardFile),
		];
	}
	if (nfs !== undefined) return [...validateRequired(nfs.server, `${path}.nfs.server`), ...validateRequired(nfs.path, `${path}.nfs.path`)];
	if (csi !== undefined) return validateRequired(csi.driver, `${path}.csi.driver`);
	return NO_ERRORS;
}

/** A path on the node: there, without steps back, of a known type. */
export function validateHostPath(hostPath: string | undefined, type: string | undefined, path: string): FieldErrors {
	const errors: FieldError[] = !hostPath ? [fieldRequired(`${path}.path`)] : [...validateNoBacksteps(hostPath, `${path}.path`)];
	if (type !== undefined && !hostPathTypes.includes(type)) errors.push(fieldNotSupported(`${path}.type`, type, hostPathTypes));
	return errors;
}

function validateMode(mode: number | undefined, path: string): FieldErrors {
	return mode !== undefined && (mode < 0 || mode > 0o777) ? [fieldInvalid(path, mode, FILE_MODE)] : NO_ERRORS;
}

function validateFiles(items: readonly KeyToPath[] | undefined, defaultMode: number | undefined, path: string): FieldErrors {
	return [...validateMode(defaultMode, `${path}.defaultMode`), ...validateEach(items, `${path}.items`, validateKeyToPath)];
}

const validateKeyToPath = (item: KeyToPath, path: string): FieldErrors => [
	...validateRequired(item.key, `${path}.key`),
	...validateRelativePath(item.path, `${path}.path`),
	...validateMode(item.mode, `${path}.mode`),
];

function validateDownwardFile(file: DownwardAPIVolumeFile, path: string): FieldErrors {
	const errors: FieldError[] = [...validateRelativePath(file.path, `${path}.path`)];
	if (file.fieldRef !== undefined) {
		errors.push(...validateFieldRef(file.fieldRef, downwardVolumeFields, `${path}.fieldRef`));
		if (file.resourceFieldRef !== undefined) {
			errors.push(fieldInvalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
		}
	} else if (file.resourceFieldRef !== undefined) {
		errors.push(...validateResourceField(file.resourceFieldRef.resource, `${path}.resourceFieldRef`));
	} else {
		errors.push(fieldRequired(path, "one of fieldRef and resourceFieldRef is required"));
	}
	return [...errors, ...validateMode(file.mode, `${path}.mode`)];
}

function validateProjection(projection: VolumeProjection, path: string): FieldErrors {
	const { configMap, secret, downwardAPI, serviceAccountToken: token } = projection;
	return [
		...(configMap === undefined ? [] : validateProjected(configMap, `${path}.configMap`)),
		...(secret === undefined ? [] : validateProjected(secret, `${path}.secret`)),
		...(downwardAPI === undefined ? [] : validateEach(downwardAPI.items, `${path}.downwardAPI.items`, validateDownwardFile)),
		...(token === undefined ? [] : validateToken(token.path, token.expirationSeconds, `${path}.serviceAccountToken`)),
	];
}

const validateProjected = (source: { readonly name?: string; readonly items?: readonly KeyToPath[] }, path: string): FieldErrors => [
	...validateRequired(source.name, `${path}.name`),
	...validateEach(source.items, `${path}.items`, validateKeyToPath),
];

function validateToken(file: string | undefined, expirationSeconds: number | undefined, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (expirationSeconds !== undefined && expirationSeconds < 600) {
		errors.push(fieldInvalid(`${path}.expirationSeconds`, expirationSeconds, "may not specify a duration less than 10 minutes"));
	} else if (expirationSeconds !== undefined && expirationSeconds > 2 ** 32) {
		errors.push(fieldInvalid(`${path}.expirationSeconds`, expirationSeconds, "may not specify a duration larger than 2^32 seconds"));
	}
	return [...errors, ...validateRelativePath(file, `${path}.path`)];
}

/** A path inside a volume. */
function validateRelativePath(value: string | undefined, path: string): FieldErrors {
	if (value === undefined || value === "") return [fieldRequired(path)];
	if (value.startsWith("/")) return [fieldInvalid(path, value, "must be a relative path")];
	if (value.startsWith("..") && !value.startsWith("../")) return [fieldInvalid(path, value, "must not start with '..'")];
	return validateNoBacksteps(value, path);
}

function validateNoBacksteps(value: string, path: string): FieldErrors {
	return value.split("/").includes("..") ? [fieldInvalid(path, value, "must not contain '..'")] : NO_ERRORS;
}

/** Mounts and devices of a container against the Pod's volumes by name; `undefined` skips the look-up. */
export function validateMounts(container: Container, volumes: ReadonlySet<string> | undefined, path: string): FieldErrors {
	return [
		...validateVolumeMounts(container.volumeMounts, volumes, `${path}.volumeMounts`),
		...validateEach(container.volumeDevices, `${path}.volumeDevices`, (device, at) => validateVolumeDevice(device, volumes, at)),
	];
}

function validateVolumeMounts(
	mounts: readonly VolumeMount[] | undefined,
	volumes: ReadonlySet<string> | undefined,
	path: string,
): FieldErrors {
	const seen = new Set<string>();
	return validateEach(mounts, path, (mount, at) => {
		const errors: FieldError[] = [
			...validateVolumeName(mount.name, volumes, `${at}.name`),
			...validateRequired(mount.mountPath, `${at}.mountPath`),
		];
		const mountPath = mount.mountPath ?? "";
		if (seen.has(mountPath)) errors.push(fieldInvalid(`${at}.mountPath`, mountPath, "must be unique"));
		seen.add(mountPath);
		if (mount.subPath !== undefined && mount.subPath !== "") errors.push(...validateRelativePath(mount.subPath, `${at}.subPath`));
		if (mount.subPathExpr !== undefined && mount.subPathExpr !== "") {
			if (mount.subPath !== undefined && mount.subPath !== "") {
				errors.push(fieldInvalid(`${at}.subPathExpr`, mount.subPathExpr, "subPathExpr and subPath are mutually exclusive"));
			}
			errors.push(...validateRelativePath(mount.subPathExpr, `${at}.subPathExpr`));
		}
		const propagations = ["Bidirectional", "HostToContainer", "None"];
		return [...errors, ...validateOptionalEnum(mount.mountPropagation, `${at}.mountPropagation`, propagations)];
	});
}

function validateVolumeDevice(device: VolumeDevice, volumes: ReadonlySet<string> | undefined, path: string): FieldErrors {
	return [...validateVolumeName(device.name, volumes, `${path}.name`), ...validateRequired(device.devicePath, `${path}.devicePath`)];
}

function validateVolumeName(name: string | undefined, volumes: ReadonlySet<string> | undefined, path: string): FieldErrors {
	if (name === undefined || name === "") return [fieldRequired(path)];
	return volumes?.has(name) === false ? [fieldNotFound(path, name)] : NO_ERRORS;
}

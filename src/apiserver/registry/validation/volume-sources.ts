/**
 * Where the content of a volume comes from, type by type; the first group is what PersistentVolumes know, too.
 * Source: validateNFSVolumeSource and its siblings in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	AWSElasticBlockStoreVolumeSource,
	AzureDiskVolumeSource,
	FCVolumeSource,
	FlexVolumeSource,
	FlockerVolumeSource,
	GCEPersistentDiskVolumeSource,
	ISCSIVolumeSource,
	LocalObjectReference,
	NFSVolumeSource,
	QuobyteVolumeSource,
	ScaleIOVolumeSource,
	StorageOSVolumeSource,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldInvalid,
	fieldNotOneOf,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { inclusiveRangeText, isDns1123Label } from "../../../apimachinery/validation/names.ts";
import { validateNoBacksteps } from "./file-paths.ts";
import { type FieldErrors, NO_ERRORS, validateNamed, validateOptionalLabel, validateRequired } from "./primitives.ts";

const hostPathTypes = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/** A path on the node: there, without steps back, of a known type. */
export function validateHostPath(hostPath: string | undefined, type: string | undefined, path: string): FieldErrors {
	if (hostPath === undefined || hostPath === "") return [fieldRequired(`${path}.path`)];
	return [
		...validateNoBacksteps(hostPath, `${path}.path`),
		...(type === undefined || hostPathTypes.includes(type) ? [] : [fieldNotSupported(`${path}.type`, type, hostPathTypes)]),
	];
}

export const validateNfs = ({ server, path: exported = "" }: NFSVolumeSource, path: string): FieldErrors => [
	...validateRequired(server, `${path}.server`),
	...validateRequired(exported, `${path}.path`),
	...(exported.startsWith("/") ? [] : [fieldInvalid(`${path}.path`, exported, "must be an absolute path")]),
];

/** A disk and its partition, 0 for the whole disk: of Google's cloud or of Amazon's. */
const validatePartition = (partition: number | undefined, path: string): FieldErrors =>
	partition !== undefined && (partition < 0 || partition > 255)
		? [fieldInvalid(`${path}.partition`, partition, inclusiveRangeText(1, 255))]
		: NO_ERRORS;

export const validateGcePersistentDisk = ({ pdName, partition }: GCEPersistentDiskVolumeSource, path: string): FieldErrors => [
	...validateRequired(pdName, `${path}.pdName`),
	...validatePartition(partition, path),
];

export const validateAwsElasticBlockStore = ({ volumeID, partition }: AWSElasticBlockStoreVolumeSource, path: string): FieldErrors => [
	...validateRequired(volumeID, `${path}.volumeID`),
	...validatePartition(partition, path),
];

export function validateIscsi(source: ISCSIVolumeSource, path: string): FieldErrors {
	const { targetPortal, iqn = "", lun = 0, initiatorName } = source;
	const errors: FieldError[] = [...validateRequired(targetPortal, `${path}.targetPortal`)];
	if (iqn === "") errors.push(fieldRequired(`${path}.iqn`));
	else errors.push(...validateIscsiName(iqn, `${path}.iqn`));
	if (lun < 0 || lun > 255) errors.push(fieldInvalid(`${path}.lun`, lun, inclusiveRangeText(0, 255)));
	if ((source.chapAuthDiscovery === true || source.chapAuthSession === true) && source.secretRef === undefined) {
		errors.push(fieldRequired(`${path}.secretRef`));
	}
	if (initiatorName !== undefined) errors.push(...validateIscsiName(initiatorName, `${path}.initiatorname`));
	return errors;
}

/** Names of targets and initiators, by their three kinds. */
const iscsiNames: ReadonlyMap<string, RegExp> = new Map([
	["iqn", /iqn\.\d{4}-\d{2}\.([0-9A-Za-z\-.]+)(:[^,;*&$|\s]+)$/],
	["eui", /^eui.[0-9A-Za-z]{16}$/],
	["naa", /^naa.[0-9A-Za-z]{32}$/],
]);

function validateIscsiName(name: string, path: string): FieldErrors {
	const pattern = iscsiNames.get(name.slice(0, 3));
	if (pattern === undefined) return [fieldInvalid(path, name, "must be valid format starting with iqn, eui, or naa")];
	return pattern.test(name) ? NO_ERRORS : [fieldInvalid(path, name, "must be valid format")];
}

export function validateFc({ targetWWNs = [], wwids = [], lun }: FCVolumeSource, path: string): FieldErrors {
	const errors: FieldError[] = [];
	const names = `${path}.targetWWNs`;
	if (targetWWNs.length === 0 && wwids.length === 0)
		errors.push(fieldRequired(names, "must specify either targetWWNs or wwids, but not both"));
	if (targetWWNs.length > 0 && wwids.length > 0) {
		errors.push(fieldInvalid(names, targetWWNs, "targetWWNs and wwids can not be specified simultaneously"));
	}
	if (targetWWNs.length === 0) return errors;
	if (lun === undefined) return [...errors, fieldRequired(`${path}.lun`, "lun is required if targetWWNs is specified")];
	return lun < 0 || lun > 255 ? [...errors, fieldInvalid(`${path}.lun`, lun, inclusiveRangeText(0, 255))] : errors;
}

export function validateQuobyte({ registry = "", tenant = "", volume }: QuobyteVolumeSource, path: string): FieldErrors {
	const hostPort = "must be a host:port pair or multiple pairs separated by commas";
	const errors: FieldError[] = [];
	if (registry === "") errors.push(fieldRequired(`${path}.registry`, hostPort));
	else if (Buffer.byteLength(tenant) >= 65) {
		errors.push(fieldRequired(`${path}.tenant`, "must be a UUID and may not exceed a length of 64 characters"));
	} else {
		for (const pair of registry.split(",")) {
			if (!/^(\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(pair)) errors.push(fieldInvalid(`${path}.registry`, registry, hostPort));
		}
	}
	return [...errors, ...validateRequired(volume, `${path}.volume`)];
}

export function validateFlocker({ datasetName = "", datasetUUID = "" }: FlockerVolumeSource, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (datasetName === "" && datasetUUID === "") errors.push(fieldRequired(path, "one of datasetName and datasetUUID is required"));
	if (datasetName !== "" && datasetUUID !== "") {
		errors.push(fieldInvalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"));
	}
	if (datasetName.includes("/")) errors.push(fieldInvalid(`${path}.datasetName`, datasetName, "must not contain '/'"));
	return errors;
}

/** Options of drivers keep out of Kubernetes' namespaces. */
export const validateFlexVolume = ({ driver, options = {} }: Pick<FlexVolumeSource, "driver" | "options">, path: string): FieldErrors => [
	...validateRequired(driver, `${path}.driver`),
	...Object.keys(options).flatMap((key) => {
		const slash = key.indexOf("/");
		const namespace = `.${(slash < 0 ? key : key.slice(0, slash)).toLowerCase()}`;
		return namespace.endsWith(".kubernetes.io") || namespace.endsWith(".k8s.io")
			? [fieldInvalid(`${path}.options[${key}]`, key, "kubernetes.io and k8s.io namespaces are reserved")]
			: NO_ERRORS;
	}),
];

const azureCachingModes = ["None", "ReadOnly", "ReadWrite"];
const azureKinds = ["Dedicated", "Managed", "Shared"];
const azureManagedUri = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
const azureBlobUri = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";

export function validateAzureDisk({ diskName, diskURI = "", cachingMode, kind }: AzureDiskVolumeSource, path: string): FieldErrors {
	const errors: FieldError[] = [...validateRequired(diskName, `${path}.diskName`), ...validateRequired(diskURI, `${path}.diskURI`)];
	if (cachingMode !== undefined && !azureCachingModes.includes(cachingMode)) {
		errors.push(fieldNotSupported(`${path}.cachingMode`, cachingMode, azureCachingModes));
	}
	if (kind === undefined) return errors;
	if (!azureKinds.includes(kind)) errors.push(fieldNotSupported(`${path}.kind`, kind, azureKinds));
	const [prefix, uri] = kind === "Managed" ? ["/subscriptions/", azureManagedUri] : ["https://", azureBlobUri];
	return diskURI.startsWith(prefix) ? errors : [...errors, fieldNotOneOf(`${path}.diskURI`, diskURI, [uri])];
}

export const validateScaleIo = (
	{ gateway, system, volumeName }: Pick<ScaleIOVolumeSource, "gateway" | "system" | "volumeName">,
	path: string,
): FieldErrors => [
	...validateRequired(gateway, `${path}.gateway`),
	...validateRequired(system, `${path}.system`),
	...validateRequired(volumeName, `${path}.volumeName`),
];

export const validateStorageOs = ({ volumeName, volumeNamespace, secretRef }: StorageOSVolumeSource, path: string): FieldErrors => [
	...validateNamed(volumeName, `${path}.volumeName`, isDns1123Label),
	...validateOptionalLabel(volumeNamespace, `${path}.volumeNamespace`),
	...validateSecretRef(secretRef, `${path}.secretRef`),
];

/** A reference to a secret, where there is one, names it. */
export const validateSecretRef = (reference: LocalObjectReference | undefined, path: string): FieldErrors =>
	reference === undefined ? NO_ERRORS : validateRequired(reference.name, `${path}.name`);

/** A list that may not be empty: monitors of Ceph. */
export const validateMonitors = (monitors: readonly string[] | undefined, path: string): FieldErrors =>
	monitors === undefined || monitors.length === 0 ? [fieldRequired(`${path}.monitors`)] : NO_ERRORS;

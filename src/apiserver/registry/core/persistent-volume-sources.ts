/**
 * Where the data of a PersistentVolume are: one rule a source, in the order in which they are looked at.
 * Source: ValidatePersistentVolumeSpec in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	CSIPersistentVolumeSource,
	FCVolumeSource,
	ISCSIPersistentVolumeSource,
	PersistentVolumeSpec,
	QuobyteVolumeSource,
	SecretReference,
	StorageOSPersistentVolumeSource,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { validateDriverName } from "../validation/csi.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateOptionalEnum,
	validateOptionalLabel,
	validateRequired,
} from "../validation/primitives.ts";
import { validateHostPath } from "../validation/volumes.ts";

interface SourceRule {
	readonly field: keyof PersistentVolumeSpec;
	/** How texts call the field, where Kubernetes' differ from it. */
	readonly name?: string;
	/** Where Kubernetes' texts stand, where that is not the field. */
	readonly path?: string;
	/** Kubernetes does not mind this source beside another. */
	readonly toleratesOthers?: true;
	validate(spec: PersistentVolumeSpec, path: string, volumeName: string): FieldErrors;
}

type Source<F extends keyof PersistentVolumeSpec> = Partial<NonNullable<PersistentVolumeSpec[F]>>;

/** A source and its rule; the rule sees the source, whose required fields may be missing. */
function rule<F extends keyof PersistentVolumeSpec>(
	field: F,
	check: (source: Source<F>, path: string, volumeName: string) => FieldErrors,
	texts: Pick<SourceRule, "name" | "path" | "toleratesOthers"> = {},
): SourceRule {
	return { field, ...texts, validate: (spec, path, volumeName) => check((spec[field] ?? {}) as Source<F>, path, volumeName) };
}

const inclusive = (low: number, high: number) => `must be between ${low} and ${high}, inclusive`;
const outside = (value: number | undefined, path: string, text: string): FieldErrors =>
	value !== undefined && (value < 0 || value > 255) ? [fieldInvalid(path, value, text)] : NO_ERRORS;
const nonEmpty = (list: readonly unknown[] | undefined, path: string): FieldErrors =>
	(list ?? []).length === 0 ? [fieldRequired(path)] : NO_ERRORS;

const rules: readonly SourceRule[] = [
	rule("hostPath", ({ path: hostPath, type }, path) => validateHostPath(hostPath, type, path)),
	rule(
		"gcePersistentDisk",
		({ pdName, partition }, path) => [
			...validateRequired(pdName, `${path}.pdName`),
			...outside(partition, `${path}.partition`, inclusive(1, 255)),
		],
		{ path: "persistentDisk" },
	),
	rule("awsElasticBlockStore", ({ volumeID, partition }, path) => [
		...validateRequired(volumeID, `${path}.volumeID`),
		...outside(partition, `${path}.partition`, inclusive(1, 255)),
	]),
	rule("glusterfs", ({ endpoints, path: volume, endpointsNamespace: namespace }, path) => [
		...validateRequired(endpoints, `${path}.endpoints`),
		...validateRequired(volume, `${path}.path`),
		...(namespace === undefined ? [] : validateEndpointsNamespace(namespace, `${path}.endpointsNamespace`)),
	]),
	rule("flocker", ({ datasetName = "", datasetUUID = "" }, path) => [
		...(datasetName === "" && datasetUUID === "" ? [fieldRequired(path, "one of datasetName and datasetUUID is required")] : []),
		...(datasetName !== "" && datasetUUID !== ""
			? [fieldInvalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")]
			: []),
		...(datasetName.includes("/") ? [fieldInvalid(`${path}.datasetName`, datasetName, "must not contain '/'")] : []),
	]),
	rule("nfs", ({ server, path: exported = "" }, path) => [
		...validateRequired(server, `${path}.server`),
		...validateRequired(exported, `${path}.path`),
		...(exported.startsWith("/") ? [] : [fieldInvalid(`${path}.path`, exported, "must be an absolute path")]),
	]),
	rule("rbd", ({ monitors, image }, path) => [...nonEmpty(monitors, `${path}.monitors`), ...validateRequired(image, `${path}.image`)]),
	rule("quobyte", validateQuobyte),
	rule("cephfs", ({ monitors }, path) => nonEmpty(monitors, `${path}.monitors`), { name: "cephFS" }),
	rule("iscsi", validateIscsi),
	rule("cinder", ({ volumeID, secretRef }, path) => [
		...validateRequired(volumeID, `${path}.volumeID`),
		...(secretRef === undefined ? [] : validateReference(secretRef, `${path}.secretRef`)),
	]),
	rule("fc", validateFibreChannel),
	rule(
		"flexVolume",
		({ driver, options = {} }, path) => [
			...validateRequired(driver, `${path}.driver`),
			...Object.keys(options)
				.filter((option) => /\.(kubernetes|k8s)\.io$/.test(`.${option.split("/")[0]?.toLowerCase()}`))
				.map((option) => fieldInvalid(`${path}.options[${option}]`, option, "kubernetes.io and k8s.io namespaces are reserved")),
		],
		{ toleratesOthers: true },
	),
	rule("azureFile", ({ secretName, shareName, secretNamespace }, path) => [
		...validateRequired(secretName, `${path}.secretName`),
		...validateRequired(shareName, `${path}.shareName`),
		...(secretNamespace === "" ? [fieldRequired(`${path}.secretNamespace`)] : []),
	]),
	rule("vsphereVolume", ({ volumePath }, path) => validateRequired(volumePath, `${path}.volumePath`)),
	rule("photonPersistentDisk", ({ pdID }, path) => validateRequired(pdID, `${path}.pdID`)),
	rule("portworxVolume", ({ volumeID }, path) => validateRequired(volumeID, `${path}.volumeID`)),
	rule("azureDisk", validateAzureDisk),
	rule("scaleIO", ({ gateway, system, volumeName }, path) => [
		...validateRequired(gateway, `${path}.gateway`),
		...validateRequired(system, `${path}.system`),
		...validateRequired(volumeName, `${path}.volumeName`),
	]),
	{
		field: "local",
		validate: ({ local, nodeAffinity }, path) => [
			...validateLocalPath(local?.path ?? "", `${path}.path`),
			...(nodeAffinity === undefined ? [fieldRequired("spec.nodeAffinity", "Local volume requires node affinity")] : []),
		],
	},
	rule("storageos", validateStorageOs),
	rule("csi", validateCsi),
];

const sourceFields: ReadonlySet<string> = new Set(rules.map(({ field }) => field));

/** The source and nothing else of a spec. */
export function sourceOf(spec: PersistentVolumeSpec | undefined): Readonly<Record<string, unknown>> {
	return Object.fromEntries(Object.entries(spec ?? {}).filter(([field, value]) => sourceFields.has(field) && value !== undefined));
}

/** One source; the rules of the first are applied, further ones are refused. */
export function validateSource(spec: PersistentVolumeSpec, volumeName: string): FieldErrors {
	const errors: FieldError[] = [];
	let count = 0;
	for (const { field, name = field, path = field, toleratesOthers, validate } of rules) {
		if (spec[field] === undefined) continue;
		if (count > 0 && toleratesOthers !== true) {
			errors.push(fieldForbidden(`spec.${name}`, "may not specify more than 1 volume type"));
			continue;
		}
		count++;
		errors.push(...validate(spec, `spec.${path}`, volumeName));
	}
	return count === 0 ? [fieldRequired("spec", "must specify a volume type")] : errors;
}

function validateEndpointsNamespace(namespace: string, path: string): FieldErrors {
	if (namespace !== "") return invalidFor(path, namespace, isDns1123Label(namespace));
	return [fieldInvalid(path, namespace, "if the endpointnamespace is set, it must be a valid namespace name")];
}

function validateLocalPath(local: string, path: string): FieldErrors {
	if (local === "") return [fieldRequired(path)];
	return local.split("/").includes("..") ? [fieldInvalid(path, local, "must not contain '..'")] : NO_ERRORS;
}

function validateQuobyte({ registry = "", tenant = "", volume }: Partial<QuobyteVolumeSource>, path: string): FieldErrors {
	const pairs = "must be a host:port pair or multiple pairs separated by commas";
	const errors: FieldError[] = [];
	if (registry === "") errors.push(fieldRequired(`${path}.registry`, pairs));
	else if (Buffer.byteLength(tenant) >= 65) {
		errors.push(fieldRequired(`${path}.tenant`, "must be a UUID and may not exceed a length of 64 characters"));
	} else {
		const bad = registry.split(",").filter((pair) => !/^([^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/.test(pair));
		errors.push(...bad.map(() => fieldInvalid(`${path}.registry`, registry, pairs)));
	}
	return [...errors, ...validateRequired(volume, `${path}.volume`)];
}

/** Longest `<volume name>:<target portal>`, which initiators are told apart by. */
const maxIscsiNameBytes = 64;

const iscsiNames = [/^iqn\.\d{4}-\d{2}\.([A-Za-z\d\-.]+)(:[^,;*&$|\s]+)$/, /^eui.[A-Za-z0-9]{16}$/, /^naa.[A-Za-z0-9]{32}$/];

const iscsiName = (name: string, path: string): FieldErrors =>
	iscsiNames.some((pattern) => pattern.test(name)) ? NO_ERRORS : [fieldInvalid(path, name, "must be valid format")];

function validateIscsi(source: Partial<ISCSIPersistentVolumeSource>, path: string, volumeName: string): FieldErrors {
	const { targetPortal = "", iqn = "", lun, initiatorName, secretRef, chapAuthDiscovery, chapAuthSession } = source;
	const errors: FieldError[] = [...validateRequired(targetPortal, `${path}.targetPortal`)];
	if (initiatorName !== undefined && Buffer.byteLength(`${volumeName}:${targetPortal}`) > maxIscsiNameBytes) {
		const text = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
		errors.push(fieldInvalid(`${path}.targetportal`, targetPortal, text));
	}
	errors.push(...(iqn === "" ? [fieldRequired(`${path}.iqn`)] : iscsiName(iqn, `${path}.iqn`)));
	errors.push(...outside(lun, `${path}.lun`, inclusive(0, 255)));
	if ((chapAuthDiscovery === true || chapAuthSession === true) && secretRef === undefined) errors.push(fieldRequired(`${path}.secretRef`));
	if (secretRef !== undefined) errors.push(...validateRequired(secretRef.name, `${path}.secretRef.name`));
	return initiatorName === undefined ? errors : [...errors, ...iscsiName(initiatorName, `${path}.initiatorname`)];
}

function validateFibreChannel({ targetWWNs = [], wwids = [], lun }: Partial<FCVolumeSource>, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (targetWWNs.length === 0 && wwids.length === 0) {
		errors.push(fieldRequired(`${path}.targetWWNs`, "must specify either targetWWNs or wwids, but not both"));
	}
	if (targetWWNs.length === 0) return errors;
	if (wwids.length > 0) {
		errors.push(fieldInvalid(`${path}.targetWWNs`, targetWWNs, "targetWWNs and wwids can not be specified simultaneously"));
	}
	if (lun === undefined) return [...errors, fieldRequired(`${path}.lun`, "lun is required if targetWWNs is specified")];
	return [...errors, ...outside(lun, `${path}.lun`, inclusive(0, 255))];
}

function validateAzureDisk(source: Source<"azureDisk">, path: string): FieldErrors {
	const { diskName, diskURI = "", cachingMode, kind } = source;
	const managed = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
	const blob = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
	const errors: FieldError[] = [
		...validateRequired(diskName, `${path}.diskName`),
		...validateRequired(diskURI, `${path}.diskURI`),
		...validateOptionalEnum(cachingMode, `${path}.cachingMode`, ["None", "ReadOnly", "ReadWrite"]),
		...validateOptionalEnum(kind, `${path}.kind`, ["Dedicated", "Managed", "Shared"]),
	];
	if (kind === "Managed" && !diskURI.startsWith("/subscriptions/")) errors.push(fieldNotSupported(`${path}.diskURI`, diskURI, [managed]));
	if (kind !== undefined && kind !== "Managed" && !diskURI.startsWith("https://")) {
		errors.push(fieldNotSupported(`${path}.diskURI`, diskURI, [blob]));
	}
	return errors;
}

function validateStorageOs(
	{ volumeName = "", volumeNamespace, secretRef }: Partial<StorageOSPersistentVolumeSource>,
	path: string,
): FieldErrors {
	return [
		...(volumeName === ""
			? [fieldRequired(`${path}.volumeName`)]
			: invalidFor(`${path}.volumeName`, volumeName, isDns1123Label(volumeName))),
		...validateOptionalLabel(volumeNamespace, `${path}.volumeNamespace`),
		...(secretRef === undefined ? [] : validateReference(secretRef, `${path}.secretRef`)),
	];
}

/** Name and namespace, whatever they are. */
const validateReference = ({ name, namespace }: SecretReference, path: string): FieldErrors => [
	...validateRequired(name, `${path}.name`),
	...validateRequired(namespace, `${path}.namespace`),
];

function validateCsi(source: Partial<CSIPersistentVolumeSource>, path: string): FieldErrors {
	const secrets = ["controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"] as const;
	return [
		...validateDriverName(source.driver, `${path}.driver`),
		...validateRequired(source.volumeHandle, `${path}.volumeHandle`),
		...secrets.flatMap((field) => {
			const reference = source[field];
			return reference === undefined ? [] : validateSecret(reference, `${path}.${field}`);
		}),
	];
}

/** Name and namespace of a Secret that could be there. */
function validateSecret({ name = "", namespace = "" }: SecretReference, path: string): FieldErrors {
	return [
		...(name === "" ? [fieldRequired(`${path}.name`)] : invalidFor(`${path}.name`, name, isDns1123Subdomain(name))),
		...(namespace === "" ? [fieldRequired(`${path}.namespace`)] : invalidFor(`${path}.namespace`, namespace, isDns1123Label(namespace))),
	];
}

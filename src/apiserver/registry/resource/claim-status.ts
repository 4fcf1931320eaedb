/**
 * What a ResourceClaim was given, and who uses it. Source: validateResourceClaimStatusUpdate in
 * pkg/apis/resource/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type {
	AllocatedDeviceStatus,
	AllocationResult,
	DeviceClaim,
	NetworkDeviceData,
	ResourceClaimConsumerReference,
	ResourceResourceClaim,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
	fieldTooLong,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import { validateDriverName } from "../validation/csi.ts";
import { parseCidr } from "../validation/ip.ts";
import { formatIpv6 } from "../validation/legacy-ip.ts";
import { type FieldErrors, NO_ERRORS, validateDnsLabel, validateImmutable, validateRequired } from "../validation/primitives.ts";
import { validateNodeSelector } from "../validation/scheduling.ts";
import { validateOpaque, validateRawObject, validateReference, validateReferences } from "./device-claim.ts";
import { validateList, validatePoolName, validateSet } from "./device-names.ts";
import { validateBindingConditions } from "./device-parts.ts";

const maxConsumers = 256;
const maxResults = 32;
const maxConfigs = 64;
const maxConditions = 8;
const maxIps = 16;
const maxInterfaceNameBytes = 256;
const maxHardwareAddressBytes = 128;
const maxDataBytes = 10 * 1024;
const configSources = ["FromClaim", "FromClass"];

type DeviceId = Partial<Pick<AllocatedDeviceStatus, "driver" | "pool" | "device" | "shareID">>;
/** Of a device that is shared, of one share. */
const idOf = ({ driver = "", pool = "", device = "", shareID }: DeviceId) =>
	[driver, pool, device, ...(shareID === undefined ? [] : [shareID])].join("/");

export function validateClaimStatus({ metadata, spec, status = {} }: ResourceResourceClaim, old: ResourceResourceClaim): FieldErrors {
	const { reservedFor = [], allocation, devices } = status;
	const allocated = new Set((allocation?.devices?.results ?? []).map(idOf));
	const before = old.status?.allocation;
	const isGoing = metadata?.deletionTimestamp !== undefined;
	const claim = spec?.devices ?? {};
	return [
		...validateSet(
			reservedFor,
			maxConsumers,
			"status.reservedFor",
			validateConsumer,
			({ uid = "" }: Partial<ResourceClaimConsumerReference>) => uid,
		),
		...validateSet(devices, Number.POSITIVE_INFINITY, "status.devices", (device, at) => validateDeviceStatus(device, at, allocated), idOf),
		...validateReservation(status, old.status?.reservedFor ?? [], isGoing),
		...(allocation === undefined ? [] : validateAllocation(allocation, before, claim)),
	];
}

const validateConsumer = ({ resource, name, uid }: Partial<ResourceClaimConsumerReference>, path: string): FieldErrors => [
	...validateRequired(resource, `${path}.resource`),
	...validateRequired(name, `${path}.name`),
	...validateRequired(uid, `${path}.uid`),
];

/** Only what was allocated is used, and what goes is used by nobody new. */
function validateReservation(
	{ reservedFor = [], allocation }: NonNullable<ResourceResourceClaim["status"]>,
	old: readonly ResourceClaimConsumerReference[],
	isGoing: boolean,
): FieldErrors {
	const path = "status.reservedFor";
	if (reservedFor.length === 0) return NO_ERRORS;
	if (allocation === undefined) return [fieldForbidden(path, "may not be specified when `allocated` is not set")];
	const isNew = (consumer: ResourceClaimConsumerReference) => !old.some((known) => jsonEqual(known, consumer));
	if (!isGoing || !reservedFor.some(isNew)) return NO_ERRORS;
	return [fieldForbidden(path, "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set")];
}

/** An allocation is made once; it is checked when it is new. */
function validateAllocation(allocation: AllocationResult, old: AllocationResult | undefined, claim: DeviceClaim): FieldErrors {
	const path = "status.allocation";
	if (old !== undefined) return validateImmutable(allocation, old, path);
	const { results, config } = allocation.devices ?? {};
	return [
		...validateList(results, maxResults, `${path}.devices.results`, (result, at) => [
			...validateReference(result.request ?? "", claim, `${at}.request`),
			...validateDevice(result, at),
			...validateBindingConditions(result, at),
		]),
		...validateList(config, maxConfigs, `${path}.devices.config`, ({ source, requests, opaque }, at) => [
			...validateSource(source ?? "", `${at}.source`),
			...validateReferences(requests, claim, `${at}.requests`),
			...validateOpaque(opaque, `${at}.opaque`),
		]),
		...(allocation.nodeSelector === undefined ? [] : validateNodeSelector(allocation.nodeSelector, `${path}.nodeSelector`)),
	];
}

function validateSource(source: string, path: string): FieldErrors {
	if (source === "") return [fieldRequired(path)];
	return configSources.includes(source) ? NO_ERRORS : [fieldNotOneOf(path, source, configSources)];
}

const validateDevice = ({ driver, pool, device }: DeviceId, path: string): FieldErrors => [
	...validateDriverName(driver, `${path}.driver`),
	...validatePoolName(pool, `${path}.pool`),
	...validateDnsLabel(device, `${path}.device`),
];

function validateDeviceStatus(status: AllocatedDeviceStatus, path: string, allocated: ReadonlySet<string>): FieldErrors {
	const { conditions = [], data, networkData } = status;
	const errors: FieldError[] = [...validateDevice(status, path)];
	if (!allocated.has(idOf(status))) errors.push(fieldInvalid(path, idOf(status), "must be an allocated device in the claim"));
	if (conditions.length > maxConditions) errors.push(fieldTooMany(`${path}.conditions`, conditions.length, maxConditions));
	if (data !== undefined && data !== null) errors.push(...validateRawObject(data, `${path}.data`, maxDataBytes));
	return networkData === undefined ? errors : [...errors, ...validateNetworkData(networkData, `${path}.networkData`)];
}

function validateNetworkData({ interfaceName = "", hardwareAddress = "", ips }: NetworkDeviceData, path: string): FieldErrors {
	return [
		...(Buffer.byteLength(interfaceName) > maxInterfaceNameBytes ? [fieldTooLong(`${path}.interfaceName`, maxInterfaceNameBytes)] : []),
		...(Buffer.byteLength(hardwareAddress) > maxHardwareAddressBytes
			? [fieldTooLong(`${path}.hardwareAddress`, maxHardwareAddressBytes)]
			: []),
		...validateSet(ips, maxIps, `${path}.ips`, validateInterfaceAddress, (ip) => ip),
	];
}

function validateInterfaceAddress(text: string, path: string): FieldErrors {
	const cidr = parseCidr(text);
	if (cidr === undefined) return [fieldInvalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")];
	if (cidr.family === "IPv4") return NO_ERRORS;
	const canonical = `${formatIpv6(cidr.address)}/${cidr.prefixLength}`;
	return text === canonical ? NO_ERRORS : [fieldInvalid(path, text, `must be in canonical form ("${canonical}")`)];
}

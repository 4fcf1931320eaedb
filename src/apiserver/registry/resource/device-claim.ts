/**
 * What a claim for devices asks for: requests, constraints between them, configuration. CEL selectors are not compiled.
 * Source: pkg/apis/resource/v1/defaults.go, pkg/apis/resource/validation/validation.go.
 */
import type {
	DeviceClaim,
	DeviceConstraint,
	DeviceRequest,
	DeviceSelector,
	DeviceSubRequest,
	DeviceToleration,
	ExactDeviceRequest,
	OpaqueDeviceConfiguration,
	ResourceClaimSpec,
} from "../../../apimachinery/schema/generated/types.ts";
import { FieldError, fieldInvalid, fieldRequired, fieldTooLong } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import { validateDriverName } from "../validation/csi.ts";
import { type FieldErrors, invalidFor, validateDnsLabel, validateEach, validateEnum, validateUnique } from "../validation/primitives.ts";

const maxItems = 32;
const maxAlternatives = 8;
const maxExpressionBytes = 10 * 1024;
const badReference = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** One device of the class, unless the request says otherwise. */
export function defaultClaimSpec(spec: ResourceClaimSpec): ResourceClaimSpec {
	const requests = eachItem((request: DeviceRequest) =>
		mapField(mapField(request, "exactly", defaultRequest), "firstAvailable", eachItem<DeviceSubRequest>(defaultRequest)),
	);
	return mapField(spec, "devices", (devices) => mapField(devices, "requests", requests));
}

function defaultRequest<T extends ExactDeviceRequest | DeviceSubRequest>(request: T): T {
	const withMode = withDefaults<ExactDeviceRequest | DeviceSubRequest>(request, { allocationMode: "ExactCount" });
	const withCount = withMode.allocationMode === "ExactCount" && (withMode.count ?? 0) === 0 ? { ...withMode, count: 1 } : withMode;
	return mapField(
		withCount,
		"tolerations",
		eachItem((toleration: DeviceToleration) => withDefaults(toleration, { operator: "Equal" })),
	) as T;
}

export function validateClaimSpec({ devices = {} }: ResourceClaimSpec, path: string): FieldErrors {
	const at = `${path}.devices`;
	return [
		...validateMax(devices.requests, maxItems, `${at}.requests`),
		...validateEach(devices.requests, `${at}.requests`, validateRequest),
		...uniqueNames(devices.requests, `${at}.requests`),
		...validateMax(devices.constraints, maxItems, `${at}.constraints`),
		...validateEach(devices.constraints, `${at}.constraints`, (constraint, own) => validateConstraint(constraint, devices, own)),
		...validateMax(devices.config, maxItems, `${at}.config`),
		...validateEach(devices.config, `${at}.config`, ({ requests, opaque }, own) => [
			...validateReferences(requests, devices, `${own}.requests`),
			...validateOpaque(opaque, `${own}.opaque`),
		]),
	];
}

function validateMax(items: readonly unknown[] | undefined, max: number, path: string): FieldErrors {
	const count = items?.length ?? 0;
	return count > max ? [new FieldError("FieldValueTooMany", path, count, `must have at most ${max} items`)] : [];
}

function uniqueNames(items: readonly { readonly name: string }[] | undefined, path: string): FieldErrors {
	return validateUnique(
		items ?? [],
		({ name }) => name,
		(index) => `${path}[${index}]`,
	);
}

function validateRequest(request: DeviceRequest, path: string): FieldErrors {
	return [...validateDnsLabel(request.name, `${path}.name`), ...validateChoice(request, path)];
}

function validateChoice({ exactly, firstAvailable = [] }: DeviceRequest, path: string): FieldErrors {
	const one = "exactly one of `exactly` or `firstAvailable` is required";
	if (exactly !== undefined && firstAvailable.length > 0) return [fieldInvalid(path, null, `${one}, but multiple fields are set`)];
	if (exactly !== undefined) return validateDevices(exactly, `${path}.exactly`);
	if (firstAvailable.length === 0) return [fieldRequired(path, one)];
	return [
		...validateMax(firstAvailable, maxAlternatives, `${path}.firstAvailable`),
		...validateEach(firstAvailable, `${path}.firstAvailable`, (request, at) => [
			...validateDnsLabel(request.name, `${at}.name`),
			...validateDevices(request, at),
		]),
		...uniqueNames(firstAvailable, `${path}.firstAvailable`),
	];
}

function validateDevices(request: ExactDeviceRequest, path: string): FieldErrors {
	const { deviceClassName = "", allocationMode, count = 0 }: Partial<ExactDeviceRequest> = request;
	return [
		...(deviceClassName === ""
			? [fieldRequired(`${path}.deviceClassName`)]
			: invalidFor(`${path}.deviceClassName`, deviceClassName, isDns1123Subdomain(deviceClassName))),
		...validateSelectors(request.selectors, `${path}.selectors`),
		...validateEnum(allocationMode, `${path}.allocationMode`, ["All", "ExactCount"]),
		...(allocationMode === "All" && count !== 0
			? [fieldInvalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'")]
			: []),
		...(allocationMode === "ExactCount" && count <= 0 ? [fieldInvalid(`${path}.count`, count, "must be greater than zero")] : []),
	];
}

/** Selectors of a request or of a DeviceClass. */
export function validateSelectors(selectors: readonly DeviceSelector[] | undefined, path: string): FieldErrors {
	return [
		...validateMax(selectors, maxItems, path),
		...validateEach(selectors, path, ({ cel }, at) => {
			if (cel === undefined) return [fieldRequired(`${at}.cel`)];
			return Buffer.byteLength(cel.expression ?? "") > maxExpressionBytes ? [fieldTooLong(`${at}.cel.expression`, maxExpressionBytes)] : [];
		}),
	];
}

/** Configuration for a driver, in the driver's own terms. */
export function validateOpaque(opaque: OpaqueDeviceConfiguration | undefined, path: string): FieldErrors {
	if (opaque === undefined) return [fieldRequired(path)];
	return [
		...validateDriverName(opaque.driver, `${path}.driver`),
		...(opaque.parameters === undefined ? [fieldRequired(`${path}.parameters`)] : []),
	];
}

function validateConstraint(
	{ requests, matchAttribute, distinctAttribute }: DeviceConstraint,
	claim: DeviceClaim,
	path: string,
): FieldErrors {
	const text = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
	const missing = matchAttribute === undefined && distinctAttribute === undefined;
	return [...validateReferences(requests, claim, `${path}.requests`), ...(missing ? [fieldRequired(path, text)] : [])];
}

/** Names of requests, or of a request and one of its alternatives: `gpu`, `gpu/large`. */
function validateReferences(references: readonly string[] | undefined, { requests = [] }: DeviceClaim, path: string): FieldErrors {
	const known = new Set(
		requests.flatMap(({ name, firstAvailable = [] }) => [name, ...firstAvailable.map((alternative) => `${name}/${alternative.name}`)]),
	);
	return validateEach(references, path, (reference, at) => (known.has(reference) ? [] : [fieldInvalid(at, reference, badReference)]));
}

/**
 * What a claim for devices asks for: requests, constraints between them, configuration.
 * Source: pkg/apis/resource/v1/defaults.go, pkg/apis/resource/validation/validation.go.
 */
import { isJsonObject } from "../../../apimachinery/json.ts";
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
import { fieldInvalid, fieldNotSupported, fieldRequired, fieldTooLong } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import { validateDriverName } from "../validation/csi.ts";
import { type FieldErrors, invalidFor, validateDnsLabel } from "../validation/primitives.ts";
import { validateTolerations } from "./device.ts";
import { maxExpressionBytes, validateFullyQualifiedName, validateList, validateSet } from "./device-names.ts";

const maxItems = 32;
const maxAlternatives = 8;
const maxParametersBytes = 10 * 1024;
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
		...validateSet(devices.requests, maxItems, `${at}.requests`, validateRequest, nameOf),
		...validateList(devices.constraints, maxItems, `${at}.constraints`, (constraint, own) => validateConstraint(constraint, devices, own)),
		...validateList(devices.config, maxItems, `${at}.config`, ({ requests, opaque }, own) => [
			...validateReferences(requests, devices, `${own}.requests`),
			...validateOpaque(opaque, `${own}.opaque`),
		]),
	];
}

const nameOf = ({ name }: { readonly name?: string }): string => name ?? "";

function validateRequest(request: DeviceRequest, path: string): FieldErrors {
	return [...validateDnsLabel(request.name, `${path}.name`), ...validateChoice(request, path)];
}

function validateChoice({ exactly, firstAvailable = [] }: DeviceRequest, path: string): FieldErrors {
	const one = "exactly one of `exactly` or `firstAvailable` is required";
	if (exactly !== undefined && firstAvailable.length > 0) return [fieldInvalid(path, null, `${one}, but multiple fields are set`)];
	if (exactly !== undefined) return validateDevices(exactly, `${path}.exactly`);
	if (firstAvailable.length === 0) return [fieldRequired(path, one)];
	const validate = (request: DeviceSubRequest, at: string) => [
		...validateDnsLabel(request.name, `${at}.name`),
		...validateDevices(request, at),
	];
	return validateSet(firstAvailable, maxAlternatives, `${path}.firstAvailable`, validate, nameOf);
}

function validateDevices(request: ExactDeviceRequest, path: string): FieldErrors {
	const { deviceClassName = "", allocationMode, count = 0 }: Partial<ExactDeviceRequest> = request;
	return [
		...(deviceClassName === ""
			? [fieldRequired(`${path}.deviceClassName`)]
			: invalidFor(`${path}.deviceClassName`, deviceClassName, isDns1123Subdomain(deviceClassName))),
		...validateSelectors(request.selectors, `${path}.selectors`),
		...(allocationMode === "All" || allocationMode === "ExactCount"
			? []
			: [fieldNotSupported(`${path}.allocationMode`, allocationMode ?? "", ["All", "ExactCount"])]),
		...(allocationMode === "All" && count !== 0
			? [fieldInvalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'")]
			: []),
		...(allocationMode === "ExactCount" && count <= 0 ? [fieldInvalid(`${path}.count`, count, "must be greater than zero")] : []),
		...validateTolerations(request.tolerations, `${path}.tolerations`),
	];
}

/** Whether the expressions of a claim's selectors compile; undefined where it has none, as most have. */
export function validateClaimExpressions({ devices = {} }: ResourceClaimSpec, path: string): Promise<FieldErrors> | undefined {
	const lists = new Map<string, readonly DeviceSelector[]>();
	const note = (at: string, { selectors = [] }: Partial<ExactDeviceRequest>) => {
		if (selectors.length > 0) lists.set(`${at}.selectors`, selectors);
	};
	for (const [index, { exactly, firstAvailable = [] }] of (devices.requests ?? []).entries()) {
		const at = `${path}.devices.requests[${index}]`;
		if (exactly !== undefined) note(`${at}.exactly`, exactly);
		for (const [place, alternative] of firstAvailable.entries()) note(`${at}.firstAvailable[${place}]`, alternative);
	}
	return validateSelectorExpressions(lists);
}

/** @param lists selectors by their path */
export function validateSelectorExpressions(lists: ReadonlyMap<string, readonly DeviceSelector[]>): Promise<FieldErrors> | undefined {
	if ([...lists.values()].every(({ length }) => length === 0)) return undefined;
	return import("./selector-expressions.ts").then(({ selectorErrors }) => selectorErrors(lists));
}

/** Selectors of a request or of a DeviceClass. */
export function validateSelectors(selectors: readonly DeviceSelector[] | undefined, path: string): FieldErrors {
	return validateList(selectors, maxItems, path, ({ cel }, at) => {
		if (cel === undefined) return [fieldRequired(`${at}.cel`)];
		return Buffer.byteLength(cel.expression ?? "") > maxExpressionBytes ? [fieldTooLong(`${at}.cel.expression`, maxExpressionBytes)] : [];
	});
}

/** Configuration for a driver, in the driver's own terms. */
export function validateOpaque(opaque: OpaqueDeviceConfiguration | undefined, path: string): FieldErrors {
	if (opaque === undefined) return [fieldRequired(path)];
	return [
		...validateDriverName(opaque.driver, `${path}.driver`),
		...validateRawObject(opaque.parameters, `${path}.parameters`, maxParametersBytes),
	];
}

/** An object of somebody else's type. */
export function validateRawObject(value: unknown, path: string, maxBytes: number): FieldErrors {
	if (value === undefined || value === null) return [fieldRequired(path)];
	if (Buffer.byteLength(JSON.stringify(value)) > maxBytes) return [fieldTooLong(path, maxBytes)];
	return isJsonObject(value) ? [] : [fieldInvalid(path, "<value omitted>", "parameters must be a valid JSON object")];
}

function validateConstraint(
	{ requests, matchAttribute, distinctAttribute }: DeviceConstraint,
	claim: DeviceClaim,
	path: string,
): FieldErrors {
	const errors = validateReferences(requests, claim, `${path}.requests`);
	if (matchAttribute !== undefined) return [...errors, ...validateFullyQualifiedName(matchAttribute, `${path}.matchAttribute`)];
	if (distinctAttribute !== undefined) return [...errors, ...validateFullyQualifiedName(distinctAttribute, `${path}.distinctAttribute`)];
	// Kubernetes' text speaks of several where there is none.
	const text = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
	return [...errors, fieldRequired(path, text)];
}

/** Names of requests, or of a request and one of its alternatives: `gpu`, `gpu/large`. */
export function validateReferences(references: readonly string[] | undefined, claim: DeviceClaim, path: string): FieldErrors {
	const validate = (reference: string, at: string) => validateReference(reference, claim, at);
	return validateSet(references, maxItems, path, validate, (reference) => reference);
}

export function validateReference(reference: string, { requests = [] }: DeviceClaim, path: string): FieldErrors {
	const segments = reference.split("/");
	const unknown = [fieldInvalid(path, reference, badReference)];
	if (segments.length > 2) return unknown;
	const [name, alternative] = segments;
	const request = requests.find((candidate) => candidate.name === name);
	const isKnown =
		request !== undefined && (alternative === undefined || request.firstAvailable?.some((one) => one.name === alternative) === true);
	return [...segments.flatMap((segment) => validateDnsLabel(segment, path)), ...(isKnown ? [] : unknown)];
}

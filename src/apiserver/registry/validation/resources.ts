/**
 * Resource lists and the requests and limits of containers. Source: validateResourceRequirements,
 * ValidateContainerResourceName, validateResourceClaimNames in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { compareQuantities, parseQuantity, type Quantity, QuantityError, quantityToInteger } from "../../../apimachinery/quantity.ts";
import type { CoreResourceClaim, ResourceRequirements } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotFound,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, NOT_NEGATIVE, validateEach } from "./primitives.ts";
import {
	allowsOvercommit,
	hugePageSize,
	isExtendedResource,
	isHugePages,
	isIntegerResource,
	isNativeResource,
	isStandardContainerResource,
	isStandardResource,
} from "./resource-names.ts";

export type ResourceList = Readonly<Record<string, string>>;

/** Whether a name may stand in a list of resources, and what is wrong with it. */
export type ResourceNameRule = (resource: string, path: string) => FieldErrors;

/** A resource's name: qualified, or one that Kubernetes knows. */
export function validateResourceName(resource: string, path: string): FieldErrors {
	const errors = invalidFor(path, resource, isQualifiedName(resource));
	if (errors.length > 0 || resource.includes("/") || isStandardResource(resource)) return errors;
	return [fieldInvalid(path, resource, "must be a standard resource type or fully qualified")];
}

/** A resource that a container may ask for. */
export function validateContainerResourceName(resource: string, path: string): FieldErrors {
	const errors = validateResourceName(resource, path);
	if (resource.split("/").length === 1) {
		return isStandardContainerResource(resource)
			? errors
			: [...errors, fieldInvalid(path, resource, "must be a standard resource for containers")];
	}
	if (isNativeResource(resource) || isExtendedResource(resource)) return errors;
	return [...errors, fieldInvalid(path, resource, "doesn't follow extended resource name standard")];
}

/** Most quantities: sound at a glance, and whole unless they are thousandths. */
const plainQuantity = /^\d{1,15}(m|k|[MGTPE]|[KMGTPE]i)?$/;

/** A quantity that can be read, is not negative, and is whole where pieces are counted. */
export function validateQuantity(resource: string, quantity: string, path: string): FieldErrors {
	if (plainQuantity.test(quantity) && !(quantity.endsWith("m") && isIntegerResource(resource))) return NO_ERRORS;
	const parsed = readQuantity(quantity);
	if (typeof parsed === "string") return [fieldInvalid(path, quantity, parsed)];
	return [
		...(parsed.nanos < 0n ? [fieldInvalid(path, quantity, NOT_NEGATIVE)] : []),
		...(isIntegerResource(resource) && parsed.nanos % 1_000_000_000n !== 0n ? [fieldInvalid(path, quantity, "must be an integer")] : []),
	];
}

/** The quantity, or why it is none. */
function readQuantity(text: string): Quantity | string {
	try {
		return parseQuantity(text);
	} catch (error) {
		if (error instanceof QuantityError) return error.message;
		throw error;
	}
}

export interface RequirementRules {
	/** Default: what a container may ask for. */
	readonly nameRule?: ResourceNameRule;
	/** Names of the Pod's resource claims. */
	readonly claims?: ReadonlySet<string>;
}

/** Requests and limits, each and against each other, and the claims. */
export function validateResourceRequirements(
	resources: ResourceRequirements | undefined,
	path: string,
	{ nameRule = validateContainerResourceName, claims = new Set() }: RequirementRules = {},
): FieldErrors {
	const { limits = {}, requests = {} } = resources ?? {};
	const errors: FieldError[] = [];
	for (const [resource, limit] of Object.entries(limits))
		errors.push(...validateAmount(resource, limit, `${path}.limits[${resource}]`, nameRule));
	for (const [resource, request] of Object.entries(requests)) {
		const at = `${path}.requests[${resource}]`;
		errors.push(
			...nameRule(resource, at),
			...validateQuantity(resource, request, at),
			...validateAgainstLimit(resource, request, limits[resource], path),
			...validateHugePages(resource, request, at),
		);
	}
	const names = [...Object.keys(limits), ...Object.keys(requests)];
	if (names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory")) {
		errors.push(fieldForbidden(path, "HugePages require cpu or memory"));
	}
	return [...errors, ...validateClaims(resources?.claims, claims, `${path}.claims`)];
}

const validateAmount = (resource: string, amount: string, path: string, nameRule: ResourceNameRule): FieldErrors => [
	...nameRule(resource, path),
	...validateQuantity(resource, amount, path),
	...validateHugePages(resource, amount, path),
];

function validateAgainstLimit(resource: string, request: string, limit: string | undefined, path: string): FieldErrors {
	const overcommit = allowsOvercommit(resource);
	if (limit === undefined) {
		return overcommit ? NO_ERRORS : [fieldRequired(`${path}.limits`, "Limit must be set for non overcommitable resources")];
	}
	if (request === limit) return NO_ERRORS;
	const [asked, allowed] = [readQuantity(request), readQuantity(limit)];
	if (typeof asked === "string" || typeof allowed === "string") return NO_ERRORS;
	const order = compareQuantities(asked, allowed);
	if (order !== 0 && !overcommit) return [fieldInvalid(`${path}.requests`, request, `must be equal to ${resource} limit of ${limit}`)];
	return order > 0 ? [fieldInvalid(`${path}.requests`, request, `must be less than or equal to ${resource} limit of ${limit}`)] : NO_ERRORS;
}

/** Huge pages come in whole pages. */
function validateHugePages(resource: string, quantity: string, path: string): FieldErrors {
	if (!isHugePages(resource)) return NO_ERRORS;
	const size = readQuantity(hugePageSize(resource));
	const amount = readQuantity(quantity);
	if (typeof amount === "string") return NO_ERRORS;
	const isWhole =
		typeof size !== "string" &&
		size.nanos > 0n &&
		size.nanos % 1_000_000_000n === 0n &&
		quantityToInteger(amount) % quantityToInteger(size) === 0;
	return isWhole ? NO_ERRORS : [fieldInvalid(path, quantity, `${quantity} is not positive integer multiple of ${resource}`)];
}

/** What a container takes of the Pod's claims: each claim once, as a whole or by requests. */
function validateClaims(claims: readonly CoreResourceClaim[] | undefined, podClaims: ReadonlySet<string>, path: string): FieldErrors {
	const seen = new Set<string>();
	return validateEach(claims, path, ({ name = "", request = "" }, at) => {
		if (name === "") return [fieldRequired(at)];
		const errors: FieldError[] = [];
		if (seen.has(name)) errors.push(fieldDuplicate(at, name));
		else {
			const key = request === "" ? name : `${name}/${request}`;
			if (request !== "") errors.push(...invalidFor(`${at}.request`, request, isDns1123Label(request)));
			if (seen.has(key)) errors.push(fieldDuplicate(at, key));
			else if (request === "") {
				for (const earlier of seen) if (earlier.startsWith(`${name}/`)) errors.push(fieldDuplicate(at, name));
			}
			seen.add(key);
		}
		if (!podClaims.has(name)) {
			const known = podClaims.size === 0 ? " which is empty" : `: ${[...podClaims].sort().join(", ")}`;
			errors.push(fieldNotFound(at, name, `must be one of the names in pod.spec.resourceClaims${known}`));
		}
		return errors;
	});
}

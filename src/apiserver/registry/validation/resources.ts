/**
 * Resource lists and the requests and limits of containers. Source: ValidateResourceRequirements and
 * validateContainerResourceName in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { compareQuantities, parseQuantity, QuantityError } from "../../../apimachinery/quantity.ts";
import type { ResourceRequirements } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, NOT_NEGATIVE } from "./primitives.ts";

export type ResourceList = Readonly<Record<string, string>>;

const containerResources: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);

/** Names without a domain that a quota, a node or a limit range may count. */
const quotaResources: ReadonlySet<string> = new Set([
	...containerResources,
	"storage",
	"pods",
	"services",
	"replicationcontrollers",
	"resourcequotas",
	"secrets",
	"configmaps",
	"persistentvolumeclaims",
	"services.nodeports",
	"services.loadbalancers",
	...["requests", "limits"].flatMap((side) => [`${side}.cpu`, `${side}.memory`, `${side}.ephemeral-storage`]),
	"requests.storage",
]);

const isHugePages = (resource: string) => resource.startsWith("hugepages-");

/** Resources of Kubernetes' own, which may be promised more often than they exist. */
function allowsOvercommit(resource: string): boolean {
	return !isHugePages(resource) && (!resource.includes("/") || resource.split("/")[0]?.endsWith("kubernetes.io") === true);
}

/** Resources that are counted in pieces: anything but cpu, memory and the storages. */
function isInteger(resource: string): boolean {
	return !resource.includes("/") ? ["pods", "services", "secrets", "configmaps"].includes(resource) : !allowsOvercommit(resource);
}

/** A resource's name: qualified, or one that Kubernetes knows. */
function validateResourceName(resource: string, path: string): FieldErrors {
	const errors = invalidFor(path, resource, isQualifiedName(resource));
	if (errors.length > 0 || resource.includes("/")) return errors;
	const known = quotaResources.has(resource) || isHugePages(resource) || /^(requests\.|limits\.)?hugepages-/.test(resource);
	return known || resource.startsWith("count/")
		? NO_ERRORS
		: [fieldInvalid(path, resource, "must be a standard resource type or fully qualified")];
}

function validateContainerResourceName(resource: string, path: string): FieldErrors {
	const errors = validateResourceName(resource, path);
	if (resource.includes("/") || containerResources.has(resource) || isHugePages(resource)) return errors;
	return [...errors, fieldInvalid(path, resource, "must be a standard resource for containers")];
}

/** A quantity that can be read, is not negative, and is whole where pieces are counted. */
export function validateQuantity(resource: string, quantity: string, path: string): FieldErrors {
	try {
		const { nanos } = parseQuantity(quantity);
		if (nanos < 0n) return [fieldInvalid(path, quantity, NOT_NEGATIVE)];
		return isInteger(resource) && nanos % 1_000_000_000n !== 0n ? [fieldInvalid(path, quantity, "must be an integer")] : NO_ERRORS;
	} catch (error) {
		if (error instanceof QuantityError) return [fieldInvalid(path, quantity, error.message)];
		throw error;
	}
}

/** Names and quantities of a list: quotas, limit ranges, capacities. */
export function validateResourceList(list: ResourceList | undefined, path: string): FieldErrors {
	return Object.entries(list ?? {}).flatMap(([resource, quantity]) => {
		const at = `${path}[${resource}]`;
		return [...validateResourceName(resource, at), ...validateQuantity(resource, quantity, at)];
	});
}

/** Requests and limits of a container, each and against each other. */
export function validateResourceRequirements(resources: ResourceRequirements | undefined, path: string): FieldErrors {
	const { limits = {}, requests = {} } = resources ?? {};
	const errors = [...validateContainerList(limits, `${path}.limits`), ...validateContainerList(requests, `${path}.requests`)];
	if (errors.length > 0) return errors;
	return Object.entries(requests).flatMap(([resource, request]) => validateRequest(resource, request, limits[resource], path));
}

const validateContainerList = (list: ResourceList, path: string): FieldErrors =>
	Object.entries(list).flatMap(([resource, quantity]) => {
		const at = `${path}[${resource}]`;
		return [...validateContainerResourceName(resource, at), ...validateQuantity(resource, quantity, at)];
	});

function validateRequest(resource: string, request: string, limit: string | undefined, path: string): FieldErrors {
	const overcommit = allowsOvercommit(resource);
	if (limit === undefined) {
		return overcommit ? NO_ERRORS : [fieldRequired(`${path}.limits`, "Limit must be set for non overcommitable resources")];
	}
	const order = compareQuantities(request, limit);
	if (order !== 0 && !overcommit) return [fieldInvalid(`${path}.requests`, request, `must be equal to ${resource} limit of ${limit}`)];
	return order > 0 ? [fieldInvalid(`${path}.requests`, request, `must be less than or equal to ${resource} limit of ${limit}`)] : NO_ERRORS;
}

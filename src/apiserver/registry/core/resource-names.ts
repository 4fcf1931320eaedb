/**
 * Names of resources in quotas, limit ranges and nodes. Source: pkg/apis/core/helper/helpers.go, validateResourceName and
 * ValidateResourceQuotaResourceName in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor } from "../validation/primitives.ts";

const containerResources: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);

/** Objects that a quota counts by their plain name. */
const countedObjects = [
	"configmaps",
	"persistentvolumeclaims",
	"pods",
	"replicationcontrollers",
	"resourcequotas",
	"secrets",
	"services",
	"services.loadbalancers",
	"services.nodeports",
];

const quotaResources: ReadonlySet<string> = new Set([
	...containerResources,
	...countedObjects,
	...["cpu", "memory", "ephemeral-storage"].flatMap((resource) => [`requests.${resource}`, `limits.${resource}`]),
	"requests.storage",
]);

const isHugePages = (resource: string) => resource.startsWith("hugepages-");

/** Of Kubernetes' own: without a domain, or in kubernetes.io. */
const isNative = (resource: string) => !resource.includes("/") || resource.includes("kubernetes.io/");

/** Resources that may be promised more often than they are there. */
export const allowsOvercommit = (resource: string): boolean => isNative(resource) && !isHugePages(resource);

/** Devices and the like, under their makers' domains. */
function isExtended(resource: string): boolean {
	return !isNative(resource) && !resource.startsWith("requests.") && isQualifiedName(`requests.${resource}`).length === 0;
}

/** Resources that come in pieces. */
export const isCounted = (resource: string): boolean => countedObjects.includes(resource) || isExtended(resource);

export const isQuotaResource = (resource: string): boolean =>
	quotaResources.has(resource) || isHugePages(resource) || resource.startsWith("requests.hugepages-");

/** Qualified, or one that Kubernetes knows. */
export function validateResourceName(resource: string, path: string): FieldErrors {
	const errors = invalidFor(path, resource, isQualifiedName(resource));
	if (errors.length > 0 || resource.includes("/") || resource === "storage" || isQuotaResource(resource)) return errors;
	return [fieldInvalid(path, resource, "must be a standard resource type or fully qualified")];
}

export function validateQuotaResourceName(resource: string, path: string): FieldErrors {
	const errors = validateResourceName(resource, path);
	if (resource.includes("/") || isQuotaResource(resource)) return errors;
	return [...errors, fieldInvalid(path, resource, "must be a standard resource for quota")];
}

/** What containers can ask for. */
export function validateContainerResourceName(resource: string, path: string): FieldErrors {
	const errors = validateResourceName(resource, path);
	if (!resource.includes("/")) {
		const isKnown = containerResources.has(resource) || isHugePages(resource);
		return isKnown ? errors : [...errors, fieldInvalid(path, resource, "must be a standard resource for containers")];
	}
	if (isNative(resource) || isExtended(resource)) return errors;
	return [...errors, fieldInvalid(path, resource, "doesn't follow extended resource name standard")];
}

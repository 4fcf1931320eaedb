/**
 * What Kubernetes knows of a resource by its name. Source: pkg/apis/core/helper/helpers.go,
 * k8s.io/component-helpers/resource of Kubernetes 1.36.
 */
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";

const containerResources: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);

/** Objects that a quota counts. */
const countedObjects = [
	"pods",
	"resourcequotas",
	"services",
	"replicationcontrollers",
	"secrets",
	"configmaps",
	"persistentvolumeclaims",
	"services.nodeports",
	"services.loadbalancers",
];

const integerResources: ReadonlySet<string> = new Set(countedObjects);

/** Names without a domain that a quota, a node or a limit range may count. */
const standardResources: ReadonlySet<string> = new Set([
	...containerResources,
	...countedObjects,
	"storage",
	"requests.storage",
	...["requests", "limits"].flatMap((side) => [...containerResources].map((resource) => `${side}.${resource}`)),
]);

const HUGE_PAGES = "hugepages-";

export const isHugePages = (resource: string): boolean => resource.startsWith(HUGE_PAGES);

export const isStandardResource = (resource: string): boolean =>
	standardResources.has(resource) || isHugePages(resource) || resource.startsWith(`requests.${HUGE_PAGES}`);

export const isStandardContainerResource = (resource: string): boolean => containerResources.has(resource) || isHugePages(resource);

/** Kubernetes' own: without a domain, or in kubernetes.io. */
export const isNativeResource = (resource: string): boolean => !resource.includes("/") || resource.includes("kubernetes.io/");

/** `example.com/gpu`: others' resources, which a quota must be able to name with `requests.` before them. */
export function isExtendedResource(resource: string): boolean {
	if (isNativeResource(resource) || resource.startsWith("requests.")) return false;
	return isQualifiedName(`requests.${resource}`).length === 0;
}

/** Resources that may be promised more often than they exist. */
export const allowsOvercommit = (resource: string): boolean => isNativeResource(resource) && !isHugePages(resource);

/** Resources that are counted in pieces. */
export const isIntegerResource = (resource: string): boolean => integerResources.has(resource) || isExtendedResource(resource);

/** Resources that a Pod may ask for as a whole (KEP-2837). */
export const isPodLevelResource = (resource: string): boolean => resource === "cpu" || resource === "memory" || isHugePages(resource);

/** The same as texts list them. */
export const podLevelResources = ["cpu", HUGE_PAGES, "memory"];

/** `2Mi` of `hugepages-2Mi`. */
export const hugePageSize = (resource: string): string => resource.slice(HUGE_PAGES.length);

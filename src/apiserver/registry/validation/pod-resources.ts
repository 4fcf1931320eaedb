/**
 * Requests and limits of a Pod as a whole (KEP-2837), against those of its containers, and its resource claims.
 * Source: validatePodResources, validatePodResourceConsistency, validatePodResourceClaim in
 * pkg/apis/core/validation/validation.go, k8s.io/component-helpers/resource of Kubernetes 1.36.
 */
import { addQuantities, compareQuantities, formatQuantity, isQuantity } from "../../../apimachinery/quantity.ts";
import type { Container, PodResourceClaim, PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { internalForm, internalShapes } from "./internal-form.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach } from "./primitives.ts";
import { isHugePages, isPodLevelResource, podLevelResources } from "./resource-names.ts";
import { type ResourceList, validateResourceName, validateResourceRequirements } from "./resources.ts";

/** `path` is the spec's. */
export function validatePodResources(spec: PodSpec, claims: ReadonlySet<string>, path: string): FieldErrors {
	const { resources, os } = spec;
	if (resources === undefined) return NO_ERRORS;
	const at = `${path}.resources`;
	if (os?.name === "windows") return [fieldForbidden(at, "may not be set for a windows pod")];
	return [
		...(resources.claims === undefined ? [] : [fieldForbidden(`${at}.claims`, "claims may not be set for Resources at pod-level")]),
		...validateResourceRequirements(resources, at, { nameRule: validatePodResourceName, claims }),
		...validateAgainstContainers(spec, at),
	];
}

function validatePodResourceName(resource: string, path: string): FieldErrors {
	const errors = validateResourceName(resource, path);
	if (errors.length > 0 || isPodLevelResource(resource)) return errors;
	return [fieldNotOneOf(path, resource, podLevelResources)];
}

/** What the containers ask for together fits into what the Pod asks for; none may use more than the Pod. */
function validateAgainstContainers(spec: PodSpec, path: string): FieldErrors {
	const { requests = {}, limits = {} } = spec.resources ?? {};
	const errors: FieldError[] = [];
	for (const [resource, sum] of Object.entries(aggregateContainers(spec, "requests"))) {
		const own = requests[resource];
		if (own === undefined || !isAbove(sum, own)) continue;
		errors.push(
			fieldInvalid(`${path}.requests[${resource}]`, own, `must be greater than or equal to aggregate container requests of ${sum}`),
		);
	}
	for (const [resource, sum] of Object.entries(aggregateContainers(spec, "limits"))) {
		const own = limits[resource];
		if (!isHugePages(resource) || own === undefined || !isAbove(sum, own)) continue;
		errors.push(fieldInvalid(`${path}.limits[${resource}]`, own, `must be greater than or equal to aggregate container limits of ${sum}`));
	}
	for (const [index, container] of (spec.containers ?? []).entries()) {
		for (const [resource, limit] of Object.entries(container.resources?.limits ?? {})) {
			const own = limits[resource];
			if (own === undefined || !isAbove(limit, own)) continue;
			const at = `${path}.containers[${index}][${resource}].limits`;
			errors.push(fieldInvalid(at, limit, `must be less than or equal to pod limits of ${own}`));
		}
	}
	return errors;
}

/**
 * What all containers of a Pod ask for at most at one moment: plain containers and sidecars run together, an init
 * container runs beside the sidecars before it (KEP-753). Quantities that cannot be read count as nothing.
 */
export function aggregateContainers(spec: PodSpec, side: "requests" | "limits"): ResourceList {
	const listOf = (container: Container): ResourceList => readable(container.resources?.[side]);
	let running = (spec.containers ?? []).map(listOf).reduce(addLists, {});
	let sidecars: ResourceList = {};
	let peak: ResourceList = {};
	for (const container of spec.initContainers ?? []) {
		const list = listOf(container);
		if (container.restartPolicy === "Always") {
			running = addLists(running, list);
			sidecars = addLists(sidecars, list);
			peak = maxLists(peak, sidecars);
		} else {
			peak = maxLists(peak, addLists(list, sidecars));
		}
	}
	return maxLists(running, peak);
}

function readable(list: ResourceList | undefined): ResourceList {
	return Object.fromEntries(Object.entries(list ?? {}).filter(([, quantity]) => isQuantity(quantity)));
}

const combineLists =
	(combine: (a: string, b: string) => string) =>
	(a: ResourceList, b: ResourceList): ResourceList => {
		const result: Record<string, string> = { ...a };
		for (const [resource, quantity] of Object.entries(b)) {
			const before = result[resource];
			result[resource] = before === undefined ? quantity : combine(before, quantity);
		}
		return result;
	};

const addLists = combineLists((a, b) => formatQuantity(addQuantities(a, b)));
const maxLists = combineLists((a, b) => (compareQuantities(a, b) >= 0 ? a : b));

const isAbove = (a: string, b: string): boolean => isQuantity(a) && isQuantity(b) && compareQuantities(a, b) > 0;

/** Names of a Pod's claims, good or bad. */
export const claimNames = (claims: readonly PodResourceClaim[] | undefined): ReadonlySet<string> =>
	new Set((claims ?? []).map(({ name = "" }) => name).filter((name) => name !== ""));

/** Claims of a Pod: each of a ResourceClaim that is there or of one that a template makes. */
export function validateResourceClaims(claims: readonly PodResourceClaim[] | undefined, path: string): FieldErrors {
	const names = new Set<string>();
	return validateEach(claims, path, (claim, at) => {
		const { name = "", resourceClaimName, resourceClaimTemplateName } = claim;
		const errors: FieldError[] = [];
		if (name === "") errors.push(fieldRequired(`${at}.name`));
		else if (names.has(name)) errors.push(fieldDuplicate(`${at}.name`, name));
		else errors.push(...invalidFor(`${at}.name`, name, isDns1123Label(name)));
		names.add(name);
		const shown = internalForm(claim, internalShapes.podResourceClaim);
		if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
			errors.push(fieldInvalid(at, shown, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"));
		}
		if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
			errors.push(fieldInvalid(at, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"));
		}
		for (const [field, value] of Object.entries({ resourceClaimName, resourceClaimTemplateName })) {
			if (value !== undefined) errors.push(...invalidFor(`${at}.${field}`, value, isDns1123Subdomain(value)));
		}
		return errors;
	});
}

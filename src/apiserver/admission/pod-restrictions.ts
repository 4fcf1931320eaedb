/**
 * Plugins that look at a pod and its namespace alone, all of them off unless they are turned on: AlwaysPullImages,
 * LimitPodHardAntiAffinityTopology, ExtendedResourceToleration, PodNodeSelector, PodTolerationRestriction.
 * Source: plugin/pkg/admission/{alwayspullimages,antiaffinity,extendedresourcetoleration,podnodeselector,podtolerationrestriction};
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
 */

import type { Pod, PodSpec, Toleration } from "../../apimachinery/schema/generated/types.ts";
import { newInternalError } from "../../apimachinery/status-error.ts";
import { fieldNotSupported } from "../../apimachinery/validation/field-error.ts";
import { isExtendedResource } from "../registry/validation/resource-names.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionScope } from "./admission.ts";
import { aggregate, forbidden } from "./forbidden.ts";
import { allContainers } from "./pod-references.ts";
import { includes, mergeTolerations } from "./tolerations.ts";

const hostnameKey = "kubernetes.io/hostname";
const selectorAnnotation = "scheduler.alpha.kubernetes.io/node-selector";
const defaultTolerationsAnnotation = "scheduler.alpha.kubernetes.io/defaultTolerations";
const whitelistAnnotation = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";
const memoryPressure: Toleration = { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" };

const isPod = ({ group, resource, subresource }: AdmissionScope) => group === "" && resource === "pods" && subresource === "";
const isPodCreate = (scope: AdmissionScope) => isPod(scope) && scope.operation === "CREATE";
const isPodWrite = (scope: AdmissionScope) => isPod(scope) && (scope.operation === "CREATE" || scope.operation === "UPDATE");

/** A pod with another spec. */
function withSpec(pod: Pod, change: Partial<PodSpec>): Pod {
	return pod.spec === undefined ? pod : ({ ...pod, spec: { ...pod.spec, ...change } } as Pod);
}

/** Images are pulled with the pod's own credentials, whatever the node has. */
export const alwaysPullImages: AdmissionPlugin = {
	name: "AlwaysPullImages",
	handles: isPodWrite,
	mutate(object, attributes) {
		const pod: Pod = object;
		if (pod.spec === undefined || hasNoNewImages(pod, attributes)) return object;
		const pulled = <T extends object>(container: T): T => ({ ...container, imagePullPolicy: "Always" });
		const { containers, initContainers, ephemeralContainers, volumes } = pod.spec;
		return withSpec(pod, {
			containers: containers.map(pulled),
			...(initContainers === undefined ? {} : { initContainers: initContainers.map(pulled) }),
			...(ephemeralContainers === undefined ? {} : { ephemeralContainers: ephemeralContainers.map(pulled) }),
			...(volumes === undefined
				? {}
				: {
						volumes: volumes.map((volume) =>
							volume.image === undefined ? volume : { ...volume, image: { ...volume.image, pullPolicy: "Always" } },
						),
					}),
		});
	},
	validate(object, attributes) {
		const { spec } = object as Pod;
		if (spec === undefined || hasNoNewImages(object as Pod, attributes)) return;
		const lists = { initContainers: spec.initContainers, containers: spec.containers, ephemeralContainers: spec.ephemeralContainers };
		const errors = Object.entries(lists).flatMap(([list, containers = []]) =>
			containers.flatMap(({ imagePullPolicy = "" }, index) => {
				if (imagePullPolicy === "Always") return [];
				const error = fieldNotSupported(`spec.${list}[${index}].imagePullPolicy`, imagePullPolicy, ["Always"]);
				return forbidden(attributes, error.toString(), object).message;
			}),
		);
		if (errors.length > 0) throw newInternalError(aggregate(errors));
	},
};

function hasNoNewImages(pod: Pod, { oldObject }: AdmissionAttributes): boolean {
	if (oldObject === undefined) return false;
	const images = ({ spec }: Pod) => (spec === undefined ? [] : allContainers(spec).map(({ image = "" }) => image));
	const known = new Set(images(oldObject));
	return images(pod).every((image) => known.has(image));
}

/** A pod can keep others away from its node, not from a whole zone. */
export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
	name: "LimitPodHardAntiAffinityTopology",
	handles: isPodCreate,
	validate(object, attributes) {
		const { spec }: Pod = object ?? {};
		for (const { topologyKey } of spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
			if (topologyKey === hostnameKey) continue;
			const why = `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${topologyKey} but only key ${hostnameKey} is allowed`;
			throw forbidden(attributes, why, object);
		}
	},
};

/** Who asks for a device may go to nodes that are kept for such pods. */
export const extendedResourceToleration: AdmissionPlugin = {
	name: "ExtendedResourceToleration",
	handles: isPodWrite,
	mutate(object) {
		const pod: Pod = object;
		if (pod.spec === undefined) return object;
		const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
		const asked = containers.flatMap(({ resources }) => Object.keys(resources?.requests ?? {})).filter(isExtendedResource);
		const known = pod.spec.tolerations ?? [];
		const added = [...new Set(asked)].sort().map((key): Toleration => ({ key, operator: "Exists" }));
		const missing = added.filter(
			({ key }) => !known.some((toleration) => toleration.key === key && toleration.operator === "Exists" && !toleration.effect),
		);
		return missing.length === 0 ? object : withSpec(pod, { tolerations: known.concat(missing) });
	},
};

/** A namespace's pods go to the nodes that its annotation selects. */
export const podNodeSelector: AdmissionPlugin = {
	name: "PodNodeSelector",
	handles: isPodCreate,
	mutate(object, attributes) {
		const pod: Pod = object;
		const selector = namespaceSelector(attributes);
		checkSelector(pod, selector, attributes);
		return Object.keys(selector).length === 0 ? object : withSpec(pod, { nodeSelector: { ...selector, ...pod.spec?.nodeSelector } });
	},
	validate(object, attributes) {
		checkSelector(object as Pod, namespaceSelector(attributes), attributes);
	},
};

function namespaceSelector(attributes: AdmissionAttributes): Readonly<Record<string, string>> {
	const text = annotationOf(attributes, selectorAnnotation);
	return text === undefined ? {} : labelsFrom(text);
}

/** `env=test,zone=a`. */
function labelsFrom(text: string): Readonly<Record<string, string>> {
	const pairs = text.split(",").map((part) =>
		part
			.trim()
			.split(/==?/)
			.map((word) => word.trim()),
	);
	return Object.fromEntries(pairs.flatMap(([key = "", value = ""]) => (key === "" ? [] : [[key, value]])));
}

function checkSelector({ spec, metadata }: Pod, selector: Readonly<Record<string, string>>, attributes: AdmissionAttributes): void {
	const conflicts = Object.entries(selector).some(([key, value]) => (spec?.nodeSelector?.[key] ?? value) !== value);
	if (conflicts)
		throw forbidden(attributes, "pod node label selector conflicts with its namespace node label selector", { metadata: metadata ?? {} });
}

function annotationOf({ lookup, namespace }: AdmissionAttributes, key: string): string | undefined {
	return lookup.find("", "namespaces", "", namespace)?.metadata?.annotations?.[key];
}

/** A namespace's pods get the tolerations that its annotation lists, and may have no others than it allows. */
export const podTolerationRestriction: AdmissionPlugin = {
	name: "PodTolerationRestriction",
	handles: isPodWrite,
	mutate(object, attributes) {
		const pod: Pod = object;
		if (pod.metadata?.deletionTimestamp !== undefined || pod.spec === undefined) return object;
		const known = pod.spec.tolerations ?? [];
		let tolerations = known;
		if (attributes.operation === "CREATE") {
			const defaults = tolerationsOf(attributes, defaultTolerationsAnnotation) ?? [];
			if (defaults.length > 0) tolerations = mergeTolerations(defaults, known);
		}
		const isBestEffort = allContainers(pod.spec).every(({ resources }) => isEmpty(resources?.requests) && isEmpty(resources?.limits));
		if (!isBestEffort) tolerations = mergeTolerations(tolerations, [memoryPressure]);
		return tolerations === known ? object : withSpec(pod, { tolerations });
	},
	validate(object, attributes) {
		const { spec }: Pod = object ?? {};
		const allowed = tolerationsOf(attributes, whitelistAnnotation) ?? [];
		if (allowed.length === 0) return;
		const isAllowed = (toleration: Toleration) => allowed.some((wide) => includes(wide, toleration));
		if ((spec?.tolerations ?? []).every(isAllowed)) return;
		throw newInternalError("pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist");
	},
};

const isEmpty = (list: object | undefined): boolean => list === undefined || Object.keys(list).length === 0;

/** Undefined where the namespace says nothing. Throws a Status of 500 for what is no list of tolerations. */
function tolerationsOf(attributes: AdmissionAttributes, key: string): readonly Toleration[] | undefined {
	const text = annotationOf(attributes, key);
	if (text === undefined || text === "") return undefined;
	try {
		const list: unknown = JSON.parse(text);
		if (Array.isArray(list)) return list as readonly Toleration[];
	} catch {
		// Said below.
	}
	throw newInternalError(`namespace ${attributes.namespace}: annotation ${key} is not a list of tolerations`);
}

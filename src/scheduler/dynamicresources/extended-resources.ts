/**
 * Extended resources that a DeviceClass stands for: a container that requests `example.com/gpu: 1` gets a device of the class, through a
 * claim that the scheduler makes. Pure.
 * Source of behaviour: KEP-5004; pkg/scheduler/framework/plugins/dynamicresources/extendeddynamicresources.go of Kubernetes 1.36.
 */
import { extendedResourceClaimAnnotation } from "../../apimachinery/devices/resource-claims.ts";
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type {
	Container,
	ContainerExtendedResourceRequest,
	DeviceClass,
	DeviceRequest,
	Pod,
	ResourceResourceClaim,
} from "../../apimachinery/schema/generated/types.ts";
import { controllerReference } from "../../client/owner.ts";

/** Before the name of a class: the resource that every class stands for. */
const implicitPrefix = "deviceclass.resource.kubernetes.io/";

/** Which class stands for which resource. */
export class ExtendedResources {
	readonly #classes: ReadonlyMap<string, DeviceClass>;
	readonly #byResource: ReadonlyMap<string, DeviceClass>;

	constructor(classes: readonly DeviceClass[]) {
		this.#classes = new Map(classes.map((deviceClass) => [deviceClass.metadata?.name ?? "", deviceClass]));
		// Of several classes the newest counts, so that one can take another's place.
		const oldestFirst = [...classes].sort((a, b) => (ageKey(a) < ageKey(b) ? -1 : 1));
		this.#byResource = new Map(
			oldestFirst.flatMap((deviceClass) => {
				const { extendedResourceName = "" } = deviceClass.spec;
				return extendedResourceName === "" ? [] : [[extendedResourceName, deviceClass] as const];
			}),
		);
	}

	classOf(resource: string): DeviceClass | undefined {
		if (resource.startsWith(implicitPrefix)) return this.#classes.get(resource.slice(implicitPrefix.length));
		return this.#byResource.get(resource);
	}
}

const ageKey = ({ metadata }: DeviceClass): string => `${metadata?.creationTimestamp} ${metadata?.name}`;

/** The claim before it is written; no object has such a name. @param uid of its own, until the server gives it one */
export function claimForExtendedResources(pod: Pod, requests: readonly DeviceRequest[], uid: string): ResourceResourceClaim {
	const { namespace = "", name = "" } = pod.metadata ?? {};
	const { blockOwnerDeletion: _, ...owner } = controllerReference({ apiVersion: "v1", kind: "Pod", ...pod });
	return {
		apiVersion: "resource.k8s.io/v1",
		kind: "ResourceClaim",
		metadata: {
			namespace,
			name: "<extended-resources>",
			generateName: `${name}-extended-resources-`,
			uid,
			ownerReferences: [owner],
			annotations: { [extendedResourceClaimAnnotation]: "true" },
		},
		spec: { devices: { requests } },
	};
}

export interface ExtendedRequests {
	readonly requests: readonly DeviceRequest[];
	/** Which container uses which request. */
	readonly mappings: readonly ContainerExtendedResourceRequest[];
}

interface Wanted {
	readonly name: string;
	readonly count: number;
}

/**
 * One request a container and resource. An init container uses the devices of those that start after it, and only asks for what is
 * missing; what init containers ask for on top is asked for once.
 * @param resources those that devices have to stand for
 */
export function extendedRequests(
	{ spec }: Pod,
	resources: ReadonlySet<string>,
	classOf: (resource: string) => DeviceClass | undefined,
): ExtendedRequests {
	const initContainers = spec?.initContainers ?? [];
	const containers = [...initContainers, ...(spec?.containers ?? [])];
	const isShortLived = (at: number) => at < initContainers.length && containers[at]?.restartPolicy !== "Always";
	const requests: DeviceRequest[] = [];
	const mappings: ContainerExtendedResourceRequest[] = [];
	for (const resource of [...resources].sort()) {
		const deviceClassName = classOf(resource)?.metadata?.name;
		if (deviceClassName === undefined) continue;
		const own = containers.map((container, at) => (isShortLived(at) ? undefined : wantedBy(container, at, resource)));
		const extra = containers.map((container, at) => {
			const wanted = isShortLived(at) ? wantedBy(container, at, resource) : undefined;
			if (wanted === undefined) return undefined;
			const reused = reuse(wanted.count, own.slice(at));
			return { container, reused, name: wanted.name, count: wanted.count - reused.reduce((sum, { count }) => sum + count, 0) };
		});
		const most = extra.reduce<Wanted | undefined>(
			(max, one) => (one !== undefined && one.count > (max?.count ?? 0) ? one : max),
			undefined,
		);
		for (const wanted of [...(most === undefined ? [] : [most]), ...own]) {
			if (wanted === undefined) continue;
			const { name, count } = wanted;
			requests.push({ name, exactly: { deviceClassName, allocationMode: "ExactCount", count } });
		}
		const map = ({ name: containerName }: Container, requestName: string) =>
			mappings.push({ containerName, resourceName: resource, requestName });
		for (const [at, wanted] of own.entries()) if (wanted !== undefined && containers[at] !== undefined) map(containers[at], wanted.name);
		for (const one of extra) {
			for (const { name } of one?.reused ?? []) if (one !== undefined) map(one.container, name);
			if (one !== undefined && one.count > 0 && most !== undefined) map(one.container, most.name);
		}
	}
	return { requests: requests.sort((a, b) => (a.name < b.name ? -1 : 1)), mappings };
}

/** The request is named by the container's place, and by the resource's among those that it requests. */
function wantedBy({ resources }: Container, at: number, resource: string): Wanted | undefined {
	const { requests = {} } = resources ?? {};
	const count = quantityToNumber(requests[resource] ?? "0");
	return count === 0 ? undefined : { name: `container-${at}-request-${Object.keys(requests).sort().indexOf(resource)}`, count };
}

/** Whole requests of others, until there is enough; of the last one what is still needed counts. */
function reuse(count: number, others: readonly (Wanted | undefined)[]): readonly Wanted[] {
	const reused: Wanted[] = [];
	let missing = count;
	for (const other of others) {
		if (other === undefined || missing <= 0) continue;
		reused.push({ name: other.name, count: Math.min(other.count, missing) });
		missing -= other.count;
	}
	return reused;
}

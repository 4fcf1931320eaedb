/**
 * How many pods the controllers of some pods want. Source: the finders of pkg/controller/disruption/disruption.go.
 */
import { formatGroupResource, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import type {
	Deployment,
	OwnerReference,
	Pod,
	ReplicaSet,
	ReplicationController,
	StatefulSet,
} from "../../apimachinery/schema/generated/types.ts";
import type { Informer, Informers } from "../../client/informer.ts";
import { controllerOf } from "../../client/owner.ts";
import { deployments, replicaSets, replicationControllers, statefulSets } from "../../client/resources.ts";
import { builtInDeletableResources, kindKey, resourceIndex } from "../deletable-resources.ts";

/** The pods of a budget cannot be counted; the message says why. */
export class ScaleError extends Error {
	constructor(message: string) {
		super(message);
		this.name = "ScaleError";
	}
}

interface Scale {
	readonly uid: string;
	readonly replicas: number;
}

export class PodScales {
	readonly #deployments: Informer<Deployment>;
	readonly #replicaSets: Informer<ReplicaSet>;
	readonly #replicationControllers: Informer<ReplicationController>;
	readonly #statefulSets: Informer<StatefulSet>;
	readonly #resources = resourceIndex(builtInDeletableResources());

	constructor(informers: Informers) {
		this.#deployments = informers.informer(deployments);
		this.#replicaSets = informers.informer(replicaSets);
		this.#replicationControllers = informers.informer(replicationControllers);
		this.#statefulSets = informers.informer(statefulSets);
	}

	async whenSynced(): Promise<void> {
		const all = [this.#deployments, this.#replicaSets, this.#replicationControllers, this.#statefulSets];
		await Promise.all(all.map((informer: { whenSynced(): Promise<void> }) => informer.whenSynced()));
	}

	/** Each controller once. Throws `ScaleError` if one has no scale, or is gone. */
	of(pods: readonly Pod[]): { readonly scale: number; readonly unmanaged: number } {
		const byUid = new Map<string, number>();
		let unmanaged = 0;
		for (const pod of pods) {
			const controller = controllerOf(pod);
			if (controller === undefined) unmanaged++;
			else {
				const found = this.#scaleOf(controller, pod.metadata?.namespace ?? "");
				if (found === undefined) throw new ScaleError(`found no controllers for pod ${JSON.stringify(pod.metadata?.name)}`);
				byUid.set(found.uid, found.replicas);
			}
		}
		return { scale: [...byUid.values()].reduce((sum, count) => sum + count, 0), unmanaged };
	}

	#scaleOf(controller: OwnerReference, namespace: string): Scale | undefined {
		const { group } = parseApiVersion(controller.apiVersion);
		const key = `${namespace}/${controller.name}`;
		switch (`${group}/${controller.kind}`) {
			case "apps/ReplicaSet":
				return this.#replicaSetScale(this.#replicaSets.cache.get(key), controller);
			case "apps/StatefulSet":
				return ownScale(this.#statefulSets.cache.get(key), controller);
			case "/ReplicationController":
				return ownScale(this.#replicationControllers.cache.get(key), controller);
			default:
				return this.#withoutScale(controller);
		}
	}

	/** A Deployment's, if it has one: during a rollout its ReplicaSets count as one. */
	#replicaSetScale(set: ReplicaSet | undefined, reference: OwnerReference): Scale | undefined {
		const owner = set === undefined ? undefined : controllerOf(set);
		if (owner?.kind !== "Deployment") return ownScale(set, reference);
		return ownScale(this.#deployments.cache.get(`${set?.metadata?.namespace}/${owner.name}`), owner);
	}

	#withoutScale({ apiVersion, kind }: OwnerReference): undefined {
		const resource = this.#resources.get(kindKey(apiVersion, kind));
		if (resource !== undefined) throw new ScaleError(`${formatGroupResource(resource)} does not implement the scale subresource`);
		return undefined;
	}
}

/** Undefined if the object is gone, or another one of the name. */
function ownScale(object: (KubeObject & { readonly spec?: { readonly replicas?: number } }) | undefined, { uid }: OwnerReference) {
	return object?.metadata?.uid === uid ? { uid, replicas: object.spec?.replicas ?? 1 } : undefined;
}

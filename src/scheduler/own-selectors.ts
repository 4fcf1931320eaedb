/**
 * What a pod belongs to: the Services that select it and the controller that owns it. The pods of one group are spread
 * over hosts and zones by default.
 */
import type { LabelSelector } from "../apimachinery/schema/generated/types.ts";
import type { InformerFactory } from "../client/informer.ts";
import { replicaSets, replicationControllers, services, statefulSets } from "../client/resources.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import type { OwnSelectors } from "./plugins/spread-constraints.ts";

/** What makes groups of pods. */
export const groupResources = [services, replicaSets, statefulSets, replicationControllers] as const;

/** Call before the informers start. */
export function followOwnSelectors(informers: InformerFactory): OwnSelectors {
	const serviceCache = informers.informer(services).cache;
	const replicaSetCache = informers.informer(replicaSets).cache;
	const statefulSetCache = informers.informer(statefulSets).cache;
	const replicationControllerCache = informers.informer(replicationControllers).cache;

	const ofServices = ({ namespace, labels }: PodInfo): LabelSelector[] =>
		serviceCache.listNamespace(namespace).flatMap(({ spec }) => {
			const selector = Object.entries(spec?.selector ?? {});
			const selects = selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
			return selects ? [{ matchLabels: Object.fromEntries(selector) }] : [];
		});

	const ofController = ({ namespace, pod }: PodInfo): LabelSelector | undefined => {
		const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller === true);
		const key = `${namespace}/${owner?.name ?? ""}`;
		switch (`${owner?.apiVersion}/${owner?.kind}`) {
			case "apps/v1/ReplicaSet":
				return replicaSetCache.get(key)?.spec?.selector;
			case "apps/v1/StatefulSet":
				return statefulSetCache.get(key)?.spec?.selector;
			case "v1/ReplicationController": {
				const matchLabels = replicationControllerCache.get(key)?.spec?.selector;
				return matchLabels === undefined ? undefined : { matchLabels };
			}
			default:
				return undefined;
		}
	};

	return (pod) => {
		const selectors = ofServices(pod);
		const controller = ofController(pod);
		return controller === undefined ? selectors : [...selectors, controller];
	};
}

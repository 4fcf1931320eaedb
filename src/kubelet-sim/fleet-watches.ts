/** What kubelets do when an object changes that their pods use: a ConfigMap or Secret that is mounted, a Service, its endpoints. */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { type KubeObject, objectKey } from "../apimachinery/meta.ts";
import type { Random } from "../apimachinery/random.ts";
import type { EndpointSlice, Pod, Service } from "../apimachinery/schema/generated/types.ts";
import { type FleetInformers, serviceOf } from "./fleet-informers.ts";
import type { FleetWorkers } from "./fleet-workers.ts";
import type { ServiceLoads } from "./usage/service-loads.ts";
import type { FetchedObjects } from "./volumes/fetched-objects.ts";
import type { ServiceEnvironments } from "./volumes/service-environments.ts";

export interface FleetWatchesOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly informers: FleetInformers;
	readonly workers: FleetWorkers;
	readonly objects: FetchedObjects;
	readonly serviceEnvironments: ServiceEnvironments;
	readonly loads: ServiceLoads;
	/** How long a mounted ConfigMap or Secret lags behind the API at most. */
	readonly volumeSyncMs: number;
}

type Volume = NonNullable<NonNullable<Pod["spec"]>["volumes"]>[number];

/** Begins to follow them. */
export function watchWhatPodsUse(options: FleetWatchesOptions): void {
	const { informers, objects, serviceEnvironments, loads } = options;
	informers.configMaps.onChange({
		added: (object) => objects.forget("configmap", objectKey(object)),
		updated: (_, object) => refreshVolumes(options, object, ({ configMap }) => configMap?.name === object.metadata?.name),
	});
	informers.secrets.onChange({
		added: (object) => objects.forget("secret", objectKey(object)),
		updated: (_, object) => refreshVolumes(options, object, ({ secret }) => secret?.secretName === object.metadata?.name),
	});
	const serviceChanged = (service: Service) => {
		serviceEnvironments.forget();
		loads.serviceChanged(service);
	};
	informers.services.onChange({
		added: serviceChanged,
		updated: (_, service) => serviceChanged(service),
		deleted: (service) => {
			serviceEnvironments.forget();
			loads.serviceGone(service);
		},
	});
	const endpointsChanged = (slice: EndpointSlice) => {
		const service = serviceOf(slice);
		if (service !== undefined) loads.endpointsChanged(service);
	};
	informers.endpointSlices.onChange({
		added: endpointsChanged,
		updated: (_, slice) => endpointsChanged(slice),
		deleted: endpointsChanged,
	});
}

/** Brings what pods have mounted of an object up to date, some time later, as a kubelet's next sync does. A projected volume may be of any. */
function refreshVolumes(options: FleetWatchesOptions, { metadata }: KubeObject, isOf: (volume: Volume) => boolean): void {
	const { clock, random, informers, workers, volumeSyncMs } = options;
	for (const pod of informers.pods.cache.listNamespace(metadata?.namespace ?? "")) {
		const worker = workers.get(pod.metadata?.uid ?? "");
		const usesIt = (pod.spec?.volumes ?? []).some((volume) => volume.projected !== undefined || isOf(volume));
		if (worker === undefined || !usesIt || !worker.volumes.hasOpened) continue;
		clock.setTimeout(() => worker.volumes.refresh(), volumeSyncMs === 0 ? 0 : random.int(volumeSyncMs));
	}
}

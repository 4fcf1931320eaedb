/**
 * The plugins that kube-scheduler 1.36 enables by default, in its order and with its weights.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins
 */
import type { PluginArgs } from "./configuration/plugin-args.ts";
import type { BindPlugin, PermitPlugin, PostFilterPlugin, PreEnqueuePlugin } from "./framework/plugin.ts";
import { createProfile, defaultSchedulerName, type PluginEntry, type Profile } from "./framework/profile.ts";
import { createBalancedAllocation } from "./plugins/balanced-allocation.ts";
import type { DefaultPreemptionArgs } from "./plugins/default-preemption.ts";
import { createDynamicResources, type DynamicResourcesOptions } from "./plugins/dynamic-resources.ts";
import { imageLocality } from "./plugins/image-locality.ts";
import { createInterPodAffinity } from "./plugins/inter-pod-affinity.ts";
import { createNodeAffinity } from "./plugins/node-affinity.ts";
import { nodeName } from "./plugins/node-name.ts";
import { nodePorts } from "./plugins/node-ports.ts";
import { createNodeResourcesFit } from "./plugins/node-resources-fit.ts";
import { nodeUnschedulable } from "./plugins/node-unschedulable.ts";
import { createNodeVolumeLimits } from "./plugins/node-volume-limits.ts";
import { createPodTopologySpread } from "./plugins/pod-topology-spread.ts";
import { prioritySort } from "./plugins/priority-sort.ts";
import { schedulingGates } from "./plugins/scheduling-gates.ts";
import type { OwnSelectors } from "./plugins/spread-constraints.ts";
import { taintToleration } from "./plugins/taint-toleration.ts";
import type { NamespaceLabels } from "./plugins/topology-tallies.ts";
import { createVolumeBinding, type VolumeBindingOptions } from "./plugins/volume-binding.ts";
import { createVolumeRestrictions } from "./plugins/volume-restrictions.ts";
import { createVolumeZone } from "./plugins/volume-zone.ts";

/** What the plugins that look beyond pods and nodes need. */
export interface DefaultPluginOptions {
	readonly namespaceLabels: NamespaceLabels;
	readonly ownSelectors: OwnSelectors;
	readonly volumes: VolumeBindingOptions;
	readonly devices: DynamicResourcesOptions;
	readonly preemption: (args: DefaultPreemptionArgs | undefined) => PreEnqueuePlugin & PostFilterPlugin;
	readonly binder: BindPlugin;
	/** With the feature gate GangScheduling. */
	readonly gangScheduling?: PreEnqueuePlugin & PermitPlugin;
}

/** The plugins and their weights, with the arguments of a profile. */
export function defaultPlugins(options: DefaultPluginOptions, args: PluginArgs = {}): readonly PluginEntry[] {
	const isOfDevices = (resource: string) => options.devices.cache.classOfResource(resource) !== undefined;
	return [
		{ plugin: schedulingGates },
		{ plugin: prioritySort },
		{ plugin: nodeUnschedulable },
		{ plugin: nodeName },
		{ plugin: taintToleration, weight: 3 },
		{ plugin: createNodeAffinity(args.nodeAffinity), weight: 2 },
		{ plugin: nodePorts },
		{ plugin: createNodeResourcesFit({ ...args.nodeResourcesFit, isOfDevices }), weight: 1 },
		{ plugin: createVolumeRestrictions(options.volumes.cache) },
		{ plugin: createNodeVolumeLimits(options.volumes.cache) },
		{ plugin: createVolumeBinding({ ...options.volumes, ...args.volumeBinding }) },
		{ plugin: createVolumeZone(options.volumes.cache) },
		{ plugin: createPodTopologySpread(options.ownSelectors, args.podTopologySpread), weight: 2 },
		{ plugin: createInterPodAffinity(options.namespaceLabels, args.interPodAffinity), weight: 2 },
		{ plugin: createDynamicResources(options.devices) },
		{ plugin: options.preemption(args.defaultPreemption) },
		{ plugin: createBalancedAllocation(args.balancedResources), weight: 1 },
		{ plugin: imageLocality, weight: 1 },
		{ plugin: options.binder },
		...(options.gangScheduling === undefined ? [] : [{ plugin: options.gangScheduling }]),
	];
}

export function createDefaultProfile(options: DefaultPluginOptions): Profile {
	return createProfile({ schedulerName: defaultSchedulerName, plugins: defaultPlugins(options) });
}

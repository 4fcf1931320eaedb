/**
 * The plugins that kube-scheduler 1.36 enables by default, in its order and with its weights.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins
 *
 * DynamicResources answers only for pods without claims.
 */
import type { BindPlugin, PostFilterPlugin, PreEnqueuePlugin } from "./framework/plugin.ts";
import { createProfile, type Profile } from "./framework/profile.ts";
import { nodeResourcesBalancedAllocation } from "./plugins/balanced-allocation.ts";
import { dynamicResources } from "./plugins/dynamic-resources.ts";
import { imageLocality } from "./plugins/image-locality.ts";
import { createInterPodAffinity, type NamespaceLabels } from "./plugins/inter-pod-affinity.ts";
import { nodeAffinity } from "./plugins/node-affinity.ts";
import { nodeName } from "./plugins/node-name.ts";
import { nodePorts } from "./plugins/node-ports.ts";
import { nodeResourcesFit } from "./plugins/node-resources-fit.ts";
import { nodeUnschedulable } from "./plugins/node-unschedulable.ts";
import { createNodeVolumeLimits } from "./plugins/node-volume-limits.ts";
import { createPodTopologySpread } from "./plugins/pod-topology-spread.ts";
import { prioritySort } from "./plugins/priority-sort.ts";
import { schedulingGates } from "./plugins/scheduling-gates.ts";
import type { OwnSelectors } from "./plugins/spread-constraints.ts";
import { taintToleration } from "./plugins/taint-toleration.ts";
import { createVolumeBinding, type VolumeBindingOptions } from "./plugins/volume-binding.ts";
import { createVolumeRestrictions } from "./plugins/volume-restrictions.ts";
import { createVolumeZone } from "./plugins/volume-zone.ts";

export const defaultSchedulerName = "default-scheduler";

/** What the plugins that look beyond pods and nodes need. */
export interface DefaultProfileOptions {
	readonly schedulerName?: string;
	readonly percentageOfNodesToScore?: number;
	readonly namespaceLabels: NamespaceLabels;
	readonly ownSelectors: OwnSelectors;
	readonly volumes: VolumeBindingOptions;
	readonly preemption: PreEnqueuePlugin & PostFilterPlugin;
	readonly binder: BindPlugin;
}

export function createDefaultProfile(options: DefaultProfileOptions): Profile {
	return createProfile({
		schedulerName: options.schedulerName ?? defaultSchedulerName,
		percentageOfNodesToScore: options.percentageOfNodesToScore ?? 0,
		plugins: [
			{ plugin: schedulingGates },
			{ plugin: prioritySort },
			{ plugin: nodeUnschedulable },
			{ plugin: nodeName },
			{ plugin: taintToleration, weight: 3 },
			{ plugin: nodeAffinity, weight: 2 },
			{ plugin: nodePorts },
			{ plugin: nodeResourcesFit, weight: 1 },
			{ plugin: createVolumeRestrictions(options.volumes.cache) },
			{ plugin: createNodeVolumeLimits(options.volumes.cache) },
			{ plugin: createVolumeBinding(options.volumes) },
			{ plugin: createVolumeZone(options.volumes.cache) },
			{ plugin: createPodTopologySpread(options.ownSelectors), weight: 2 },
			{ plugin: createInterPodAffinity(options.namespaceLabels), weight: 2 },
			{ plugin: dynamicResources },
			{ plugin: options.preemption },
			{ plugin: nodeResourcesBalancedAllocation, weight: 1 },
			{ plugin: imageLocality, weight: 1 },
			{ plugin: options.binder },
		],
	});
}

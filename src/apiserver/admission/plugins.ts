/** The admission plugins that are there, by name, and the chain of those that are turned on. */

import { AdmissionChain, type AdmissionPlugin } from "./admission.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-class.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { denyServiceExternalIps } from "./deny-service-external-ips.ts";
import { type EventLimit, eventRateLimit } from "./event-rate-limit.ts";
import { forbidden } from "./forbidden.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceExists } from "./namespace-existence.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction/node-restriction.ts";
import { persistentVolumeClaimResize } from "./persistent-volume-claim-resize.ts";
import { AdmissionSwitchError, type AdmissionSwitches, enabledPlugins } from "./plugin-order.ts";
import {
	alwaysPullImages,
	extendedResourceToleration,
	limitPodHardAntiAffinityTopology,
	podNodeSelector,
	podTolerationRestriction,
} from "./pod-restrictions.ts";
import { type PodSecurityOptions, podSecurityAdmission } from "./pod-security/pod-security.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { priorityAdmission } from "./priority.ts";
import { runtimeClassAdmission } from "./runtime-class.ts";
import { serviceAccountAdmission } from "./service-account.ts";
import { storageObjectInUseProtection } from "./storage-object-in-use-protection.ts";
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts";

const alwaysAdmit: AdmissionPlugin = { name: "AlwaysAdmit", handles: () => false };

const alwaysDeny: AdmissionPlugin = {
	name: "AlwaysDeny",
	handles: () => true,
	validate(object, attributes) {
		throw forbidden(attributes, "admission control is denying all modifications", object);
	},
};

/** Those that need nothing but what a request tells them. The order here means nothing: plugin-order.ts has it. */
const plainPlugins: readonly AdmissionPlugin[] = [
	alwaysAdmit,
	alwaysDeny,
	alwaysPullImages,
	defaultIngressClass,
	defaultStorageClass,
	denyServiceExternalIps,
	extendedResourceToleration,
	limitPodHardAntiAffinityTopology,
	namespaceExists,
	nodeRestriction,
	persistentVolumeClaimResize,
	podNodeSelector,
	podTolerationRestriction,
	podTopologyLabels,
	runtimeClassAdmission,
	namespaceLifecycle,
	limitRanger,
	serviceAccountAdmission,
	taintNodesByCondition,
	priorityAdmission,
	defaultTolerationSeconds,
	storageObjectInUseProtection,
];

/** How a server's admission is set up. */
export interface AdmissionOptions extends AdmissionSwitches {
	/** The configuration of PodSecurity: its defaults and exemptions. */
	readonly podSecurity?: PodSecurityOptions;
	/** The configuration of EventRateLimit. */
	readonly eventLimits?: readonly EventLimit[];
	/** Plugins that a configuration file sets up: admission-configuration.ts. */
	readonly configured?: readonly AdmissionPlugin[];
}

/**
 * The chain of one server.
 * @param further plugins with needs of their own, made by whoever can meet them
 * @param always what is asked of every write before the plugins are, whatever the switches say
 * Throws AdmissionSwitchError for a plugin that Kubernetes does not know, or that is asked for by name and is not there.
 */
export function createAdmission(
	further: readonly AdmissionPlugin[],
	options: AdmissionOptions = {},
	always: readonly AdmissionPlugin[] = [],
): AdmissionChain {
	const { eventLimits = [] } = options;
	const configured = [podSecurityAdmission(options.podSecurity), ...(eventLimits.length === 0 ? [] : [eventRateLimit(eventLimits)])];
	if (options.enable?.includes("EventRateLimit") === true && eventLimits.length === 0) {
		throw new AdmissionSwitchError(
			"admission plugin EventRateLimit needs limits: they can be given to createCluster, as admission.eventLimits",
		);
	}
	const known = new Map([...plainPlugins, ...configured, ...(options.configured ?? []), ...further].map((plugin) => [plugin.name, plugin]));
	if (options.enable?.includes("ImagePolicyWebhook") === true && !known.has("ImagePolicyWebhook")) {
		throw new AdmissionSwitchError("admission plugin ImagePolicyWebhook needs a configuration: --admission-control-config-file names it");
	}
	const missing = options.enable?.filter((name) => enabledPlugins(options).includes(name) && !known.has(name)) ?? [];
	if (missing.length > 0) throw new AdmissionSwitchError(`admission plugin ${missing.join(", ")} is not implemented in kubesim`);
	return new AdmissionChain([...always, ...enabledPlugins(options).flatMap((name) => known.get(name) ?? [])]);
}

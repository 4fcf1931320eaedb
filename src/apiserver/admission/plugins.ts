/** The admission plugins that are there, by name, and the chain of those that are turned on. */

import { AdmissionChain, type AdmissionPlugin } from "./admission.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { notServed } from "./not-served.ts";
import { AdmissionSwitchError, type AdmissionSwitches, enabledPlugins } from "./plugin-order.ts";
import { priorityAdmission } from "./priority.ts";
import { serviceAccountAdmission } from "./service-account.ts";
import { storageObjectInUseProtection } from "./storage-object-in-use-protection.ts";
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts";

/** Those that need nothing but what a request tells them. The order here means nothing: plugin-order.ts has it. */
const plainPlugins: readonly AdmissionPlugin[] = [
	namespaceLifecycle,
	limitRanger,
	serviceAccountAdmission,
	taintNodesByCondition,
	priorityAdmission,
	defaultTolerationSeconds,
	storageObjectInUseProtection,
	notServed,
];

/**
 * The chain of one server.
 * @param further plugins with needs of their own, made by whoever can meet them
 * Throws AdmissionSwitchError for a plugin that Kubernetes does not know, or that is asked for by name and is not there.
 */
export function createAdmission(further: readonly AdmissionPlugin[], switches: AdmissionSwitches = {}): AdmissionChain {
	const known = new Map([...plainPlugins, ...further].map((plugin) => [plugin.name, plugin]));
	const missing = switches.enable?.filter((name) => enabledPlugins(switches).includes(name) && !known.has(name)) ?? [];
	if (missing.length > 0) throw new AdmissionSwitchError(`admission plugin ${missing.join(", ")} is not implemented in kubesim`);
	return new AdmissionChain(enabledPlugins(switches).flatMap((name) => known.get(name) ?? []));
}

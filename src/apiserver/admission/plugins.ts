/** The admission plugins that are there, by name, and the chain of those that are turned on. */

import { AdmissionChain, type AdmissionPlugin } from "./admission.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { notServed } from "./not-served.ts";
import { AdmissionSwitchError, type AdmissionSwitches, enabledPlugins } from "./plugin-order.ts";
import { type PodSecurityOptions, podSecurityAdmission } from "./pod-security/pod-security.ts";
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

/** How a server's admission is set up. */
export interface AdmissionOptions extends AdmissionSwitches {
	/** The configuration of PodSecurity: its defaults and exemptions. */
	readonly podSecurity?: PodSecurityOptions;
}

/**
 * The chain of one server.
 * @param further plugins with needs of their own, made by whoever can meet them
 * Throws AdmissionSwitchError for a plugin that Kubernetes does not know, or that is asked for by name and is not there.
 */
export function createAdmission(further: readonly AdmissionPlugin[], options: AdmissionOptions = {}): AdmissionChain {
	const configured = [podSecurityAdmission(options.podSecurity)];
	const known = new Map([...plainPlugins, ...configured, ...further].map((plugin) => [plugin.name, plugin]));
	const missing = options.enable?.filter((name) => enabledPlugins(options).includes(name) && !known.has(name)) ?? [];
	if (missing.length > 0) throw new AdmissionSwitchError(`admission plugin ${missing.join(", ")} is not implemented in kubesim`);
	return new AdmissionChain(enabledPlugins(options).flatMap((name) => known.get(name) ?? []));
}

/**
 * DynamicResources: the scheduler's part in resource claims (DRA).
 *
 * Implemented: its answers for pods without claims, which end up in the events of every pod that fits nowhere. Not
 * implemented: allocating claims. A pod that has any is turned down with a clear reason rather than placed without its
 * devices.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
 */
import { ActionType } from "../framework/cluster-event.ts";
import type { PostFilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { skip, unresolvable, unschedulable } from "../framework/status.ts";

const name = "DynamicResources";
const notImplemented = unresolvable(name, "resource claims are not implemented in this version of kubesim (see docs/status.md)");
const nothingToDeallocate = { status: unschedulable(name, "no new claims to deallocate") };

export const dynamicResources: PreFilterPlugin & PostFilterPlugin = {
	name,
	preFilter: (_state, { pod }) => ((pod.spec?.resourceClaims?.length ?? 0) > 0 ? notImplemented : skip),
	postFilter: () => nothingToDeallocate,
	eventsToRegister: () => [{ resource: "Node", action: ActionType.add }],
};

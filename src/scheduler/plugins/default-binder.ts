/**
 * DefaultBinder: binds a pod to its node by a POST to the pod's `binding` subresource.
 */

import type { Binding } from "../../apimachinery/schema/generated/types.ts";
import type { Client } from "../../client/client.ts";
import { pods } from "../../client/resources.ts";
import type { CycleState } from "../framework/cycle-state.ts";
import type { BindPlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { errorStatus, type Verdict } from "../framework/status.ts";

export function createDefaultBinder(client: Client): BindPlugin {
	return {
		name: "DefaultBinder",
		async bind(_state: CycleState, { pod, namespace, name }: PodInfo, nodeName: string): Promise<Verdict> {
			const { uid } = pod.metadata ?? {};
			const binding: Binding = {
				apiVersion: "v1",
				kind: "Binding",
				metadata: { namespace, name, ...(uid === undefined ? {} : { uid }) },
				target: { apiVersion: "v1", kind: "Node", name: nodeName },
			};
			try {
				await client.resource(pods).createSubresource({ namespace, name }, "binding", binding);
				return undefined;
			} catch (error) {
				return errorStatus("DefaultBinder", error);
			}
		},
		eventsToRegister: () => [],
	};
}

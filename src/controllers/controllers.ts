/**
 * The list of all controllers, as kube-controller-manager names them.
 */
import type { Controller } from "./controller.ts";
import { builtInDeletableResources, type DeletableResource } from "./deletable-resources.ts";
import { deploymentController } from "./deployment/deployment-controller.ts";
import { disruptionController } from "./disruption/disruption-controller.ts";
import { endpointsController } from "./endpoints/endpoints-controller.ts";
import { endpointSliceController } from "./endpointslice/endpointslice-controller.ts";
import { garbageCollector } from "./garbage-collector/garbage-collector.ts";
import { namespaceController } from "./namespace/namespace-controller.ts";
import { nodeLifecycleController } from "./node-lifecycle/node-lifecycle-controller.ts";
import { podGarbageCollector } from "./pod-garbage-collector.ts";
import { replicaSetController, replicationControllerController } from "./replicaset/replicaset-controller.ts";
import { rootCaPublisher } from "./root-ca-publisher.ts";
import { serviceAccountController } from "./service-account-controller.ts";
import { pvProtectionController } from "./storage-protection/pv-protection-controller.ts";
import { pvcProtectionController } from "./storage-protection/pvc-protection-controller.ts";
import { taintEvictionController } from "./taint-eviction/taint-eviction-controller.ts";
import { validatingAdmissionPolicyStatusController } from "./validating-admission-policy-status.ts";

export interface ControllerSetOptions {
	/** The certificate of the CA that signed the API server's, in PEM: what pods trust. Asked for when it is first needed. */
	rootCa(): string;
	/** What garbage collection and namespace deletion know of; default all built-in resources. */
	readonly deletableResources?: readonly DeletableResource[];
}

export function createControllers({
	rootCa,
	deletableResources = builtInDeletableResources(),
}: ControllerSetOptions): readonly Controller[] {
	return [
		serviceAccountController,
		rootCaPublisher(rootCa),
		namespaceController(deletableResources),
		garbageCollector(deletableResources),
		replicationControllerController,
		replicaSetController,
		deploymentController,
		disruptionController,
		endpointsController,
		endpointSliceController,
		nodeLifecycleController,
		taintEvictionController,
		podGarbageCollector,
		pvcProtectionController,
		pvProtectionController,
		validatingAdmissionPolicyStatusController,
	];
}

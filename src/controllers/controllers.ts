/**
 * The list of all controllers. Names and order are kube-controller-manager's.
 */
import type { Controller } from "./controller.ts";
import { deploymentController } from "./deployment/deployment-controller.ts";
import { replicaSetController, replicationControllerController } from "./replicaset/replicaset-controller.ts";

export interface ControllerSetOptions {
	/** The certificate of the CA that signed the API server's, in PEM: what pods trust. Asked for when it is first needed. */
	rootCa(): string;
}

export function createControllers(_options: ControllerSetOptions): readonly Controller[] {
	return [replicationControllerController, deploymentController, replicaSetController];
}

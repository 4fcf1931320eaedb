/**
 * controllers/: kube-controller-manager. One file or folder a controller; each reconciles one kind of object through
 * the client, level-based, knowing nothing of the server it talks to. What controllers share in mechanism (queues,
 * informers, expectations, owners) is in client/.
 */
export { ControllerNameError } from "./chosen.ts";
export {
	ControllerManager,
	type ControllerManagerOptions,
	type ControllerMetrics,
	type ControllerReport,
	type QueueReport,
} from "./controller-manager.ts";
export type { ControllerSetOptions } from "./controllers.ts";
export { AddressPoolError } from "./service-lb/address-pool.ts";

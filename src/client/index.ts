/**
 * client/: what a controller sees of a cluster. A typed client over a transport (in process, or HTTP to any cluster),
 * informers with shared caches, work queues with back-off, and a recorder of events. Everything here works
 * against any Kubernetes API server, ours or not.
 */
export { Backoff, type BackoffOptions, reflectorBackoff } from "./backoff.ts";
export { Client, type ObjectRef, ResourceClient, type WriteOptions } from "./client.ts";
export { type ControllerOptions, type ReconcileResult, type RequeueAfter, runController } from "./controller.ts";
export { type EventDetails, EventRecorder, type EventRecorderOptions, referenceTo } from "./event-recorder.ts";
export { Expectations } from "./expectations.ts";
export { HttpTransport, type HttpTransportOptions } from "./http-transport.ts";
export {
	type ChangeHandler,
	type Informer,
	InformerFactory,
	type InformerFactoryOptions,
	type InformerScope,
	type Informers,
} from "./informer.ts";
export { loadKubeconfig } from "./kubeconfig.ts";
export { type LeaderElectionOptions, LeaderElector } from "./leader-election.ts";
export type { IndexFunction, ObjectCache } from "./object-cache.ts";
export type { ResourceRef } from "./resources.ts";
export * as resources from "./resources.ts";
export { TokenBucket, type TokenBucketOptions } from "./token-bucket.ts";
export type { Transport } from "./transport.ts";
export { type QueueFailure, type QueueObserver, WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

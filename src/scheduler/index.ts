/**
 * scheduler/: kube-scheduler. The decision is pure (framework/, plugins/: a pod and a snapshot give a node or the
 * reasons why not); the queue decides who is next, the cache what the cluster looks like, and `Scheduler` connects
 * them with the API.
 *
 *   framework/  extension points, statuses, pods and nodes as numbers, the algorithm, the recorder of attempts
 *   plugins/    one file each
 *   queue/      active, back-off, unschedulable and gated pods; queueing hints
 *   extenders/  services outside that are asked over HTTP
 *   cache/      nodes with their pods, assumed ones too
 *
 * Invariants: no node's requests exceed its allocatable; a pod is bound only where all filters of its profile passed;
 * equal seeds and equal events give equal placements.
 */
export {
	defaultConfiguration,
	readSchedulerConfiguration,
	type SchedulerConfiguration,
	SchedulerConfigurationError,
} from "./configuration/configuration.ts";
export type { ExtenderConfiguration, ExtenderTls } from "./configuration/extender-configuration.ts";
export type { PluginFactories, PluginHandle } from "./configuration/profiles.ts";
export type { DryRun } from "./dry-run.ts";
export type { AttemptExplanation, GroupExplanation, NodeExplanation, PodExplanation } from "./explanation.ts";
export { explainAttempt } from "./explanation.ts";
export type { ConnectExtender, ExtenderConnection } from "./extenders/http-extender.ts";
export type { AttemptRecord, AttemptRecorder, PluginScores, PluginVerdict } from "./framework/attempt-recorder.ts";
export type { AnyPlugin } from "./framework/plugin.ts";
export { defaultSchedulerName, ProfileError } from "./framework/profile.ts";
export { Scheduler, type SchedulerOptions } from "./scheduler.ts";

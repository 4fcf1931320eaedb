/**
 * testbench/: a whole cluster in a test. `createCluster` makes one, its time in the test's hand; `checkController` lets a controller
 * live through many schedules of user actions and faults. Users import the first from "kubesim", the second from "kubesim/testing".
 *
 *   test-cluster.ts       manifests, time, timeline, controllers of one's own
 *   faults.ts             what goes wrong between a component and the API server
 *   check-controller.ts   properties of any controller, over the schedules of schedules.ts
 *   matchers.ts           for vitest and jest
 *   valid-objects/        arbitraries for valid objects of every kind
 *   kube-config.ts        for programs written for @kubernetes/client-node
 *
 * Invariants: with a seed and a virtual clock a run is a function of its inputs; what a test asks for itself never goes wrong.
 */
export { ManifestError } from "../apimachinery/manifests.ts";
export type { FieldChange } from "../cluster/timeline/object-changes.ts";
export { changesOf, Timeline, type TimelineEntry } from "../cluster/timeline/timeline.ts";
export { type Budget, BudgetError } from "./budget.ts";
export { type FaultPlan, Faults } from "./faults.ts";
export type { KubeConfigLike } from "./kube-config.ts";
export type { ClockOption, Duration } from "./pace.ts";
export type { ControllerProcess, RunContext, RunnableController } from "./run-controller.ts";
export { type ClusterOptions, createCluster, NotReachedError, type Place, TestCluster } from "./test-cluster.ts";

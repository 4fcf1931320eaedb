/**
 * cluster/: the composition root, and the public door of the library. `createCluster` makes a whole cluster; what it
 * returns is driven through its `client`, or over HTTPS after `listen`.
 */

export { FeatureGateError } from "../apimachinery/feature-gates.ts";
export { type KindOfName, kindOfName, kindOfObject } from "../apimachinery/kind-names.ts";
export type { ExecOptions, ExitStatus, ProcessStreams, TerminalSize } from "../apimachinery/node-connector.ts";
export { AdmissionSwitchError } from "../apiserver/admission/plugin-order.ts";
export type { AdmissionOptions } from "../apiserver/admission/plugins.ts";
export type { AuditEvent } from "../apiserver/audit/audit-event.ts";
export type { AuditOptions } from "../apiserver/audit/auditor.ts";
export { AuditPolicyError } from "../apiserver/audit/policy.ts";
export type { AuthenticationOptions } from "../apiserver/authentication/authentication-options.ts";
export { OidcOptionsError } from "../apiserver/authentication/oidc-options.ts";
export { TokenFileError } from "../apiserver/authentication/token-file.ts";
export { AuthorizationConfigError, type AuthorizationOptions } from "../apiserver/authorization/authorization-error.ts";
export { PortInUseError } from "../apiserver/http/errors.ts";
export type { InProcessDispatcher } from "../apiserver/http/in-process-dispatcher.ts";
export {
	type CertificateExpiration,
	certificateExpirations,
	certificateNames,
	type Expirations,
	renewCertificate,
} from "../apiserver/pki/control-plane-certificates.ts";
export { loadOrCreatePki, type Pki, PkiError } from "../apiserver/pki/pki.ts";
export { EncryptionConfigError } from "../apiserver/storage/encryption/config-error.ts";
export { KubeconfigError } from "../apiserver/webhooks/kubeconfig-endpoint.ts";
export type { Controller, ControllerContext } from "../controllers/controller.ts";
export { AddressPoolError, ControllerNameError, type ControllerReport, type QueueReport } from "../controllers/index.ts";
export type { AttemptExplanation, GroupExplanation, NodeExplanation, PodExplanation } from "../scheduler/index.ts";
export { type AnyPlugin, type PluginFactories, type PluginHandle, ProfileError, SchedulerConfigurationError } from "../scheduler/index.ts";
export {
	SnapshotError,
	StoreAccessError,
	StoreCorruptError,
	StoreFormatError,
	StoreLockedError,
	StoreOpenError,
	StoreUnavailableError,
} from "../store/errors.ts";
export { type LocalGroup, type MaintainedStore, openLevelStore, restoreSnapshot } from "../store/index.ts";
export { idText } from "../store/roster.ts";
export { describeSnapshot } from "../store/snapshot/restore.ts";
export { type AdminCredentials, Cluster } from "./cluster.ts";
export type { ClusterControllers, ReplicaReport } from "./cluster-controllers.ts";
export type { EtcdEndpoint } from "./cluster-doors.ts";
export {
	type AddedNodes,
	type ClusterNodes,
	type CommandResult,
	type KilledPod,
	type NodeFault,
	type NodeReport,
	NodeRequestError,
} from "./cluster-nodes.ts";
export type { ClusterOptions } from "./cluster-options.ts";
export { createCluster, openCluster } from "./open-cluster.ts";
export { openSavedCluster, type SavedCluster, SavedClusterError, type SavedSource } from "./saved-cluster.ts";
export {
	imaginedNodes,
	type Placement,
	SimulationError,
	type SimulationOptions,
	type SimulationResult,
	simulatePlacement,
} from "./simulation.ts";
export { type StoreMember, storeMembers } from "./store-members.ts";
export type { EtcdStoreOption } from "./store-option.ts";
export { changesOf, renderEntry, Timeline, type TimelineEntry } from "./timeline/timeline.ts";

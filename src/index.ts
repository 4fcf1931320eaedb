/** kubesim as a library: a whole Kubernetes cluster in a test. */
export * from "./apimachinery/index.ts";
export * from "./client/index.ts";
export {
	AddressPoolError,
	type AdminCredentials,
	type AdmissionOptions,
	type AnyPlugin,
	type AttemptExplanation,
	type ClusterControllers,
	type Controller,
	type ControllerContext,
	ControllerNameError,
	type ControllerReport,
	type EtcdStoreOption,
	imaginedNodes,
	loadOrCreatePki,
	type Pki,
	PkiError,
	type Placement,
	type PluginFactories,
	type PluginHandle,
	type PodExplanation,
	PortInUseError,
	ProfileError,
	type QueueReport,
	type ReplicaReport,
	SchedulerConfigurationError,
	SimulationError,
	type SimulationOptions,
	type SimulationResult,
	simulatePlacement,
} from "./cluster/index.ts";
export * from "./testbench/index.ts";

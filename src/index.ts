/** kubesim as a library: a whole Kubernetes cluster in a test. */
export * from "./apimachinery/index.ts";
export * from "./client/index.ts";
export {
	AddressPoolError,
	type AdminCredentials,
	type AdmissionOptions,
	type ClusterControllers,
	type Controller,
	type ControllerContext,
	ControllerNameError,
	type ControllerReport,
	type EtcdStoreOption,
	loadOrCreatePki,
	type Pki,
	PkiError,
	PortInUseError,
	type QueueReport,
	type ReplicaReport,
} from "./cluster/index.ts";
export * from "./testbench/index.ts";

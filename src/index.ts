/** kubesim as a library: a whole Kubernetes cluster in a test. */
export * from "./apimachinery/index.ts";
export * from "./client/index.ts";
export {
	type AdminCredentials,
	type AdmissionSwitches,
	type Controller,
	type ControllerContext,
	type EtcdStoreOption,
	loadOrCreatePki,
	type Pki,
	PkiError,
	PortInUseError,
} from "./cluster/index.ts";
export * from "./testbench/index.ts";

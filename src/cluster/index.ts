/**
 * cluster/: the composition root, and the public door of the library. `createCluster` makes a whole cluster; what it
 * returns is driven through its `client`, or over HTTPS after `listen`.
 */
export { PortInUseError } from "../apiserver/http/errors.ts";
export { PkiError } from "../apiserver/pki/pki.ts";
export {
	StoreAccessError,
	StoreCorruptError,
	StoreFormatError,
	StoreLockedError,
	StoreOpenError,
	StoreUnavailableError,
} from "../store/errors.ts";
export { type AdminCredentials, Cluster, type ClusterOptions, createCluster, type EtcdEndpoint, openCluster } from "./cluster.ts";
export type { EtcdStoreOption } from "./store-option.ts";

/** What a cluster may be asked to be, and what opening one makes of that. */
import { join } from "node:path";
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { FeatureGates } from "../apimachinery/feature-gates.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { AdmissionOptions } from "../apiserver/admission/plugins.ts";
import type { AuditOptions } from "../apiserver/audit/auditor.ts";
import type { AuthenticationOptions, OpenedAuthentication } from "../apiserver/authentication/authentication-options.ts";
import type { LoadedAuthorizers } from "../apiserver/authorization/authorization-config.ts";
import type { AuthorizationOptions } from "../apiserver/authorization/authorization-error.ts";
import type { Pki } from "../apiserver/pki/pki.ts";
import type { FollowedFile } from "../apiserver/reload/config-reload.ts";
import type { Transport } from "../client/transport.ts";
import type { CertificateOptions, Image, LatencyOption, NodeOptions, RegistryOptions } from "../kubelet-sim/index.ts";
import type { PluginFactories } from "../scheduler/index.ts";
import type { Addon } from "./addons/addon-names.ts";
import type { ImagedStore } from "./bootstrap-image.ts";
import type { EtcdStoreOption, OpenedStore } from "./store-option.ts";

export interface ClusterOptions {
	/** How many nodes to make, named node-1, node-2 …; default 3. Those of an earlier run are kept. */
	readonly nodes?: number;
	/** What the nodes are like; default 4 CPUs, 8 GiB, 110 pods. */
	readonly nodeTemplate?: Omit<NodeOptions, "name">;
	/**
	 * Whether nodes join by a bootstrap token, have certificates of their own and renew them; default false. Keys cost, and no
	 * seed decides them. For single nodes there is `certificates` of `fleet.addNode`.
	 */
	readonly kubeletCertificates?: boolean | CertificateOptions;
	/** Where certificates and store live; absent: everything in memory. */
	readonly dataDir?: string;
	/** For a store in memory: what it begins with, a snapshot as `ownStore.snapshot()` gives it. Default nothing. */
	readonly storeSnapshot?: Uint8Array;
	/** How many members kubesim's own store has when it is made: 1, 3 or 5. Default 1. */
	readonly storeMembers?: number;
	/** A real etcd cluster instead of kubesim's own store. Several servers may share it: see elected-components.ts. */
	readonly store?: EtcdStoreOption;
	/** Where the certificates are, if not in `dataDir`: servers that share a store share them, too. */
	readonly pkiDir?: string;
	/** Certificates to use instead of making new ones: keys are the one thing that no seed decides. */
	readonly pki?: Pki;
	/** Who else may come in, besides certificates and tokens of this cluster's own. */
	readonly authentication?: AuthenticationOptions;
	/** The cluster's time; default real time. */
	readonly clock?: Clock;
	/** Seed of everything random; default real entropy. With a `VirtualClock`, the same seed is the same run. */
	readonly seed?: string | number;
	/** "none" makes image pulls, container starts and the like take no time; default "usual": a good connection. */
	readonly latency?: LatencyOption;
	/** Images besides kubesim's own: in code, where `loadImages` takes descriptions. */
	readonly images?: readonly Image[];
	/** Registries that are not as usual: private ones, slow ones, those that speak plain HTTP. */
	readonly registries?: readonly RegistryOptions[];
	/** Admission plugins to turn on and off, by Kubernetes' names, and to set up. Default: those of kube-apiserver, and NodeRestriction. */
	readonly admission?: AdmissionOptions;
	/** An AdmissionConfiguration of apiserver.config.k8s.io/v1, for ImagePolicyWebhook; default none. */
	readonly admissionControlConfigFile?: string;
	/** An EncryptionConfiguration of apiserver.config.k8s.io/v1: which objects are encrypted in the store; default none. */
	readonly encryptionProviderConfig?: string;
	/** Whether changes of that file are followed; default false. */
	readonly encryptionProviderConfigAutomaticReload?: boolean;
	/** What is recorded of requests, and where; default nothing. */
	readonly audit?: AuditOptions;
	readonly log?: Logger;
	/** Who decides what users may do, as kube-apiserver's --authorization-… flags say; default Node and RBAC. */
	readonly authorization?: AuthorizationOptions;
	/** Which controllers run, as kube-controller-manager's --controllers takes them; default all: see controllers/chosen.ts. */
	readonly controllers?: readonly string[];
	/**
	 * The addresses that Services of type LoadBalancer are given, `FIRST-LAST`, networks in CIDR notation or single ones, separated by
	 * commas; "none" for nobody who makes load balancers. Default 172.18.255.200-172.18.255.250.
	 */
	readonly loadBalancerPool?: string;
	/** What runs beside the control plane: `coredns`. Default nothing: kubesim answers for names itself. */
	readonly addons?: readonly string[];
	/** How pods are scheduled; default as kube-scheduler does without a configuration file. */
	readonly scheduler?: SchedulerChoice;
	/** Kubernetes' feature gates to switch, by their names: GenericWorkload, GangScheduling. Default: as in 1.36. */
	readonly featureGates?: Readonly<Record<string, boolean>>;
	/** Puts something on the way of the cluster's own components to the API server: what a test makes go wrong. Default nothing. */
	readonly wayOf?: (user: UserInfo, way: Transport) => Transport;
	/** Told in a few words what is being done while the cluster comes up. */
	readonly onProgress?: (text: string) => void;
}

export interface SchedulerChoice {
	/** A KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1, parsed. */
	readonly configuration?: unknown;
	/** Plugins of your own, by name: the configuration enables them as it does any other. See docs/scheduler.md. */
	readonly plugins?: PluginFactories;
}

/** Nodes that are made where nothing is said. */
export const defaultNodes = 3;
export const serviceCidr = "10.96.0.0/12";

/** A cluster's parts, opened and read. */
export interface ClusterParts extends Omit<ClusterOptions, "store">, OpenedStore {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly pki: Pki;
	readonly gates: FeatureGates;
	readonly installed: readonly Addon[];
	readonly authorizers: LoadedAuthorizers | undefined;
	readonly identities: OpenedAuthentication;
	readonly encryptionFile?: FollowedFile;
	/** The engine of the store, if a bootstrap may come from an image, or go into one. */
	readonly imaged: ImagedStore | undefined;
}

/** Where certificates are kept; undefined: in memory. */
export function pkiDirectory({ pkiDir, dataDir }: Pick<ClusterOptions, "pkiDir" | "dataDir">): string | undefined {
	return pkiDir ?? (dataDir === undefined ? undefined : join(dataDir, "pki"));
}

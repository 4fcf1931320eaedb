/**
 * Typed names of the resources that components use: `client.resource(pods)` is a client of Pods.
 */
import type { GroupVersionResource, KubeObject } from "../apimachinery/meta.ts";
import type {
	Binding,
	CertificateSigningRequest,
	ClusterRole,
	ConfigMap,
	ControllerRevision,
	CoreEvent,
	CronJob,
	CSIDriver,
	CSINode,
	CustomResourceDefinition,
	DaemonSet,
	Deployment,
	DeviceClass,
	EndpointSlice,
	Endpoints,
	HorizontalPodAutoscalerV2,
	IPAddress,
	Job,
	Lease,
	Namespace,
	NetworkPolicy,
	Node,
	PersistentVolume,
	PersistentVolumeClaim,
	Pod,
	PodDisruptionBudget,
	PodGroupV1alpha2,
	PriorityClass,
	ReplicaSet,
	ReplicationController,
	ResourceClaimTemplate,
	ResourceQuota,
	ResourceResourceClaim,
	ResourceSlice,
	RuntimeClass,
	Secret,
	Service,
	ServiceAccount,
	ServiceCIDR,
	StatefulSet,
	StorageClass,
	SubjectAccessReview,
	ValidatingAdmissionPolicy,
	VolumeAttachment,
} from "../apimachinery/schema/generated/types.ts";

/** A resource together with the type of its objects. */
export interface ResourceRef<T extends KubeObject> extends GroupVersionResource {
	readonly kind: string;
	/** Never set: ties the type to the value. */
	readonly objectType?: T;
}

function ref<T extends KubeObject>(group: string, version: string, resource: string, kind: string): ResourceRef<T> {
	return { group, version, resource, kind };
}

export const pods = ref<Pod>("", "v1", "pods", "Pod");
export const bindings = ref<Binding>("", "v1", "bindings", "Binding");
export const nodes = ref<Node>("", "v1", "nodes", "Node");
export const namespaces = ref<Namespace>("", "v1", "namespaces", "Namespace");
export const services = ref<Service>("", "v1", "services", "Service");
export const endpoints = ref<Endpoints>("", "v1", "endpoints", "Endpoints");
export const events = ref<CoreEvent>("", "v1", "events", "Event");
export const configMaps = ref<ConfigMap>("", "v1", "configmaps", "ConfigMap");
export const secrets = ref<Secret>("", "v1", "secrets", "Secret");
export const serviceAccounts = ref<ServiceAccount>("", "v1", "serviceaccounts", "ServiceAccount");
export const resourceQuotas = ref<ResourceQuota>("", "v1", "resourcequotas", "ResourceQuota");
export const replicationControllers = ref<ReplicationController>("", "v1", "replicationcontrollers", "ReplicationController");
export const persistentVolumes = ref<PersistentVolume>("", "v1", "persistentvolumes", "PersistentVolume");
export const persistentVolumeClaims = ref<PersistentVolumeClaim>("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim");
export const validatingAdmissionPolicies = ref<ValidatingAdmissionPolicy>(
	"admissionregistration.k8s.io",
	"v1",
	"validatingadmissionpolicies",
	"ValidatingAdmissionPolicy",
);
export const deployments = ref<Deployment>("apps", "v1", "deployments", "Deployment");
export const replicaSets = ref<ReplicaSet>("apps", "v1", "replicasets", "ReplicaSet");
export const statefulSets = ref<StatefulSet>("apps", "v1", "statefulsets", "StatefulSet");
export const daemonSets = ref<DaemonSet>("apps", "v1", "daemonsets", "DaemonSet");
export const controllerRevisions = ref<ControllerRevision>("apps", "v1", "controllerrevisions", "ControllerRevision");
export const jobs = ref<Job>("batch", "v1", "jobs", "Job");
export const cronJobs = ref<CronJob>("batch", "v1", "cronjobs", "CronJob");
export const horizontalPodAutoscalers = ref<HorizontalPodAutoscalerV2>(
	"autoscaling",
	"v2",
	"horizontalpodautoscalers",
	"HorizontalPodAutoscaler",
);
export const endpointSlices = ref<EndpointSlice>("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");
export const certificateSigningRequests = ref<CertificateSigningRequest>(
	"certificates.k8s.io",
	"v1",
	"certificatesigningrequests",
	"CertificateSigningRequest",
);
export const subjectAccessReviews = ref<SubjectAccessReview>("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview");
export const leases = ref<Lease>("coordination.k8s.io", "v1", "leases", "Lease");
export const serviceCidrs = ref<ServiceCIDR>("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR");
export const networkPolicies = ref<NetworkPolicy>("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy");
export const ipAddresses = ref<IPAddress>("networking.k8s.io", "v1", "ipaddresses", "IPAddress");
/** Served with the feature gate GenericWorkload. */
export const podGroups = ref<PodGroupV1alpha2>("scheduling.k8s.io", "v1alpha2", "podgroups", "PodGroup");
export const podDisruptionBudgets = ref<PodDisruptionBudget>("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget");
export const clusterRoles = ref<ClusterRole>("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole");
export const priorityClasses = ref<PriorityClass>("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass");
export const deviceClasses = ref<DeviceClass>("resource.k8s.io", "v1", "deviceclasses", "DeviceClass");
export const runtimeClasses = ref<RuntimeClass>("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass");
export const resourceClaims = ref<ResourceResourceClaim>("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim");
export const resourceClaimTemplates = ref<ResourceClaimTemplate>(
	"resource.k8s.io",
	"v1",
	"resourceclaimtemplates",
	"ResourceClaimTemplate",
);
export const resourceSlices = ref<ResourceSlice>("resource.k8s.io", "v1", "resourceslices", "ResourceSlice");
export const storageClasses = ref<StorageClass>("storage.k8s.io", "v1", "storageclasses", "StorageClass");
export const csiNodes = ref<CSINode>("storage.k8s.io", "v1", "csinodes", "CSINode");
export const csiDrivers = ref<CSIDriver>("storage.k8s.io", "v1", "csidrivers", "CSIDriver");
export const volumeAttachments = ref<VolumeAttachment>("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment");
export const customResourceDefinitions = ref<CustomResourceDefinition>(
	"apiextensions.k8s.io",
	"v1",
	"customresourcedefinitions",
	"CustomResourceDefinition",
);

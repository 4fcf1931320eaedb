/**
 * How Go names our types: kube-apiserver's decoding errors quote them, and users search the web for those errors.
 */
import type { FieldType } from "./schema.ts";
import { typeSchema } from "./schema.ts";

/** `DeploymentSpec` for the type of `spec`: the struct in `Go struct field DeploymentSpec.spec.replicas`. */
export function goStructName(typeName: string): string {
	return typeSchema(typeName)?.definition.split(".").at(-1) ?? typeName;
}

/** `int32`, `[]v1.Container`, `map[string]string`; `field` (`Container.imagePullPolicy`) finds the string types that have names. */
export function goTypeName(type: FieldType, field = ""): string {
	switch (type.form) {
		case "object":
			return typeSchema(type.type)?.definition.split(".").slice(-2).join(".") ?? type.type;
		case "list":
			return `[]${goTypeName(type.items, field)}`;
		case "map":
			return `map[string]${goTypeName(type.values, field)}`;
		case "scalar":
			return type.scalar === "string" ? (namedStrings.get(field) ?? "string") : scalarNames[type.scalar];
		default:
			return type satisfies never;
	}
}

const scalarNames = {
	int32: "int32",
	int64: "int64",
	double: "float64",
	boolean: "bool",
	time: "v1.Time",
	microtime: "v1.MicroTime",
	bytes: "[]uint8",
	quantity: "resource.Quantity",
	intOrString: "intstr.IntOrString",
	raw: "runtime.RawExtension",
	fieldsV1: "v1.FieldsV1",
	any: "interface {}",
} as const;

/** Fields whose Go type is a named string, where users meet it. Source: staging/src/k8s.io/api types.go */
const namedStrings: ReadonlyMap<string, string> = new Map(
	Object.entries({
		"v1.PullPolicy": ["Container.imagePullPolicy", "EphemeralContainer.imagePullPolicy", "ImageVolumeSource.pullPolicy"],
		"v1.TerminationMessagePolicy": ["Container.terminationMessagePolicy", "EphemeralContainer.terminationMessagePolicy"],
		"v1.RestartPolicy": ["PodSpec.restartPolicy"],
		"v1.DNSPolicy": ["PodSpec.dnsPolicy"],
		"v1.PreemptionPolicy": ["PodSpec.preemptionPolicy", "PriorityClass.preemptionPolicy"],
		"v1.OSName": ["PodOS.name"],
		"v1.Protocol": ["ContainerPort.protocol", "ServicePort.protocol", "CoreEndpointPort.protocol", "NetworkPolicyPort.protocol"],
		"v1.URIScheme": ["HTTPGetAction.scheme"],
		"v1.ServiceType": ["ServiceSpec.type"],
		"v1.ServiceAffinity": ["ServiceSpec.sessionAffinity"],
		"v1.IPFamily": ["ServiceSpec.ipFamilies"],
		"v1.IPFamilyPolicy": ["ServiceSpec.ipFamilyPolicy"],
		"v1.SecretType": ["Secret.type"],
		"v1.TaintEffect": ["Taint.effect", "Toleration.effect"],
		"v1.TolerationOperator": ["Toleration.operator"],
		"v1.NodeSelectorOperator": ["NodeSelectorRequirement.operator"],
		"v1.LabelSelectorOperator": ["LabelSelectorRequirement.operator"],
		"v1.UnsatisfiableConstraintAction": ["TopologySpreadConstraint.whenUnsatisfiable"],
		"v1.StorageMedium": ["EmptyDirVolumeSource.medium"],
		"v1.HostPathType": ["HostPathVolumeSource.type"],
		"v1.MountPropagationMode": ["VolumeMount.mountPropagation"],
		"v1.PersistentVolumeAccessMode": ["PersistentVolumeClaimSpec.accessModes", "PersistentVolumeSpec.accessModes"],
		"v1.PersistentVolumeMode": ["PersistentVolumeClaimSpec.volumeMode", "PersistentVolumeSpec.volumeMode"],
		"v1.PersistentVolumeReclaimPolicy": ["PersistentVolumeSpec.persistentVolumeReclaimPolicy", "StorageClass.reclaimPolicy"],
		"v1.VolumeBindingMode": ["StorageClass.volumeBindingMode"],
		"v1.DeploymentStrategyType": ["DeploymentStrategy.type"],
		"v1.DaemonSetUpdateStrategyType": ["DaemonSetUpdateStrategy.type"],
		"v1.StatefulSetUpdateStrategyType": ["StatefulSetUpdateStrategy.type"],
		"v1.PodManagementPolicyType": ["StatefulSetSpec.podManagementPolicy"],
		"v1.ConcurrencyPolicy": ["CronJobSpec.concurrencyPolicy"],
		"v1.CompletionMode": ["JobSpec.completionMode"],
		"v1.PathType": ["HTTPIngressPath.pathType"],
		"v1.PolicyType": ["NetworkPolicySpec.policyTypes"],
		"types.UID": ["ObjectMeta.uid", "OwnerReference.uid", "Preconditions.uid"],
		"v1.DeletionPropagation": ["DeleteOptions.propagationPolicy"],
	}).flatMap(([name, fields]) => fields.map((field): [string, string] => [field, name])),
);

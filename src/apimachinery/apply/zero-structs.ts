/**
 * Fields that are structs, not pointers, in Kubernetes' Go types: an object has them before anybody set them, so
 * setting one of their parts does not make them. Owners of a new Deployment have `f:strategy` without `.`, while those
 * of its `rollingUpdate`, a pointer, have `.`.
 * Source: the types.go files of k8s.io/api.
 */
const zeroStructs: ReadonlySet<string> = new Set(
	Object.entries({
		AllocationResult: ["devices"],
		Container: ["resources"],
		CoreEvent: ["involvedObject", "source"],
		CronJobSpec: ["jobTemplate"],
		CustomResourceDefinitionSpec: ["names"],
		CustomResourceDefinitionStatus: ["acceptedNames"],
		DaemonSetSpec: ["template", "updateStrategy"],
		DeploymentSpec: ["strategy", "template"],
		EphemeralContainer: ["resources"],
		EventsEvent: ["deprecatedSource", "regarding"],
		FlowSchemaSpec: ["priorityLevelConfiguration"],
		HorizontalPodAutoscalerSpec: ["scaleTargetRef"],
		HorizontalPodAutoscalerSpecV2: ["scaleTargetRef"],
		IngressServiceBackend: ["port"],
		IngressStatus: ["loadBalancer"],
		JobSpec: ["template"],
		LimitedPriorityLevelConfiguration: ["limitResponse"],
		MutatingWebhook: ["clientConfig"],
		NetworkPolicySpec: ["podSelector"],
		NodeDaemonEndpoints: ["kubeletEndpoint"],
		NodeStatus: ["daemonEndpoints", "nodeInfo"],
		PersistentVolumeClaimSpec: ["resources"],
		PodTemplate: ["template"],
		ReplicaSetSpec: ["template"],
		ResourceClaimSpec: ["devices"],
		ResourceSliceSpec: ["pool"],
		RoleBinding: ["roleRef"],
		ClusterRoleBinding: ["roleRef"],
		ServiceStatus: ["loadBalancer"],
		StatefulSetSpec: ["template", "updateStrategy"],
		ValidatingWebhook: ["clientConfig"],
		VolumeAttachmentSpec: ["source"],
	}).flatMap(([type, fields]) => fields.map((field) => `${type}.${field}`)),
);

/** What every kind has at its top, and templates of kinds have, too. */
const ofEveryKind: ReadonlySet<string> = new Set(["metadata", "spec", "status"]);

/** @param typeName the schema table's name of the type that has the field */
export function isZeroStruct(typeName: string, field: string): boolean {
	return ofEveryKind.has(field) || zeroStructs.has(`${typeName}.${field}`);
}

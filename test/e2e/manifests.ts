/**
 * A minimal object of every kind that can be created, and the header row that `kubectl get -o wide` prints for it.
 * Source of the columns: pkg/printers/internalversion/printers.go of Kubernetes 1.36.
 */

export interface Sample {
	/** `deployments.apps`, as `kubectl get` takes it. */
	readonly resource: string;
	readonly name: string;
	/** Columns of `kubectl get`, separated by two blanks. */
	readonly columns: string;
	/** What `-o wide` adds to them; absent: nothing. Where it is not an addition at the end, the whole row. */
	readonly wide?: string;
	readonly yaml: string;
}

const podSpec = "{ containers: [{ name: main, image: nginx }] }";

/** A certificate request for CN=sample, made with openssl. */
const certificateRequest =
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISk1ITUNBUUF3RVRFUE1BMEdBMVVFQXd3R2MyRnRjR3hsTUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowRApBUWNEUWdBRXFFQ2JDVkQ1L3cyeGxySjV5dmUxQk5jNXNjSXFXR2pkQkdkVi9GQzZkM2lRS3FlbHY5Z2hYc0JkCmVrNElkRnlLVDBwRnRGL3lYNGszcm9nVXBwM3hNS0FBTUFvR0NDcUdTTTQ5QkFNQ0EwWUFNRU1DSHd0RkcrZVQKUk4rNHZYcEdETFlKM2EwVW1jYW9DdExFNFBYSEw4aUZpMklDSUFraXJYaktoVS9kRWVhQkNselhNMGQycG5QbQpFaXpoeFd2UU1nbkoxdCt1Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

export const samples: readonly Sample[] = [
	// core
	{
		resource: "configmaps",
		name: "settings",
		columns: "NAME  DATA  AGE",
		yaml: "{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings }, data: { colour: blue }, binaryData: { blob: AAEC } }",
	},
	{
		resource: "endpoints",
		name: "outside",
		columns: "NAME  ENDPOINTS  AGE",
		yaml: "{ apiVersion: v1, kind: Endpoints, metadata: { name: outside }, subsets: [{ addresses: [{ ip: 203.0.113.7 }], ports: [{ port: 80 }] }] }",
	},
	{
		resource: "events",
		name: "sample",
		columns: "LAST SEEN  TYPE  REASON  OBJECT  MESSAGE",
		wide: "LAST SEEN  TYPE  REASON  OBJECT  SUBOBJECT  SOURCE  MESSAGE  FIRST SEEN  COUNT  NAME",
		yaml: "{ apiVersion: v1, kind: Event, metadata: { name: sample }, involvedObject: { kind: Pod, namespace: default, name: web }, reason: Sampled, message: a sample, type: Normal, firstTimestamp: 2026-01-01T00:00:00Z, lastTimestamp: 2026-01-01T00:00:00Z, count: 1 }",
	},
	{
		resource: "limitranges",
		name: "limits",
		columns: "NAME  CREATED AT",
		yaml: "{ apiVersion: v1, kind: LimitRange, metadata: { name: limits }, spec: { limits: [{ type: PersistentVolumeClaim, max: { storage: 10Gi } }] } }",
	},
	{
		resource: "namespaces",
		name: "sample",
		columns: "NAME  STATUS  AGE",
		yaml: "{ apiVersion: v1, kind: Namespace, metadata: { name: sample } }",
	},
	{
		resource: "nodes",
		name: "spare",
		columns: "NAME  STATUS  ROLES  AGE  VERSION",
		wide: "INTERNAL-IP  EXTERNAL-IP  OS-IMAGE  KERNEL-VERSION  CONTAINER-RUNTIME",
		yaml: "{ apiVersion: v1, kind: Node, metadata: { name: spare, labels: { node-role.kubernetes.io/spare: '' } } }",
	},
	{
		resource: "persistentvolumeclaims",
		name: "claim",
		columns: "NAME  STATUS  VOLUME  CAPACITY  ACCESS MODES  STORAGECLASS  VOLUMEATTRIBUTESCLASS  AGE",
		wide: "VOLUMEMODE",
		yaml: "{ apiVersion: v1, kind: PersistentVolumeClaim, metadata: { name: claim }, spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } } }",
	},
	{
		resource: "persistentvolumes",
		name: "disk",
		columns: "NAME  CAPACITY  ACCESS MODES  RECLAIM POLICY  STATUS  CLAIM  STORAGECLASS  VOLUMEATTRIBUTESCLASS  REASON  AGE",
		wide: "VOLUMEMODE",
		yaml: "{ apiVersion: v1, kind: PersistentVolume, metadata: { name: disk }, spec: { capacity: { storage: 1Gi }, accessModes: [ReadWriteOnce], hostPath: { path: /data } } }",
	},
	{
		resource: "pods",
		name: "web",
		columns: "NAME  READY  STATUS  RESTARTS  AGE",
		wide: "IP  NODE  NOMINATED NODE  READINESS GATES",
		yaml: `{ apiVersion: v1, kind: Pod, metadata: { name: web, labels: { app: web } }, spec: ${podSpec} }`,
	},
	{
		resource: "podtemplates",
		name: "template",
		columns: "NAME  CONTAINERS  IMAGES  POD LABELS",
		yaml: `{ apiVersion: v1, kind: PodTemplate, metadata: { name: template }, template: { metadata: { labels: { app: template } }, spec: ${podSpec} } }`,
	},
	{
		resource: "replicationcontrollers",
		name: "old",
		columns: "NAME  DESIRED  CURRENT  READY  AGE",
		wide: "CONTAINERS  IMAGES  SELECTOR",
		yaml: `{ apiVersion: v1, kind: ReplicationController, metadata: { name: old }, spec: { replicas: 0, selector: { app: old }, template: { metadata: { labels: { app: old } }, spec: ${podSpec} } } }`,
	},
	{
		resource: "resourcequotas",
		name: "quota",
		columns: "NAME  REQUEST  LIMIT  AGE",
		yaml: "{ apiVersion: v1, kind: ResourceQuota, metadata: { name: quota }, spec: { hard: { secrets: '100', persistentvolumeclaims: '400' } } }",
	},
	{
		resource: "secrets",
		name: "password",
		columns: "NAME  TYPE  DATA  AGE",
		yaml: "{ apiVersion: v1, kind: Secret, metadata: { name: password }, stringData: { password: open sesame } }",
	},
	{
		resource: "serviceaccounts",
		name: "robot",
		columns: "NAME  AGE",
		yaml: "{ apiVersion: v1, kind: ServiceAccount, metadata: { name: robot } }",
	},
	{
		resource: "services",
		name: "web",
		columns: "NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE",
		wide: "SELECTOR",
		yaml: "{ apiVersion: v1, kind: Service, metadata: { name: web }, spec: { type: NodePort, selector: { app: web }, ports: [{ name: http, port: 80 }] } }",
	},
	// admissionregistration.k8s.io
	{
		resource: "mutatingadmissionpolicies.admissionregistration.k8s.io",
		name: "mutate.example.com",
		columns: "NAME  MUTATIONS  PARAMKIND  AGE",
		yaml: `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: { name: mutate.example.com }
spec:
  matchConstraints:
    resourceRules: [{ apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps] }]
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: { expression: 'Object{}' }
`,
	},
	{
		resource: "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
		name: "mutate.example.com",
		columns: "NAME  POLICYNAME  PARAMREF  AGE",
		yaml: "{ apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicyBinding, metadata: { name: mutate.example.com }, spec: { policyName: absent.example.com } }",
	},
	{
		resource: "mutatingwebhookconfigurations.admissionregistration.k8s.io",
		name: "sample",
		columns: "NAME  WEBHOOKS  AGE",
		yaml: "{ apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: { name: sample }, webhooks: [{ name: sample.example.com, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Ignore, clientConfig: { url: 'https://example.com/' }, rules: [{ apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing] }] }] }",
	},
	{
		resource: "validatingadmissionpolicies.admissionregistration.k8s.io",
		name: "validate.example.com",
		columns: "NAME  VALIDATIONS  PARAMKIND  AGE",
		yaml: `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: validate.example.com }
spec:
  matchConstraints:
    resourceRules: [{ apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps] }]
  validations: [{ expression: 'true' }]
`,
	},
	{
		resource: "validatingadmissionpolicybindings.admissionregistration.k8s.io",
		name: "validate.example.com",
		columns: "NAME  POLICYNAME  PARAMREF  AGE",
		yaml: "{ apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: { name: validate.example.com }, spec: { policyName: absent.example.com, validationActions: [Deny] } }",
	},
	{
		resource: "validatingwebhookconfigurations.admissionregistration.k8s.io",
		name: "sample",
		columns: "NAME  WEBHOOKS  AGE",
		yaml: "{ apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: { name: sample }, webhooks: [{ name: sample.example.com, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Ignore, clientConfig: { url: 'https://example.com/' }, rules: [{ apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing] }] }] }",
	},
	// apiextensions.k8s.io, apiregistration.k8s.io
	{
		resource: "customresourcedefinitions.apiextensions.k8s.io",
		name: "crontabs.stable.example.com",
		columns: "NAME  CREATED AT",
		yaml: "{ apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: { name: crontabs.stable.example.com }, spec: { group: stable.example.com, scope: Namespaced, names: { plural: crontabs, singular: crontab, kind: CronTab }, versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }] } }",
	},
	{
		resource: "apiservices.apiregistration.k8s.io",
		name: "v1.sample.example.com",
		columns: "NAME  SERVICE  AVAILABLE  AGE",
		yaml: "{ apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: { name: v1.sample.example.com }, spec: { group: sample.example.com, version: v1, groupPriorityMinimum: 100, versionPriority: 10, insecureSkipTLSVerify: true, service: { name: sample, namespace: default } } }",
	},
	// apps
	{
		resource: "controllerrevisions.apps",
		name: "revision",
		columns: "NAME  CONTROLLER  REVISION  AGE",
		yaml: "{ apiVersion: apps/v1, kind: ControllerRevision, metadata: { name: revision }, revision: 3, data: { spec: {} } }",
	},
	{
		resource: "daemonsets.apps",
		name: "agent",
		columns: "NAME  DESIRED  CURRENT  READY  UP-TO-DATE  AVAILABLE  NODE SELECTOR  AGE",
		wide: "CONTAINERS  IMAGES  SELECTOR",
		yaml: `{ apiVersion: apps/v1, kind: DaemonSet, metadata: { name: agent }, spec: { selector: { matchLabels: { app: agent } }, template: { metadata: { labels: { app: agent } }, spec: ${podSpec} } } }`,
	},
	{
		resource: "deployments.apps",
		name: "site",
		columns: "NAME  READY  UP-TO-DATE  AVAILABLE  AGE",
		wide: "CONTAINERS  IMAGES  SELECTOR",
		yaml: `{ apiVersion: apps/v1, kind: Deployment, metadata: { name: site }, spec: { selector: { matchLabels: { app: site } }, template: { metadata: { labels: { app: site } }, spec: ${podSpec} } } }`,
	},
	{
		resource: "replicasets.apps",
		name: "set",
		columns: "NAME  DESIRED  CURRENT  READY  AGE",
		wide: "CONTAINERS  IMAGES  SELECTOR",
		yaml: `{ apiVersion: apps/v1, kind: ReplicaSet, metadata: { name: set }, spec: { selector: { matchLabels: { app: set } }, template: { metadata: { labels: { app: set } }, spec: ${podSpec} } } }`,
	},
	{
		resource: "statefulsets.apps",
		name: "database",
		columns: "NAME  READY  AGE",
		wide: "CONTAINERS  IMAGES",
		yaml: `{ apiVersion: apps/v1, kind: StatefulSet, metadata: { name: database }, spec: { serviceName: database, selector: { matchLabels: { app: database } }, template: { metadata: { labels: { app: database } }, spec: ${podSpec} } } }`,
	},
	// autoscaling, batch
	{
		resource: "horizontalpodautoscalers.autoscaling",
		name: "site",
		columns: "NAME  REFERENCE  TARGETS  MINPODS  MAXPODS  REPLICAS  AGE",
		yaml: "{ apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: { name: site }, spec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: site }, maxReplicas: 3, metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 50 } } }] } }",
	},
	{
		resource: "cronjobs.batch",
		name: "nightly",
		columns: "NAME  SCHEDULE  TIMEZONE  SUSPEND  ACTIVE  LAST SCHEDULE  AGE",
		wide: "CONTAINERS  IMAGES  SELECTOR",
		yaml: "{ apiVersion: batch/v1, kind: CronJob, metadata: { name: nightly }, spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: { spec: { restartPolicy: OnFailure, containers: [{ name: main, image: busybox, command: ['true'] }] } } } } } }",
	},
	{
		resource: "jobs.batch",
		name: "once",
		columns: "NAME  STATUS  COMPLETIONS  DURATION  AGE",
		wide: "CONTAINERS  IMAGES  SELECTOR",
		yaml: "{ apiVersion: batch/v1, kind: Job, metadata: { name: once }, spec: { template: { spec: { restartPolicy: Never, containers: [{ name: main, image: busybox, command: ['true'] }] } } } }",
	},
	// certificates.k8s.io, coordination.k8s.io, discovery.k8s.io
	{
		resource: "certificatesigningrequests.certificates.k8s.io",
		name: "sample",
		columns: "NAME  AGE  SIGNERNAME  REQUESTOR  REQUESTEDDURATION  CONDITION",
		yaml: `{ apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: { name: sample }, spec: { signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], request: ${certificateRequest} } }`,
	},
	{
		resource: "leases.coordination.k8s.io",
		name: "leader",
		columns: "NAME  HOLDER  AGE",
		yaml: "{ apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: { name: leader }, spec: { holderIdentity: me, leaseDurationSeconds: 15 } }",
	},
	{
		resource: "endpointslices.discovery.k8s.io",
		name: "outside",
		columns: "NAME  ADDRESSTYPE  PORTS  ENDPOINTS  AGE",
		yaml: "{ apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: { name: outside }, addressType: IPv4, ports: [{ name: http, port: 80, protocol: TCP }], endpoints: [{ addresses: [203.0.113.7] }] }",
	},
	// flowcontrol.apiserver.k8s.io
	{
		resource: "flowschemas.flowcontrol.apiserver.k8s.io",
		name: "sample",
		columns: "NAME  PRIORITYLEVEL  MATCHINGPRECEDENCE  DISTINGUISHERMETHOD  AGE  MISSINGPL",
		yaml: "{ apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: FlowSchema, metadata: { name: sample }, spec: { priorityLevelConfiguration: { name: global-default } } }",
	},
	{
		resource: "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
		name: "sample",
		columns: "NAME  TYPE  NOMINALCONCURRENCYSHARES  QUEUES  HANDSIZE  QUEUELENGTHLIMIT  AGE",
		yaml: "{ apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: PriorityLevelConfiguration, metadata: { name: sample }, spec: { type: Limited, limited: { limitResponse: { type: Reject } } } }",
	},
	// networking.k8s.io
	{
		resource: "ingressclasses.networking.k8s.io",
		name: "edge",
		columns: "NAME  CONTROLLER  PARAMETERS  AGE",
		yaml: "{ apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: { name: edge }, spec: { controller: example.com/edge } }",
	},
	{
		resource: "ingresses.networking.k8s.io",
		name: "front",
		columns: "NAME  CLASS  HOSTS  ADDRESS  PORTS  AGE",
		yaml: "{ apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: { name: front }, spec: { rules: [{ host: example.com, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] } }] } }",
	},
	{
		resource: "ipaddresses.networking.k8s.io",
		name: "192.0.2.7",
		columns: "NAME  PARENTREF",
		yaml: "{ apiVersion: networking.k8s.io/v1, kind: IPAddress, metadata: { name: 192.0.2.7 }, spec: { parentRef: { resource: services, namespace: default, name: web } } }",
	},
	{
		resource: "networkpolicies.networking.k8s.io",
		name: "deny",
		columns: "NAME  POD-SELECTOR  AGE",
		yaml: "{ apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: deny }, spec: { podSelector: { matchLabels: { app: web } } } }",
	},
	{
		resource: "servicecidrs.networking.k8s.io",
		name: "more",
		columns: "NAME  CIDRS  AGE",
		yaml: "{ apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: { name: more }, spec: { cidrs: [10.200.0.0/24] } }",
	},
	// node.k8s.io, policy
	{
		resource: "runtimeclasses.node.k8s.io",
		name: "sandboxed",
		columns: "NAME  HANDLER  AGE",
		yaml: "{ apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: { name: sandboxed }, handler: runsc }",
	},
	{
		resource: "poddisruptionbudgets.policy",
		name: "site",
		columns: "NAME  MIN AVAILABLE  MAX UNAVAILABLE  ALLOWED DISRUPTIONS  AGE",
		yaml: "{ apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: { name: site }, spec: { minAvailable: 1, selector: { matchLabels: { app: site } } } }",
	},
	// rbac.authorization.k8s.io
	{
		resource: "clusterrolebindings.rbac.authorization.k8s.io",
		name: "readers",
		columns: "NAME  ROLE  AGE",
		wide: "USERS  GROUPS  SERVICEACCOUNTS",
		yaml: "{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: { name: readers }, roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }, subjects: [{ kind: User, apiGroup: rbac.authorization.k8s.io, name: jane }] }",
	},
	{
		resource: "clusterroles.rbac.authorization.k8s.io",
		name: "reader",
		columns: "NAME  CREATED AT",
		yaml: "{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: { name: reader }, rules: [{ apiGroups: [''], resources: [pods], verbs: [get, list] }] }",
	},
	{
		resource: "rolebindings.rbac.authorization.k8s.io",
		name: "readers",
		columns: "NAME  ROLE  AGE",
		wide: "USERS  GROUPS  SERVICEACCOUNTS",
		yaml: "{ apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: { name: readers }, roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }, subjects: [{ kind: ServiceAccount, namespace: default, name: robot }] }",
	},
	{
		resource: "roles.rbac.authorization.k8s.io",
		name: "reader",
		columns: "NAME  CREATED AT",
		yaml: "{ apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: { name: reader }, rules: [{ apiGroups: [''], resources: [pods], verbs: [get, list] }] }",
	},
	// resource.k8s.io
	{
		resource: "deviceclasses.resource.k8s.io",
		name: "gpu",
		columns: "NAME  AGE",
		yaml: "{ apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: { name: gpu }, spec: { selectors: [{ cel: { expression: 'device.driver == \"gpu.example.com\"' } }] } }",
	},
	{
		resource: "resourceclaims.resource.k8s.io",
		name: "gpu",
		columns: "NAME  STATE  AGE",
		yaml: "{ apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: { name: gpu }, spec: { devices: { requests: [{ name: gpu, exactly: { deviceClassName: gpu } }] } } }",
	},
	{
		resource: "resourceclaimtemplates.resource.k8s.io",
		name: "gpu",
		columns: "NAME  AGE",
		yaml: "{ apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, metadata: { name: gpu }, spec: { spec: { devices: { requests: [{ name: gpu, exactly: { deviceClassName: gpu } }] } } } }",
	},
	{
		resource: "resourceslices.resource.k8s.io",
		name: "gpus",
		columns: "NAME  NODE  DRIVER  POOL  AGE",
		yaml: "{ apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: { name: gpus }, spec: { driver: gpu.example.com, nodeName: node-1, pool: { name: node-1, generation: 1, resourceSliceCount: 1 }, devices: [{ name: gpu-0 }] } }",
	},
	// scheduling.k8s.io, storage.k8s.io
	{
		resource: "priorityclasses.scheduling.k8s.io",
		name: "high",
		columns: "NAME  VALUE  GLOBAL-DEFAULT  AGE  PREEMPTIONPOLICY",
		yaml: "{ apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: { name: high }, value: 1000 }",
	},
	{
		resource: "csidrivers.storage.k8s.io",
		name: "csi.example.com",
		columns: "NAME  ATTACHREQUIRED  PODINFOONMOUNT  STORAGECAPACITY  TOKENREQUESTS  REQUIRESREPUBLISH  MODES  AGE",
		yaml: "{ apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: { name: csi.example.com }, spec: {} }",
	},
	{
		resource: "csinodes.storage.k8s.io",
		name: "spare",
		columns: "NAME  DRIVERS  AGE",
		yaml: "{ apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: { name: spare }, spec: { drivers: [{ name: csi.example.com, nodeID: spare }] } }",
	},
	{
		resource: "csistoragecapacities.storage.k8s.io",
		name: "fast",
		columns: "NAME  STORAGECLASSNAME  CAPACITY",
		yaml: "{ apiVersion: storage.k8s.io/v1, kind: CSIStorageCapacity, metadata: { name: fast }, storageClassName: fast, capacity: 10Gi, nodeTopology: {} }",
	},
	{
		resource: "storageclasses.storage.k8s.io",
		name: "fast",
		columns: "NAME  PROVISIONER  RECLAIMPOLICY  VOLUMEBINDINGMODE  ALLOWVOLUMEEXPANSION  AGE",
		yaml: "{ apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: { name: fast }, provisioner: csi.example.com }",
	},
	{
		resource: "volumeattachments.storage.k8s.io",
		name: "attached",
		columns: "NAME  ATTACHER  PV  NODE  ATTACHED  AGE",
		yaml: "{ apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, metadata: { name: attached }, spec: { attacher: csi.example.com, nodeName: node-1, source: { persistentVolumeName: disk } } }",
	},
	{
		resource: "volumeattributesclasses.storage.k8s.io",
		name: "silver",
		columns: "NAME  DRIVERNAME  AGE",
		yaml: "{ apiVersion: storage.k8s.io/v1, kind: VolumeAttributesClass, metadata: { name: silver }, driverName: csi.example.com, parameters: { iops: '3000' } }",
	},
];

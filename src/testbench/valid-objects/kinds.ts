/** Every kind that is no workload, and that a user may create: by kind, what stands beside metadata. */
import fc from "fast-check";
import {
	count,
	countOrPercent,
	cpu,
	domainName,
	having,
	label,
	labels,
	memory,
	named,
	nodeSelector,
	objectName,
	oneOf,
	type Part,
	port,
	qualifiedName,
	seconds,
	selector,
	some,
	text,
} from "./parts.ts";

const base64: Part = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("base64"));
/** RFC 6335: no two hyphens in a row. */
const portName = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const dataKey = fc.stringMatching(/^[a-z]([-a-z0-9_.]{0,8}[a-z0-9])?$/);
const dataOf = (value: Part) => fc.dictionary(dataKey, value, { maxKeys: 3, noNullPrototype: true });
const address = fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 254 })).map(([third, fourth]) => `203.0.${third}.${fourth}`);
const protocol = oneOf("TCP", "UDP", "SCTP");
const serviceRef = having({ name: label, namespace: fc.constant("default") });

/** No two with one name, nor with one number of one protocol; several need names. */
const servicePorts: Part = fc
	.uniqueArray(fc.tuple(label, port), { minLength: 1, maxLength: 3, comparator: (a, b) => a[0] === b[0] || a[1] === b[1] })
	.map((ports) => ports.map(([name, number]) => ({ name, port: number, targetPort: number })));
const serviceSpec: Part = fc.oneof(
	having(
		{ ports: servicePorts },
		{
			type: oneOf("ClusterIP", "NodePort", "LoadBalancer"),
			selector: labels,
			sessionAffinity: oneOf("None", "ClientIP"),
			internalTrafficPolicy: oneOf("Cluster", "Local"),
			publishNotReadyAddresses: fc.boolean(),
		},
	),
	having({ clusterIP: fc.constant("None"), ports: servicePorts }, { selector: labels }),
	having({ type: fc.constant("ExternalName"), externalName: domainName }),
);

const policyRule = fc.oneof(
	having(
		{
			apiGroups: some(oneOf("", "apps", "*"), 1),
			resources: some(oneOf("pods", "pods/log", "deployments", "*"), 1),
			verbs: some(oneOf("get", "list", "watch", "create", "*"), 1),
		},
		{ resourceNames: some(label) },
	),
);
const pathRule = having({ nonResourceURLs: some(oneOf("/healthz", "/metrics", "/api/*"), 1), verbs: some(oneOf("get", "post"), 1) });
const rbac = "rbac.authorization.k8s.io";
const subject = fc.oneof(
	having({ kind: oneOf("User", "Group"), apiGroup: fc.constant(rbac), name: label }),
	having({ kind: fc.constant("ServiceAccount"), namespace: label, name: label }),
);
const roleRef = (...kinds: readonly [string, ...string[]]) =>
	having({ apiGroup: fc.constant(rbac), kind: oneOf(...kinds), name: oneOf("view", "edit", "admin") });

/** Rules about what is nowhere served: nobody's requests are held up by them. */
const ruleOn = (first: string, ...more: readonly string[]) =>
	having(
		{
			apiGroups: fc.constant(["nothing.example.com"]),
			apiVersions: fc.constant(["v1"]),
			operations: some(oneOf(first, ...more), 1),
			resources: fc.constant(["nothings"]),
		},
		{ scope: oneOf("*", "Namespaced", "Cluster") },
	);
const webhookRule = ruleOn("CREATE", "UPDATE", "DELETE");
const webhooks: Part = fc.uniqueArray(domainName, { maxLength: 2 }).chain((names) =>
	fc.tuple(
		...names.map((name) =>
			having(
				{
					name: fc.constant(name),
					admissionReviewVersions: fc.constant(["v1"]),
					sideEffects: oneOf("None", "NoneOnDryRun"),
					clientConfig: oneOf(
						{ url: "https://example.com/hook" },
						{ service: { namespace: "default", name: "hook", path: "/hook", port: 443 } },
					),
				},
				{
					rules: fc.array(webhookRule, { maxLength: 2 }),
					failurePolicy: oneOf("Ignore", "Fail"),
					timeoutSeconds: fc.integer({ min: 1, max: 30 }),
					matchPolicy: oneOf("Exact", "Equivalent"),
					objectSelector: selector,
				},
			),
		),
	),
);
const constraintsOn = (rule: Part) =>
	having(
		{ resourceRules: fc.array(rule, { minLength: 1, maxLength: 2 }) },
		{ matchPolicy: oneOf("Exact", "Equivalent"), namespaceSelector: selector },
	);

const networkPorts = fc.array(having({}, { port: fc.oneof(port, portName), protocol }), { maxLength: 2 });
const peers = fc.array(
	fc.oneof(
		having({ podSelector: selector }, { namespaceSelector: selector }),
		having({ ipBlock: oneOf({ cidr: "10.0.0.0/8" }, { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] }) }),
	),
	{ maxLength: 2 },
);

const backend: Part = having({ service: having({ name: label, port: fc.oneof(having({ number: port }), having({ name: portName })) }) });
const paths = fc.array(
	having({ path: oneOf("/", "/api", "/a/b"), pathType: oneOf("Prefix", "Exact", "ImplementationSpecific"), backend }),
	{ minLength: 1, maxLength: 2 },
);

const metric: Part = fc.oneof(
	having({
		type: fc.constant("Resource"),
		resource: having({
			name: oneOf("cpu", "memory"),
			target: fc.oneof(
				having({ type: fc.constant("Utilization"), averageUtilization: fc.integer({ min: 1, max: 100 }) }),
				having({ type: fc.constant("AverageValue"), averageValue: memory }),
			),
		}),
	}),
	having({
		type: fc.constant("Pods"),
		pods: having({ metric: having({ name: label }), target: having({ type: fc.constant("AverageValue"), averageValue: cpu }) }),
	}),
);

const limitResponse: Part = fc.oneof(
	fc.constant({ type: "Reject" }),
	having({
		type: fc.constant("Queue"),
		queuing: having({ queues: fc.constant(64), handSize: fc.integer({ min: 1, max: 8 }), queueLengthLimit: seconds }),
	}),
);

const deviceRequests: Part = named(
	having({
		exactly: having({ deviceClassName: label }, { allocationMode: fc.constant("ExactCount"), count: fc.integer({ min: 1, max: 4 }) }),
	}),
	1,
	2,
);
const claim: Part = having({ devices: having({ requests: deviceRequests }) });

/** A certificate request for CN=sample. */
const certificateRequest =
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISk1ITUNBUUF3RVRFUE1BMEdBMVVFQXd3R2MyRnRjR3hsTUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowRApBUWNEUWdBRXFFQ2JDVkQ1L3cyeGxySjV5dmUxQk5jNXNjSXFXR2pkQkdkVi9GQzZkM2lRS3FlbHY5Z2hYc0JkCmVrNElkRnlLVDBwRnRGL3lYNGszcm9nVXBwM3hNS0FBTUFvR0NDcUdTTTQ5QkFNQ0EwWUFNRU1DSHd0RkcrZVQKUk4rNHZYcEdETFlKM2EwVW1jYW9DdExFNFBYSEw4aUZpMklDSUFraXJYaktoVS9kRWVhQkNselhNMGQycG5QbQpFaXpoeFd2UU1nbkoxdCt1Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

export const otherKinds: Readonly<Record<string, Part>> = {
	// core
	ConfigMap: having({}, { data: dataOf(text), immutable: fc.boolean() }),
	Secret: having({}, { data: dataOf(base64), type: oneOf("Opaque", "example.com/own"), immutable: fc.boolean() }),
	Namespace: having({}),
	ServiceAccount: having(
		{},
		{
			automountServiceAccountToken: fc.boolean(),
			imagePullSecrets: fc.constant([{ name: "registry" }]),
			secrets: fc.constant([{ name: "token" }]),
		},
	),
	Service: having({ spec: serviceSpec }),
	Endpoints: having(
		{},
		{
			subsets: fc.array(
				having({
					addresses: fc.array(having({ ip: address }), { minLength: 1, maxLength: 2 }),
					ports: named(having({ port }, { protocol: oneOf("TCP", "UDP") }), 1, 2),
				}),
				{ maxLength: 2 },
			),
		},
	),
	Event: having(
		{
			involvedObject: having({ kind: fc.constant("Pod"), namespace: fc.constant("default"), name: label }),
			reason: oneOf("Created", "Started"),
			type: oneOf("Normal", "Warning"),
		},
		{ message: text, count: seconds, source: having({ component: label }) },
	),
	LimitRange: having({
		spec: having({
			limits: fc.uniqueArray(
				fc.oneof(
					having(
						{ type: fc.constant("Container") },
						{
							default: having({ memory: fc.constant("1Gi") }),
							defaultRequest: having({ memory: fc.constant("64Mi") }),
							max: having({ memory: fc.constant("8Gi") }),
						},
					),
					having({ type: fc.constant("PersistentVolumeClaim"), max: having({ storage: memory }) }),
				),
				{ maxLength: 2, selector: ({ type }) => type },
			),
		}),
	}),
	ResourceQuota: having({
		spec: having(
			{},
			{
				hard: having(
					{},
					{
						pods: fc.nat(1000).map(String),
						"requests.cpu": cpu,
						"limits.memory": memory,
						"count/deployments.apps": fc.nat(100).map(String),
					},
				),
			},
		),
	}),
	Node: having(
		{},
		{
			spec: having(
				{},
				{
					unschedulable: fc.boolean(),
					taints: fc.uniqueArray(having({ key: qualifiedName, effect: oneOf("NoSchedule", "PreferNoSchedule") }, { value: label }), {
						maxLength: 2,
						selector: ({ key }) => key,
					}),
				},
			),
		},
	),
	PersistentVolume: having({
		spec: having(
			{
				capacity: having({ storage: memory }),
				accessModes: some(oneOf("ReadWriteOnce", "ReadOnlyMany"), 1),
				hostPath: having({ path: oneOf("/data", "/mnt/disk") }),
			},
			{
				persistentVolumeReclaimPolicy: oneOf("Retain", "Delete"),
				storageClassName: label,
				volumeMode: fc.constant("Filesystem"),
				nodeAffinity: having({ required: nodeSelector }),
			},
		),
	}),
	// admissionregistration.k8s.io
	MutatingWebhookConfiguration: having({ webhooks }),
	ValidatingWebhookConfiguration: having({ webhooks }),
	ValidatingAdmissionPolicy: having({
		spec: having(
			{
				matchConstraints: constraintsOn(webhookRule),
				validations: fc.array(
					having(
						{ expression: oneOf("true", "object.metadata.name != 'a'", "size(object.metadata.name) < 100") },
						{ message: fc.constant("no"), reason: oneOf("Invalid", "Forbidden") },
					),
					{ minLength: 1, maxLength: 2 },
				),
			},
			{ failurePolicy: oneOf("Fail", "Ignore"), variables: fc.constant([{ name: "own", expression: "object.metadata.name" }]) },
		),
	}),
	ValidatingAdmissionPolicyBinding: having({
		spec: having(
			{ policyName: domainName, validationActions: oneOf(["Deny"], ["Warn", "Audit"]) },
			{ matchResources: having({}, { namespaceSelector: selector }) },
		),
	}),
	MutatingAdmissionPolicy: having({
		spec: having(
			{
				matchConstraints: constraintsOn(ruleOn("CREATE", "UPDATE")),
				reinvocationPolicy: oneOf("Never", "IfNeeded"),
				mutations: oneOf(
					[{ patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{}" } }],
					[{ patchType: "JSONPatch", jsonPatch: { expression: '[JSONPatch{op: "add", path: "/data", value: "x"}]' } }],
				),
			},
			{ failurePolicy: oneOf("Fail", "Ignore") },
		),
	}),
	MutatingAdmissionPolicyBinding: having({
		spec: having({ policyName: domainName }, { matchResources: having({}, { namespaceSelector: selector }) }),
	}),
	// autoscaling
	HorizontalPodAutoscaler: having({
		spec: having(
			{
				scaleTargetRef: having({ apiVersion: fc.constant("apps/v1"), kind: fc.constant("Deployment"), name: label }),
				maxReplicas: fc.integer({ min: 5, max: 10 }),
			},
			{ minReplicas: fc.integer({ min: 1, max: 5 }), metrics: fc.array(metric, { maxLength: 2 }) },
		),
	}),
	// certificates.k8s.io
	CertificateSigningRequest: having({
		spec: having(
			{
				request: fc.constant(certificateRequest),
				signerName: oneOf("kubernetes.io/kube-apiserver-client", "example.com/own"),
				usages: oneOf(["client auth"], ["client auth", "digital signature"]),
			},
			{ expirationSeconds: fc.integer({ min: 600, max: 86_400 }) },
		),
	}),
	// coordination.k8s.io
	Lease: having(
		{},
		{
			spec: having(
				{},
				{
					holderIdentity: label,
					leaseDurationSeconds: seconds,
					leaseTransitions: count,
					renewTime: fc.constant("2026-01-01T00:00:00.000000Z"),
				},
			),
		},
	),
	// discovery.k8s.io
	EndpointSlice: having(
		{
			addressType: fc.constant("IPv4"),
			endpoints: fc.array(
				having(
					{ addresses: some(address, 1, 1) },
					{ conditions: having({}, { ready: fc.boolean(), serving: fc.boolean() }), nodeName: label, zone: label },
				),
				{ maxLength: 3 },
			),
		},
		{ ports: named(having({ port }, { protocol })) },
	),
	// flowcontrol.apiserver.k8s.io
	FlowSchema: having({
		spec: having(
			{ priorityLevelConfiguration: having({ name: oneOf("global-default", "workload-low") }) },
			{
				matchingPrecedence: fc.integer({ min: 1000, max: 9000 }),
				distinguisherMethod: oneOf({ type: "ByUser" }, { type: "ByNamespace" }),
				rules: fc.array(
					having({
						subjects: fc.constant([{ kind: "User", user: { name: "nobody" } }]),
						resourceRules: fc.constant([{ verbs: ["get"], apiGroups: [""], resources: ["pods"], namespaces: ["default"] }]),
					}),
					{ maxLength: 1 },
				),
			},
		),
	}),
	PriorityLevelConfiguration: having({
		spec: having({
			type: fc.constant("Limited"),
			limited: having({ limitResponse }, { nominalConcurrencyShares: seconds, lendablePercent: fc.nat(100) }),
		}),
	}),
	// networking.k8s.io
	Ingress: having({
		spec: fc.oneof(
			having({ defaultBackend: backend }, { ingressClassName: label }),
			having(
				{ rules: fc.array(having({ http: having({ paths }) }, { host: domainName }), { minLength: 1, maxLength: 2 }) },
				{ tls: fc.constant([{ hosts: ["example.com"], secretName: "tls" }]) },
			),
		),
	}),
	IngressClass: having({ spec: having({ controller: oneOf("example.com/edge", "example.com/other/edge") }) }),
	NetworkPolicy: having({
		spec: having(
			{ podSelector: selector },
			{
				policyTypes: oneOf(["Ingress"], ["Egress"], ["Ingress", "Egress"]),
				ingress: fc.array(having({}, { from: peers, ports: networkPorts }), { maxLength: 2 }),
				egress: fc.array(having({}, { to: peers, ports: networkPorts }), { maxLength: 2 }),
			},
		),
	}),
	IPAddress: having({
		spec: having({ parentRef: having({ resource: fc.constant("services"), namespace: fc.constant("default"), name: label }) }),
	}),
	ServiceCIDR: having({ spec: having({ cidrs: fc.nat(255).map((third) => [`10.200.${third}.0/24`]) }) }),
	// node.k8s.io
	RuntimeClass: having(
		{ handler: label },
		{ overhead: having({ podFixed: having({}, { cpu, memory }) }), scheduling: having({}, { nodeSelector: labels }) },
	),
	// policy
	PodDisruptionBudget: having({
		spec: fc.oneof(
			having({ minAvailable: countOrPercent }, { selector, unhealthyPodEvictionPolicy: oneOf("IfHealthyBudget", "AlwaysAllow") }),
			having({ maxUnavailable: countOrPercent }, { selector }),
		),
	}),
	// rbac.authorization.k8s.io
	Role: having({ rules: fc.array(policyRule, { maxLength: 3 }) }),
	ClusterRole: fc.oneof(
		having({ rules: fc.array(fc.oneof(policyRule, pathRule), { maxLength: 3 }) }),
		having({ aggregationRule: having({ clusterRoleSelectors: fc.constant([{ matchLabels: { "example.com/nothing": "yes" } }]) }) }),
	),
	RoleBinding: having({ roleRef: roleRef("Role", "ClusterRole"), subjects: fc.array(subject, { maxLength: 3 }) }),
	ClusterRoleBinding: having({ roleRef: roleRef("ClusterRole"), subjects: fc.array(subject, { maxLength: 3 }) }),
	// resource.k8s.io
	DeviceClass: having({ spec: having({}, { selectors: fc.constant([{ cel: { expression: 'device.driver == "gpu.example.com"' } }]) }) }),
	ResourceClaim: having({ spec: claim }),
	ResourceClaimTemplate: having({ spec: having({ spec: claim }) }),
	ResourceSlice: having({
		spec: having({
			driver: fc.constant("gpu.example.com"),
			nodeName: label,
			pool: having({ name: label, generation: count, resourceSliceCount: fc.constant(1) }),
			devices: named(fc.constant({}), 1, 3),
		}),
	}),
	// scheduling.k8s.io
	PriorityClass: having(
		{ value: fc.integer({ min: -1_000_000, max: 1_000_000_000 }) },
		{ preemptionPolicy: oneOf("PreemptLowerPriority", "Never"), description: text },
	),
	// storage.k8s.io
	StorageClass: having(
		{ provisioner: oneOf("csi.example.com", "kubernetes.io/no-provisioner") },
		{
			reclaimPolicy: oneOf("Delete", "Retain"),
			volumeBindingMode: oneOf("Immediate", "WaitForFirstConsumer"),
			allowVolumeExpansion: fc.boolean(),
			parameters: dataOf(label),
			mountOptions: fc.constant(["debug"]),
		},
	),
	CSIDriver: having({
		spec: having(
			{},
			{
				attachRequired: fc.boolean(),
				podInfoOnMount: fc.boolean(),
				storageCapacity: fc.boolean(),
				fsGroupPolicy: oneOf("File", "None", "ReadWriteOnceWithFSType"),
				volumeLifecycleModes: oneOf(["Persistent"], ["Persistent", "Ephemeral"]),
			},
		),
	}),
	CSINode: having({
		spec: having({
			drivers: fc
				.uniqueArray(domainName, { maxLength: 2 })
				.map((names) => names.map((name) => ({ name, nodeID: "node", topologyKeys: ["example.com/zone"] }))),
		}),
	}),
	CSIStorageCapacity: having({ storageClassName: label }, { capacity: memory, maximumVolumeSize: memory, nodeTopology: selector }),
	VolumeAttachment: having({ spec: having({ attacher: domainName, nodeName: label, source: having({ persistentVolumeName: label }) }) }),
	VolumeAttributesClass: having({ driverName: domainName, parameters: having({ iops: seconds.map(String) }) }),
	// apiregistration.k8s.io and apiextensions.k8s.io: see valid-object.ts for their names
	APIService: having({
		spec: having({
			groupPriorityMinimum: fc.integer({ min: 1, max: 20_000 }),
			versionPriority: fc.integer({ min: 1, max: 1000 }),
			insecureSkipTLSVerify: fc.constant(true),
			service: serviceRef,
		}),
	}),
	CustomResourceDefinition: having({
		spec: having({
			scope: oneOf("Namespaced", "Cluster"),
			schema: having(
				{ type: fc.constant("object") },
				{ properties: dataOf(having({ type: oneOf("string", "integer", "boolean") }, { description: text, nullable: fc.boolean() })) },
			),
		}),
	}),
};

/** Kinds whose names have a form of their own. */
export const namesOf: Readonly<Record<string, fc.Arbitrary<string>>> = {
	IPAddress: address,
	CSIDriver: domainName,
	ValidatingAdmissionPolicy: domainName,
	MutatingAdmissionPolicy: domainName,
	Namespace: objectName,
};

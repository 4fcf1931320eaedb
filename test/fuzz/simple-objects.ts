/** Objects that are fine, so that there is something in the store; and the same with one thing changed. */
import type { Random } from "../../src/apimachinery/random.ts";
import { chance, oddValue, pick } from "./objects.ts";

const labels = { app: "a" };
const podSpec = { containers: [{ name: "c", image: "nginx", ports: [{ containerPort: 80, name: "http" }] }] };
const template = { metadata: { labels }, spec: podSpec };
const workload = { selector: { matchLabels: labels }, template };
const jobSpec = { template: { metadata: { labels }, spec: { ...podSpec, restartPolicy: "Never" } } };
const storage = { resources: { requests: { storage: "1Gi" } }, accessModes: ["ReadWriteOnce"] };
const subjects = [{ kind: "User", name: "jane", apiGroup: "rbac.authorization.k8s.io" }];
const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];

/** By kind: all but metadata. */
const objects: Readonly<Record<string, object>> = {
	Pod: { spec: podSpec },
	PodTemplate: { template },
	ReplicationController: { spec: { selector: labels, template } },
	Deployment: { spec: workload },
	ReplicaSet: { spec: workload },
	DaemonSet: { spec: workload },
	StatefulSet: { spec: { ...workload, serviceName: "web" } },
	ControllerRevision: { revision: 1, data: { a: 1 } },
	Job: { spec: jobSpec },
	CronJob: { spec: { schedule: "*/5 * * * *", jobTemplate: { spec: jobSpec } } },
	Service: { spec: { selector: labels, ports: [{ port: 80, name: "http" }] } },
	Endpoints: { subsets: [{ addresses: [{ ip: "10.1.2.3" }], ports: [{ port: 80 }] }] },
	EndpointSlice: { addressType: "IPv4", endpoints: [{ addresses: ["10.1.2.3"] }], ports: [{ port: 80, name: "" }] },
	ConfigMap: { data: { a: "1" } },
	Secret: { data: { a: "MQ==" } },
	ServiceAccount: {},
	Namespace: {},
	Node: { spec: { podCIDR: "10.244.9.0/24" } },
	PersistentVolume: { spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } } },
	PersistentVolumeClaim: { spec: storage },
	ResourceQuota: { spec: { hard: { pods: "10" } } },
	LimitRange: { spec: { limits: [{ type: "Container", default: { cpu: "1" } }] } },
	Event: { involvedObject: { kind: "Pod", namespace: "default", name: "a" }, reason: "Some", message: "text", type: "Normal" },
	HorizontalPodAutoscaler: { spec: { maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "a", apiVersion: "apps/v1" } } },
	PodDisruptionBudget: { spec: { minAvailable: 1, selector: { matchLabels: labels } } },
	Ingress: { spec: { defaultBackend: { service: { name: "a", port: { number: 80 } } } } },
	IngressClass: { spec: { controller: "example.com/x" } },
	NetworkPolicy: { spec: { podSelector: {} } },
	Role: { rules },
	ClusterRole: { rules },
	RoleBinding: { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "a" }, subjects },
	ClusterRoleBinding: { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "a" }, subjects },
	StorageClass: { provisioner: "example.com/x" },
	CSIDriver: { spec: {} },
	PriorityClass: { value: 10 },
	RuntimeClass: { handler: "x" },
	Lease: { spec: { holderIdentity: "a", leaseDurationSeconds: 10 } },
	Scale: { spec: { replicas: 2 } },
	Binding: { target: { kind: "Node", name: "node-1" } },
	Eviction: {},
	TokenRequest: { spec: { audiences: [] } },
	SelfSubjectAccessReview: { spec: { resourceAttributes: { verb: "get", resource: "pods" } } },
	SelfSubjectReview: {},
};

/** Undefined for a kind that has none here. */
export function simpleObject(random: Random, kind: string): Readonly<Record<string, unknown>> | undefined {
	const object = objects[kind];
	if (object === undefined) return undefined;
	const whole = { ...object, metadata: { labels, ...(chance(random, 10) ? { finalizers: ["example.com/hold"] } : {}) } };
	return (chance(random, 45) ? changeOne(random, whole) : whole) as Readonly<Record<string, unknown>>;
}

/** The same value with something odd at one place. */
function changeOne(random: Random, value: unknown): unknown {
	if (Array.isArray(value)) {
		if (value.length === 0 || chance(random, 15)) return [...value, oddValue(random)];
		const at = random.int(value.length);
		return value.map((item, index) => (index === at ? changeOne(random, item) : item));
	}
	if (typeof value !== "object" || value === null) return oddValue(random);
	const keys = Object.keys(value);
	const [first, ...others] = keys;
	if (first === undefined || chance(random, 10)) return { ...value, [pick(random, ["x", "spec", "status", "name"])]: oddValue(random) };
	const key = pick(random, [first, ...others]);
	const { [key]: child, ...rest } = value as Record<string, unknown>;
	return chance(random, 10) ? rest : { ...rest, [key]: changeOne(random, child) };
}

/**
 * The ClusterRoles for users and components that every cluster is born with, and their bindings. Facts of
 * plugin/pkg/auth/authorizer/rbac/bootstrappolicy (policy.go, testdata/cluster-roles.yaml) of Kubernetes 1.36 with its
 * default feature gates; https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
 */
import { defaultFeatureGates, type FeatureGates } from "../../apimachinery/feature-gates.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from "../../apimachinery/schema/generated/types.ts";
import { nodeRules } from "./node-rules.ts";
import {
	clusterRole,
	clusterRoleBinding,
	eventsRule,
	group,
	type RoleRow,
	read,
	readWrite,
	systemAccount,
	user,
	write,
} from "./rbac-rules.ts";

const toAdmin = "rbac.authorization.k8s.io/aggregate-to-admin";
const toEdit = "rbac.authorization.k8s.io/aggregate-to-edit";
const toView = "rbac.authorization.k8s.io/aggregate-to-view";
const mark = (label: string) => ({ [label]: "true" });

const authn = "authentication.k8s.io";
const authz = "authorization.k8s.io";
const certificates = "certificates.k8s.io";
const storage = "storage.k8s.io";
const devices = "resource.k8s.io";

const scalable = "deployments deployments/scale replicasets replicasets/scale";
const signers = ["kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving", "legacy-unknown"] as const;

/** The four roles that people are given. The first is all-powerful; the others gather their rules by label. */
const userRoles: readonly RoleRow[] = [
	{
		name: "cluster-admin",
		rules: [
			["*", "*", "*"],
			["*", "url:*"],
		],
	},
	{ name: "admin", aggregates: toAdmin, rules: [] },
	{ name: "edit", labels: mark(toAdmin), aggregates: toEdit, rules: [] },
	{ name: "view", labels: mark(toEdit), aggregates: toView, rules: [] },
	{
		name: "system:aggregate-to-admin",
		labels: mark(toAdmin),
		rules: [
			["create", "localsubjectaccessreviews", authz],
			[readWrite, "roles rolebindings", "rbac.authorization.k8s.io"],
		],
	},
	{
		name: "system:aggregate-to-edit",
		labels: mark(toEdit),
		rules: [
			[read, "pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy"],
			["impersonate", "serviceaccounts"],
			[write, "pods pods/attach pods/proxy pods/exec pods/portforward"],
			["create", "pods/eviction"],
			[
				write,
				"replicationcontrollers replicationcontrollers/scale serviceaccounts services services/proxy persistentvolumeclaims configmaps secrets events",
			],
			["create", "serviceaccounts/token"],
			[write, `${scalable} statefulsets statefulsets/scale daemonsets deployments/rollback`, "apps"],
			[write, "horizontalpodautoscalers", "autoscaling"],
			[write, "jobs cronjobs", "batch"],
			[write, `${scalable} daemonsets deployments/rollback ingresses replicationcontrollers/scale networkpolicies`, "extensions"],
			[write, "poddisruptionbudgets", "policy"],
			[write, "networkpolicies ingresses", "networking.k8s.io"],
			[readWrite, "leases", "coordination.k8s.io"],
			[write, "resourceclaims resourceclaimtemplates", devices],
		],
	},
	{
		name: "system:aggregate-to-view",
		labels: mark(toView),
		rules: [
			[
				read,
				"pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status endpoints persistentvolumeclaims persistentvolumeclaims/status configmaps",
			],
			[
				read,
				"limitranges resourcequotas bindings events pods/status resourcequotas/status namespaces/status replicationcontrollers/status pods/log",
			],
			[read, "namespaces"],
			[read, "endpointslices", "discovery.k8s.io"],
			[
				read,
				`${scalable} controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status deployments/status replicasets/status`,
				"apps",
			],
			[read, "horizontalpodautoscalers horizontalpodautoscalers/status", "autoscaling"],
			[read, "jobs jobs/status cronjobs cronjobs/status", "batch"],
			[
				read,
				`${scalable} daemonsets daemonsets/status deployments/status ingresses ingresses/status replicasets/status replicationcontrollers/scale networkpolicies`,
				"extensions",
			],
			[read, "poddisruptionbudgets poddisruptionbudgets/status", "policy"],
			[read, "networkpolicies ingresses ingresses/status", "networking.k8s.io"],
			[read, "resourceclaims resourceclaims/status resourceclaimtemplates", devices],
		],
	},
];

/** What everybody, or everybody who is authenticated, may do, and single duties to be bound by hand. */
const systemRoles: readonly RoleRow[] = [
	{
		name: "system:discovery",
		rules: [["get", "/livez /readyz /healthz /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*"]],
	},
	{
		name: "system:monitoring",
		rules: [
			["get", "/metrics /metrics/slis /livez /readyz /healthz /livez/* /readyz/* /healthz/*"],
			["get", "/flagz"],
			["get", "/statusz"],
		],
	},
	{
		name: "system:basic-user",
		rules: [
			["create", "selfsubjectaccessreviews selfsubjectrulesreviews", authz],
			["create", "selfsubjectreviews", authn],
		],
	},
	{ name: "system:public-info-viewer", rules: [["get", "/livez /readyz /healthz /version /version/"]] },
	{
		name: "system:heapster",
		rules: [
			[read, "events pods nodes namespaces"],
			[read, "deployments", "extensions"],
		],
	},
	{
		name: "system:kubelet-api-admin",
		rules: [
			[read, "nodes"],
			["proxy", "nodes"],
			["*", "nodes/proxy nodes/metrics nodes/stats nodes/log"],
			["*", "nodes/configz nodes/healthz nodes/pods"],
		],
	},
	{ name: "system:node-bootstrapper", rules: [["create get list watch", "certificatesigningrequests", certificates]] },
	{
		name: "system:auth-delegator",
		rules: [
			["create", "tokenreviews", authn],
			["create", "subjectaccessreviews", authz],
		],
	},
	{ name: "system:kube-aggregator", rules: [[read, "services endpoints"]] },
	{
		name: "system:service-account-issuer-discovery",
		rules: [["get", "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/"]],
	},
	{
		name: "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
		rules: [["create", "certificatesigningrequests/nodeclient", certificates]],
	},
	{
		name: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
		rules: [["create", "certificatesigningrequests/selfnodeclient", certificates]],
	},
	...signers.map(
		(signer): RoleRow => ({
			name: `system:certificates.k8s.io:${signer}-approver`,
			rules: [["approve", "signers", certificates, `kubernetes.io/${signer}`]],
		}),
	),
];

/** What the components of the control plane and of the nodes may do. */
const componentRoles: readonly RoleRow[] = [
	{
		name: "system:kube-controller-manager",
		rules: [
			eventsRule,
			["create", "leases", "coordination.k8s.io"],
			["get update", "leases", "coordination.k8s.io", "kube-controller-manager"],
			["create", "secrets serviceaccounts"],
			["delete", "secrets"],
			["get", "namespaces secrets serviceaccounts configmaps"],
			["update", "secrets serviceaccounts"],
			["create", "tokenreviews", authn],
			["create", "subjectaccessreviews", authz],
			["list watch", "*", "*"],
			["create", "serviceaccounts/token"],
		],
	},
	{ name: "system:kube-dns", rules: [["list watch", "endpoints services"]] },
	{
		name: "system:kube-scheduler",
		rules: [
			eventsRule,
			["create", "leases", "coordination.k8s.io"],
			["get update", "leases", "coordination.k8s.io", "kube-scheduler"],
			[read, "nodes"],
			["get list watch delete", "pods"],
			["create", "pods/binding bindings"],
			["patch update", "pods/status"],
			[read, "services replicationcontrollers"],
			[read, "replicasets", "apps extensions"],
			[read, "statefulsets", "apps"],
			[read, "poddisruptionbudgets", "policy"],
			[read, "persistentvolumeclaims persistentvolumes"],
			["create", "tokenreviews", authn],
			["create", "subjectaccessreviews", authz],
			[read, "csinodes", storage],
			[read, "volumeattachments", storage],
			[read, "namespaces"],
			[read, "csidrivers", storage],
			[read, "csistoragecapacities", storage],
			[read, "deviceclasses", devices],
			[`${read} update patch`, "resourceclaims", devices],
			["create delete", "resourceclaims", devices],
			[`${read} update patch`, "resourceclaims/status", devices],
			["update patch", "resourceclaims/binding", devices],
			[`${read} update patch`, "pods/finalizers"],
			[read, "resourceslices", devices],
		],
	},
	{
		name: "system:volume-scheduler",
		rules: [
			[`${read} update patch`, "persistentvolumes"],
			[read, "storageclasses", storage],
			[`${read} update patch`, "persistentvolumeclaims"],
		],
	},
	{
		name: "system:persistent-volume-provisioner",
		rules: [
			[`${read} create delete`, "persistentvolumes"],
			[`${read} update`, "persistentvolumeclaims"],
			[read, "storageclasses", storage],
			["watch", "events"],
			eventsRule,
		],
	},
	{ name: "system:node", rules: nodeRules },
	{ name: "system:node-problem-detector", rules: [["get", "nodes"], ["patch", "nodes/status"], eventsRule] },
	{
		name: "system:node-proxier",
		rules: [
			["list watch", "services endpoints"],
			[read, "nodes"],
			eventsRule,
			["list watch", "servicecidrs", "networking.k8s.io"],
			["list watch", "endpointslices", "discovery.k8s.io"],
		],
	},
];

/** What a role may besides, with a feature gate on. */
function withGatedRules(row: RoleRow, { genericWorkload }: FeatureGates): RoleRow {
	if (!genericWorkload || row.name !== "system:kube-scheduler") return row;
	const group = "scheduling.k8s.io";
	return { ...row, rules: [...(row.rules ?? []), [read, "podgroups", group], ["patch update", "podgroups/status", group]] };
}

/** Every bootstrap ClusterRole but those of controllers. Aggregated roles come with the rules that aggregation gives them. */
export function clusterRoles(featureGates: FeatureGates = defaultFeatureGates): readonly ClusterRole[] {
	const rows = [...userRoles, ...systemRoles, ...componentRoles].map((row) => withGatedRules(row, featureGates));
	const roles = new Map(rows.map((row) => [row.name, clusterRole(row)]));
	// In this order: admin gathers from edit, edit from view.
	for (const name of ["view", "edit", "admin"]) {
		const role = roles.get(name);
		if (role !== undefined) roles.set(name, { ...role, rules: aggregate(role, [...roles.values()]) });
	}
	return [...roles.values()];
}

export function clusterRoleBindings(): readonly ClusterRoleBinding[] {
	const authenticated = group("system:authenticated");
	return [
		clusterRoleBinding("cluster-admin", group("system:masters")),
		clusterRoleBinding("system:monitoring", group("system:monitoring")),
		clusterRoleBinding("system:discovery", authenticated),
		clusterRoleBinding("system:basic-user", authenticated),
		clusterRoleBinding("system:public-info-viewer", authenticated, group("system:unauthenticated")),
		clusterRoleBinding("system:node-proxier", user("system:kube-proxy")),
		clusterRoleBinding("system:kube-controller-manager", user("system:kube-controller-manager")),
		clusterRoleBinding("system:kube-dns", systemAccount("kube-dns")),
		clusterRoleBinding("system:kube-scheduler", user("system:kube-scheduler")),
		clusterRoleBinding("system:volume-scheduler", user("system:kube-scheduler")),
		clusterRoleBinding("system:service-account-issuer-discovery", group("system:serviceaccounts")),
		// Nodes are authorized by the Node authorizer; the binding stays, without subjects.
		clusterRoleBinding("system:node"),
	];
}

/** What the clusterrole-aggregation controller would fill in: the rules of the selected roles by name, each rule once. */
function aggregate(role: ClusterRole, roles: readonly ClusterRole[]): readonly PolicyRule[] {
	const label = Object.keys(role.aggregationRule?.clusterRoleSelectors?.[0]?.matchLabels ?? {})[0] ?? "";
	const nameOf = (candidate: ClusterRole) => candidate.metadata?.name ?? "";
	const selected = roles.filter((candidate) => candidate.metadata?.labels?.[label] === "true" && nameOf(candidate) !== nameOf(role));
	const rules: PolicyRule[] = [];
	for (const candidate of selected.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))) {
		for (const rule of candidate.rules ?? []) {
			if (!rules.some((known) => jsonEqual(known, rule))) rules.push(rule);
		}
	}
	return rules;
}

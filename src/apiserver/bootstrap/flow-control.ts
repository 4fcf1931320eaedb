/**
 * The PriorityLevelConfigurations and FlowSchemas of API Priority and Fairness that every cluster is born with.
 * Facts of k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go;
 * https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults
 */
import type {
	FlowcontrolSubject,
	FlowSchema,
	NonResourcePolicyRule,
	PolicyRulesWithSubjects,
	PriorityLevelConfiguration,
	ResourcePolicyRule,
} from "../../apimachinery/schema/generated/types.ts";

const apiVersion = "flowcontrol.apiserver.k8s.io/v1";
const metadata = (name: string) => ({ name, annotations: { "apf.kubernetes.io/autoupdate-spec": "true" } });

/** Shares, percentage that may be lent, then queues, hand size and length of a queue; no queues: excess is rejected. */
type LevelRow = readonly [name: string, shares: number, lendable: number, queues?: readonly [number, number, number]];

const limitedLevels: readonly LevelRow[] = [
	["catch-all", 5, 0],
	["system", 30, 33, [64, 6, 50]],
	["node-high", 40, 25, [64, 6, 50]],
	["leader-election", 10, 0, [16, 4, 50]],
	["workload-high", 40, 50, [128, 6, 50]],
	["workload-low", 100, 90, [128, 6, 50]],
	["global-default", 20, 50, [128, 6, 50]],
];

export function priorityLevels(): readonly PriorityLevelConfiguration[] {
	const exempt: PriorityLevelConfiguration = {
		apiVersion,
		kind: "PriorityLevelConfiguration",
		metadata: metadata("exempt"),
		spec: { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
	};
	return [exempt, ...limitedLevels.map(limitedLevel)];
}

function limitedLevel([name, nominalConcurrencyShares, lendablePercent, queuing]: LevelRow): PriorityLevelConfiguration {
	const [queues = 0, handSize = 0, queueLengthLimit = 0] = queuing ?? [];
	const limitResponse = queuing === undefined ? { type: "Reject" } : { type: "Queue", queuing: { queues, handSize, queueLengthLimit } };
	return {
		apiVersion,
		kind: "PriorityLevelConfiguration",
		metadata: metadata(name),
		spec: { type: "Limited", limited: { nominalConcurrencyShares, lendablePercent, limitResponse } },
	};
}

const groups = (...names: readonly string[]) => names.map((name): FlowcontrolSubject => ({ kind: "Group", group: { name } }));
const users = (...names: readonly string[]) => names.map((name): FlowcontrolSubject => ({ kind: "User", user: { name } }));
const systemAccount = (name: string): FlowcontrolSubject => ({
	kind: "ServiceAccount",
	serviceAccount: { name, namespace: "kube-system" },
});
const everybody = groups("system:unauthenticated", "system:authenticated");

const everyResource: ResourcePolicyRule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] };
const everyUrl: NonResourcePolicyRule = { verbs: ["*"], nonResourceURLs: ["*"] };
const electionVerbs = ["get", "create", "update"];
const leaseElection: ResourcePolicyRule = {
	verbs: electionVerbs,
	apiGroups: ["coordination.k8s.io"],
	resources: ["leases"],
	namespaces: ["*"],
};
const oldElection = (namespace: string): ResourcePolicyRule => ({
	verbs: electionVerbs,
	apiGroups: [""],
	resources: ["endpoints", "configmaps"],
	namespaces: [namespace],
});

/** Whatever these subjects ask for. */
const all = (subjects: readonly FlowcontrolSubject[]): PolicyRulesWithSubjects => ({
	subjects,
	resourceRules: [everyResource],
	nonResourceRules: [everyUrl],
});

/** Name, priority level, precedence (the lowest that matches wins), what tells flows apart, and what it matches. */
type SchemaRow = readonly [string, string, number, "ByUser" | "ByNamespace" | undefined, PolicyRulesWithSubjects];

const schemas: readonly SchemaRow[] = [
	["exempt", "exempt", 1, undefined, all(groups("system:masters"))],
	[
		"probes",
		"exempt",
		2,
		undefined,
		{ subjects: everybody, nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }] },
	],
	[
		"system-leader-election",
		"leader-election",
		100,
		"ByUser",
		{
			subjects: [...users("system:kube-controller-manager", "system:kube-scheduler"), systemAccount("*")],
			resourceRules: [oldElection("kube-system"), leaseElection],
		},
	],
	[
		"endpoint-controller",
		"workload-high",
		150,
		"ByUser",
		{
			subjects: [
				...users("system:kube-controller-manager"),
				systemAccount("endpoint-controller"),
				systemAccount("endpointslicemirroring-controller"),
			],
			resourceRules: [{ verbs: ["get", "create", "update"], apiGroups: [""], resources: ["endpoints"], namespaces: ["*"] }],
		},
	],
	[
		"workload-leader-election",
		"leader-election",
		200,
		"ByUser",
		{ subjects: [systemAccount("*")], resourceRules: [oldElection("*"), leaseElection] },
	],
	[
		"system-node-high",
		"node-high",
		400,
		"ByUser",
		{
			subjects: groups("system:nodes"),
			resourceRules: [
				{ verbs: ["*"], apiGroups: [""], resources: ["nodes", "nodes/status"], clusterScope: true, namespaces: ["*"] },
				{ verbs: ["*"], apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["*"] },
			],
		},
	],
	["system-nodes", "system", 500, "ByUser", all(groups("system:nodes"))],
	["kube-controller-manager", "workload-high", 800, "ByNamespace", all(users("system:kube-controller-manager"))],
	["kube-scheduler", "workload-high", 800, "ByNamespace", all(users("system:kube-scheduler"))],
	["kube-system-service-accounts", "workload-high", 900, "ByNamespace", all([systemAccount("*")])],
	["service-accounts", "workload-low", 9000, "ByUser", all(groups("system:serviceaccounts"))],
	["global-default", "global-default", 9900, "ByUser", all(everybody)],
	["catch-all", "catch-all", 10_000, "ByUser", all(everybody)],
];

/** With the status that the API server's own controller gives them at `now` (RFC 3339): their priority levels exist. */
export function flowSchemas(now: string): readonly FlowSchema[] {
	return schemas.map(([name, level, matchingPrecedence, distinguisher, rules]) => ({
		apiVersion,
		kind: "FlowSchema",
		metadata: metadata(name),
		spec: {
			priorityLevelConfiguration: { name: level },
			matchingPrecedence,
			...(distinguisher === undefined ? {} : { distinguisherMethod: { type: distinguisher } }),
			rules: [rules],
		},
		status: {
			conditions: [
				{
					type: "Dangling",
					status: "False",
					lastTransitionTime: now,
					reason: "Found",
					message: `This FlowSchema references the PriorityLevelConfiguration object named "${level}" and it exists`,
				},
			],
		},
	}));
}

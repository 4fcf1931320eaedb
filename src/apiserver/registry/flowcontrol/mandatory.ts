/**
 * The FlowSchemas and priority levels that every server must have as they are, and what both kinds' statuses hold.
 * Source: k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go, pkg/apis/flowcontrol/validation of Kubernetes 1.36.
 */
import type {
	FlowSchemaSpec,
	PolicyRulesWithSubjects,
	PriorityLevelConfigurationSpec,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldDuplicate, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import type { InternalShape } from "../validation/internal-value.ts";
import type { FieldErrors } from "../validation/primitives.ts";

const everything = (...groups: readonly string[]): PolicyRulesWithSubjects => ({
	subjects: groups.map((name) => ({ kind: "Group", group: { name } })),
	resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] }],
	nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
});

export const mandatoryFlowSchemas: Readonly<Record<string, FlowSchemaSpec>> = {
	exempt: {
		priorityLevelConfiguration: { name: "exempt" },
		matchingPrecedence: 1,
		rules: [everything("system:masters")],
	},
	"catch-all": {
		priorityLevelConfiguration: { name: "catch-all" },
		matchingPrecedence: 10_000,
		distinguisherMethod: { type: "ByUser" },
		rules: [everything("system:unauthenticated", "system:authenticated")],
	},
};

export const mandatoryLevels: Readonly<Record<string, PriorityLevelConfigurationSpec>> = {
	exempt: { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
	"catch-all": {
		type: "Limited",
		limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: "Reject" } },
	},
};

export const flowSchemaShape: InternalShape = [
	["PriorityLevelConfiguration", "priorityLevelConfiguration", null, [["Name", "name", ""]]],
	["MatchingPrecedence", "matchingPrecedence", 0],
	["DistinguisherMethod", "distinguisherMethod", null, [["Type", "type", ""]]],
	[
		"Rules",
		"rules",
		null,
		[
			[
				"Subjects",
				"subjects",
				null,
				[
					["Kind", "kind", ""],
					["User", "user", null, [["Name", "name", ""]]],
					["Group", "group", null, [["Name", "name", ""]]],
					[
						"ServiceAccount",
						"serviceAccount",
						null,
						[
							["Namespace", "namespace", ""],
							["Name", "name", ""],
						],
					],
				],
			],
			[
				"ResourceRules",
				"resourceRules",
				null,
				[
					["Verbs", "verbs", null],
					["APIGroups", "apiGroups", null],
					["Resources", "resources", null],
					["ClusterScope", "clusterScope", false],
					["Namespaces", "namespaces", null],
				],
			],
			[
				"NonResourceRules",
				"nonResourceRules",
				null,
				[
					["Verbs", "verbs", null],
					["NonResourceURLs", "nonResourceURLs", null],
				],
			],
		],
	],
];

export const levelShape: InternalShape = [
	["Type", "type", ""],
	[
		"Limited",
		"limited",
		null,
		[
			["NominalConcurrencyShares", "nominalConcurrencyShares", 0],
			[
				"LimitResponse",
				"limitResponse",
				null,
				[
					["Type", "type", ""],
					[
						"Queuing",
						"queuing",
						null,
						[
							["Queues", "queues", 0],
							["HandSize", "handSize", 0],
							["QueueLengthLimit", "queueLengthLimit", 0],
						],
					],
				],
			],
			["LendablePercent", "lendablePercent", null],
			["BorrowingLimitPercent", "borrowingLimitPercent", null],
		],
	],
	[
		"Exempt",
		"exempt",
		null,
		[
			["NominalConcurrencyShares", "nominalConcurrencyShares", null],
			["LendablePercent", "lendablePercent", null],
		],
	],
];

/** Each type once, none without a name. */
export function validateFlowConditions(conditions: readonly { readonly type?: string }[] | undefined): FieldErrors {
	const types = (conditions ?? []).map(({ type = "" }) => type);
	return types.flatMap((type, index) => [
		...(types.indexOf(type) < index ? [fieldDuplicate(`status.conditions[${index}].type`, type)] : []),
		...(type === "" ? [fieldRequired(`status.conditions[${index}].type`, "must not be empty")] : []),
	]);
}

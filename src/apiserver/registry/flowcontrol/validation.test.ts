/**
 * What Kubernetes says of each wrong field of FlowSchemas and priority levels, one row a rule.
 * Source: pkg/apis/flowcontrol/validation/validation.go of Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { flowSchemas, priorityLevels } from "../../bootstrap/flow-control.ts";
import { created, kindOf, problems, statusProblems } from "../testing/kind-probe.ts";
import { flowcontrolKinds } from "./index.ts";

const flowSchema = kindOf(flowcontrolKinds, "flowschemas");
const level = kindOf(flowcontrolKinds, "prioritylevelconfigurations");
const subject = { kind: "Group", group: { name: "dev" } };
const resourceRule = { verbs: ["get"], apiGroups: [""], resources: ["pods"], namespaces: ["default"] };
const urlRule = { verbs: ["get"], nonResourceURLs: ["/healthz"] };
const schema = (spec: object, name = "mine"): KubeObject =>
	({ metadata: { name }, spec: { priorityLevelConfiguration: { name: "workload-low" }, matchingPrecedence: 500, ...spec } }) as KubeObject;
const rule = (fields: object) => ({ rules: [{ subjects: [subject], resourceRules: [resourceRule], ...fields }] });
const ofSubject = (fields: object) => rule({ subjects: [fields] });
const ofResource = (fields: object) => rule({ resourceRules: [{ ...resourceRule, ...fields }] });
const ofUrl = (...nonResourceURLs: string[]) => rule({ nonResourceRules: [{ ...urlRule, nonResourceURLs }] });
const account = (fields: object) => ofSubject({ kind: "ServiceAccount", serviceAccount: { name: "ci", namespace: "build", ...fields } });
const S = "spec.rules[0].subjects[0]";
const R = "spec.rules[0].resourceRules[0]";
const U = "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]";
const SUBDOMAIN =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const VERBS = 'supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"';

describe("a FlowSchema", () => {
	it.each<readonly [spec: object, errors: readonly string[]]>([
		[{}, []],
		[rule({}), []],
		[{ matchingPrecedence: -1 }, ["spec.matchingPrecedence: Invalid value: -1: must be a positive value"]],
		[{ matchingPrecedence: 10_001 }, ["spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"]],
		[
			{ matchingPrecedence: 1 },
			["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
		],
		[
			{ distinguisherMethod: { type: "ByPhase" } },
			['spec.distinguisherMethod.type: Unsupported value: {"Type":"ByPhase"}: supported values: "ByNamespace", "ByUser"'],
		],
		[
			{ priorityLevelConfiguration: { name: "" } },
			["spec.priorityLevelConfiguration.name: Required value: must reference a priority level"],
		],
		[{ priorityLevelConfiguration: { name: "Low" } }, [`spec.priorityLevelConfiguration.name: Invalid value: "Low": ${SUBDOMAIN}`]],
		[rule({ subjects: [] }), ["spec.rules[0].subjects: Required value: subjects must contain at least one value"]],
		[
			rule({ resourceRules: [] }),
			["spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty"],
		],
		[ofSubject({ kind: "Robot" }), [`${S}.kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"`]],
		[ofSubject({ kind: "User" }), [`${S}.user: Required value: user is required when subject kind is 'User'`]],
		[ofSubject({ kind: "User", user: { name: "" } }), [`${S}.user.name: Required value`]],
		[ofSubject({ kind: "Group" }), [`${S}.group: Required value: group is required when subject kind is 'Group'`]],
		[ofSubject({ kind: "Group", group: { name: "" } }), [`${S}.group.name: Required value`]],
		[
			ofSubject({ kind: "ServiceAccount" }),
			[`${S}.serviceAccount: Required value: serviceAccount is required when subject kind is 'ServiceAccount'`],
		],
		[
			ofSubject({ ...subject, user: { name: "a" }, serviceAccount: { name: "", namespace: "" } }),
			[
				`${S}.serviceAccount: Forbidden: serviceAccount is forbidden when subject kind is not 'ServiceAccount'`,
				`${S}.user: Forbidden: user is forbidden when subject kind is not 'User'`,
			],
		],
		[account({ name: "*" }), []],
		[account({ name: "CI" }), [`${S}.serviceAccount.name: Invalid value: "CI": ${SUBDOMAIN}`]],
		[account({ name: "" }), [`${S}.serviceAccount.name: Required value`]],
		[account({ namespace: "" }), [`${S}.serviceAccount.namespace: Required value: must specify namespace for service account`]],
		[account({ namespace: "a.b" }), [`${S}.serviceAccount.namespace: Invalid value: "a.b": must not contain dots`]],
		[ofResource({ verbs: [] }), [`${R}.verbs: Required value: verbs must contain at least one value`]],
		[ofResource({ verbs: ["*", "get"] }), [`${R}.verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`]],
		[ofResource({ verbs: ["take"] }), [`${R}.verbs: Unsupported value: ["take"]: ${VERBS}`]],
		[ofResource({ apiGroups: [] }), [`${R}.apiGroups: Required value: resource rules must supply at least one api group`]],
		[
			ofResource({ apiGroups: ["*", ""] }),
			[`${R}.apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other api groups`],
		],
		[ofResource({ resources: [] }), [`${R}.resources: Required value: resource rules must supply at least one resource`]],
		[
			ofResource({ resources: ["*", "pods"] }),
			[`${R}.resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources`],
		],
		[
			ofResource({ namespaces: [] }),
			[`${R}.namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace`],
		],
		[ofResource({ namespaces: [], clusterScope: true }), []],
		[
			ofResource({ namespaces: ["*", "a"] }),
			[`${R}.namespaces: Invalid value: ["*","a"]: if '*' is present, must not specify other namespaces`],
		],
		[
			ofResource({ namespaces: ["a.b"] }),
			[`${R}.namespaces[0]: Invalid value: "a.b": each member of this list must be '*' or a DNS-1123 label; must not contain dots`],
		],
		[ofUrl("/"), []],
		[
			rule({ nonResourceRules: [{ ...urlRule, verbs: [] }] }),
			["spec.rules[0].nonResourceRules[0].verbs: Required value: verbs must contain at least one value"],
		],
		[ofUrl("/apis/*"), []],
		[ofUrl("*"), []],
		[ofUrl(), ["spec.rules[0].nonResourceRules[0].nonResourceURLs: Required value: nonResourceURLs must contain at least one value"]],
		[
			ofUrl("*", "/"),
			[
				'spec.rules[0].nonResourceRules[0].nonResourceURLs: Invalid value: ["*","/"]: if \'*\' is present, must not specify other non-resource URLs',
			],
		],
		[ofUrl(""), [`${U}: Invalid value: "": must not be empty`]],
		[ofUrl("healthz"), [`${U}: Invalid value: "healthz": must start with slash`]],
		[ofUrl("/a b"), [`${U}: Invalid value: "/a b": must not contain white-space`]],
		[ofUrl("/a//b"), [`${U}: Invalid value: "/a//b": must not contain double slash`]],
		[ofUrl("/a*"), [`${U}: Invalid value: "/a*": wildcard can only do suffix matching`]],
		[ofUrl("/*/*"), [`${U}: Invalid value: "/*/*": wildcard can only do suffix matching`]],
	])("%j", (spec, errors) => {
		expect(problems(flowSchema, schema(spec))).toEqual(errors);
	});

	it("of the server's own is as it is", () => {
		for (const mandatory of flowSchemas(created)) expect(problems(flowSchema, mandatory)).toEqual([]);
		expect(problems(flowSchema, schema({ matchingPrecedence: 9999 }, "catch-all"))).toEqual([
			'spec: Invalid value: {"PriorityLevelConfiguration":{"Name":"workload-low"},"MatchingPrecedence":9999,"DistinguisherMethod":null,"Rules":null}: spec of \'catch-all\' must equal the fixed value',
		]);
	});
});

describe("a PriorityLevelConfiguration", () => {
	const limited = (fields: object) => ({ type: "Limited", limited: { limitResponse: { type: "Reject" }, ...fields } });
	const queue = (queuing: object) => limited({ limitResponse: { type: "Queue", queuing } });
	const of = (spec: object, name = "mine"): KubeObject => ({ metadata: { name }, spec }) as KubeObject;
	const Q = "spec.limited.limitResponse.queuing";

	it.each<readonly [spec: object, errors: readonly string[]]>([
		[limited({}), []],
		[queue({}), []],
		[{ type: "Exempt" }, ["spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"]],
		[
			{ type: "Exempt", exempt: { lendablePercent: 101, nominalConcurrencyShares: -1 } },
			[
				"spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'",
				"spec.exempt.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
				"spec.exempt.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
			],
		],
		[{ type: "Free" }, ['spec.type: Unsupported value: "Free": supported values: "Exempt", "Limited"']],
		[{ type: "Limited" }, ["spec.limited: Required value: must not be empty when type is Limited"]],
		[{ ...limited({}), exempt: {} }, ["spec.exempt: Forbidden: must be nil if the type is Limited"]],
		[
			limited({ nominalConcurrencyShares: -1 }),
			["spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer"],
		],
		[limited({ lendablePercent: 101 }), ["spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive"]],
		[
			limited({ borrowingLimitPercent: -1 }),
			["spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer"],
		],
		[
			limited({ limitResponse: { type: "Drop" } }),
			['spec.limited.limitResponse.type: Unsupported value: "Drop": supported values: "Queue", "Reject"'],
		],
		[
			limited({ limitResponse: { type: "Reject", queuing: {} } }),
			[`${Q}: Forbidden: must be nil if limited.limitResponse.type is not Limited`],
		],
		[limited({ limitResponse: { type: "Queue" } }), [`${Q}: Required value: must not be empty if limited.limitResponse.type is Limited`]],
		[queue({ queueLengthLimit: -1 }), [`${Q}.queueLengthLimit: Invalid value: -1: must be positive`]],
		[
			queue({ queues: -1 }),
			[`${Q}.queues: Invalid value: -1: must be positive`, `${Q}.handSize: Invalid value: 8: should not be greater than queues (-1)`],
		],
		[queue({ handSize: -1 }), [`${Q}.handSize: Invalid value: -1: must be positive`]],
		[queue({ queues: 10_000_001, handSize: 1 }), [`${Q}.queues: Invalid value: 10000001: must not be greater than 10000000`]],
		[queue({ queues: 4, handSize: 5 }), [`${Q}.handSize: Invalid value: 5: should not be greater than queues (4)`]],
		[queue({ queues: 512, handSize: 6 }), []],
		[
			queue({ queues: 1024, handSize: 7 }),
			[`${Q}.handSize: Invalid value: 7: required entropy bits of deckSize 1024 and handSize 7 should not be greater than 60`],
		],
	])("%j", (spec, errors) => {
		expect(problems(level, of(spec))).toEqual(errors);
	});

	it("of the server's own is as it is, but for what the exempt one lends", () => {
		for (const mandatory of priorityLevels()) expect(problems(level, mandatory)).toEqual([]);
		expect(problems(level, of({ type: "Exempt", exempt: { lendablePercent: 50 } }, "exempt"))).toEqual([]);
		expect(problems(level, of({ type: "Exempt", limited: {} }, "exempt"))).toEqual([
			"spec.limited: Forbidden: must be nil if the type is not Limited",
			'spec: Invalid value: {"Type":"Exempt","Limited":{"NominalConcurrencyShares":30,"LimitResponse":null,"LendablePercent":0,"BorrowingLimitPercent":null},"Exempt":{"NominalConcurrencyShares":0,"LendablePercent":0}}: spec of \'exempt\' except the \'spec.exempt\' field must equal the fixed value',
		]);
		expect(problems(level, of(limited({ nominalConcurrencyShares: 6 }), "catch-all"))).toEqual([
			'spec: Invalid value: {"Type":"Limited","Limited":{"NominalConcurrencyShares":6,"LimitResponse":{"Type":"Reject","Queuing":null},"LendablePercent":0,"BorrowingLimitPercent":null},"Exempt":null}: spec of \'catch-all\' must equal the fixed value',
		]);
	});
});

it.each([flowSchema, level])("conditions of $kind have a type, each once", (kind) => {
	const status = (...types: string[]) => ({ ...schema({}), status: { conditions: types.map((type) => ({ type })) } }) as KubeObject;
	expect(statusProblems(kind, status("Dangling", "Dangling", ""), status())).toEqual([
		'status.conditions[1].type: Duplicate value: "Dangling"',
		"status.conditions[2].type: Required value: must not be empty",
	]);
});

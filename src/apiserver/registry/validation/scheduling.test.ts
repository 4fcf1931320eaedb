import { describe, expect, it } from "vitest";
import { podKind } from "../core/pod.ts";
import { stored } from "../testing/kind-probe.ts";
import { eachRow, podOf, specProblems } from "../testing/pod-probe.ts";

const QUALIFIED =
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const EMPTY = "name part must be non-empty";
const VALUE =
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

describe("a toleration", () => {
	const at = "spec.tolerations[0]";
	eachRow(
		[
			[{ operator: "Exists" }],
			[{ key: "a", value: "b" }],
			[{ key: "a", operator: "Equal", value: "b", effect: "NoExecute", tolerationSeconds: 0 }],
			[{ key: "a", operator: "Exists", effect: "PreferNoSchedule" }],
			[{ key: "a b", operator: "Exists" }, `${at}.key: Invalid value: "a b": ${QUALIFIED}`],
			[{}, `${at}.operator: Invalid value: "": operator must be Exists when \`key\` is empty, which means "match all values and all keys"`],
			[
				{ key: "a", operator: "Exists", tolerationSeconds: 1 },
				`${at}.effect: Invalid value: "": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
			],
			[
				{ key: "a", operator: "Exists", value: "b" },
				`${at}.operator: Invalid value: "b": value must be empty when \`operator\` is 'Exists'`,
			],
			[{ key: "a", value: "b c" }, `${at}.operator: Invalid value: "b c": ${VALUE}`],
			[{ key: "a", operator: "In" }, `${at}.operator: Unsupported value: "In": supported values: "Equal", "Exists"`],
			[
				{ key: "a", operator: "Gt", value: "1" },
				`${at}.operator: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"`,
			],
			[
				{ key: "a", operator: "Exists", effect: "Stop" },
				`${at}.effect: Unsupported value: "Stop": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`,
			],
		],
		(change, errors) => expect(specProblems({ tolerations: [change] })).toEqual(errors),
	);
});

describe("node affinity", () => {
	const at = "spec.affinity.nodeAffinity";
	const required = `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
	const terms = (...nodeSelectorTerms: object[]) => ({ requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } });
	const expression = (fields: object) => terms({ matchExpressions: [fields] });
	const field = (fields: object) => terms({ matchFields: [fields] });
	const prefer = (weight: number, preference: object) => ({
		preferredDuringSchedulingIgnoredDuringExecution: [{ weight, preference }],
	});
	const preferred = `${at}.preferredDuringSchedulingIgnoredDuringExecution[0]`;
	eachRow(
		[
			[expression({ key: "a", operator: "In", values: ["b"] })],
			[terms({})],
			[expression({ key: "a", operator: "Gt", values: ["1"] })],
			[terms(), `${required}: Required value: must have at least one node selector term`],
			[
				expression({ key: "a", operator: "In" }),
				`${required}[0].matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
			],
			[
				expression({ key: "a", operator: "Exists", values: ["b"] }),
				`${required}[0].matchExpressions[0].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
			],
			[
				expression({ key: "a", operator: "Lt", values: ["1", "2"] }),
				`${required}[0].matchExpressions[0].values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`,
			],
			[
				expression({ key: "a", operator: "Like" }),
				`${required}[0].matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator`,
			],
			[expression({ key: "a b", operator: "Exists" }), `${required}[0].matchExpressions[0].key: Invalid value: "a b": ${QUALIFIED}`],
			[
				expression({ operator: "Exists" }),
				`${required}[0].matchExpressions[0].key: Invalid value: "": ${EMPTY}`,
				`${required}[0].matchExpressions[0].key: Invalid value: "": ${QUALIFIED}`,
			],
			[
				expression({ key: "a", operator: "In", values: ["b", "c d"] }),
				`${required}[0].matchExpressions[0].values[1]: Invalid value: "c d": ${VALUE}`,
			],
			[field({ key: "metadata.name", operator: "In", values: ["node-1"] })],
			[
				field({ key: "metadata.name", operator: "Exists" }),
				`${required}[0].matchFields[0].operator: Invalid value: "Exists": not a valid selector operator`,
			],
			[
				field({ key: "metadata.name", operator: "In", values: ["a", "b"] }),
				`${required}[0].matchFields[0].values: Required value: must be only one value when \`operator\` is 'In' or 'NotIn' for node field selector`,
			],
			[
				field({ key: "spec.x", operator: "In", values: ["a"] }),
				`${required}[0].matchFields[0].key: Invalid value: "spec.x": not a valid field selector key`,
			],
			[
				field({ key: "metadata.name", operator: "In", values: ["A"] }),
				`${required}[0].matchFields[0].values[0]: Invalid value: "A": ${SUBDOMAIN}`,
			],
			[prefer(1, { matchExpressions: [{ key: "a", operator: "Exists" }] })],
			[prefer(100, { matchExpressions: [{ key: "a", operator: "In", values: ["b c"] }] })],
			[prefer(0, {}), `${preferred}.weight: Invalid value: 0: must be in the range 1-100`],
			[prefer(101, {}), `${preferred}.weight: Invalid value: 101: must be in the range 1-100`],
			[
				prefer(1, { matchExpressions: [{ key: "a", operator: "Is" }] }),
				`${preferred}.preference.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator`,
			],
		],
		(change, errors) => expect(specProblems({ affinity: { nodeAffinity: change } })).toEqual(errors),
	);
});

describe.each(["podAffinity", "podAntiAffinity"])("%s", (kind) => {
	const required = `spec.affinity.${kind}.requiredDuringSchedulingIgnoredDuringExecution[0]`;
	const labelSelector = { matchLabels: { app: "web" } };
	const term = { topologyKey: "kubernetes.io/hostname", labelSelector };
	eachRow(
		[
			[term],
			[{ ...term, namespaces: ["a"], namespaceSelector: {}, matchLabelKeys: ["hash"], mismatchLabelKeys: ["tenant"] }],
			[
				{ labelSelector },
				`${required}.topologyKey: Required value: can not be empty`,
				`${required}.topologyKey: Invalid value: "": ${EMPTY}`,
				`${required}.topologyKey: Invalid value: "": ${QUALIFIED}`,
			],
			[{ ...term, topologyKey: "a b" }, `${required}.topologyKey: Invalid value: "a b": ${QUALIFIED}`],
			[{ ...term, namespaces: ["a.b"] }, `${required}.namespace: Invalid value: "a.b": must not contain dots`],
			[
				{ ...term, labelSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
				`${required}.labelSelector.matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
			],
			[
				{ ...term, namespaceSelector: { matchExpressions: [{ key: "a", operator: "Is" }] } },
				`${required}.namespaceSelector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator`,
			],
			[
				{ topologyKey: "a", matchLabelKeys: ["b"], mismatchLabelKeys: ["c"] },
				`${required}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
				`${required}.mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
			],
			[{ ...term, matchLabelKeys: ["b c"] }, `${required}.matchLabelKeys[0]: Invalid value: "b c": ${QUALIFIED}`],
			[
				{ ...term, matchLabelKeys: ["b"], mismatchLabelKeys: ["b"] },
				`${required}.matchLabelKeys[0]: Invalid value: "b": exists in both matchLabelKeys and mismatchLabelKeys`,
			],
		],
		(change, errors) => {
			const affinity = { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [change] } };
			expect(specProblems({ affinity })).toEqual(errors);
		},
	);

	it("has weights from 1 to 100", () => {
		const preferred = [
			{ weight: 100, podAffinityTerm: term },
			{ weight: 0, podAffinityTerm: {} },
		];
		const at = `spec.affinity.${kind}.preferredDuringSchedulingIgnoredDuringExecution[1]`;
		expect(specProblems({ affinity: { [kind]: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } })).toEqual([
			`${at}.weight: Invalid value: 0: must be in the range 1-100`,
			`${at}.podAffinityTerm.topologyKey: Required value: can not be empty`,
			`${at}.podAffinityTerm.topologyKey: Invalid value: "": ${EMPTY}`,
			`${at}.podAffinityTerm.topologyKey: Invalid value: "": ${QUALIFIED}`,
		]);
	});

	it("may not select a label whose key is to be matched, too", () => {
		const affinity = {
			[kind]: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term, matchLabelKeys: ["x", "app"] }] },
		};
		const pod = stored(podKind, podOf({ affinity }, { labels: { app: "web", x: "1" } }));
		expect((podKind.validate?.(pod) ?? []).map(String)).toEqual([
			`${required}[1]: Invalid value: "app": exists in both matchLabelKeys and labelSelector`,
		]);
	});
});

describe("a topology spread constraint", () => {
	const at = "spec.topologySpreadConstraints[0]";
	const constraint = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: {} };
	const ACTIONS = 'supported values: "DoNotSchedule", "ScheduleAnyway"';
	eachRow(
		[
			[[{ ...constraint, minDomains: 2, nodeAffinityPolicy: "Honor", nodeTaintsPolicy: "Ignore", matchLabelKeys: ["a"] }]],
			[[{ ...constraint, maxSkew: 0 }], `${at}.maxSkew: Invalid value: 0: must be greater than zero`],
			[[{ ...constraint, topologyKey: "" }], `${at}.topologyKey: Required value: can not be empty`],
			[[{ ...constraint, whenUnsatisfiable: "Panic" }], `${at}.whenUnsatisfiable: Unsupported value: "Panic": ${ACTIONS}`],
			[[{ ...constraint, whenUnsatisfiable: "" }], `${at}.whenUnsatisfiable: Unsupported value: "": ${ACTIONS}`],
			[[constraint, constraint], `${at}.{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"`],
			[[constraint, { ...constraint, whenUnsatisfiable: "ScheduleAnyway" }]],
			[[{ ...constraint, minDomains: 0 }], `${at}.minDomains: Invalid value: 0: must be greater than zero`],
			[
				[{ ...constraint, minDomains: 1, whenUnsatisfiable: "ScheduleAnyway" }],
				`${at}.minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway`,
			],
			[
				[{ ...constraint, nodeAffinityPolicy: "Maybe" }],
				`${at}.nodeAffinityPolicy: Unsupported value: "Maybe": supported values: "Honor", "Ignore"`,
			],
			[
				[{ ...constraint, nodeTaintsPolicy: "Maybe" }],
				`${at}.nodeTaintsPolicy: Unsupported value: "Maybe": supported values: "Honor", "Ignore"`,
			],
			[
				[{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", matchLabelKeys: ["a"] }],
				`${at}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
			],
			[
				[{ ...constraint, labelSelector: { matchLabels: { a: "b c" } } }],
				`${at}.labelSelector.matchLabels: Invalid value: "b c": ${VALUE}`,
			],
		],
		(change, errors) => expect(specProblems({ topologySpreadConstraints: change })).toEqual(errors),
	);
});

describe("gates", () => {
	eachRow(
		[
			[{ schedulingGates: [{ name: "example.com/quota" }, { name: "b" }] }],
			[{ schedulingGates: [{ name: "a b" }] }, `spec.schedulingGates[0]: Invalid value: "a b": ${QUALIFIED}`],
			[{ schedulingGates: [{ name: "a" }, { name: "a" }] }, 'spec.schedulingGates[1]: Duplicate value: "a"'],
			[
				{ schedulingGates: [{ name: "a" }], nodeName: "node-1" },
				"spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
			],
			[{ readinessGates: [{ conditionType: "example.com/ready" }] }],
			[{ readinessGates: [{ conditionType: "a b" }] }, `spec.readinessGates[0].conditionType: Invalid value: "a b": ${QUALIFIED}`],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);
});

/**
 * What Kubernetes says of each wrong field of a workload, one row a rule.
 * Source: pkg/apis/apps/validation/validation.go of Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, kindOf, problems, statusProblems } from "../testing/kind-probe.ts";
import { appsKinds } from "./index.ts";

const of = (resource: string) => kindOf(appsKinds, resource);
const selector = { matchLabels: { app: "web" } };
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "app", image: "nginx:1" }] } };
const workload = (spec: object = {}, status: object = {}): KubeObject =>
	({ metadata: { name: "web", namespace: "default" }, spec: { selector, template, ...spec }, status }) as KubeObject;
const podSpec = (fields: object) => ({ template: { ...template, spec: { ...template.spec, ...fields } } });

const NEGATIVE = "must be greater than or equal to 0";
const NO_PERCENT =
	"a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
const NO_MATCH = 'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`';
const unreadable = { matchExpressions: [{ key: "app", operator: "Like", values: ["web"] }] };
const UNREADABLE = 'spec.selector.matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator';
const UNREADABLE_JSON = JSON.stringify(unreadable);

type Row = readonly [resource: string, spec: object, errors: readonly string[]];

const onAll = (spec: object, errors: (kind: string) => readonly string[]): Row[] =>
	(
		[
			["deployments", "ReplicaSet"],
			["replicasets", "ReplicaSet"],
			["statefulsets", "StatefulSet"],
			["daemonsets", "DaemonSet"],
		] as const
	).map(([resource, kind]) => [resource, spec, errors(kind)]);

const strategy = (rollingUpdate: object, type = "RollingUpdate") => ({ strategy: { type, rollingUpdate } });
const update = (rollingUpdate: object, type = "RollingUpdate") => ({ updateStrategy: { type, rollingUpdate } });

describe("a workload's spec", () => {
	it.each<Row>([
		...onAll({}, () => []),
		...onAll(podSpec({ restartPolicy: "Never" }), () => [
			'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
		]),
		...onAll(podSpec({ activeDeadlineSeconds: 5 }), (kind) => [
			`spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ${kind} is not Supported`,
		]),
		...onAll({ minReadySeconds: -1 }, () => [`spec.minReadySeconds: Invalid value: -1: ${NEGATIVE}`]),
		...onAll({ selector: { matchLabels: { app: "db" } } }, () => [NO_MATCH]),
		...onAll({ selector: { matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] } }, () => [NO_MATCH]),
		...onAll({ selector: { matchExpressions: [{ key: "app", operator: "Exists" }] } }, () => []),

		// Selectors
		...["deployments", "replicasets", "statefulsets"].map(
			(resource): Row => [resource, { selector: undefined }, ["spec.selector: Required value", NO_MATCH]],
		),
		["daemonsets", { selector: undefined }, [NO_MATCH]],
		["deployments", { selector: {} }, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]],
		["replicasets", { selector: {} }, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]],
		["statefulsets", { selector: {} }, ["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"]],
		["daemonsets", { selector: {} }, ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"]],
		["deployments", { selector: unreadable }, [UNREADABLE, `spec.selector: Invalid value: ${UNREADABLE_JSON}: invalid label selector`]],
		["replicasets", { selector: unreadable }, [UNREADABLE, `spec.selector: Invalid value: ${UNREADABLE_JSON}: invalid label selector`]],
		["statefulsets", { selector: unreadable }, [UNREADABLE, `spec.selector: Invalid value: ${UNREADABLE_JSON}`]],
		["daemonsets", { selector: unreadable }, [UNREADABLE]],

		// Counts
		["deployments", { replicas: -1 }, [`spec.replicas: Invalid value: -1: ${NEGATIVE}`]],
		["replicasets", { replicas: -1 }, [`spec.replicas: Invalid value: -1: ${NEGATIVE}`]],
		["statefulsets", { replicas: -1 }, [`spec.replicas: Invalid value: -1: ${NEGATIVE}`]],
		["deployments", { revisionHistoryLimit: -1 }, [`spec.revisionHistoryLimit: Invalid value: -1: ${NEGATIVE}`]],
		["statefulsets", { revisionHistoryLimit: -1 }, []],
		["daemonsets", { revisionHistoryLimit: -1 }, [`spec.revisionHistoryLimit: Invalid value: -1: ${NEGATIVE}`]],

		// Deployment
		[
			"deployments",
			{ progressDeadlineSeconds: -1 },
			[
				`spec.progressDeadlineSeconds: Invalid value: -1: ${NEGATIVE}`,
				"spec.progressDeadlineSeconds: Invalid value: -1: must be greater than minReadySeconds",
			],
		],
		[
			"deployments",
			{ progressDeadlineSeconds: 0 },
			["spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds"],
		],
		[
			"deployments",
			{ progressDeadlineSeconds: 10, minReadySeconds: 10 },
			["spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"],
		],
		["deployments", { progressDeadlineSeconds: 11, minReadySeconds: 10 }, []],
		["deployments", { strategy: { type: "Recreate" } }, []],
		[
			"deployments",
			strategy({}, "Recreate"),
			["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
		],
		[
			"deployments",
			strategy({ maxSurge: 1 }, "BlueGreen"),
			[
				'spec.strategy: Unsupported value: {"Type":"BlueGreen","RollingUpdate":{"MaxUnavailable":0,"MaxSurge":1}}: supported values: "Recreate", "RollingUpdate"',
			],
		],
		[
			"deployments",
			{ strategy: { type: "BlueGreen" } },
			['spec.strategy: Unsupported value: {"Type":"BlueGreen","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"'],
		],
		["deployments", strategy({ maxUnavailable: "50%", maxSurge: 0 }), []],
		["deployments", strategy({ maxUnavailable: 0, maxSurge: "200%" }), []],
		[
			"deployments",
			strategy({ maxUnavailable: 0, maxSurge: 0 }),
			["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
		],
		[
			"deployments",
			strategy({ maxUnavailable: "0%", maxSurge: 0 }),
			['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
		],
		["deployments", strategy({ maxUnavailable: -1 }), [`spec.strategy.rollingUpdate.maxUnavailable: Invalid value: -1: ${NEGATIVE}`]],
		["deployments", strategy({ maxSurge: -1 }), [`spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: ${NEGATIVE}`]],
		["deployments", strategy({ maxSurge: "1" }), [`spec.strategy.rollingUpdate.maxSurge: Invalid value: "1": ${NO_PERCENT}`]],
		[
			"deployments",
			strategy({ maxUnavailable: "-1%" }),
			[`spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "-1%": ${NO_PERCENT}`],
		],
		[
			"deployments",
			strategy({ maxUnavailable: "101%" }),
			['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
		],

		// StatefulSet
		[
			"statefulsets",
			{ podManagementPolicy: "Wild" },
			["spec.podManagementPolicy: Invalid value: \"Wild\": must be 'OrderedReady' or 'Parallel'"],
		],
		["statefulsets", { podManagementPolicy: "Parallel" }, []],
		["statefulsets", { updateStrategy: { type: "OnDelete" } }, []],
		[
			"statefulsets",
			update({ maxUnavailable: 2 }, "OnDelete"),
			[
				'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":0,"MaxUnavailable":2}: only allowed for updateStrategy \'RollingUpdate\'',
			],
		],
		[
			"statefulsets",
			{ updateStrategy: { type: "Never" } },
			['spec.updateStrategy: Invalid value: {"Type":"Never","RollingUpdate":null}: must be \'RollingUpdate\' or \'OnDelete\''],
		],
		["statefulsets", update({ partition: -1 }), [`spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: ${NEGATIVE}`]],
		["statefulsets", update({ maxUnavailable: "40%" }), []],
		["statefulsets", update({ maxUnavailable: 0 }), ["spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0"]],
		[
			"statefulsets",
			update({ maxUnavailable: "101%" }),
			['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
		],
		["statefulsets", update({ maxUnavailable: -2 }), [`spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: -2: ${NEGATIVE}`]],
		["statefulsets", { ordinals: { start: -1 } }, [`spec.ordinals.start: Invalid value: -1: ${NEGATIVE}`]],
		[
			"statefulsets",
			{ persistentVolumeClaimRetentionPolicy: { whenDeleted: "Keep", whenScaled: "Drop" } },
			[
				'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"',
				'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Drop": supported values: "Retain", "Delete"',
			],
		],
		["statefulsets", { persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete" } }, []],
		["statefulsets", { serviceName: "not.a.label" }, ['spec.serviceName: Invalid value: "not.a.label": must not contain dots']],
		[
			"statefulsets",
			{ serviceName: "-db" },
			[
				"spec.serviceName: Invalid value: \"-db\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
			],
		],

		// DaemonSet
		["daemonsets", { updateStrategy: { type: "OnDelete" } }, []],
		[
			"daemonsets",
			{ updateStrategy: { type: "Never" } },
			['spec.updateStrategy: Unsupported value: {"Type":"Never","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"'],
		],
		["daemonsets", update({ maxUnavailable: 0, maxSurge: "10%" }), []],
		[
			"daemonsets",
			update({ maxUnavailable: 1, maxSurge: "x" }),
			[`spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "x": ${NO_PERCENT}`],
		],
		["daemonsets", update({ maxUnavailable: "100%" }), []],
		[
			"daemonsets",
			update({ maxUnavailable: 0 }),
			["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
		],
		[
			"daemonsets",
			update({ maxUnavailable: 1, maxSurge: "10%" }),
			['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "10%": may not be set when maxUnavailable is non-zero'],
		],
		[
			"daemonsets",
			update({ maxUnavailable: "101%" }),
			['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
		],
		[
			"daemonsets",
			update({ maxUnavailable: 0, maxSurge: "101%" }),
			['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "101%": must not be greater than 100%'],
		],
		["daemonsets", update({ maxUnavailable: -1 }), [`spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: -1: ${NEGATIVE}`]],
	])("%s %j", (resource, spec, errors) => {
		expect(problems(of(resource), workload(spec))).toEqual(errors);
	});
});

it.each(["deployments", "replicasets", "statefulsets", "daemonsets"])("%s need a spec", (resource) => {
	expect(problems(of(resource), { metadata: { name: "web" } })).toEqual([
		...(resource === "daemonsets" ? [] : ["spec.selector: Required value"]),
		"spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
		"spec.template.spec.containers: Required value",
	]);
});

describe("a change of a workload", () => {
	const FORBIDDEN =
		"spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
	const other = {
		selector: { matchLabels: { app: "web", tier: "a" } },
		...{ template: { ...template, metadata: { labels: { app: "web", tier: "a" } } } },
	};
	const KEPT = 'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"a"}}: field is immutable';
	it.each<readonly [resource: string, spec: object, old: object, errors: readonly string[]]>([
		["deployments", other, {}, [KEPT]],
		["replicasets", other, {}, [KEPT]],
		["daemonsets", other, {}, [KEPT]],
		["statefulsets", other, {}, [FORBIDDEN]],
		["deployments", { replicas: -1 }, {}, [`spec.replicas: Invalid value: -1: ${NEGATIVE}`]],
		["statefulsets", { replicas: 3 }, {}, []],
		["statefulsets", { ordinals: { start: 1 } }, {}, []],
		["statefulsets", podSpec({ nodeName: "a" }), {}, []],
		["statefulsets", { updateStrategy: { type: "OnDelete" } }, {}, []],
		["statefulsets", { revisionHistoryLimit: 2 }, {}, []],
		["statefulsets", { persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete" } }, {}, []],
		["statefulsets", { minReadySeconds: 5 }, {}, []],
		["statefulsets", { podManagementPolicy: "Parallel" }, {}, [FORBIDDEN]],
		["statefulsets", { serviceName: "db" }, {}, [FORBIDDEN]],
		["statefulsets", { volumeClaimTemplates: [{ metadata: { name: "data" } }] }, {}, [FORBIDDEN]],
		["statefulsets", { serviceName: "not.a.label", replicas: 2 }, { serviceName: "not.a.label" }, []],
	])("%s %j", (resource, spec, old, errors) => {
		expect(changeProblems(of(resource), workload(spec), workload(old))).toEqual(errors);
	});
});

describe("a workload's status", () => {
	const above = (field: string, value: number) => `status.${field}: Invalid value: ${value}: cannot be greater than status.replicas`;
	const negative = (field: string) => `status.${field}: Invalid value: -1: ${NEGATIVE}`;
	const counts: Readonly<Record<string, readonly string[]>> = {
		deployments: [
			"observedGeneration",
			"replicas",
			"updatedReplicas",
			"readyReplicas",
			"unavailableReplicas",
			"terminatingReplicas",
			"collisionCount",
		],
		replicasets: ["replicas", "fullyLabeledReplicas", "readyReplicas", "terminatingReplicas", "observedGeneration"],
		statefulsets: ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "observedGeneration", "collisionCount"],
		daemonsets: [
			"currentNumberScheduled",
			"numberMisscheduled",
			"desiredNumberScheduled",
			"numberReady",
			"observedGeneration",
			"updatedNumberScheduled",
			"numberAvailable",
			"numberUnavailable",
			"collisionCount",
		],
	};
	it.each(Object.entries(counts).flatMap(([resource, fields]) => fields.map((field) => [resource, field] as const)))(
		"%s never count %s below 0",
		(resource, field) => {
			const base = { replicas: 0, readyReplicas: 0 };
			expect(statusProblems(of(resource), workload({}, { ...base, [field]: -1 }), workload())).toContain(negative(field));
			expect(statusProblems(of(resource), workload({}, { ...base, [field]: 0 }), workload())).toEqual([]);
		},
	);

	it.each<readonly [resource: string, status: object, old: object, errors: readonly string[]]>([
		["deployments", { replicas: 1, updatedReplicas: 2 }, {}, [above("updatedReplicas", 2)]],
		["deployments", { replicas: 1, readyReplicas: 2 }, {}, [above("readyReplicas", 2)]],
		[
			"deployments",
			{ replicas: 1, availableReplicas: 2 },
			{},
			[above("availableReplicas", 2), "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas"],
		],
		["replicasets", { replicas: 1, fullyLabeledReplicas: 2 }, {}, [above("fullyLabeledReplicas", 2)]],
		[
			"replicasets",
			{ replicas: 2, availableReplicas: 1 },
			{},
			["status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas"],
		],
		["statefulsets", { replicas: 1, currentReplicas: 2 }, {}, [above("currentReplicas", 2)]],
		["statefulsets", { replicas: 1, updatedReplicas: 2 }, {}, [above("updatedReplicas", 2)]],
		[
			"statefulsets",
			{ replicas: 2, availableReplicas: 1 },
			{},
			["status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas"],
		],
		...["deployments", "statefulsets", "daemonsets"].flatMap((resource) => [
			[resource, { collisionCount: 1 }, { collisionCount: 2 }, ["status.collisionCount: Invalid value: 1: cannot be decremented"]] as const,
			[resource, {}, { collisionCount: 2 }, ["status.collisionCount: Invalid value: 0: cannot be decremented"]] as const,
			[resource, { collisionCount: 3 }, { collisionCount: 2 }, []] as const,
		]),
	])("%s %j", (resource, status, old, errors) => {
		expect(statusProblems(of(resource), workload({}, status), workload({}, old))).toEqual(errors);
	});
});

describe("what a workload is warned of", () => {
	const warningsOf = (resource: string, metadata: object, spec: object, old?: KubeObject) =>
		of(resource).warnings?.(
			{ metadata: { name: "web", generation: 2, ...metadata }, spec: { selector, template, ...spec } } as KubeObject,
			old,
		);
	const LIMIT = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended";
	const NAME =
		"metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]";
	const LABEL = 'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead';
	const onOldLabel = podSpec({ nodeSelector: { "beta.kubernetes.io/os": "linux" } });
	const earlier = (generation: number): KubeObject => ({ metadata: { name: "web", generation } });

	it.each<readonly [resource: string, metadata: object, spec: object, old: KubeObject | undefined, warnings: readonly string[]]>([
		["deployments", { name: "a.b" }, onOldLabel, undefined, [NAME, LABEL]],
		["replicasets", { name: "a.b" }, onOldLabel, undefined, [NAME, LABEL]],
		["daemonsets", { name: "a.b" }, onOldLabel, undefined, [LABEL]],
		["statefulsets", {}, { ...onOldLabel, revisionHistoryLimit: -1 }, undefined, [LABEL, LIMIT]],
		["deployments", { name: "a.b" }, onOldLabel, earlier(1), [LABEL]],
		[
			"statefulsets",
			{},
			{ volumeClaimTemplates: [{ spec: { resources: { requests: { storage: "1500m" }, limits: { storage: "1Gi" } } } }] },
			undefined,
			['spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'],
		],
		...["deployments", "replicasets", "daemonsets", "statefulsets"].map(
			(resource) => [resource, {}, { ...onOldLabel, revisionHistoryLimit: -1 }, earlier(2), []] as const,
		),
	])("%s %j %j", (resource, metadata, spec, old, warnings) => {
		expect(warningsOf(resource, metadata, spec, old)).toEqual(warnings);
	});
});

describe("a ControllerRevision", () => {
	const revision = (fields: object): KubeObject =>
		({ metadata: { name: "web-1" }, revision: 1, data: { spec: {} }, ...fields }) as KubeObject;
	const kind = of("controllerrevisions");

	it("has data, and a revision that is not negative", () => {
		expect(problems(kind, revision({ data: undefined, revision: -1 }))).toEqual([
			"data: Required value: data is mandatory",
			`revision: Invalid value: -1: ${NEGATIVE}`,
		]);
		expect(problems(kind, revision({}))).toEqual([]);
	});

	it("keeps its data", () => {
		expect(changeProblems(kind, revision({ revision: 2 }), revision({}))).toEqual([]);
		expect(changeProblems(kind, revision({ data: { spec: 1 } }), revision({}))).toEqual([
			'data: Invalid value: {"spec":1}: field is immutable',
		]);
	});
});

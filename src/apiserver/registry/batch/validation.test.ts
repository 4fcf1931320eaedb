/**
 * What Kubernetes says of each wrong field of Jobs and CronJobs, one row a rule.
 * Source: pkg/apis/batch/validation/validation.go, pkg/registry/batch of Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Job } from "../../../apimachinery/schema/generated/types.ts";
import { changeProblems, created, kindOf, problems, statusProblems, stored } from "../testing/kind-probe.ts";
import { batchKinds } from "./index.ts";
import { countIndexes, firstCommonIndex } from "./index-intervals.ts";

const jobs = kindOf(batchKinds, "jobs");
const cronJobs = kindOf(batchKinds, "cronjobs");
const LABEL_VALUE =
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NEGATIVE = "must be greater than or equal to 0";
const metadata = { name: "pi", namespace: "default", uid: "u-1" };
const podSpec = { containers: [{ name: "pi", image: "perl:5" }], restartPolicy: "Never" };
const template = { metadata: { labels: { a: "b" } }, spec: podSpec };
const manual = { manualSelector: true, selector: { matchLabels: { a: "b" } } };
const job = (spec: object = {}, status: object = {}): KubeObject =>
	({ metadata, spec: { ...manual, template, ...spec }, status }) as KubeObject;
const indexed = { completionMode: "Indexed", completions: 5, parallelism: 2 };
const withPod = (fields: object) => ({ template: { ...template, spec: { ...podSpec, ...fields } } });
const failing = (...rules: object[]) => ({ podFailurePolicy: { rules } });
const exit = (fields: object) => failing({ action: "FailJob", onExitCodes: { operator: "In", values: [1], ...fields } });
const pattern = (fields: object) => failing({ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", ...fields }] });
const succeeding = (...rules: object[]) => ({ ...indexed, successPolicy: { rules } });
const list = <T>(length: number, item: (index: number) => T): readonly T[] => Array.from({ length }, (_, index) => item(index));

describe("a Job's spec", () => {
	it.each<readonly [spec: object, errors: readonly string[]]>([
		[{}, []],
		...["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"].map(
			(field) => [{ [field]: -1 }, [`spec.${field}: Invalid value: -1: ${NEGATIVE}`]] as const,
		),
		[{ ...indexed, backoffLimitPerIndex: -1 }, [`spec.backoffLimitPerIndex: Invalid value: -1: ${NEGATIVE}`]],
		[{ ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: -1 }, [`spec.maxFailedIndexes: Invalid value: -1: ${NEGATIVE}`]],
		[{ ...indexed, maxFailedIndexes: 1 }, ["spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"]],

		// managedBy
		[{ managedBy: "kueue.x-k8s.io/multikueue" }, []],
		[{ managedBy: "" }, ["spec.managedBy: Required value"]],
		[{ managedBy: "kueue" }, ['spec.managedBy: Invalid value: "kueue": must be a domain-prefixed path (such as "acme.io/foo")']],
		[{ managedBy: `example.com/${"a".repeat(60)}` }, ["spec.managedBy: Too long: may not be more than 63 bytes"]],

		// Completion mode
		[{ completionMode: "Random" }, ['spec.completionMode: Unsupported value: "Random": supported values: "NonIndexed", "Indexed"']],
		[{ completionMode: "Indexed", parallelism: 1 }, ["spec.completions: Required value: when completion mode is Indexed"]],
		[
			{ ...indexed, parallelism: 100_001 },
			["spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"],
		],
		[
			{ ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 6 },
			["spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions"],
		],
		[
			{ ...indexed, completions: 100_002, backoffLimitPerIndex: 1, maxFailedIndexes: 100_001 },
			[
				"spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000",
				"spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index",
			],
		],
		[
			{ ...indexed, completions: 100_001, parallelism: 10_001, backoffLimitPerIndex: 1 },
			[
				"spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
				"spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index",
			],
		],
		[{ backoffLimitPerIndex: 1 }, ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"]],
		[
			{ backoffLimitPerIndex: 1, maxFailedIndexes: 1 },
			[
				"spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
				"spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
			],
		],

		// Failure policy
		[failing(...list(20, () => ({ action: "Count", onExitCodes: { operator: "In", values: [1] } }))), []],
		[
			failing(...list(21, () => ({ action: "Count", onExitCodes: { operator: "In", values: [1] } }))),
			["spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items"],
		],
		[
			failing({ action: "", onExitCodes: { operator: "In", values: [1] } }),
			['spec.podFailurePolicy.rules[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]'],
		],
		[
			failing({ action: "Retry", onExitCodes: { operator: "In", values: [1] } }),
			['spec.podFailurePolicy.rules[0].action: Unsupported value: "Retry": supported values: "Count", "FailIndex", "FailJob", "Ignore"'],
		],
		[
			failing({ action: "FailIndex", onExitCodes: { operator: "In", values: [1] } }),
			['spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'],
		],
		[{ ...indexed, backoffLimitPerIndex: 1, ...failing({ action: "FailIndex", onExitCodes: { operator: "In", values: [1] } }) }, []],
		[
			failing({ action: "Count" }),
			["spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"],
		],
		[
			failing({ action: "Count", onExitCodes: { operator: "In", values: [1] }, onPodConditions: [{ type: "a" }] }),
			["spec.podFailurePolicy.rules[0]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"],
		],
		[exit({ operator: "" }), ['spec.podFailurePolicy.rules[0].onExitCodes.operator: Required value: valid values: ["In" "NotIn"]']],
		[
			exit({ operator: "Is" }),
			['spec.podFailurePolicy.rules[0].onExitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"'],
		],
		[exit({ containerName: "pi" }), []],
		[
			exit({ containerName: "e" }),
			[
				'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "e": must be one of the container or initContainer names in the pod template',
			],
		],
		[exit({ values: list(255, (index) => index + 1) }), []],
		[exit({ values: [] }), ["spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: null: at least one value is required"]],
		[
			exit({ values: list(256, (index) => index + 1) }),
			["spec.podFailurePolicy.rules[0].onExitCodes.values: Too many: 256: must have at most 255 items"],
		],
		[
			exit({ values: [0, 1] }),
			["spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"],
		],
		[exit({ operator: "NotIn", values: [0, 1] }), []],
		[exit({ values: [1, 1] }), ["spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Duplicate value: 1"]],
		[exit({ values: [2, 1] }), ["spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [2,1]: must be ordered"]],
		[pattern({}), []],
		[
			pattern({ status: "Maybe" }),
			[
				'spec.podFailurePolicy.rules[0].onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
			],
		],
		[pattern({ type: "" }), ["spec.podFailurePolicy.rules[0].onPodConditions[0].type: Required value"]],
		[failing({ action: "Count", onPodConditions: list(20, () => ({ type: "a", status: "True" })) }), []],
		[
			failing({ action: "Count", onPodConditions: list(21, () => ({ type: "a" })) }),
			["spec.podFailurePolicy.rules[0].onPodConditions: Too many: 21: must have at most 20 items"],
		],

		// Success policy
		[succeeding({ succeededIndexes: "0,2-4", succeededCount: 3 }), []],
		[succeeding({ succeededIndexes: "0,2-4", succeededCount: 4 }), []],
		[succeeding({ succeededCount: 5 }), []],
		[succeeding(...list(20, () => ({ succeededCount: 1 }))), []],
		[
			{ successPolicy: { rules: [{ succeededCount: 1 }] } },
			['spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed completion mode'],
		],
		[succeeding(), ["spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified"]],
		[succeeding(...list(21, () => ({ succeededCount: 1 }))), ["spec.successPolicy.rules: Too many: 21: must have at most 20 items"]],
		[succeeding({}), ["spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified"]],
		[succeeding({ succeededCount: -1 }), [`spec.successPolicy.rules[0].succeededCount: Invalid value: -1: ${NEGATIVE}`]],
		[
			succeeding({ succeededCount: 6 }),
			[
				"spec.successPolicy.rules[0].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)",
			],
		],
		[
			succeeding({ succeededCount: 3, succeededIndexes: "0-1" }),
			[
				"spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)",
			],
		],
		[
			succeeding({ succeededIndexes: "0-9" }),
			['spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0-9": error parsing succeededIndexes: too large index: "9"'],
		],

		// Replacement and restart
		[{ podReplacementPolicy: "Failed" }, []],
		[
			{ podReplacementPolicy: "Never" },
			['spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"'],
		],
		[
			{ ...exit({}), podReplacementPolicy: "TerminatingOrFailed" },
			['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
		],
		[withPod({ restartPolicy: "OnFailure" }), []],
		[withPod({ restartPolicy: "Always" }), ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']],
		[
			withPod({ restartPolicy: "Sometimes" }),
			[
				'spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
				'spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "OnFailure", "Never"',
			],
		],
		[
			{ ...exit({}), ...withPod({ restartPolicy: "OnFailure" }) },
			['spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'],
		],

		// Selector
		[
			{ selector: undefined },
			[
				"spec.selector: Required value",
				'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
			],
		],
		[{ selector: {} }, []],
		[{ selector: { matchLabels: { a: "-" } } }, [`spec.selector.matchLabels: Invalid value: "-": ${LABEL_VALUE}`]],
		[
			{ selector: { matchLabels: { a: "c" } } },
			['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
		],
	])("%j", (spec, errors) => {
		expect(problems(jobs, job(spec))).toEqual(errors);
	});

	it("lists indexes in so many bytes", () => {
		const path = "spec.successPolicy.rules[0].succeededIndexes";
		const indexes = `0${" ".repeat(65_536)}`;
		expect(problems(jobs, job(succeeding({ succeededIndexes: indexes })))).toEqual([
			`${path}: Too long: may not be more than 65536 bytes`,
			`${path}: Invalid value: "${indexes}": error parsing succeededIndexes: cannot convert string to integer for index: "${indexes}"`,
		]);
	});

	it("is there", () => {
		expect(problems(jobs, { metadata })).toEqual([
			"spec.template.spec.containers: Required value",
			'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
			"spec.selector: Required value",
			"spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
		]);
	});

	it("leaves room in names for the indexes", () => {
		const named = (name: string) => ({ ...job(indexed), metadata: { ...metadata, name } });
		const name = "a".repeat(62);
		expect(problems(jobs, named("a".repeat(61)))).toEqual([]);
		expect(problems(jobs, named(name))).toEqual([
			`metadata.name: Invalid value: "${name}": will not able to create pod with invalid DNS label: ${name}-4`,
		]);
	});
});

describe("a Job's generated selector", () => {
	const generated = (labels: object, selector?: object): KubeObject =>
		stored(jobs, { metadata, spec: { template: { metadata: { labels }, spec: podSpec }, ...(selector && { selector }) } } as KubeObject);

	it("is there, and so are the labels", () => {
		expect((generated({}) as Job).spec?.selector).toEqual({ matchLabels: { "batch.kubernetes.io/controller-uid": "u-1" } });
		expect(problems(jobs, generated({}))).toEqual([]);
	});

	it("is refused where its author's labels contradict it", () => {
		const labels = '{"batch.kubernetes.io/controller-uid":"u-1","batch.kubernetes.io/job-name":"pi","controller-uid":"u-1","job-name":"e"}';
		expect(problems(jobs, generated({ "job-name": "e" }))).toEqual([
			`spec.template.metadata.labels[job-name]: Invalid value: ${labels}: must be 'pi'`,
		]);
		expect(problems(jobs, generated({ a: "b" }, { matchLabels: { a: "b" } }))).toEqual([
			'spec.selector: Invalid value: {"matchLabels":{"a":"b","batch.kubernetes.io/controller-uid":"u-1"}}: `selector` not auto-generated',
		]);
	});

	it("is asked for on every update, under the names that the Job was made with", () => {
		const bare = { metadata, spec: { selector: {}, template: { spec: podSpec } } } as KubeObject;
		const legacy = {
			metadata,
			spec: { selector: {}, template: { metadata: { labels: { "controller-uid": "u-1", "job-name": "pi" } }, spec: podSpec } },
		} as KubeObject;
		expect(problems(jobs, bare)).toEqual([
			"spec.template.metadata.labels[controller-uid]: Required value: must be 'u-1'",
			"spec.template.metadata.labels[job-name]: Required value: must be 'pi'",
			"spec.template.metadata.labels[batch.kubernetes.io/controller-uid]: Required value: must be 'u-1'",
			"spec.template.metadata.labels[batch.kubernetes.io/job-name]: Required value: must be 'pi'",
		]);
		expect(changeProblems(jobs, legacy, legacy)).toEqual([]);
	});
});

describe("a change of a Job", () => {
	const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };
	const antiAffinity = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };
	const TEMPLATE = "spec.template: Invalid value";
	const suspended = { suspend: true };
	const stopped = { startTime: created, conditions: [{ type: "Suspended", status: "True" }] };
	const resources = (cpu: string) => withPod({ containers: [{ ...podSpec.containers[0], resources: { requests: { cpu } } }] });

	it.each<readonly [spec: object, old: object, status: object, errors: readonly string[]]>([
		[{ completions: 1, parallelism: 3 }, {}, {}, []],
		[{ parallelism: 3 }, {}, {}, ["spec.completions: Invalid value: null: field is immutable"]],
		[{ suspend: true }, {}, {}, []],
		[{ activeDeadlineSeconds: 5, backoffLimit: 3, ttlSecondsAfterFinished: 1 }, {}, {}, []],
		[{ completions: 2 }, { completions: 1 }, {}, ["spec.completions: Invalid value: 2: field is immutable"]],
		[{ ...indexed, completions: 3, parallelism: 3 }, { ...indexed, completions: 5, parallelism: 5 }, {}, []],
		[{ ...indexed, completions: 3, parallelism: 3 }, { ...indexed, completions: 5, parallelism: 2 }, {}, []],
		[
			{ ...indexed, completions: 3 },
			indexed,
			{},
			["spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"],
		],
		[
			{ selector: { matchExpressions: [{ key: "a", operator: "Exists" }] } },
			{},
			{},
			['spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Exists"}]}: field is immutable'],
		],
		[indexed, { completions: 5, parallelism: 2 }, {}, ['spec.completionMode: Invalid value: "Indexed": field is immutable']],
		[
			exit({}),
			{ podReplacementPolicy: "Failed" },
			{},
			[
				'spec.podFailurePolicy: Invalid value: {"Rules":[{"Action":"FailJob","OnExitCodes":{"ContainerName":null,"Operator":"In","Values":[1]},"OnPodConditions":null}]}: field is immutable',
			],
		],
		[{ ...indexed, backoffLimitPerIndex: 1 }, indexed, {}, ["spec.backoffLimitPerIndex: Invalid value: 1: field is immutable"]],
		[{ managedBy: "a.io/b" }, {}, {}, ['spec.managedBy: Invalid value: "a.io/b": field is immutable']],
		[
			succeeding({ succeededCount: 1 }),
			indexed,
			{},
			['spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: field is immutable'],
		],

		// The template, and when what of it may change
		[withPod({ nodeSelector: { a: "b" } }), {}, {}, [TEMPLATE]],
		[resources("2"), resources("1"), {}, [TEMPLATE]],
		[{ ...suspended, ...withPod({ nodeSelector: { a: "b" } }) }, suspended, {}, []],
		[{ ...withPod({ tolerations: [{ operator: "Exists" }] }) }, suspended, {}, []],
		[{ ...suspended, ...withPod({ schedulingGates: [{ name: "a.io/b" }] }) }, suspended, {}, []],
		[{ ...suspended, ...resources("2") }, { ...suspended, ...resources("1") }, {}, []],
		[suspended, { ...suspended, ...resources("1") }, {}, []],
		[{ ...suspended, ...withPod({ containers: [{ name: "pi", image: "perl:6" }] }) }, suspended, {}, [TEMPLATE]],
		[{ ...suspended, template: { ...template, metadata: { labels: { a: "b", c: "d" } } } }, suspended, {}, []],
		[{ ...suspended, template: { ...template, metadata: { labels: { a: "b" }, annotations: { c: "d" } } } }, suspended, {}, []],
		[{ ...suspended, ...withPod({ affinity }) }, suspended, {}, []],
		[suspended, { ...suspended, ...withPod({ affinity }) }, {}, []],
		[{ ...suspended, ...withPod({ affinity: { ...affinity, ...antiAffinity } }) }, suspended, {}, [TEMPLATE]],
		[suspended, { ...suspended, ...withPod({ affinity: antiAffinity }) }, {}, [TEMPLATE]],
		[{ ...suspended, ...withPod({ nodeSelector: { a: "b" } }) }, suspended, { startTime: created }, [TEMPLATE]],
		[{ ...suspended, ...withPod({ nodeSelector: { a: "b" } }) }, suspended, stopped, []],
		[{ ...suspended, ...withPod({ nodeSelector: { a: "b" } }) }, suspended, { ...stopped, active: 1 }, [TEMPLATE]],
	])("%j from %j %j", (spec, old, status, errors) => {
		const found = changeProblems(jobs, job(spec), job(old, status));
		expect(found.map((text) => (text.startsWith(TEMPLATE) ? TEMPLATE : text))).toEqual(errors);
	});
});

describe("a Job's status", () => {
	const later = "2026-01-01T00:01:00Z";
	const is = (...types: string[]) => types.map((type) => ({ type, status: "True" }));
	const complete = { startTime: created, completionTime: later, conditions: is("SuccessCriteriaMet", "Complete") };
	const failed = { startTime: created, conditions: is("FailureTarget", "Failed") };
	const perIndex = { ...indexed, backoffLimitPerIndex: 1 };

	it.each<readonly [spec: object, status: object, old: object, errors: readonly string[]]>([
		...["active", "succeeded", "failed", "terminating"].map(
			(field) => [{}, { [field]: -1 }, { [field]: -1 }, [`status.${field}: Invalid value: -1: ${NEGATIVE}`]] as const,
		),
		[{}, complete, {}, []],
		[{}, failed, {}, []],
		[
			{},
			{ uncountedTerminatedPods: { succeeded: ["a", ""], failed: ["a"] } },
			{},
			[
				'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
				'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
			],
		],
		[
			{},
			{ ...complete, conditions: is("SuccessCriteriaMet", "Complete", "FailureTarget", "Failed") },
			{},
			[
				"status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
				"status.conditions: Invalid value: cannot set Complete=True and FailureTarget=true conditions",
				"status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions",
				"status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
			],
		],
		[
			{},
			{ completionTime: later },
			{},
			[`status.completionTime: Invalid value: "${later}": cannot set completionTime when there is no Complete=True condition`],
		],
		[
			{},
			{ ...complete, completionTime: undefined },
			{},
			["status.completionTime: Required value: completionTime is required for Complete jobs"],
		],
		[
			{},
			{ ...complete, startTime: later, completionTime: created },
			{},
			[`status.completionTime: Invalid value: "${created}": completionTime cannot be set before startTime`],
		],
		[
			{},
			{ ...failed, conditions: is("Failed") },
			{},
			["status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition"],
		],
		[
			{},
			{ ...complete, conditions: is("Complete") },
			{},
			["status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition"],
		],
		[{}, { ...failed, active: 1 }, {}, ["status.active: Invalid value: 1: active>0 is invalid for finished job"]],
		[{}, { ...failed, startTime: undefined }, {}, ["status.startTime: Required value: startTime is required for finished job"]],
		[{ suspend: true, completions: 0 }, { ...complete, startTime: undefined }, {}, []],
		[
			{},
			{ ...failed, uncountedTerminatedPods: { failed: ["a"] } },
			{},
			[
				'status.uncountedTerminatedPods: Invalid value: {"Succeeded":null,"Failed":["a"]}: uncountedTerminatedPods needs to be empty for finished job',
			],
		],
		[{}, { ...failed, terminating: 1 }, {}, ["status.terminating: Invalid value: 1: terminating>0 is invalid for finished job"]],
		[{}, { active: 1, ready: 2 }, {}, ["status.ready: Invalid value: 2: cannot set more ready pods than active"]],
		[{}, { active: 1, ready: 2 }, { active: 1, ready: 2 }, []],
		[indexed, { completedIndexes: "0-1,3" }, {}, []],
		[
			indexed,
			{ completedIndexes: "5" },
			{},
			['status.completedIndexes: Invalid value: "5": error parsing completedIndexes: too large index: "5"'],
		],
		[
			perIndex,
			{ failedIndexes: "x" },
			{},
			['status.failedIndexes: Invalid value: "x": error parsing failedIndexes: cannot convert string to integer for index: "x"'],
		],
		[
			{ completions: 5 },
			{ completedIndexes: "1" },
			{},
			['status.completedIndexes: Invalid value: "1": cannot set non-empty completedIndexes when non-indexed completion mode'],
		],
		[
			indexed,
			{ failedIndexes: "1" },
			{},
			['status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null'],
		],
		[
			perIndex,
			{ completedIndexes: "0-2", failedIndexes: "2-3" },
			{},
			['status.failedIndexes: Invalid value: "2-3": failedIndexes and completedIndexes overlap at index: 2'],
		],
		[
			succeeding({ succeededCount: 1 }),
			{ ...complete, conditions: is("Complete") },
			{ ...complete, conditions: is("Complete") },
			["status.conditions: Invalid value: cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"],
		],

		// What was reported before
		[
			{},
			{ startTime: created },
			failed,
			[
				"status.conditions: Invalid value: cannot disable the terminal Failed=True condition",
				"status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition",
			],
		],
		[{}, { failed: 1 }, { failed: 2 }, ["status.failed: Invalid value: 1: cannot decrease the failed counter"]],
		[{}, { succeeded: 1 }, { succeeded: 2 }, ["status.succeeded: Invalid value: 1: cannot decrease the succeeded counter"]],
		[{ ...indexed, parallelism: 5 }, { succeeded: 1 }, { succeeded: 2 }, []],
		[
			{},
			{ ...complete, completionTime: "2026-01-01T00:02:00Z" },
			complete,
			['status.completionTime: Invalid value: "2026-01-01T00:02:00Z": completionTime cannot be mutated'],
		],
		[{}, {}, { startTime: created }, ["status.startTime: Required value: startTime cannot be removed for unsuspended job"]],
		[
			{},
			{ startTime: "2026-01-02T00:00:00Z", conditions: [{ type: "Suspended", status: "False" }] },
			{ startTime: created, conditions: [{ type: "Suspended", status: "True" }] },
			[],
		],
		[{ suspend: true }, {}, { startTime: created }, []],
		[
			{},
			{},
			{ conditions: is("SuccessCriteriaMet") },
			["status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition"],
		],
		[
			{},
			complete,
			{ ...complete, conditions: is("Complete") },
			["status.conditions: Invalid value: cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"],
		],
	])("%j %j after %j", (spec, status, old, errors) => {
		expect(statusProblems(jobs, job(spec, status), job(spec, old))).toEqual(errors);
	});
});

it("warns of Jobs that are too big to follow", () => {
	const warnings = (spec: object, name = "pi") => jobs.warnings?.({ ...job(spec), metadata: { ...metadata, name } });
	const huge = { completionMode: "Indexed", completions: 100_001, parallelism: 10_001 };
	expect(warnings(huge)).toEqual([
		"spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
	]);
	expect(warnings({}, "a.b")).toEqual([
		"metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
	]);
	expect(warnings({ ...huge, parallelism: 10_000 })).toEqual([]);
});

describe("indexes", () => {
	it.each<readonly [text: string, count: number | string]>([
		["", 0],
		["0", 1],
		["0,2-4,9", 5],
		["1-2-3", "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'"],
		["a", 'cannot convert string to integer for index: "a"'],
		["-1", 'cannot convert string to integer for index: ""'],
		["1-b", 'cannot convert string to integer for index: "b"'],
		["10", 'too large index: "10"'],
		["3-10", 'too large index: "10"'],
		["3-3", "non-increasing order, previous: 3, current: 3"],
		["3,3", "non-increasing order, previous: 3, current: 3"],
		["0-4,2", "non-increasing order, previous: 4, current: 2"],
	])("%j", (text, count) => {
		expect(countIndexes(text, 10)).toBe(count);
	});

	it.each<readonly [completed: string, failed: string, common: number | undefined]>([
		["", "1", undefined],
		["1-3", "4-5", undefined],
		["1-3,7", "0,5-9", 7],
		["x,2", "2", 2],
	])("%j and %j", (completed, failed, common) => {
		expect(firstCommonIndex(completed, failed, 10)).toBe(common);
	});
});

describe("a CronJob's spec", () => {
	const cronJob = (spec: object = {}, meta: object = {}): KubeObject =>
		({
			metadata: { ...metadata, ...meta },
			spec: { schedule: "*/5 * * * *", jobTemplate: { spec: { template: { spec: podSpec } } }, ...spec },
		}) as KubeObject;
	const ofJob = (spec: object) => ({ jobTemplate: { spec: { template: { spec: podSpec }, ...spec } } });
	const longName = "a".repeat(53);
	const zone = (timeZone: string, ...texts: string[]) =>
		[{ timeZone }, texts.map((text) => `spec.timeZone: Invalid value: ${JSON.stringify(timeZone)}: ${text}`)] as const;
	const EXPLICIT = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
	const NO_ZONE = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";

	it.each<readonly [spec: object, errors: readonly string[]]>([
		[{}, []],
		[{ schedule: "" }, ["spec.schedule: Required value"]],
		[{ schedule: "* * * *" }, ['spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]']],
		[{ schedule: "TZ=UTC 0 * * * *" }, [`spec.schedule: Invalid value: "TZ=UTC 0 * * * *": ${NO_ZONE}`]],
		[{ schedule: "CRON_TZ=UTC 0 * * * *" }, [`spec.schedule: Invalid value: "CRON_TZ=UTC 0 * * * *": ${NO_ZONE}`]],
		[
			{ schedule: "TZ=Mars/Olympus 0 * * * *" },
			[
				'spec.schedule: Invalid value: "TZ=Mars/Olympus 0 * * * *": provided bad location Mars/Olympus: unknown time zone Mars/Olympus',
				`spec.schedule: Invalid value: "TZ=Mars/Olympus 0 * * * *": ${NO_ZONE}`,
			],
		],
		[{ startingDeadlineSeconds: -1 }, [`spec.startingDeadlineSeconds: Invalid value: -1: ${NEGATIVE}`]],
		[{ successfulJobsHistoryLimit: -1 }, [`spec.successfulJobsHistoryLimit: Invalid value: -1: ${NEGATIVE}`]],
		[{ failedJobsHistoryLimit: -1 }, [`spec.failedJobsHistoryLimit: Invalid value: -1: ${NEGATIVE}`]],
		[
			{ concurrencyPolicy: "Queue" },
			['spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"'],
		],
		zone("Europe/Berlin"),
		zone("America/Argentina/ComodRivadavia"),
		zone("US/Pacific"),
		zone("Etc/GMT+5"),
		zone("", "timeZone must be nil or non-empty string"),
		zone("Mars/Olympus", "unknown time zone Mars/Olympus"),
		zone("europe/berlin", "unknown time zone europe/berlin"),
		zone("us/pacific", "unknown time zone us/pacific"),
		zone("utc", "unknown time zone utc"),
		zone("+01", "unknown time zone +01"),
		zone("Europe//Berlin", "unknown time zone Europe//Berlin"),
		zone("../etc/passwd", "unknown time zone ../etc/passwd"),
		zone("Local", EXPLICIT),
		zone("local", EXPLICIT, "unknown time zone local"),
		[
			ofJob({ selector: { matchLabels: { a: "b" } } }),
			['spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated'],
		],
		[ofJob({ manualSelector: true }), ['spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"']],
		[ofJob({ manualSelector: false }), []],
		[ofJob({ parallelism: -1 }), [`spec.jobTemplate.spec.parallelism: Invalid value: -1: ${NEGATIVE}`]],
		[
			ofJob({ template: { spec: { containers: podSpec.containers } } }),
			['spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
		],
	])("%j", (spec, errors) => {
		expect(problems(cronJobs, cronJob(spec))).toEqual(errors);
	});

	it("may keep what an older server let in", () => {
		const old = cronJob({ schedule: "TZ=UTC 0 * * * *", timeZone: "Mars/Olympus" }, { name: longName });
		expect(problems(cronJobs, cronJob({}, { name: "a".repeat(52) }))).toEqual([]);
		expect(problems(cronJobs, cronJob({}, { name: longName }))).toEqual([
			`metadata.name: Invalid value: "${longName}": must be no more than 52 characters`,
		]);
		expect(changeProblems(cronJobs, cronJob({ timeZone: "Mars/Olympus" }, { name: longName }), old)).toEqual([]);
		expect(changeProblems(cronJobs, cronJob({ schedule: "TZ=UTC 1 * * * *" }), old)).toEqual([]);
		expect(changeProblems(cronJobs, old, old)).toEqual([
			'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule',
		]);
		expect(changeProblems(cronJobs, cronJob({ timeZone: "Mars/Hellas" }), old)).toEqual([
			'spec.timeZone: Invalid value: "Mars/Hellas": unknown time zone Mars/Hellas',
		]);
	});

	it("is warned of on changes, too", () => {
		const at = (generation: number, spec: object = {}) => cronJob(spec, { generation, name: "a.b" });
		const NAME =
			"metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]";
		const ZONE =
			"cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";
		const zoned = { schedule: "TZ=UTC 0 * * * *" };
		expect(cronJobs.warnings?.(at(1))).toEqual([NAME]);
		expect(cronJobs.warnings?.(at(2, zoned), at(1, zoned))).toEqual([ZONE]);
		expect(cronJobs.warnings?.(at(1, zoned), at(1, zoned))).toEqual([]);
	});
});

import { describe, expect, it } from "vitest";
import { cronScheduleError } from "../../../apimachinery/cron-schedule.ts";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { CronJob, Job } from "../../../apimachinery/schema/generated/types.ts";
import { created, defaulted, kindOf, printed, problems, stored, updateProblems } from "../testing/kind-probe.ts";
import { batchKinds } from "./index.ts";

const metadata = { name: "pi", namespace: "default", uid: "u-1", creationTimestamp: created };
const jobKind = kindOf(batchKinds, "jobs");
const cronJobKind = kindOf(batchKinds, "cronjobs");
const podSpec = { containers: [{ name: "pi", image: "perl:5" }], restartPolicy: "Never" };
const job = (spec: object = {}, status: object = {}, meta: object = metadata): KubeObject =>
	({ metadata: meta, spec: { template: { spec: podSpec }, ...spec }, status }) as KubeObject;
const cronJob = (spec: object = {}): KubeObject =>
	({ metadata, spec: { schedule: "*/5 * * * *", jobTemplate: { spec: { template: { spec: podSpec } } }, ...spec } }) as KubeObject;
/** A Job as the pipeline hands it to validation. */
const valid = (spec: object) =>
	job({
		selector: { matchLabels: { a: "b" } },
		manualSelector: true,
		template: { metadata: { labels: { a: "b" } }, spec: podSpec },
		...spec,
	});

describe("Job", () => {
	const generated = {
		"batch.kubernetes.io/controller-uid": "u-1",
		"batch.kubernetes.io/job-name": "pi",
		"controller-uid": "u-1",
		"job-name": "pi",
	};

	it("runs one Pod to completion, selected by the Job's uid", () => {
		const { template, ...spec } = (stored(jobKind, job()) as Job).spec ?? { template: {} };
		expect(spec).toEqual({
			backoffLimit: 6,
			completionMode: "NonIndexed",
			completions: 1,
			manualSelector: false,
			parallelism: 1,
			podReplacementPolicy: "TerminatingOrFailed",
			selector: { matchLabels: { "batch.kubernetes.io/controller-uid": "u-1" } },
			suspend: false,
		});
		expect(template.metadata).toEqual({ labels: generated });
		expect(stored(jobKind, job())).toMatchObject({ metadata: { ...metadata, labels: generated }, status: {} });
	});

	it("keeps labels and selector that its author manages", () => {
		const own = job({ manualSelector: true, selector: { matchLabels: { a: "b" } } }, {}, { ...metadata, labels: { mine: "1" } });
		expect(stored(jobKind, own)).toMatchObject({ metadata: { labels: { mine: "1" } }, spec: { selector: { matchLabels: { a: "b" } } } });
	});

	it("counts failures for each index where asked to", () => {
		expect((defaulted(jobKind, job({ backoffLimitPerIndex: 1, parallelism: 3 })) as Job).spec).toMatchObject({
			backoffLimit: 2_147_483_647,
			parallelism: 3,
		});
		expect((defaulted(jobKind, job({ parallelism: 3 })) as Job).spec).not.toHaveProperty("completions");
	});

	const started = { startTime: created };
	const condition = (type: string) => ({ conditions: [{ type, status: "True" }] });
	it.each([
		[{ completions: 3 }, {}, "Running | 0/3 | "],
		[{ completions: 3 }, { ...started, succeeded: 2 }, "Running | 2/3 | 5m"],
		[
			{ completions: 1 },
			{ ...started, ...condition("Complete"), succeeded: 1, completionTime: "2026-01-01T00:00:07Z" },
			"Complete | 1/1 | 7s",
		],
		[{ completions: 1 }, { ...started, ...condition("Failed") }, "Failed | 0/1 | 5m"],
		[{ completions: 1 }, condition("Suspended"), "Suspended | 0/1 | "],
		[{ completions: 1 }, condition("FailureTarget"), "FailureTarget | 0/1 | "],
		[{ completions: 1 }, condition("SuccessCriteriaMet"), "SuccessCriteriaMet | 0/1 | "],
		[{ parallelism: 4 }, { succeeded: 1 }, "Running | 1/1 of 4 | "],
		[{ parallelism: 1 }, {}, "Running | 0/1 | "],
	])("prints %j %j", (spec, status, expected) => {
		expect(printed(jobKind, job(spec, status))).toBe(
			`NAME | STATUS | COMPLETIONS | DURATION | AGE | (CONTAINERS) | (IMAGES) | (SELECTOR)\npi | ${expected} | 5m | pi | perl:5 | <none>`,
		);
	});

	it.each([
		[
			{ template: { metadata: { labels: { a: "b" } }, spec: { containers: podSpec.containers } } },
			['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
		],
		[{ parallelism: -1 }, ["spec.parallelism: Invalid value: -1: must be greater than or equal to 0"]],
		[
			{ completionMode: "Indexed", completions: undefined, parallelism: 1 },
			["spec.completions: Required value: when completion mode is Indexed"],
		],
		[
			{ maxFailedIndexes: 1 },
			[
				"spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
				"spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
			],
		],
		[
			{ selector: { matchLabels: { a: "c" } } },
			['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
		],
		[
			{
				podFailurePolicy: {
					rules: [{ action: "FailIndex", onExitCodes: { operator: "In", values: [0], containerName: "x" } }, { action: "Stop" }],
				},
			},
			[
				'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
				'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template',
				"spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
				'spec.podFailurePolicy.rules[1].action: Unsupported value: "Stop": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
				"spec.podFailurePolicy.rules[1]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
			],
		],
	])("says of %j", (spec, expected) => {
		expect(problems(jobKind, valid(spec))).toEqual(expected);
	});

	it("keeps its template and completions, unless it is suspended or elastic", () => {
		const moved = { template: { metadata: { labels: { a: "b" } }, spec: { ...podSpec, nodeSelector: { disk: "ssd" } } } };
		expect(updateProblems(jobKind, valid({ suspend: true, ...moved }), valid({ suspend: true }))).toEqual([]);
		expect(
			updateProblems(jobKind, valid({ ...moved, completions: 2 }), valid({ completions: 1 })).map((text) => text.split(": {")[0]),
		).toEqual(["spec.completions: Invalid value: 2: field is immutable", "spec.template: Invalid value"]);
		const indexed = (count: number, parallelism = count) => valid({ completionMode: "Indexed", completions: count, parallelism });
		expect(updateProblems(jobKind, indexed(5), indexed(3))).toEqual([]);
		expect(updateProblems(jobKind, indexed(5, 2), indexed(3))).toEqual([
			"spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism",
		]);
	});
});

describe("CronJob", () => {
	it("allows overlaps and remembers three successes and one failure", () => {
		const { jobTemplate, ...spec } = (stored(cronJobKind, cronJob()) as CronJob).spec;
		expect(spec).toEqual({
			concurrencyPolicy: "Allow",
			failedJobsHistoryLimit: 1,
			schedule: "*/5 * * * *",
			successfulJobsHistoryLimit: 3,
			suspend: false,
		});
		expect(jobTemplate.metadata).toEqual({});
		expect(jobTemplate.spec?.template).toMatchObject({ metadata: {}, spec: { dnsPolicy: "ClusterFirst", restartPolicy: "Never" } });
	});

	it("prints schedule, zone and last run", () => {
		const header = "NAME | SCHEDULE | TIMEZONE | SUSPEND | ACTIVE | LAST SCHEDULE | AGE | (CONTAINERS) | (IMAGES) | (SELECTOR)";
		expect(printed(cronJobKind, cronJob())).toBe(`${header}\npi | */5 * * * * | <none> | <unset> | 0 | <none> | 5m | pi | perl:5 | <none>`);
		const running = {
			...cronJob({ timeZone: "Europe/Berlin", suspend: false }),
			status: { active: [{}], lastScheduleTime: "2026-01-01T00:04:00Z" },
		};
		expect(printed(cronJobKind, running)).toBe(`${header}\npi | */5 * * * * | Europe/Berlin | False | 1 | 60s | 5m | pi | perl:5 | <none>`);
	});

	it("says what is wrong in Kubernetes' words", () => {
		expect(
			problems(
				cronJobKind,
				cronJob({ schedule: "often", timeZone: "Mars/Olympus", concurrencyPolicy: "Maybe", startingDeadlineSeconds: -1 }),
			),
		).toEqual([
			'spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]',
			"spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
			'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
			'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
		]);
		expect(problems(cronJobKind, cronJob({ schedule: "TZ=UTC 0 * * * *" }))).toEqual([
			'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
		]);
		const named = { ...cronJob(), metadata: { ...metadata, name: "a".repeat(53) } };
		expect(problems(cronJobKind, named)).toEqual([`metadata.name: Invalid value: "${"a".repeat(53)}": must be no more than 52 characters`]);
	});
});

describe("a cron schedule", () => {
	it.each(["0 0 1 1 0", "*/15 0-23/2 1,15 JAN-dec mon-FRI", "@daily", "@every 1h30m", "? * ? * ?", "CRON_TZ=Asia/Tokyo 5 4 * * *"])(
		"%s is good",
		(schedule) => {
			expect(cronScheduleError(schedule)).toBeUndefined();
		},
	);

	it.each([
		["", "empty spec string"],
		["* * * *", "expected exactly 5 fields, found 4: [* * * *]"],
		["60 * * * *", "end of range (60) above maximum (59): 60"],
		["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
		["5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"],
		["1-2-3 * * * *", "too many hyphens: 1-2-3"],
		["*/5/5 * * * *", "too many slashes: */5/5"],
		["*/0 * * * *", "step of range should be a positive number: */0"],
		["a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'],
		["@often", "unrecognized descriptor: @often"],
		["TZ=Mars/Olympus * * * * *", "provided bad location Mars/Olympus: unknown time zone Mars/Olympus"],
	])("%j is not", (schedule, error) => {
		expect(cronScheduleError(schedule)).toBe(error);
	});
});

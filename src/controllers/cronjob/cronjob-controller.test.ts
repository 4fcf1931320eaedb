import { beforeEach, expect, test } from "vitest";
import type { CronJob, CronJobSpec, Job } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden } from "../../apimachinery/status-error.ts";
import { formatTime, parseTime } from "../../apimachinery/time.ts";
import { cronJobs, jobs } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { cronJobController } from "./cronjob-controller.ts";

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

const minuteMs = 60_000;

function cronJob(spec: Partial<CronJobSpec> = {}): CronJob {
	return {
		metadata: { namespace: "default", name: "tick" },
		spec: {
			schedule: "* * * * *",
			concurrencyPolicy: "Allow",
			successfulJobsHistoryLimit: 3,
			failedJobsHistoryLimit: 1,
			jobTemplate: {
				metadata: { labels: { app: "tick" }, annotations: { note: "mine" } },
				spec: { template: { spec: { containers: [{ name: "c" }] } } },
			},
			...spec,
		},
	};
}

async function create(spec: Partial<CronJobSpec> = {}): Promise<void> {
	await fixture.client.resource(cronJobs).create(cronJob(spec));
	await fixture.settle();
}

const change = async (spec: Partial<CronJobSpec>) => {
	await fixture.change(cronJobs, "default/tick", (old) => ({ ...old, spec: { ...old.spec, ...spec } }));
	await fixture.settle();
};

const read = () => fixture.client.resource(cronJobs).get({ namespace: "default", name: "tick" });
const status = async () => (await read()).status ?? {};
const names = async () => (await fixture.list(jobs)).map(({ metadata }) => metadata?.name);
/** The events of these reasons; without any, of all. */
const events = async (...reasons: readonly string[]) =>
	(await fixture.events()).filter((event) => reasons.length === 0 || reasons.some((reason) => event.includes(` ${reason} `)));
const nameAt = (time: string) => `tick-${parseTime(time) / minuteMs}`;

/** In place of the Job controller. */
async function end(jobName: string, type: "Complete" | "Failed" = "Complete"): Promise<void> {
	const client = fixture.client.resource(jobs);
	const job = await client.get({ namespace: "default", name: jobName });
	const time = formatTime(fixture.clock.now());
	await client.updateStatus({
		...job,
		status: {
			startTime: job.metadata?.creationTimestamp ?? time,
			...(type === "Complete" ? { completionTime: time } : {}),
			conditions: [{ type, status: "True", lastTransitionTime: time }],
		},
	});
	await fixture.settle();
}

test("makes a Job at each time of its schedule, named after the time", async () => {
	await fixture.start(cronJobController);
	await create({ timeZone: "Asia/Tokyo" });
	expect(await names()).toEqual([]);
	await fixture.clock.advance(minuteMs);
	const [job] = await fixture.list(jobs);
	expect(job).toMatchObject({
		metadata: {
			name: nameAt("2026-01-01T00:01:00Z"),
			labels: { app: "tick" },
			annotations: { note: "mine", "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T09:01:00+09:00" },
			ownerReferences: [{ apiVersion: "batch/v1", kind: "CronJob", name: "tick", controller: true, blockOwnerDeletion: true }],
		},
		spec: { template: { spec: { containers: [{ name: "c" }] } } },
	});
	expect(await status()).toMatchObject({
		active: [{ apiVersion: "batch/v1", kind: "Job", namespace: "default", name: job?.metadata?.name, uid: job?.metadata?.uid }],
		lastScheduleTime: "2026-01-01T00:01:00Z",
	});
	await end(job?.metadata?.name ?? "");
	expect(await status()).toEqual({ lastScheduleTime: "2026-01-01T00:01:00Z", lastSuccessfulTime: "2026-01-01T00:01:00Z" });
	expect(await events()).toEqual([
		`Normal SuccessfulCreate CronJob/tick: Created job ${job?.metadata?.name}`,
		`Normal SawCompletedJob CronJob/tick: Saw completed job: ${job?.metadata?.name}, condition: Complete`,
	]);
	expect(fixture.complaints).toEqual([]);
});

test("a day of minutes: one Job each, and the last three are kept", async () => {
	await fixture.start(cronJobController);
	await create();
	for (let minute = 1; minute <= 24 * 60; minute++) {
		await fixture.clock.advance(minuteMs - (fixture.clock.now() % minuteMs) + 1_000);
		await end(`tick-${Math.floor(fixture.clock.now() / minuteMs)}`);
	}
	expect(fixture.api.requests.filter(({ verb, resource }) => verb === "create" && resource === "jobs").length).toBe(24 * 60);
	expect(await names()).toEqual(["2026-01-01T23:58:00Z", "2026-01-01T23:59:00Z", "2026-01-02T00:00:00Z"].map(nameAt));
	expect(fixture.complaints).toEqual([]);
});

test("Jobs that failed are kept by their own limit", async () => {
	await fixture.start(cronJobController);
	await create({ failedJobsHistoryLimit: 1, successfulJobsHistoryLimit: 0 });
	for (const type of ["Failed", "Complete", "Failed"] as const) {
		await fixture.clock.advance(minuteMs);
		await end(`tick-${Math.floor(fixture.clock.now() / minuteMs)}`, type);
	}
	expect(await names()).toEqual([nameAt("2026-01-01T00:03:00Z")]);
	expect(await events("SuccessfulDelete")).toEqual([
		`Normal SuccessfulDelete CronJob/tick: Deleted job ${nameAt("2026-01-01T00:02:00Z")}`,
		`Normal SuccessfulDelete CronJob/tick: Deleted job ${nameAt("2026-01-01T00:01:00Z")}`,
	]);
	expect((await status()).lastSuccessfulTime).toBe("2026-01-01T00:02:00Z");
});

test.each([
	["Allow", 3, 3, "SuccessfulCreate"],
	["Forbid", 1, 1, "JobAlreadyActive"],
	["Replace", 1, 1, "SuccessfulDelete"],
])("concurrency policy %s: %i Jobs run, %i active", async (concurrencyPolicy, running, active, reason) => {
	await fixture.start(cronJobController);
	await create({ concurrencyPolicy });
	await fixture.clock.advance(3 * minuteMs);
	expect((await names()).length).toBe(running);
	expect((await status()).active?.length).toBe(active);
	expect((await events(reason)).length).toBeGreaterThan(0);
	const last = concurrencyPolicy === "Forbid" ? "2026-01-01T00:01:00Z" : "2026-01-01T00:03:00Z";
	expect((await names()).at(-1)).toBe(nameAt(last));
	expect((await status()).lastScheduleTime).toBe(last);
});

test("a run that was forbidden comes late, when the one before it is over", async () => {
	await fixture.start(cronJobController);
	await create({ concurrencyPolicy: "Forbid" });
	await fixture.clock.advance(2 * minuteMs + 1_000);
	expect(await events("JobAlreadyActive")).toEqual([
		"Normal JobAlreadyActive CronJob/tick: Not starting job because prior execution is running and concurrency policy is Forbid",
	]);
	await end(nameAt("2026-01-01T00:01:00Z"));
	expect((await status()).active?.map(({ name }) => name)).toEqual([nameAt("2026-01-01T00:02:00Z")]);
});

test("a suspended CronJob starts nothing, and afterwards only the latest of what it missed", async () => {
	await fixture.start(cronJobController);
	await create({ suspend: true });
	await fixture.clock.advance(10 * minuteMs);
	expect(await names()).toEqual([]);
	await change({ suspend: false });
	expect(await names()).toEqual([nameAt("2026-01-01T00:10:00Z")]);
});

test("what is too late is not started", async () => {
	await fixture.start(cronJobController);
	await create({ suspend: true, schedule: "0 * * * *", startingDeadlineSeconds: 120 });
	await fixture.clock.advance(61 * minuteMs);
	await change({ suspend: false });
	expect(await names()).toEqual([nameAt("2026-01-01T01:00:00Z")]);
	await change({ suspend: true });
	await fixture.clock.advance(65 * minuteMs);
	await change({ suspend: false });
	expect(await names()).toEqual([nameAt("2026-01-01T01:00:00Z")]);
	await fixture.clock.advance(60 * minuteMs);
	expect(await names()).toEqual([nameAt("2026-01-01T01:00:00Z"), nameAt("2026-01-01T03:00:00Z")]);
});

test("more than a hundred missed times are told", async () => {
	await fixture.start(cronJobController);
	await create({ suspend: true });
	await fixture.clock.advance(102 * minuteMs);
	await change({ suspend: false });
	expect(await names()).toEqual([nameAt("2026-01-01T01:42:00Z")]);
	expect(await events("TooManyMissedTimes")).toEqual([
		"Warning TooManyMissedTimes CronJob/tick: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
	]);
});

test("a schedule that never comes is told, and does no harm", async () => {
	await fixture.start(cronJobController);
	await create({ schedule: "0 0 31 2 *" });
	await fixture.clock.advance(24 * 60 * minuteMs);
	expect(await names()).toEqual([]);
	expect(await events()).toEqual([
		"Warning InvalidSchedule CronJob/tick: invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second",
	]);
	expect(fixture.complaints).toEqual([]);
});

test.each<[Partial<CronJobSpec>, string]>([
	[
		{ schedule: "61 * * * *" },
		'UnparseableSchedule CronJob/tick: unparseable schedule: "61 * * * *" : end of range (61) above maximum (59): 61',
	],
	[{ timeZone: "Mars/Olympus" }, 'UnknownTimeZone CronJob/tick: invalid timeZone: "Mars/Olympus": unknown time zone Mars/Olympus'],
])("what the API server would refuse is told: %j", async (spec, event) => {
	await fixture.start(cronJobController);
	await create(spec);
	await fixture.clock.advance(5 * minuteMs);
	expect(await names()).toEqual([]);
	expect(await events()).toEqual([`Warning ${event}`]);
});

test("a new schedule holds from its next time on", async () => {
	await fixture.start(cronJobController);
	await create({ schedule: "0 0 1 1 *" });
	await change({ schedule: "30 * * * *" });
	await fixture.clock.advance(29 * minuteMs);
	expect(await names()).toEqual([]);
	await fixture.clock.advance(minuteMs);
	expect(await names()).toEqual([nameAt("2026-01-01T00:30:00Z")]);
});

test("a Job made by hand is told, and counts when it succeeds; one that went missing leaves the list", async () => {
	await fixture.start(cronJobController);
	await create({ schedule: "0 0 1 * *" });
	const owner = await read();
	const reference = { apiVersion: "batch/v1", kind: "CronJob", name: "tick", uid: owner.metadata?.uid ?? "", controller: true };
	const byHand: Job = { metadata: { namespace: "default", name: "by-hand", ownerReferences: [reference] } };
	await fixture.client.resource(jobs).create(byHand);
	await fixture.settle();
	expect(await events()).toEqual(["Warning UnexpectedJob CronJob/tick: Saw a job that the controller did not create or forgot: by-hand"]);
	expect((await status()).active).toBe(undefined);
	await end("by-hand");
	expect((await status()).lastSuccessfulTime).toBe("2026-01-01T00:00:00Z");
	await change({ schedule: "* * * * *" });
	await fixture.clock.advance(minuteMs);
	const made = (await status()).active?.[0]?.name ?? "";
	await fixture.client.resource(jobs).delete({ namespace: "default", name: made });
	await fixture.settle();
	expect((await status()).active).toBe(undefined);
	expect(await events("MissingJob")).toEqual([`Normal MissingJob CronJob/tick: Active job went missing: ${made}`]);
});

test("a Job whose making nobody could note is found again by its name, and made once", async () => {
	fixture.api.intercept = ({ verb, resource, subresource }) => {
		if (verb === "update" && resource === "cronjobs" && subresource === "status")
			throw newForbidden({ group: "batch", resource }, "tick", "not now");
	};
	await fixture.start(cronJobController);
	await create({ concurrencyPolicy: "Forbid" });
	await fixture.clock.advance(minuteMs + 100);
	expect(await names()).toEqual([nameAt("2026-01-01T00:01:00Z")]);
	await fixture.stop();
	fixture.api.intercept = undefined;
	await fixture.restart(cronJobController);
	expect(await names()).toEqual([nameAt("2026-01-01T00:01:00Z")]);
	expect(await status()).toMatchObject({ active: [{ name: nameAt("2026-01-01T00:01:00Z") }], lastScheduleTime: "2026-01-01T00:01:00Z" });
});

test("a Job that cannot be made is told, and tried again", async () => {
	fixture.api.intercept = ({ verb, resource }) => {
		if (verb === "create" && resource === "jobs") throw newForbidden({ group: "batch", resource: "jobs" }, "tick-1", "exceeded quota: q");
	};
	await fixture.start(cronJobController);
	await create({ schedule: "0 * * * *" });
	await fixture.clock.advance(60 * minuteMs + 1_000);
	expect((await events())[0]).toMatch(
		/^Warning FailedCreate CronJob\/tick: Error creating job: jobs.batch "tick-1" is forbidden: exceeded quota: q/,
	);
	fixture.api.intercept = undefined;
	await fixture.clock.advance(5 * minuteMs);
	expect(await names()).toEqual([nameAt("2026-01-01T01:00:00Z")]);
});

import { beforeEach, expect, test } from "vitest";
import type { Job } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { jobs } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { ttlAfterFinishedController } from "./ttl-after-finished-controller.ts";

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

async function create(name: string, ttlSecondsAfterFinished?: number): Promise<void> {
	const ttl = ttlSecondsAfterFinished === undefined ? {} : { ttlSecondsAfterFinished };
	await fixture.client.resource(jobs).create({ metadata: { namespace: "default", name }, spec: { template: {}, ...ttl } });
}

async function end(name: string, type: "Complete" | "Failed"): Promise<void> {
	const client = fixture.client.resource(jobs);
	const lastTransitionTime = formatTime(fixture.clock.now());
	const job: Job = await client.get({ namespace: "default", name });
	await client.updateStatus({ ...job, status: { conditions: [{ type, status: "True", lastTransitionTime }] } });
	await fixture.settle();
}

/** Names of the Jobs that are there and not being deleted. */
const left = async () =>
	(await fixture.list(jobs)).filter(({ metadata }) => metadata?.deletionTimestamp === undefined).map(({ metadata }) => metadata?.name);

test.each(["Complete", "Failed"] as const)("a %s Job goes when its time is up, after its pods", async (type) => {
	await fixture.start(ttlAfterFinishedController);
	await create("brief", 100);
	await create("endless", 100);
	await create("kept");
	await end("brief", type);
	await end("kept", type);
	await fixture.clock.advance(99_000);
	expect(await left()).toEqual(["brief", "endless", "kept"]);
	await fixture.clock.advance(2_000);
	expect(await left()).toEqual(["endless", "kept"]);
	const [going] = await fixture.list(jobs);
	expect(going?.metadata?.finalizers).toEqual(["foregroundDeletion"]);
	expect(fixture.complaints).toEqual([]);
});

test("at once with 0 seconds, and for Jobs that ended before the controller started", async () => {
	await create("brief", 0);
	await end("brief", "Complete");
	await fixture.start(ttlAfterFinishedController);
	expect(await left()).toEqual([]);
});

test("a longer time that the cache does not show yet is heeded", async () => {
	await fixture.start(ttlAfterFinishedController);
	await create("brief", 100);
	await end("brief", "Complete");
	await fixture.clock.advance(99_000);
	// From here on the cache hears of nothing.
	fixture.api.intercept = ({ verb }) => (verb === "watch" || verb === "list" ? new Promise(() => undefined) : undefined);
	fixture.api.endWatches();
	await fixture.change(jobs, "default/brief", (job) => ({ ...job, spec: { template: {}, ttlSecondsAfterFinished: 1_000 } }));
	const isThere = async () => {
		const job = await fixture.client
			.resource(jobs)
			.get({ namespace: "default", name: "brief" })
			.catch(() => undefined);
		return job !== undefined && job.metadata?.deletionTimestamp === undefined;
	};
	await fixture.clock.advance(300_000);
	expect(await isThere()).toBe(true);
	await fixture.clock.advance(700_000);
	expect(await isThere()).toBe(false);
});

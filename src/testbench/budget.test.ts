import { expect, test } from "vitest";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { sleep } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { configMaps } from "../client/resources.ts";
import { loadOrCreatePki } from "../cluster/index.ts";
import { BudgetError } from "./budget.ts";
import type { RunnableController } from "./run-controller.ts";
import { createCluster, type TestCluster } from "./test-cluster.ts";

const pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });
const budget = { changes: 500, timersAtOnce: 300, requestsAtOnce: 200 };

async function make(): Promise<TestCluster> {
	const cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: [], budget });
	await cluster.apply("{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }");
	return cluster;
}

/** Writes one object, and waits in its way after each time. */
const restless = (wait: (clock: Clock) => Promise<unknown>, write = true): RunnableController => ({
	name: "restless",
	async run({ client, clock }, signal) {
		const maps = client.resource(configMaps);
		for (let at = 0; !signal.aborted; at++) {
			const body = { metadata: { annotations: { at: String(at) } } };
			if (write) await maps.patch({ namespace: "default", name: "a" }, "application/merge-patch+json", body);
			await wait(clock);
		}
	},
});

async function failureOf(cluster: TestCluster, duration: string): Promise<Error> {
	const failure = await cluster.advance(duration).then(
		() => undefined,
		(error: unknown) => error,
	);
	expect(failure).toBeInstanceOf(BudgetError);
	return failure as Error;
}

test("a year of somebody who writes every second ends early, and says who", async () => {
	await using cluster = await make();
	cluster.run(restless((clock) => sleep(clock, 1_000)));
	const { message } = await failureOf(cluster, "8760h");
	expect(message).toMatch(/^more than 500 changes after 8m2\ds; busiest: restless ConfigMap default\/a \(50\d changes\)/);
	expect(cluster.clock.now() - cluster.startMs).toBeLessThan(600_000);
});

test("a loop that waits no time at all is ended", async () => {
	await using cluster = await make();
	const process = cluster.run(restless(async () => undefined));
	expect((await failureOf(cluster, "1m")).message).toBe("restless sent more than 200 requests in one instant, and was ended");
	expect(process.isRunning).toBe(false);
});

test("timers of one instant without end are found", async () => {
	await using cluster = await make();
	cluster.run(restless((clock) => sleep(clock, 0), false));
	expect((await failureOf(cluster, "1m")).message).toMatch(/^more than 300 timers in one instant after \d+s; /);
});

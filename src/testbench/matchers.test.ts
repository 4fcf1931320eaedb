import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { loadOrCreatePki } from "../cluster/index.ts";
import { kubernetesMatchers } from "./matchers.ts";
import { createCluster } from "./test-cluster.ts";

const pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });
const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx}]}";

test("conditions, events and what comes to hold; and what is said when it does not", async () => {
	const { toHaveCondition, toHaveEvent, toConverge } = kubernetesMatchers;
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 1 });
	await cluster.advance("1s");
	await cluster.apply(pod);
	const isReady = async () => toHaveCondition(await cluster.get("pod", "p"), "Ready").pass;
	const late = await toConverge(cluster, () => false, { within: "1s" });
	expect([late.pass, late.message()]).toEqual([false, expect.stringContaining("Pulling image")]);
	expect(await toConverge(cluster, isReady, { within: "1m" })).toMatchObject({ pass: true });
	const ready = await cluster.get("pod", "p");
	expect(toHaveCondition(ready, "Ready", "False", "Why").message()).toMatch(/^Pod p has .*Ready=True.*; wanted: Ready=False \(Why\)$/);
	expect(toHaveCondition(ready, "Initialized", "True").pass).toBe(true);
	expect(toHaveEvent(cluster, { type: "Normal", reason: "Scheduled", object: "Pod/p", message: /^Successfully assigned/ }).pass).toBe(true);
	const failing = toHaveEvent(cluster, { reason: "Scheduled", message: "other" });
	expect([failing.pass, failing.message()]).toEqual([
		false,
		expect.stringMatching(/^no event Scheduled other; there are:\n(.|\n)*Pulling/),
	]);
});

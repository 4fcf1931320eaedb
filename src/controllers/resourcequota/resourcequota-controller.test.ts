import { beforeEach, expect, test } from "vitest";
import type { Pod, ResourceQuota } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { configMaps, pods, resourceQuotas } from "../../client/resources.ts";
import { builtInDeletableResources } from "../deletable-resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { resourceQuotaController } from "./resourcequota-controller.ts";

let fixture: ControllerFixture;

beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(resourceQuotaController(builtInDeletableResources()));
});

async function makeQuota(hard: Readonly<Record<string, string>>, spec: ResourceQuota["spec"] = {}): Promise<void> {
	await fixture.client.resource(resourceQuotas).create({ metadata: { namespace: "default", name: "q" }, spec: { ...spec, hard } });
	await fixture.settle();
}

async function makePod(name: string, rest: Partial<Pod> = {}, cpu = "500m"): Promise<void> {
	const spec = { containers: [{ name: "c", resources: { requests: { cpu } } }] };
	await fixture.client.resource(pods).create({ metadata: { namespace: "default", name }, spec, ...rest });
}

const status = async () => (await fixture.client.resource(resourceQuotas).get({ namespace: "default", name: "q" })).status;
const used = async () => (await status())?.used;

test("counts what is there, and says what it counts; what nobody can count has no usage", async () => {
	await makePod("a");
	await makePod("b", { status: { phase: "Succeeded" } });
	await makePod("elsewhere", { metadata: { namespace: "other", name: "elsewhere" } });
	await makeQuota({ pods: "9", "requests.cpu": "4", "count/pods": "9", "count/configmaps": "3", "count/widgets.example.com": "1" });
	expect(await status()).toEqual({
		hard: { pods: "9", "requests.cpu": "4", "count/pods": "9", "count/configmaps": "3", "count/widgets.example.com": "1" },
		used: { "count/configmaps": "0", "count/pods": "2", pods: "1", "requests.cpu": "500m" },
	});
});

test("counts only what is in every scope", async () => {
	await makePod("a", { status: { qosClass: "Burstable" } });
	await makePod("b", { status: { qosClass: "BestEffort" } });
	await makeQuota({ pods: "9" }, { scopes: ["BestEffort"] });
	expect(await used()).toEqual({ pods: "1" });
});

test("gives back what goes, ends, or takes less", async () => {
	for (const name of ["a", "b", "c"]) await makePod(name);
	await fixture.client.resource(configMaps).create({ metadata: { namespace: "default", name: "m" } });
	await makeQuota({ pods: "9", "requests.cpu": "9", configmaps: "9" });
	expect(await used()).toEqual({ configmaps: "1", pods: "3", "requests.cpu": "1500m" });
	await fixture.client.resource(pods).delete({ namespace: "default", name: "a" });
	await fixture.client.resource(configMaps).delete({ namespace: "default", name: "m" });
	await fixture.settle();
	expect(await used()).toEqual({ configmaps: "0", pods: "2", "requests.cpu": "1" });
	const b = await fixture.client.resource(pods).get({ namespace: "default", name: "b" });
	await fixture.client.resource(pods).updateStatus({ ...b, status: { phase: "Failed" } });
	await fixture.settle();
	expect(await used()).toEqual({ configmaps: "0", pods: "1", "requests.cpu": "500m" });
	const containers = [{ name: "c", resources: { requests: { cpu: "100m" } } }];
	await fixture.change(pods, "default/c", (pod) => ({ ...pod, spec: { containers } }));
	await fixture.settle();
	expect(await used()).toEqual({ configmaps: "0", pods: "1", "requests.cpu": "100m" });
});

test("a change of what is limited is taken over at once, a wrong usage within five minutes", async () => {
	await makePod("a");
	await makeQuota({ pods: "9" });
	await fixture.change(resourceQuotas, "default/q", (quota) => ({ ...quota, spec: { hard: { "requests.cpu": "2" } } }));
	await fixture.settle();
	expect(await status()).toEqual({ hard: { "requests.cpu": "2" }, used: { "requests.cpu": "500m" } });
	const quota = await fixture.client.resource(resourceQuotas).get({ namespace: "default", name: "q" });
	await fixture.client.resource(resourceQuotas).updateStatus({ ...quota, status: { ...quota.status, used: { "requests.cpu": "7" } } });
	await fixture.clock.advance(299_000);
	expect(await used()).toEqual({ "requests.cpu": "7" });
	await fixture.clock.advance(2_000);
	expect(await used()).toEqual({ "requests.cpu": "500m" });
});

test("a pod that should be gone, and is not, takes nothing any more", async () => {
	const deletionTimestamp = formatTime(fixture.clock.now() + 10_000);
	await makePod("stuck", {
		metadata: { namespace: "default", name: "stuck", deletionTimestamp, deletionGracePeriodSeconds: 10, finalizers: ["example.com/keep"] },
	});
	await makeQuota({ pods: "9" });
	expect(await used()).toEqual({ pods: "1" });
	await fixture.clock.advance(19_000);
	expect(await used()).toEqual({ pods: "1" });
	await fixture.clock.advance(3_000);
	expect(await used()).toEqual({ pods: "0" });
});

test("writes nothing when nothing has changed", async () => {
	await makePod("a");
	await makeQuota({ pods: "9" });
	fixture.takeWrites();
	await fixture.clock.advance(11 * 60_000);
	expect(fixture.takeWrites()).toEqual([]);
	expect(fixture.complaints).toEqual([]);
});

/** metrics.k8s.io as the API server answers it: from what a source of usage says, for as long as its APIService lets it. */
import { beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { UsageSource } from "../../apimachinery/usage.ts";
import { type ServerFixture, startServer } from "../testing.ts";
import { metricsApiService } from "./metrics-api.ts";
import { registerMetricsApi } from "./registration.ts";

let fixture: ServerFixture;
let source: UsageSource | undefined;
const timestampMs = Date.UTC(2026, 0, 1, 0, 0, 15);

beforeEach(async () => {
	source = {
		podUsage: (_, pod) =>
			pod === "young"
				? undefined
				: {
						timestampMs,
						windowMs: 12_500,
						containers: [
							{ name: "app", cpuNanoCores: 1_234_567, memoryBytes: 12_288 },
							{ name: "log", cpuNanoCores: 2_000_000, memoryBytes: 1_048_576 },
						],
					},
		nodeUsage: () => ({ timestampMs, windowMs: 15_000, cpuNanoCores: 250_000_000, memoryBytes: 3_221_225_472 }),
	};
	fixture = await startServer({ usage: () => source });
	await registerMetricsApi(fixture.server, fixture.clock.now());
	await fixture.clusterResource("", "v1", "nodes").send("create", { body: { metadata: { name: "n1", labels: { zone: "a" } } } });
	for (const [name, phase] of [
		["web", "Running"],
		["young", "Running"],
		["done", "Succeeded"],
	] as const) {
		const body = { metadata: { name, labels: { app: name } }, spec: { containers: [{ name: "app", image: "x" }], nodeName: "n1" } };
		const made = await fixture.resource("", "v1", "pods").send("create", { body });
		await fixture
			.resource("", "v1", "pods")
			.send("update", { name, subresource: "status", body: { ...made, status: { phase } } as KubeObject });
	}
});

const pods = () => fixture.resource("metrics.k8s.io", "v1beta1", "pods");
const nodes = () => fixture.clusterResource("metrics.k8s.io", "v1beta1", "nodes");

describe("pods", () => {
	it("are told of with their labels, by container", async () => {
		expect(await pods().send("get", { name: "web" })).toEqual({
			kind: "PodMetrics",
			apiVersion: "metrics.k8s.io/v1beta1",
			metadata: { name: "web", namespace: "default", creationTimestamp: "2026-01-01T00:00:00Z", labels: { app: "web" } },
			timestamp: "2026-01-01T00:00:15Z",
			window: "12.5s",
			containers: [
				{ name: "app", usage: { cpu: "1234567n", memory: "12Ki" } },
				{ name: "log", usage: { cpu: "2m", memory: "1Mi" } },
			],
		});
	});

	it.each([
		["all that run and have been seen", {}, ["web"]],
		["by label", { labelSelector: "app in (web,done)" }, ["web"]],
		["by label, none", { labelSelector: "app=nobody" }, []],
		["by name", { fieldSelector: "metadata.name=web" }, ["web"]],
		["by another name", { fieldSelector: "metadata.name=done" }, []],
	])("in a list: %s", async (_, options, names) => {
		const list = await pods().list({ options });
		expect([list.kind, list.items.map(({ metadata }) => metadata?.name)]).toEqual(["PodMetricsList", names]);
	});

	it.each([
		["young", '404 NotFound: podmetrics.metrics.k8s.io "default/young" not found'],
		["done", '404 NotFound: podmetrics.metrics.k8s.io "default/done" not found'],
		["nobody", '404 NotFound: pods "nobody" not found'],
	])("%s is not there", async (name, failure) => {
		expect(await pods().failure("get", { name })).toBe(failure);
	});
});

it("nodes are told of as a whole", async () => {
	expect(await nodes().send("get", { name: "n1" })).toMatchObject({
		kind: "NodeMetrics",
		metadata: { name: "n1", labels: { zone: "a" } },
		window: "15s",
		usage: { cpu: "250m", memory: "3Gi" },
	});
	expect((await nodes().list()).items).toHaveLength(1);
	expect(await nodes().failure("get", { name: "n2" })).toBe('404 NotFound: nodemetrics.metrics.k8s.io "n2" not found');
});

it.each(["create", "update", "patch", "delete", "deletecollection"] as const)("%s is no verb of it", async (verb) => {
	expect(await pods().failure(verb, { name: "web", body: {} })).toMatch(/^405 MethodNotAllowed: /);
});

describe("whether it is served", () => {
	const apiServices = () => fixture.clusterResource("apiregistration.k8s.io", "v1", "apiservices");
	const isListed = () => fixture.server.resources.some(({ group }) => group === "metrics.k8s.io");

	it("is for its APIService to say", async () => {
		expect(isListed()).toBe(true);
		const service = await apiServices().send("get", { name: metricsApiService });
		const spec = {
			...(service as { spec?: object }).spec,
			service: { namespace: "kube-system", name: "metrics-server" },
			insecureSkipTLSVerify: true,
		};
		await apiServices().send("update", { name: metricsApiService, body: { ...service, spec } as KubeObject });
		expect(isListed()).toBe(false);
		expect(await pods().failure("list")).toBe("404 NotFound: the server could not find the requested resource");
	});

	it("is not, while another server runs the nodes", async () => {
		source = undefined;
		for (const failure of [await pods().failure("list"), await nodes().failure("get", { name: "n1" })])
			expect(failure).toBe("503 ServiceUnavailable: another server of this cluster runs its nodes now");
	});

	it("is registered once: what a user has changed stays", async () => {
		const patch = { name: metricsApiService, patchType: "application/merge-patch+json", body: { spec: { versionPriority: 7 } } } as const;
		await apiServices().send("patch", patch);
		await registerMetricsApi(fixture.server, fixture.clock.now());
		expect(await apiServices().send("get", { name: metricsApiService })).toMatchObject({
			spec: { versionPriority: 7 },
			status: { conditions: [{ type: "Available", status: "True", reason: "Local" }] },
		});
	});
});

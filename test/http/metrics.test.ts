/**
 * /metrics as Prometheus reads it: form, names, types and labels of kube-apiserver 1.36, and figures that are right.
 * Source: https://kubernetes.io/docs/reference/instrumentation/metrics/
 */
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Fixture, settle, startFixture } from "./fixture.ts";
import { parsePrometheusText, type Sample } from "./prometheus-text.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const deployments = "/apis/apps/v1/namespaces/default/deployments";

let f: Fixture;
beforeEach(async () => {
	f = await startFixture();
});
afterEach(() => f.close());

const page = async () => parsePrometheusText((await f.get("/metrics")).text);
/** The values of a metric's series that have these labels. */
async function values(name: string, labels: Readonly<Record<string, string>>, suffix = ""): Promise<number[]> {
	const matches = (sample: Sample) =>
		sample.name === name + suffix && Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
	return ((await page()).get(name)?.samples ?? []).filter(matches).map(({ value }) => value);
}

describe("form", () => {
	/** Something of everything that is counted. */
	beforeEach(async () => {
		await f.create(maps, { metadata: { name: "a" } });
		await f.get(maps);
		await f.get(`${maps}/missing`);
		await f.send(
			"PATCH",
			`${maps}/b?fieldManager=m&dryRun=All`,
			{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "b" } },
			{ "content-type": "application/apply-patch+yaml" },
		);
		await f.send("DELETE", `${maps}/a`);
		await f.watch(maps, () => f.create(maps, { metadata: { name: "w" } }));
		await f.get("/readyz");
		await f.get("/nonsense");
	});

	test.each([
		["apiserver_request_total", "counter", "STABLE", "code component dry_run group resource scope subresource verb version"],
		["apiserver_request_duration_seconds", "histogram", "STABLE", "component dry_run group resource scope subresource verb version"],
		["apiserver_response_sizes", "histogram", "STABLE", "component group resource scope subresource verb version"],
		["apiserver_longrunning_requests", "gauge", "STABLE", "component group resource scope subresource verb version"],
		["apiserver_current_inflight_requests", "gauge", "STABLE", "request_kind"],
		["apiserver_watch_events_total", "counter", "ALPHA", "group resource version"],
		["apiserver_watch_events_sizes", "histogram", "ALPHA", "group resource version"],
		["apiserver_storage_objects", "gauge", "STABLE", "resource"],
		["apiserver_resource_objects", "gauge", "ALPHA", "group resource"],
		["apiserver_storage_size_bytes", "gauge", "STABLE", "storage_cluster_id"],
		["etcd_request_duration_seconds", "histogram", "ALPHA", "group operation resource"],
		["etcd_requests_total", "counter", "ALPHA", "group operation resource"],
		["kubernetes_build_info", "gauge", "BETA", "build_date compiler git_commit git_tree_state git_version go_version major minor platform"],
		["apiserver_flowcontrol_dispatched_requests_total", "counter", "BETA", "flow_schema priority_level"],
		["apiserver_flowcontrol_current_executing_requests", "gauge", "BETA", "flow_schema priority_level"],
		["apiserver_flowcontrol_current_executing_seats", "gauge", "BETA", "flow_schema priority_level"],
		["apiserver_flowcontrol_current_inqueue_requests", "gauge", "BETA", "flow_schema priority_level"],
		["apiserver_flowcontrol_nominal_limit_seats", "gauge", "BETA", "priority_level"],
		["apiserver_flowcontrol_current_limit_seats", "gauge", "ALPHA", "priority_level"],
		["apiserver_flowcontrol_request_wait_duration_seconds", "histogram", "BETA", "execute flow_schema priority_level"],
		["apiserver_flowcontrol_request_execution_seconds", "histogram", "ALPHA", "flow_schema priority_level type"],
		["process_cpu_seconds_total", "counter", "", ""],
		["process_resident_memory_bytes", "gauge", "", ""],
		["process_start_time_seconds", "gauge", "", ""],
	])("%s is a %s (%s) with the labels %s", async (name, type, stability, labels) => {
		const family = (await page()).get(name);
		expect(family?.type).toBe(type);
		expect(/^\[(\w+)\]/.exec(family?.help ?? "")?.[1] ?? "").toBe(stability);
		for (const sample of family?.samples ?? []) {
			const { le: _, ...others } = sample.labels;
			expect(Object.keys(others).join(" ")).toBe(labels);
		}
	});

	test("the page has Prometheus' content type, and promtool takes it where there is one", async () => {
		const answer = await f.get("/metrics");
		expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
		const { error, status, stderr } = spawnSync("promtool", ["check", "metrics"], { input: answer.text, encoding: "utf8" });
		if (error !== undefined) return;
		// 3: what promtool finds unfashionable in names, of which Kubernetes' own has some.
		expect([0, 3], stderr).toContain(status);
	});

	test("buckets are upstream's", async () => {
		const bounds = async (name: string, labels: Readonly<Record<string, string>>) =>
			((await page()).get(name)?.samples ?? [])
				.filter(
					(sample) => sample.name.endsWith("_bucket") && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
				)
				.map(({ labels: { le } }) => le)
				.join(" ");
		const durations = "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60 +Inf";
		const list = { verb: "LIST", resource: "configmaps" };
		expect(await bounds("apiserver_request_duration_seconds", list)).toBe(durations);
		expect(await bounds("apiserver_response_sizes", list)).toBe("1000 10000 100000 1e+06 1e+07 1e+08 1e+09 +Inf");
		expect(await bounds("apiserver_watch_events_sizes", {})).toBe("1024 2048 4096 8192 16384 32768 65536 131072 +Inf");
	});
});

describe("figures", () => {
	test.each([
		["LIST", "200", "namespace", { group: "", version: "v1", resource: "configmaps" }, () => f.get(maps)],
		["LIST", "200", "cluster", { group: "", version: "v1", resource: "configmaps" }, () => f.get("/api/v1/configmaps")],
		["GET", "404", "resource", { resource: "configmaps" }, () => f.get(`${maps}/missing`)],
		["POST", "201", "resource", { resource: "configmaps" }, () => f.create(maps, { metadata: { name: "a" } })],
		[
			"PUT",
			"404",
			"resource",
			{ resource: "deployments", group: "apps" },
			() => f.send("PUT", `${deployments}/x`, { metadata: { name: "x" } }),
		],
		[
			"PATCH",
			"404",
			"resource",
			{ subresource: "scale" },
			() => f.send("PATCH", `${deployments}/x/scale`, {}, { "content-type": "application/merge-patch+json" }),
		],
		[
			"APPLY",
			"415",
			"resource",
			{},
			() => f.send("PATCH", `${maps}/x`, "{}", { "content-type": "application/apply-patch+yaml; charset=x" }),
		],
		["DELETE", "404", "resource", { resource: "configmaps" }, () => f.send("DELETE", `${maps}/x`)],
		["DELETECOLLECTION", "200", "namespace", { dry_run: "All" }, () => f.send("DELETE", `${maps}?dryRun=All`)],
		["GET", "200", "", { subresource: "/readyz", component: "" }, () => f.get("/readyz")],
		["GET", "404", "", { subresource: "" }, () => f.get("/nonsense")],
	] as const)("%s %s (%s) %j", async (verb, code, scope, labels, send) => {
		const wanted = { verb, scope, ...labels, ...(verb === "APPLY" ? {} : { code }) };
		const before = await values("apiserver_request_total", wanted);
		await send();
		const after = await values("apiserver_request_total", wanted);
		expect(after.reduce((sum, value) => sum + value, 0)).toBe(before.reduce((sum, value) => sum + value, 0) + 1);
	});

	test("how long a request took, and how large its answer was", async () => {
		const pending = f.refusal("GET", `${maps}?resourceVersion=999`);
		await f.clock.advance(3000);
		await pending;
		const list = { verb: "LIST", resource: "configmaps" };
		expect(await values("apiserver_request_duration_seconds", list, "_sum")).toEqual([3]);
		expect(await values("apiserver_request_duration_seconds", { ...list, le: "2" }, "_bucket")).toEqual([0]);
		expect(await values("apiserver_request_duration_seconds", { ...list, le: "3" }, "_bucket")).toEqual([1]);
		const [before = 0] = await values("apiserver_response_sizes", list, "_sum");
		await f.create(maps, { metadata: { name: "big" }, data: { text: "x".repeat(200_000) } });
		const { bytes } = await f.get(maps);
		expect(await values("apiserver_response_sizes", list, "_sum")).toEqual([before + bytes.length]);
		expect(await values("apiserver_response_sizes", { ...list, le: "100000" }, "_bucket")).toEqual([1]);
		expect(await values("apiserver_response_sizes", { ...list, le: "1e+06" }, "_bucket")).toEqual([2]);
	});

	test("watches that run, and the events they were sent", async () => {
		const pending = f.get(`${maps}?watch=true&timeoutSeconds=10`);
		await settle();
		await f.create(maps, { metadata: { name: "a" } });
		await settle();
		const watch = { verb: "WATCH", resource: "configmaps", scope: "namespace" };
		expect(await values("apiserver_longrunning_requests", watch)).toEqual([1]);
		await f.clock.advance(10_000);
		await pending;
		expect(await values("apiserver_longrunning_requests", watch)).toEqual([0]);
		expect(await values("apiserver_watch_events_total", { resource: "configmaps", version: "v1", group: "" })).toEqual([1]);
		expect(await values("apiserver_request_duration_seconds", watch, "_sum")).toEqual([10]);
	});

	test("objects in the store, and requests to it", async () => {
		const created = async () => (await values("etcd_requests_total", { operation: "create", resource: "configmaps" }))[0] ?? 0;
		expect(await values("apiserver_resource_objects", { group: "", resource: "configmaps" })).toEqual([0]);
		await f.create(maps, { metadata: { name: "a" } });
		expect(await values("apiserver_resource_objects", { group: "", resource: "configmaps" })).toEqual([1]);
		expect(await values("apiserver_storage_objects", { resource: "deployments.apps" })).toEqual([0]);
		expect(await created()).toBe(1);
		expect(await values("etcd_request_duration_seconds", { operation: "create", resource: "configmaps" }, "_count")).toEqual([1]);
		await f.get(`${maps}?resourceVersion=${f.server.revision}&resourceVersionMatch=Exact`);
		expect(await values("etcd_requests_total", { operation: "list", resource: "configmaps" })).toEqual([1]);
	});
});

describe("the reader of the tests", () => {
	const head = "# HELP a A.\n# TYPE a counter\n";
	test.each([
		["a_total 1\n", "outside of its family"],
		["# HELP a_total A.\n# TYPE a_total counter\na_total -1\n", "negative counter"],
		["# HELP a A.\n# TYPE a counter\na 1\n", "not called total"],
		["# HELP a A.\n# TYPE a gauge\na 1\na 1\n", "series twice"],
		['# HELP a A.\n# TYPE a gauge\na{x="1",x="2"} 1\n', "not a sample"],
		['# HELP a A.\n# TYPE a gauge\na{x="1" } 1\n', "not a sample"],
		[`${head}${head}`, "family twice"],
		["# HELP a A.\n# TYPE a gauge\na one\n", "not a sample"],
		['# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n', "broken histogram"],
		['# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n', "broken histogram"],
		["# HELP a A.\n# TYPE a gauge\na 1", "does not end"],
	])("%j is refused", (text, why) => {
		expect(() => parsePrometheusText(text)).toThrow(why);
	});
});

/** `kubectl top` and metrics.k8s.io with the real kubectl, in a cluster whose time moves when the test says so. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";

const clock = new VirtualClock();
let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ clock, nodes: 2, seed: 1 });
	await cluster.kubectl.run(["apply", "-f", "-"], manifests);
	await clock.advance(5_000);
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** What kubectl says on stderr. */
async function complaint(args: string): Promise<string> {
	const { stderr } = await cluster.kubectl.try(args.split(" "));
	return stderr;
}

const pod = (name: string, labels: string, annotations: string, ...containers: readonly string[]) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { ${labels} }, annotations: { ${annotations} } }
spec:
  nodeName: node-1
  containers: [${containers.map((each) => `{ name: ${each}, image: registry.k8s.io/pause:3.10 }`).join(", ")}]
`;

const manifests = [
	pod("web", "app: web", "kubesim.dev/cpu-usage: 250m, kubesim.dev/memory-usage: 64Mi", "main"),
	pod(
		"pair",
		"app: pair",
		"kubesim.dev/cpu-usage.one: 10m, kubesim.dev/cpu-usage.two: 1500m, kubesim.dev/memory-usage: 100Mi",
		"one",
		"two",
	),
].join("---\n");

it("knows nothing of what has just started", async () => {
	expect(await complaint("top pod")).toMatch(/^error: Metrics not available for pod default\/pair, age: \S+\n$/);
	expect(await complaint("top node")).toBe("error: metrics not available yet\n");
	expect(await complaint("top pod web")).toBe('Error from server (NotFound): podmetrics.metrics.k8s.io "default/web" not found\n');
	expect(await complaint("get --raw /apis/metrics.k8s.io/v1beta1/namespaces/default/pods/nobody")).toBe(
		'Error from server (NotFound): pods "nobody" not found\n',
	);
});

describe("kubectl top", () => {
	beforeAll(() => clock.advance(40_000));

	it.each([
		["top pod", ["NAME   CPU(cores)   MEMORY(bytes)   ", "pair   1510m        200Mi           ", "web    250m         64Mi            "]],
		["top pod --sort-by=memory --no-headers", ["pair   1510m   200Mi   ", "web    250m    64Mi    "]],
		["top pod web", ["NAME   CPU(cores)   MEMORY(bytes)   ", "web    250m         64Mi            "]],
		["top pod -l app=web --no-headers", ["web   250m   64Mi   "]],
		["top pod --field-selector=metadata.name=pair --no-headers", ["pair   1510m   200Mi   "]],
		[
			"top pod --containers",
			[
				"POD    NAME   CPU(cores)   MEMORY(bytes)   ",
				"pair   one    10m          100Mi           ",
				"pair   two    1500m        100Mi           ",
				"web    main   250m         64Mi            ",
			],
		],
		[
			"top pod -A --sum",
			[
				"NAMESPACE   NAME   CPU(cores)   MEMORY(bytes)   ",
				"default     pair   1510m        200Mi           ",
				"default     web    250m         64Mi            ",
				"                   ________     ________        ",
				"                   1760m        264Mi           ",
			],
		],
		[
			"top node",
			[
				"NAME     CPU(cores)   CPU(%)   MEMORY(bytes)   MEMORY(%)   ",
				"node-1   1820m        45%      884Mi           10%         ",
				"node-2   60m          1%       620Mi           7%          ",
			],
		],
	])("%s", async (command, lines) => {
		expect(await run(command)).toBe(`${lines.join("\n")}\n`);
	});
});

describe("metrics.k8s.io", () => {
	it("is an API as metrics-server's", async () => {
		const apiService = await run("get apiservice v1beta1.metrics.k8s.io --no-headers");
		expect(apiService).toMatch(/^v1beta1\.metrics\.k8s\.io +Local +True +\S+\n$/);
		expect(await run("api-resources --api-group=metrics.k8s.io --no-headers -o wide")).toBe(
			"nodes         metrics.k8s.io/v1beta1   false   NodeMetrics   get,list   \npods          metrics.k8s.io/v1beta1   true    PodMetrics    get,list   \n",
		);
		expect(await run("get podmetrics")).toBe("NAME   CPU     MEMORY   WINDOW\npair   1510m   200Mi    15s\nweb    250m    64Mi     15s\n");
		expect(await run("get nodemetrics node-2")).toBe("NAME     CPU   MEMORY   WINDOW\nnode-2   60m   620Mi    15s\n");
		expect(await run("explain podmetrics.containers.usage")).toContain("The memory usage is the memory working set.");
		expect(JSON.parse(await run("get --raw /apis/metrics.k8s.io/v1beta1/namespaces/default/pods/web"))).toEqual({
			kind: "PodMetrics",
			apiVersion: "metrics.k8s.io/v1beta1",
			metadata: { name: "web", namespace: "default", labels: { app: "web" }, creationTimestamp: expect.any(String) },
			timestamp: "2026-01-01T00:00:45Z",
			window: "15s",
			containers: [{ name: "main", usage: { cpu: "250m", memory: "64Mi" } }],
		});
	});

	it("is for those who may look at the namespace", async () => {
		const get = "auth can-i list pods.metrics.k8s.io";
		await run("create serviceaccount reader");
		const reader = "--as=system:serviceaccount:default:reader";
		expect((await cluster.kubectl.try([...get.split(" "), reader])).stdout).toBe("no\n");
		await run("create rolebinding reader --clusterrole=view --serviceaccount=default:reader");
		await clock.advance(1_000);
		expect(await run(`${get} ${reader}`)).toBe("yes\n");
	});

	it("is gone with its APIService, and comes back with it", async () => {
		const manifest = await run("get apiservice v1beta1.metrics.k8s.io -o yaml");
		await run("delete apiservice v1beta1.metrics.k8s.io");
		expect(await complaint("top pod")).toBe("error: Metrics API not available\n");
		expect(await complaint("get --raw /apis/metrics.k8s.io/v1beta1/pods")).toContain("the server could not find the requested resource");
		await run("create -f -", manifest.replace(/^ {2}(uid|resourceVersion): .*\n/gm, ""));
		expect(await run("top pod web --no-headers")).toBe("web   250m   64Mi   \n");
	});
});

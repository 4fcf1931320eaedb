/** The proxy subresources, through `kubectl get --raw` and `kubectl proxy`. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { RunningTool } from "../tools/running-tool.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
	await cluster.run("create deployment web --image=nginx --port=80");
	await cluster.run("expose deployment web --port=8080 --target-port=80");
	await cluster.run("create service clusterip empty --tcp=80:80");
	await cluster.run("rollout status deployment/web");
	podName = (await cluster.run("get pods -l app=web -o jsonpath={.items[0].metadata.name}")).trim();
	await cluster.run(`wait --for=jsonpath={.subsets[0].addresses[0].targetRef.name}=${podName} endpoints/web --timeout=20s`);
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

let podName: string;

const raw = async (path: string) => {
	const { stdout, stderr } = await cluster.kubectl.try(["get", "--raw", path]);
	return stdout + stderr;
};
const namespace = "/api/v1/namespaces/default";
const welcome = "<title>Welcome to nginx!</title>";

test("pods and services answer, with and without port and scheme", async () => {
	for (const path of [
		`pods/${podName}`,
		`pods/${podName}:80`,
		`pods/http:${podName}:80`,
		"services/web",
		"services/web:8080",
		"services/http:web:8080",
	]) {
		expect(await raw(`${namespace}/${path}/proxy/`), path).toContain(welcome);
	}
	expect(await raw(`${namespace}/services/web/proxy/nosuch`)).toBe(
		"Error from server (NotFound): the server could not find the requested resource\n",
	);
});

test("what cannot be reached says why", async () => {
	const podIp = await cluster.run(`get pod ${podName} -o jsonpath={.status.podIP}`);
	expect(await raw(`${namespace}/pods/${podName}:81/proxy/`)).toBe(
		`Error from server (ServiceUnavailable): error trying to reach service: dial tcp ${podIp}:81: connect: connection refused\n`,
	);
	expect(await raw(`${namespace}/services/empty/proxy/`)).toBe(
		'Error from server (ServiceUnavailable): no endpoints available for service "empty"\n',
	);
	expect(await raw(`${namespace}/services/web:81/proxy/`)).toBe(
		'Error from server (ServiceUnavailable): no service port 81 found for service "web"\n',
	);
	expect(await raw(`${namespace}/services/https:web:8080/proxy/`)).toBe(
		"Error from server (ServiceUnavailable): error trying to reach service: http: server gave HTTP response to HTTPS client\n",
	);
	expect(await raw(`${namespace}/pods/nobody/proxy/`)).toBe('Error from server (NotFound): pods "nobody" not found\n');
	expect(await raw("/api/v1/nodes/nobody/proxy/healthz")).toBe('Error from server (NotFound): nodes "nobody" not found\n');
});

test("a node's kubelet answers", async () => {
	expect(await raw("/api/v1/nodes/node-1/proxy/healthz")).toBe("ok");
	const { kind, items } = JSON.parse(await raw("/api/v1/nodes/node-1/proxy/pods"));
	expect(kind).toBe("PodList");
	expect(items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toContain(podName);
	const { kubeletconfig } = JSON.parse(await raw("/api/v1/nodes/node-1:10250/proxy/configz"));
	expect(kubeletconfig).toMatchObject({ clusterDomain: "cluster.local", maxPods: 110, nodeStatusUpdateFrequency: "10s" });
	expect(await raw(`/api/v1/nodes/node-1/proxy/containerLogs/default/${podName}/nginx?tailLines=1`)).toMatch(
		/ "GET \/nosuch HTTP\/1\.1" 404 .*\n$/,
	);
	expect(await raw("/api/v1/nodes/node-1/proxy/nosuch")).toBe(
		"Error from server (NotFound): the server could not find the requested resource\n",
	);
});

test("kubectl proxy: any method, headers, redirects, and the slash that was left out", async () => {
	await using proxy = new RunningTool(cluster.kubectl, "proxy --port=0");
	const [, port] = await proxy.sees(/Starting to serve on 127\.0\.0\.1:(\d+)/);
	const path = `${namespace}/services/web/proxy`;
	const url = `http://127.0.0.1:${port}${path}`;
	const page = await fetch(`${url}/?x=1`);
	expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html"]);
	expect(page.headers.get("server")).toMatch(/^nginx\//);
	expect(await page.text()).toContain(welcome);
	const bare = await fetch(`${url}?x=1`, { redirect: "manual" });
	expect([bare.status, bare.headers.get("location")]).toEqual([301, `${path}/?x=1`]);
	const head = await fetch(`${url}/`, { method: "HEAD" });
	expect([head.status, await head.text()]).toEqual([200, ""]);
	const posted = await fetch(`${url}/`, { method: "POST", body: "x".repeat(5_000_000) });
	expect([posted.status, await posted.text()]).toEqual([405, expect.stringContaining("405 Not Allowed")]);
	const log = await cluster.run(`logs ${podName} --tail=4`);
	expect(log).toContain('"GET /?x=1 HTTP/1.1" 200');
	expect(log).toContain('"POST / HTTP/1.1" 405');
});

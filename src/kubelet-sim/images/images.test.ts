import { afterEach, describe, expect, it } from "vitest";
import type { EndpointSlice, Service } from "../../apimachinery/schema/generated/types.ts";
import { endpointSlices, services } from "../../client/resources.ts";
import { Collector } from "../../host/index.ts";
import type { Fleet } from "../fleet.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { ImageCatalog } from "./image-catalog.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "./reference.ts";

const catalog = new ImageCatalog();

function pullError(reference: ImageReference): string | undefined {
	const answer = catalog.pull({ reference, accounts: [], allowsPlainHttp: false });
	return "error" in answer ? answer.error : undefined;
}

describe("an image reference", () => {
	const cases: readonly [text: string, full: string][] = [
		["nginx", "docker.io/library/nginx:latest"],
		["redis:6.0.5", "docker.io/library/redis:6.0.5"],
		["docker.io/redis:6.0.5", "docker.io/library/redis:6.0.5"],
		["bitnami/redis", "docker.io/bitnami/redis:latest"],
		["registry.k8s.io/pause:3.10.1", "registry.k8s.io/pause:3.10.1"],
		["localhost:5000/a/b:c", "localhost:5000/a/b:c"],
		["us-docker.pkg.dev/google-samples/containers/gke/gb-frontend:v5", "us-docker.pkg.dev/google-samples/containers/gke/gb-frontend:v5"],
		[`registry.k8s.io/redis@sha256:${"a".repeat(64)}`, `registry.k8s.io/redis@sha256:${"a".repeat(64)}`],
	];
	for (const [text, full] of cases) {
		it(`${text} is ${full}`, () => {
			const reference = parseImageReference(text);
			expect("error" in reference ? reference.error : formatImageReference(reference)).toBe(full);
			expect("error" in reference ? "" : pullError(reference)).toBeUndefined();
		});
	}

	it("may be none", () => {
		const errors = ["NGINX", "a b", "nginx:", "", "nginx@sha256:12", "-x", "a//b"].map((text) => {
			const reference = parseImageReference(text);
			return "error" in reference ? reference.error : formatImageReference(reference);
		});
		expect(errors).toEqual([
			"invalid reference format: repository name (library/NGINX) must be lowercase",
			...Array.from({ length: 6 }, () => "invalid reference format"),
		]);
	});

	it.each([
		["nginx:1.161", false],
		["nginx:sometag", false],
		["nginx:1.16.1", true],
	])("of the Deployment documentation: %s can be pulled: %s", (text, isThere) => {
		const reference = parseImageReference(text);
		expect("error" in reference ? reference.error : pullError(reference) === undefined).toBe(isThere);
	});

	it("has the same digest everywhere, and may be missing from the registry", () => {
		expect(catalog.known({ repository: "docker.io/library/nginx", tag: "1.29" }).imageId).toBe(
			"docker.io/library/nginx@sha256:97d5e3bcda8fca1ea00a97a0b24154a0e4a85453bc6df608eb937850fdb5f421",
		);
		expect(pullError({ repository: "docker.io/library/does-not-exist", tag: "latest" })).toBe(
			'rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/library/does-not-exist:latest": failed to resolve reference "docker.io/library/does-not-exist:latest": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
		);
	});
});

let harness: FleetHarness | undefined;

afterEach(() => harness?.stop());

async function started(): Promise<FleetHarness> {
	harness = new FleetHarness();
	await harness.start();
	return harness;
}

async function exec(fleet: Fleet, pod: string, script: string): Promise<string> {
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	const target = { namespace: "default", pod, container: "c", node: "n1" };
	await fleet.connector.exec(
		target,
		{ command: ["sh", "-c", script], tty: false, stdin: false },
		{ stdout: write, stderr: write },
		new AbortController().signal,
	);
	return output.text();
}

/** A Service with one endpoint: what the controllers would make. */
async function expose(harness: FleetHarness, name: string, clusterIP: string, port: number, pod: string): Promise<void> {
	const metadata = { name, namespace: "default" };
	const service: Service = { apiVersion: "v1", kind: "Service", metadata, spec: { clusterIP, ports: [{ port }] } };
	const address = (await harness.get(pod)).status?.podIP ?? "";
	const slice: EndpointSlice = {
		apiVersion: "discovery.k8s.io/v1",
		kind: "EndpointSlice",
		metadata: { ...metadata, labels: { "kubernetes.io/service-name": name } },
		addressType: "IPv4",
		endpoints: [{ addresses: [address], conditions: { ready: true } }],
		ports: [{ name: "", port, protocol: "TCP" }],
	};
	await harness.client.resource(services).create(service);
	await harness.client.resource(endpointSlices).create(slice);
	await harness.clock.advance(0);
}

describe("the guestbook", () => {
	it("keeps its messages in redis, through Services", async () => {
		const harness = await started();
		await harness.pod("leader", { image: "docker.io/redis:6.0.5" });
		await harness.pod("follower", { image: "us-docker.pkg.dev/google-samples/containers/gke/gb-redis-follower:v2" });
		await harness.pod("frontend", {
			image: "us-docker.pkg.dev/google-samples/containers/gke/gb-frontend:v5",
			env: [{ name: "GET_HOSTS_FROM", value: "dns" }],
		});
		await harness.clock.advance(0);
		await expose(harness, "redis-leader", "10.96.0.20", 6379, "leader");
		await expose(harness, "redis-follower", "10.96.0.21", 6379, "follower");
		await expose(harness, "frontend", "10.96.0.22", 80, "frontend");
		expect(await exec(harness.fleet, "frontend", "curl -s 'http://frontend/guestbook.php?cmd=set&key=messages&value=hello'")).toBe(
			'{"message":"Updated"}',
		);
		expect(
			await exec(harness.fleet, "frontend", "curl -s 'http://frontend.default.svc.cluster.local/guestbook.php?cmd=get&key=messages'"),
		).toBe('{"data":"hello"}');
		expect(
			await exec(harness.fleet, "leader", "redis-cli get messages; redis-cli -h redis-follower set a b; redis-cli ping; redis-cli incr n"),
		).toBe("hello\nREADONLY You can't write against a read only replica.\nPONG\n1\n");
		expect(await exec(harness.fleet, "frontend", "curl -sS http://10.244.0.99/; curl -sS http://nowhere/")).toBe(
			"curl: (7) Failed to connect to 10.244.0.99 port 80 after 0 ms: Could not connect to server\ncurl: (6) Could not resolve host: nowhere\n",
		);
	});
});

describe("an unknown image", () => {
	it("runs, sleeps, and stops when told", async () => {
		const harness = await started();
		await harness.pod("app", { image: "ghcr.io/example/app:v123" });
		await harness.clock.advance(0);
		await harness.delete("app");
		await harness.clock.advance(0);
		expect(harness.story).toEqual(["app 0/1 Pending 0", "app 1/1 Running 0", "app 1/1 Terminating 0", "app 0/1 Terminating 0", "app gone"]);
	});
});

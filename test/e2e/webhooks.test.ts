/** Admission webhooks and an aggregated API server as kubectl sees them: a server of the test's own, over TLS. */
import { networkInterfaces } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { sendJson, WebhookServer } from "../../src/apiserver/webhooks/webhook-server.test-kit.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";

let cluster: TestCluster;
let hook: WebhookServer;
beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
});
afterAll(() => cluster[Symbol.asyncDispose]());
afterEach(async () => {
	await cluster.run("delete validatingwebhookconfigurations,mutatingwebhookconfigurations --all");
	await hook[Symbol.asyncDispose]();
});

const attempt = (args: string) => cluster.kubectl.try(args.split(" "));

interface Review {
	readonly request: { readonly uid: string; readonly object: { readonly metadata: { readonly name: string } } | null };
}

async function serve(respond: (request: Review["request"]) => object): Promise<void> {
	hook = await WebhookServer.start(
		({ body }, response) => {
			const { request } = JSON.parse(body) as Review;
			const answer = { uid: request.uid, allowed: true, ...respond(request) };
			sendJson(response, { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", response: answer });
		},
		{ ipAddresses: ["127.0.0.1"], dnsNames: ["hook.default.svc"] },
	);
}

const configuration = (kind: string, webhook: object = {}) =>
	JSON.stringify({
		apiVersion: "admissionregistration.k8s.io/v1",
		kind,
		metadata: { name: "e2e" },
		webhooks: [
			{
				name: "e2e.example.com",
				admissionReviewVersions: ["v1"],
				sideEffects: "None",
				clientConfig: { url: `${hook.url}/hook`, caBundle: hook.caBundle },
				rules: [{ operations: ["CREATE", "UPDATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
				namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "default" } },
				...webhook,
			},
		],
	});

describe("a webhook", () => {
	test("refuses with its own words, and warns", async () => {
		await serve(({ object }) =>
			object?.metadata.name === "bad"
				? { allowed: false, status: { code: 403, message: "names must be good" } }
				: { warnings: ["names could be better"] },
		);
		await cluster.run("apply -f -", configuration("ValidatingWebhookConfiguration"));
		expect((await attempt("create configmap bad")).stderr).toBe(
			'error: failed to create configmap: admission webhook "e2e.example.com" denied the request: names must be good\n',
		);
		expect((await attempt("create configmap good")).stderr).toBe("Warning: names could be better\n");
		expect((await attempt("create configmap dry --dry-run=server")).stdout).toBe("configmap/dry created (server dry run)\n");
	});

	test("changes what is applied", async () => {
		const patch = [{ op: "add", path: "/metadata/labels", value: { injected: "yes" } }];
		await serve(() => ({ patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") }));
		await cluster.run("apply -f -", configuration("MutatingWebhookConfiguration"));
		await cluster.run("create configmap changed");
		expect(await cluster.run("get configmap changed -o jsonpath={.metadata.labels.injected}")).toBe("yes");
	});

	test("that is not there fails requests, or does not, as its failurePolicy says", async () => {
		await serve(() => ({}));
		const { url, port } = hook;
		const ignored = configuration("ValidatingWebhookConfiguration", { failurePolicy: "Ignore" });
		await cluster.run("apply -f -", configuration("ValidatingWebhookConfiguration"));
		await hook[Symbol.asyncDispose]();
		expect((await attempt("create configmap lost")).stderr).toBe(
			`error: failed to create configmap: Internal error occurred: failed calling webhook "e2e.example.com": failed to call webhook: Post "${url}/hook?timeout=10s": dial tcp 127.0.0.1:${port}: connect: connection refused\n`,
		);
		await cluster.run("apply -f -", ignored);
		await cluster.run("create configmap lost");
		hook = await WebhookServer.start(() => undefined);
	});

	test("is behind a Service that leads to an address of the machine's", async () => {
		await serve(() => ({ warnings: ["seen"] }));
		// Loopback addresses are no endpoints; without another address, a name leads there.
		const address = Object.values(networkInterfaces())
			.flat()
			.find((each) => each?.internal === false && each.family === "IPv4")?.address;
		const service = { namespace: "default", name: "hook", port: address === undefined ? hook.port : 443 };
		if (address === undefined) await cluster.run("create service externalname hook --external-name=localhost");
		else {
			await hook[Symbol.asyncDispose]();
			hook = await WebhookServer.start(hook.answer, { dnsNames: ["hook.default.svc"] }, "0.0.0.0");
			await cluster.run(
				"apply -f -",
				JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "hook" }, spec: { ports: [{ port: 443 }] } }),
			);
			const slice = {
				apiVersion: "discovery.k8s.io/v1",
				kind: "EndpointSlice",
				metadata: { name: "hook-1", labels: { "kubernetes.io/service-name": "hook" } },
				addressType: "IPv4",
				ports: [{ port: hook.port }],
				endpoints: [{ addresses: [address] }],
			};
			await cluster.run("apply -f -", JSON.stringify(slice));
		}
		await cluster.run(
			"apply -f -",
			configuration("ValidatingWebhookConfiguration", { clientConfig: { service, caBundle: hook.caBundle } }),
		);
		expect((await attempt("create configmap behind")).stderr).toBe("Warning: seen\n");
		expect(hook.seen[0]?.headers.host).toBe(`hook.default.svc:${service.port}`);
	});

	test("in a Pod is refused: nothing there speaks TLS", async () => {
		await serve(() => ({}));
		await cluster.run("run plain --image=nginx --port=80 --expose");
		await cluster.run("wait pod/plain --for=condition=Ready --timeout=30s");
		const service = { namespace: "default", name: "plain", port: 80 };
		await eventually(
			async () =>
				(await cluster.run("get endpointslices -l kubernetes.io/service-name=plain -o jsonpath={.items[*].endpoints}")) || undefined,
		);
		await cluster.run(
			"apply -f -",
			configuration("ValidatingWebhookConfiguration", { clientConfig: { service, caBundle: hook.caBundle } }),
		);
		expect((await attempt("create configmap inside")).stderr).toContain(
			'failed to call webhook: Post "https://plain.default.svc:80/?timeout=10s": http: server gave HTTP response to HTTPS client',
		);
	});
});

test("an aggregated API is found and listed by kubectl", async () => {
	const list = {
		kind: "APIResourceList",
		apiVersion: "v1",
		groupVersion: "wardle.example.com/v1",
		resources: [
			{ name: "flunders", singularName: "flunder", namespaced: true, kind: "Flunder", verbs: ["get", "list"], shortNames: ["fl"] },
		],
	};
	const flunder = {
		apiVersion: "wardle.example.com/v1",
		kind: "Flunder",
		metadata: { name: "one", namespace: "default", creationTimestamp: new Date(0) },
	};
	hook = await WebhookServer.start(
		({ path }, response) =>
			sendJson(
				response,
				path.includes("/flunders") ? { apiVersion: flunder.apiVersion, kind: "FlunderList", metadata: {}, items: [flunder] } : list,
			),
		{ dnsNames: ["wardle.default.svc"] },
	);
	await cluster.run("create service externalname wardle --external-name=localhost");
	const spec = {
		group: "wardle.example.com",
		version: "v1",
		groupPriorityMinimum: 1000,
		versionPriority: 15,
		service: { namespace: "default", name: "wardle", port: hook.port },
		caBundle: hook.caBundle,
	};
	await cluster.run(
		"apply -f -",
		JSON.stringify({ apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata: { name: "v1.wardle.example.com" }, spec }),
	);
	await cluster.run("wait apiservice v1.wardle.example.com --for=condition=Available --timeout=30s");
	expect(await cluster.run("get apiservice v1.wardle.example.com --no-headers")).toMatch(
		/^v1\.wardle\.example\.com\s+default\/wardle\s+True\s/,
	);
	expect(await cluster.run("api-resources --api-group=wardle.example.com --no-headers")).toMatch(
		/^flunders\s+fl\s+wardle\.example\.com\/v1\s+true\s+Flunder\n$/,
	);
	expect(await cluster.run("get fl -o name")).toBe("flunder.wardle.example.com/one\n");
	await cluster.run("delete apiservice v1.wardle.example.com");
});

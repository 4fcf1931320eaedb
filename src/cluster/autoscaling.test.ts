/**
 * HorizontalPodAutoscalers in a whole cluster, in virtual time: the documentation's walkthrough, a load that comes to a Service,
 * and metrics of a server of the user's own.
 * Source: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale-walkthrough/
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type {
	APIService,
	Deployment,
	HorizontalPodAutoscalerV2,
	MetricSpecV2,
	Pod,
	Service,
} from "../apimachinery/schema/generated/types.ts";
import { loadOrCreatePki } from "../apiserver/pki/pki.ts";
import { type Answerer, sendJson, WebhookServer } from "../apiserver/webhooks/webhook-server.test-kit.ts";
import { deployments, events, horizontalPodAutoscalers, pods, services } from "../client/resources.ts";
import type { Cluster } from "./cluster.ts";
import { createCluster } from "./open-cluster.ts";

const pki = await loadOrCreatePki(undefined, { nowMs: Date.UTC(2026, 0, 1) });
let clock: VirtualClock;
let cluster: Cluster;

beforeEach(async () => {
	clock = new VirtualClock();
	cluster = await createCluster({ clock, seed: 1, nodes: 2, latency: "none", pki });
	await clock.advance(1_000);
});

afterEach(() => cluster.close());

const name = "php-apache";
const minuteMs = 60_000;

const deployment: Deployment = {
	metadata: { name, namespace: "default" },
	spec: {
		selector: { matchLabels: { run: name } },
		template: {
			metadata: { labels: { run: name } },
			spec: {
				containers: [
					{
						name,
						image: "registry.k8s.io/hpa-example",
						ports: [{ containerPort: 80 }],
						resources: { limits: { cpu: "500m" }, requests: { cpu: "200m" } },
					},
				],
			},
		},
	},
};

const service: Service = {
	metadata: { name, namespace: "default", labels: { run: name } },
	spec: { ports: [{ port: 80 }], selector: { run: name } },
};

const byCpu: MetricSpecV2 = { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } };

async function makeApplication(
	metrics: readonly MetricSpecV2[] = [byCpu],
	annotations: Readonly<Record<string, string>> = {},
): Promise<void> {
	await cluster.client.resource(deployments).create(deployment);
	await cluster.client.resource(services).create({ ...service, metadata: { ...service.metadata, annotations } });
	const autoscaler: HorizontalPodAutoscalerV2 = {
		metadata: { name, namespace: "default" },
		spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name }, minReplicas: 1, maxReplicas: 10, metrics },
	};
	await cluster.client.resource(horizontalPodAutoscalers).create(autoscaler);
}

/** Utilization in percent and replicas, as the TARGETS and REPLICAS columns show them. */
async function look(): Promise<string> {
	const { status } = await cluster.client.resource(horizontalPodAutoscalers).get({ namespace: "default", name });
	const { averageUtilization } = status?.currentMetrics?.[0]?.resource?.current ?? {};
	return `${averageUtilization ?? "<unknown>"}% ${status?.currentReplicas}`;
}

async function replicas(): Promise<number> {
	return (await cluster.client.resource(deployments).get({ namespace: "default", name })).spec?.replicas ?? 0;
}

async function rescales(): Promise<readonly string[]> {
	const { items } = await cluster.client.resource(events).list("default");
	return items.filter(({ reason }) => reason === "SuccessfulRescale").map(({ message = "" }) => message);
}

const aboveTarget = "reason: cpu resource utilization (percentage of request) above target";

it("grows under the walkthrough's load, spreads it, and is back to one pod five minutes after its end", async () => {
	await makeApplication();
	await clock.advance(minuteMs);
	expect(await look()).toBe("0% 1");

	const loop = "while sleep 0.01; do wget -q -O- http://php-apache; done";
	const generator: Pod = {
		metadata: { name: "load-generator", namespace: "default" },
		spec: { containers: [{ name: "load-generator", image: "busybox:1.28", command: ["/bin/sh", "-c", loop] }] },
	};
	await cluster.client.resource(pods).create(generator);
	await clock.advance(1.5 * minuteMs);
	expect(await replicas()).toBe(7);
	// 0.61 of a core over seven pods that ask for 200m each.
	expect(await look()).toMatch(/^4[2-6]% 7$/);

	await cluster.client.resource(pods).delete({ namespace: "default", name: "load-generator" }, { gracePeriodSeconds: 0 });
	await clock.advance(4 * minuteMs);
	expect(await replicas()).toBe(7);
	await clock.advance(2 * minuteMs);
	expect(await replicas()).toBe(1);
	expect(await look()).toBe("0% 1");

	const said = await rescales();
	expect(said.at(-2)).toBe(`New size: 7; ${aboveTarget}`);
	expect(said.at(-1)).toBe("New size: 1; reason: All metrics below target");
}, 120_000);

it("follows a load on the Service through the day, without anybody sending requests", async () => {
	// Every four hours up to 1.45 cores and back to nothing.
	await makeApplication([byCpu], { "kubesim.dev/cpu-load": "0h=0 2h=1450m 4h=0 repeat=4h" });
	const seen: number[] = [];
	for (let hour = 1; hour <= 6; hour++) {
		await clock.advance(60 * minuteMs);
		seen.push(await replicas());
	}
	// 0.72, 1.45, 0.72 and 0 cores at 100m a pod, at most ten pods: seven are within the tolerance on the way up, and the
	// way down is five minutes late.
	expect(seen).toEqual([7, 10, 8, 1, 7, 10]);
}, 120_000);

it("reads metrics of pods from a server behind an APIService, as the controller itself", async () => {
	const asked: string[] = [];
	const answer: Answerer = ({ path, headers }, response) => {
		if (!path.includes("/pods/"))
			return sendJson(response, {
				kind: "APIResourceList",
				apiVersion: "v1",
				groupVersion: "custom.metrics.k8s.io/v1beta2",
				resources: [],
			});
		asked.push(`${path} ${String(headers["x-remote-user"])}`);
		const items = [{ describedObject: { kind: "Pod", name: "any" }, timestamp: "2026-01-01T00:00:00Z", value: "45" }];
		return sendJson(response, { kind: "MetricValueList", apiVersion: "custom.metrics.k8s.io/v1beta2", metadata: {}, items });
	};
	await using remote = await WebhookServer.start(answer, { dnsNames: ["adapter.default.svc"] });
	const adapter: Service = {
		metadata: { name: "adapter", namespace: "default" },
		spec: { type: "ExternalName", externalName: "localhost" },
	};
	await cluster.client.resource(services).create(adapter);
	const group = "custom.metrics.k8s.io";
	const apiService: APIService = {
		metadata: { name: `v1beta2.${group}` },
		spec: {
			group,
			version: "v1beta2",
			groupPriorityMinimum: 100,
			versionPriority: 100,
			service: { namespace: "default", name: "adapter", port: remote.port },
			caBundle: remote.caBundle,
		},
	};
	const ref = { group: "apiregistration.k8s.io", version: "v1", resource: "apiservices", kind: "APIService" };
	const apiServices = cluster.client.resource<APIService>(ref);
	await apiServices.create(apiService);
	// The network is the machine's, which virtual time does not wait for.
	const until = async (isDone: () => Promise<boolean>) => {
		while (!(await isDone())) await new Promise((resolve) => setImmediate(resolve));
	};
	await until(async () => {
		const { status } = await apiServices.get({ name: `v1beta2.${group}` });
		return status?.conditions?.some(({ type, status: state }) => type === "Available" && state === "True") === true;
	});
	await makeApplication([{ type: "Pods", pods: { metric: { name: "qps" }, target: { type: "AverageValue", averageValue: "15" } } }]);
	await clock.advance(20_000);
	await until(async () => (await replicas()) === 3);
	expect(asked).toEqual([
		`/apis/${group}/v1beta2/namespaces/default/pods/*/qps?labelSelector=run%3Dphp-apache system:serviceaccount:kube-system:horizontal-pod-autoscaler`,
	]);
	await until(async () => (await rescales()).length > 0);
	expect(await rescales()).toEqual(["New size: 3; reason: pods metric qps above target"]);
});

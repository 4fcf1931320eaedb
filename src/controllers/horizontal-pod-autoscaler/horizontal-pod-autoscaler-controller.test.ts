/** The controller against an API that has scales and metrics: what it sets, says and reports. */
import { beforeEach, describe, expect, it } from "vitest";
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type {
	CustomResourceDefinition,
	HorizontalPodAutoscalerSpecV2,
	HorizontalPodAutoscalerStatusV2,
	MetricSpecV2,
	Pod,
	Scale,
} from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject, parseLabelSelector } from "../../apimachinery/selector.ts";
import { newPathNotFound, newServiceUnavailable } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { Client } from "../../client/client.ts";
import { InformerFactory } from "../../client/informer.ts";
import { customResourceDefinitions, deployments, events, horizontalPodAutoscalers, pods } from "../../client/resources.ts";
import { FakeApi } from "../../client/testing/fake-api.ts";
import type { Transport } from "../../client/transport.ts";
import { horizontalPodAutoscalerController } from "./horizontal-pod-autoscaler-controller.ts";

/** A fake API whose Deployments can be scaled, and that serves metrics. */
class AutoscalerApi implements Transport {
	readonly clock = new VirtualClock();
	readonly api = new FakeApi({ clock: this.clock, random: new SeededRandom("api") });
	readonly client = new Client(this);
	/** Thousandths of a core of a pod's container `c`, by the pod's name. */
	readonly usage = new Map<string, number>();
	/** Answers of custom and external metrics, by path; what is not here is not served. */
	readonly metrics = new Map<string, readonly object[]>();
	isMetricsServerGone = false;
	/** What setting a scale is answered with. */
	scaleError: Error | undefined;
	readonly #stop = new AbortController();

	async start(): Promise<void> {
		const informers = new InformerFactory({ client: this.client, clock: this.clock });
		void informers.start(this.#stop.signal);
		const context = { client: this.client, informers, clock: this.clock, random: new SeededRandom(1), log: silentLog };
		void horizontalPodAutoscalerController.run(context, this.#stop.signal);
		await this.clock.advance(0);
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		if (request.group.endsWith("metrics.k8s.io")) return this.#readMetrics(request);
		if (request.subresource === "scale") return this.#scale(request);
		return this.api.request(request);
	}

	watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		return this.api.watch(request, sink);
	}

	async #readMetrics({ group, version, namespace, resource, name, subresource, options }: ApiRequest): Promise<ApiResponse> {
		if (group !== "metrics.k8s.io") {
			const path = [group, version, namespace, resource, name, subresource, options?.labelSelector, options?.metricLabelSelector];
			const items = this.metrics.get(path.filter(Boolean).join("/"));
			if (items === undefined) throw newPathNotFound();
			return { object: { items }, code: 200, warnings: [] } as unknown as ApiResponse;
		}
		if (this.isMetricsServerGone) throw newPathNotFound();
		const selector = parseLabelSelector(options?.labelSelector ?? "");
		const all = (await this.client.resource(pods).list(namespace)).items.filter(({ metadata }) => selector.matches(metadata?.labels));
		const items = all.flatMap(({ metadata }) => {
			const milli = this.usage.get(metadata?.name ?? "");
			if (milli === undefined) return [];
			const containers = [{ name: "c", usage: { cpu: `${milli}m`, memory: "100Mi" } }];
			return [{ metadata, timestamp: formatTime(this.clock.now()), window: "15s", containers }];
		});
		return { object: { items }, code: 200, warnings: [] } as unknown as ApiResponse;
	}

	async #scale({ resource, verb, namespace, name = "", body }: ApiRequest): Promise<ApiResponse> {
		if (resource !== "deployments" && resource !== "shirts") throw newPathNotFound();
		const ref = resource === "deployments" ? deployments : { ...deployments, group: "example.com", resource };
		const client = this.client.resource(ref);
		let object = await client.get({ namespace, name });
		if (verb === "update") {
			if (this.scaleError !== undefined) throw this.scaleError;
			const replicas = (body as Scale).spec?.replicas ?? 0;
			object = await client.patch({ namespace, name }, "application/merge-patch+json", { spec: { replicas } });
		}
		const selector = object.spec?.selector === undefined ? "" : labelSelectorFromObject(object.spec.selector).toString();
		const replicas = object.spec?.replicas ?? 0;
		const scale: Scale = { metadata: object.metadata ?? {}, spec: { replicas }, status: { replicas, selector } };
		return { object: scale, code: 200, warnings: [] };
	}

	/** A Deployment with as many pods as it wants, ready for an hour, each asking for 100m. */
	async deployment(name: string, usage: readonly (number | undefined)[], labels: Readonly<Record<string, string>> = { app: name }) {
		await this.client.resource(deployments).create({
			apiVersion: "apps/v1",
			kind: "Deployment",
			metadata: { name, namespace: "default" },
			spec: { replicas: usage.length, selector: { matchLabels: labels }, template: {} },
		});
		for (const [index, milli] of usage.entries()) await this.pod(`${name}-${index}`, milli, labels);
	}

	async pod(name: string, milli: number | undefined, labels: Readonly<Record<string, string>>): Promise<void> {
		if (milli !== undefined) this.usage.set(name, milli);
		const beforeMs = this.clock.now() - 3_600_000;
		const pod: Pod = {
			apiVersion: "v1",
			kind: "Pod",
			metadata: { name, namespace: "default", labels },
			spec: { containers: [{ name: "c", image: "x", resources: { requests: { cpu: "100m", memory: "200Mi" } } }] },
			status: {
				phase: "Running",
				startTime: formatTime(beforeMs),
				conditions: [{ type: "Ready", status: "True", lastTransitionTime: formatTime(beforeMs) }],
			},
		};
		await this.client.resource(pods).create(pod);
	}

	async autoscaler(target: string, spec: Partial<HorizontalPodAutoscalerSpecV2> = {}, name = target): Promise<void> {
		await this.client.resource(horizontalPodAutoscalers).create({
			apiVersion: "autoscaling/v2",
			kind: "HorizontalPodAutoscaler",
			metadata: { name, namespace: "default" },
			spec: {
				scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: target },
				minReplicas: 1,
				maxReplicas: 10,
				metrics: [cpu(50)],
				...spec,
			},
		});
	}

	async replicas(name: string): Promise<number> {
		return (await this.client.resource(deployments).get({ namespace: "default", name })).spec?.replicas ?? 0;
	}

	async status(name: string): Promise<HorizontalPodAutoscalerStatusV2> {
		const { status } = await this.client.resource(horizontalPodAutoscalers).get({ namespace: "default", name });
		return status ?? { desiredReplicas: 0 };
	}

	/** `AbleToScale True Reason: message` */
	async conditions(name: string): Promise<readonly string[]> {
		const { conditions = [] } = await this.status(name);
		return conditions.map(({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`);
	}

	async events(name: string): Promise<readonly string[]> {
		const { items } = await this.client.resource(events).list("default");
		return items
			.filter(({ involvedObject }) => involvedObject.name === name)
			.map(({ type, reason, message, source }) => `${type} ${reason} ${message} (${source?.component})`);
	}
}

function cpu(averageUtilization: number): MetricSpecV2 {
	return { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } };
}

let api: AutoscalerApi;

beforeEach(async () => {
	api = new AutoscalerApi();
	await api.start();
});

const seconds = (count: number) => api.clock.advance(count * 1000);
const ableToGet = "AbleToScale True SucceededGetScale: the HPA controller was able to get the target's current scale";
const inRange = "ScalingLimited False DesiredWithinRange: the desired count is within the acceptable range";
const validCpu =
	"ScalingActive True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)";

describe("by CPU", () => {
	it("grows, for the first time after 15 seconds, and says why", async () => {
		await api.deployment("web", [100, 100]);
		await api.autoscaler("web");
		await seconds(14);
		expect(await api.replicas("web")).toBe(2);
		await seconds(2);
		expect(await api.replicas("web")).toBe(4);
		expect(await api.conditions("web")).toEqual([
			"AbleToScale True SucceededRescale: the HPA controller was able to update the target scale to 4",
			validCpu,
			inRange,
		]);
		expect(await api.events("web")).toEqual([
			"Normal SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target (horizontal-pod-autoscaler)",
		]);
		const { conditions: _, ...status } = await api.status("web");
		expect(status).toEqual({
			currentReplicas: 2,
			desiredReplicas: 4,
			lastScaleTime: formatTime(api.clock.now() - 1_000),
			currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 100, averageValue: "100m" } } }],
		});
	});

	it("shrinks after five minutes of less", async () => {
		await api.deployment("web", [10, 10, 10, 10]);
		await api.autoscaler("web");
		await seconds(20);
		expect(await api.conditions("web")).toEqual([
			"AbleToScale True ScaleDownStabilized: recent recommendations were higher than current one, applying the highest recent recommendation",
			validCpu,
			inRange,
		]);
		await seconds(285);
		expect(await api.replicas("web")).toBe(4);
		await seconds(30);
		expect(await api.replicas("web")).toBe(1);
		expect((await api.events("web")).at(-1)).toBe(
			"Normal SuccessfulRescale New size: 1; reason: All metrics below target (horizontal-pod-autoscaler)",
		);
	});

	it("writes no status that is the same", async () => {
		await api.deployment("web", [50]);
		await api.autoscaler("web");
		await seconds(40);
		const writes = () => api.api.requests.filter(({ verb, subresource }) => verb === "update" && subresource === "status").length;
		const before = writes();
		await seconds(120);
		expect([before, writes()]).toEqual([1, 1]);
		expect(await api.conditions("web")).toEqual([
			"AbleToScale True ReadyForNewScale: recommended size matches current size",
			validCpu,
			inRange,
		]);
	});

	it("keeps within its own tolerance, if it has one", async () => {
		await api.deployment("web", [60, 60]);
		const rules = { stabilizationWindowSeconds: 0, selectPolicy: "Max", policies: [{ type: "Pods", value: 4, periodSeconds: 15 }] };
		await api.autoscaler("web", { behavior: { scaleUp: { ...rules, tolerance: "250m" }, scaleDown: rules } });
		await seconds(20);
		expect(await api.replicas("web")).toBe(2);
		for (const name of ["web-0", "web-1"]) api.usage.set(name, 65);
		await seconds(15);
		expect(await api.replicas("web")).toBe(3);
	});
});

describe("bounds", () => {
	it.each([
		["above the maximum", { maxReplicas: 2 }, 2, "Current number of replicas above Spec.MaxReplicas"],
		["below the minimum", { minReplicas: 5 }, 5, "Current number of replicas below Spec.MinReplicas"],
	])("%s: no metrics are needed", async (_, bounds, replicas, reason) => {
		api.isMetricsServerGone = true;
		await api.deployment("web", [1, 1, 1]);
		await api.autoscaler("web", bounds);
		await seconds(16);
		expect(await api.replicas("web")).toBe(replicas);
		expect((await api.events("web"))[0]).toBe(
			`Normal SuccessfulRescale New size: ${replicas}; reason: ${reason} (horizontal-pod-autoscaler)`,
		);
	});

	it("a target of no replicas is left alone", async () => {
		await api.deployment("web", []);
		await api.autoscaler("web");
		await seconds(16);
		expect(await api.replicas("web")).toBe(0);
		expect(await api.conditions("web")).toEqual([
			ableToGet,
			"ScalingActive False ScalingDisabled: scaling is disabled since the replica count of the target is zero",
		]);
	});

	it("more than the maximum is asked for", async () => {
		await api.deployment("web", [900, 900]);
		await api.autoscaler("web", { maxReplicas: 3 });
		await seconds(16);
		expect(await api.conditions("web")).toContain(
			"ScalingLimited True TooManyReplicas: the desired replica count is more than the maximum replica count",
		);
		expect(await api.replicas("web")).toBe(3);
	});
});

describe("what cannot be done", () => {
	const unable = "the HPA was unable to compute the replica count: ";
	const gone =
		"unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";

	it.each<readonly [string, () => Promise<void> | void, readonly MetricSpecV2[], string, string, string]>([
		[
			"nobody serves metrics",
			() => {
				api.isMetricsServerGone = true;
			},
			[cpu(50)],
			"FailedGetResourceMetric",
			`failed to get cpu utilization: unable to get metrics for resource cpu: ${gone}`,
			"failed to get cpu resource metric value: ",
		],
		[
			"there are no metrics yet",
			() => api.usage.clear(),
			[cpu(50)],
			"FailedGetResourceMetric",
			"failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API",
			"failed to get cpu resource metric value: ",
		],
		[
			"a resource that pods do not ask for",
			() => api.pod("web-9", 1, { app: "web" }).then(() => withoutRequests("web-9")),
			[cpu(50)],
			"FailedGetResourceMetric",
			"failed to get cpu utilization: missing request for cpu in container c of Pod web-9",
			"failed to get cpu resource metric value: ",
		],
		[
			"a container that is not there",
			() => undefined,
			[
				{
					type: "ContainerResource",
					containerResource: { name: "cpu", container: "no", target: { type: "Utilization", averageUtilization: 50 } },
				},
			],
			"FailedGetContainerResourceMetric",
			"failed to get cpu utilization: unable to get metrics for resource cpu: failed to get container metrics: container no not present in metrics for pod default/web-0",
			"failed to get no container metric value: ",
		],
		[
			"nobody serves custom metrics",
			() => undefined,
			[{ type: "Pods", pods: { metric: { name: "qps" }, target: { type: "AverageValue", averageValue: "10" } } }],
			"FailedGetPodsMetric",
			"unable to get metric qps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered",
			"failed to get pods metric value: ",
		],
		[
			"nobody serves custom metrics of objects",
			() => undefined,
			[
				{
					type: "Object",
					object: {
						metric: { name: "qps" },
						describedObject: { apiVersion: "v1", kind: "Service", name: "web" },
						target: { type: "Value", value: "10" },
					},
				},
			],
			"FailedGetObjectMetric",
			"unable to get metric qps: Service on default web/unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered",
			"failed to get object metric value: ",
		],
		[
			"nobody serves external metrics",
			() => undefined,
			[
				{
					type: "External",
					external: { metric: { name: "queue", selector: { matchLabels: { q: "a" } } }, target: { type: "Value", value: "10" } },
				},
			],
			"FailedGetExternalMetric",
			"unable to get external metric default/queue/&LabelSelector{MatchLabels:map[string]string{q: a,},MatchExpressions:[]LabelSelectorRequirement{},}: unable to fetch metrics from external metrics API: the server could not find the requested resource (get queue.external.metrics.k8s.io)",
			"failed to get queue external metric value: failed to get external metric queue: ",
		],
	])("%s", async (_, arrange, metrics, reason, text, prefix) => {
		await api.deployment("web", [100, 100]);
		await arrange();
		await api.autoscaler("web", { metrics });
		await seconds(16);
		expect(await api.replicas("web")).toBe(2);
		expect(await api.conditions("web")).toEqual([ableToGet, `ScalingActive False ${reason}: ${unable}${text}`]);
		expect(await api.events("web")).toEqual([
			`Warning ${reason} ${text} (horizontal-pod-autoscaler)`,
			`Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: ${prefix}${text} (horizontal-pod-autoscaler)`,
		]);
	});

	async function withoutRequests(name: string): Promise<void> {
		const pod = await api.client.resource(pods).get({ namespace: "default", name });
		await api.client.resource(pods).update({ ...pod, spec: { containers: [{ name: "c", image: "x" }] } });
	}

	it("one metric of two: it may grow by the other, and does not shrink", async () => {
		const pending: MetricSpecV2 = { type: "Pods", pods: { metric: { name: "qps" }, target: { type: "AverageValue", averageValue: "10" } } };
		await api.deployment("web", [100, 100]);
		await api.autoscaler("web", { metrics: [pending, cpu(50)] });
		await seconds(16);
		expect(await api.replicas("web")).toBe(4);
		expect((await api.status("web")).currentMetrics?.map(({ type }) => type)).toEqual(["", "Resource"]);
		for (const name of ["web-0", "web-1"]) api.usage.set(name, 1);
		await seconds(400);
		expect(await api.replicas("web")).toBe(4);
		expect(await api.conditions("web")).toContain(
			`ScalingActive False FailedGetPodsMetric: ${unable}unable to get metric qps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered`,
		);
	});

	it.each([
		["there is no such target", { kind: "Deployment", name: "nobody" }, 'deployments.apps "nobody" not found'],
		["nobody knows the kind", { kind: "Nothing", name: "web" }, 'no matches for kind "Nothing" in group "apps"'],
		["the kind has no scale", { kind: "DaemonSet", name: "web" }, "the server could not find the requested resource (get daemonsets web)"],
		["the API version is none", { apiVersion: "a/b/c", kind: "Deployment", name: "web" }, "unexpected GroupVersion string: a/b/c"],
	])("%s", async (_, target, text) => {
		await api.autoscaler("web", { scaleTargetRef: { apiVersion: "apps/v1", ...target } });
		await seconds(16);
		expect(await api.conditions("web")).toEqual([
			`AbleToScale False FailedGetScale: the HPA controller was unable to get the target's current scale: ${text}`,
		]);
		expect(await api.events("web")).toEqual([`Warning FailedGetScale ${text} (horizontal-pod-autoscaler)`]);
	});

	it("the scale cannot be set", async () => {
		api.scaleError = newServiceUnavailable("not now");
		await api.deployment("web", [100]);
		await api.autoscaler("web");
		await seconds(16);
		expect((await api.conditions("web"))[0]).toBe(
			"AbleToScale False FailedUpdateScale: the HPA controller was unable to update the target scale: not now",
		);
		expect(await api.events("web")).toEqual([
			"Warning FailedRescale New size: 2; reason: cpu resource utilization (percentage of request) above target; error: not now (horizontal-pod-autoscaler)",
		]);
		expect((await api.status("web")).desiredReplicas).toBe(0);
	});

	it("a target without a selector", async () => {
		await api.deployment("web", [100], {});
		await api.autoscaler("web");
		await seconds(16);
		expect(await api.conditions("web")).toEqual([
			ableToGet,
			"ScalingActive False InvalidSelector: the HPA target's scale is missing a selector",
		]);
		expect(await api.events("web")).toEqual([
			"Warning SelectorRequired selector is required (horizontal-pod-autoscaler)",
			"Warning FailedComputeMetricsReplicas selector is required (horizontal-pod-autoscaler)",
		]);
	});

	it("two autoscalers of the same pods", async () => {
		await api.deployment("web", [100]);
		await api.autoscaler("web", {}, "one");
		await seconds(1);
		await api.autoscaler("web", { maxReplicas: 5 }, "two");
		await seconds(60);
		const text = "pods by selector app=web are controlled by multiple HPAs: [{default one} {default two}]";
		expect(await api.conditions("two")).toEqual([ableToGet, `ScalingActive False AmbiguousSelector: ${text}`]);
		expect(await api.conditions("one")).toContain(`ScalingActive False AmbiguousSelector: ${text}`);
		await api.client.resource(horizontalPodAutoscalers).delete({ namespace: "default", name: "one" });
		await seconds(16);
		expect(await api.conditions("two")).toContain(validCpu);
	});
});

describe("metrics that somebody else serves", () => {
	const metric = { name: "qps" };
	const value = (amount: string, pod?: string) => ({
		...(pod === undefined ? {} : { describedObject: { kind: "Pod", name: pod } }),
		timestamp: formatTime(api.clock.now()),
		value: amount,
	});

	it.each<readonly [string, string, () => readonly object[], MetricSpecV2, number, string]>([
		[
			"of pods",
			"custom.metrics.k8s.io/v1beta2/default/pods/*/qps/app=web",
			() => [value("20", "web-0"), value("40", "web-1")],
			{ type: "Pods", pods: { metric, target: { type: "AverageValue", averageValue: "10" } } },
			6,
			"pods metric qps above target",
		],
		[
			"of pods, in the older version, by a selector of its own",
			"custom.metrics.k8s.io/v1beta1/default/pods/*/qps/app=web/verb=GET",
			() => [value("20", "web-0"), value("10", "web-1")],
			{
				type: "Pods",
				pods: { metric: { ...metric, selector: { matchLabels: { verb: "GET" } } }, target: { type: "AverageValue", averageValue: "5" } },
			},
			6,
			"pods metric qps above target",
		],
		[
			"of an object",
			"custom.metrics.k8s.io/v1beta2/default/ingresses.networking.k8s.io/main/qps",
			() => [value("30")],
			{
				type: "Object",
				object: {
					metric,
					describedObject: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "main" },
					target: { type: "Value", value: "10" },
				},
			},
			6,
			"Ingress metric qps above target",
		],
		[
			"of an object, shared",
			"custom.metrics.k8s.io/v1beta2/default/services/main/qps",
			() => [value("50")],
			{
				type: "Object",
				object: {
					metric,
					describedObject: { apiVersion: "v1", kind: "Service", name: "main" },
					target: { type: "AverageValue", averageValue: "10" },
				},
			},
			5,
			"external metric qps(nil) above target",
		],
		[
			"from outside, shared",
			"external.metrics.k8s.io/v1beta1/default/queue/q=a",
			() => [value("30"), value("10500m")],
			{
				type: "External",
				external: {
					metric: { name: "queue", selector: { matchLabels: { q: "a" } } },
					target: { type: "AverageValue", averageValue: "10" },
				},
			},
			5,
			"external metric queue(&LabelSelector{MatchLabels:map[string]string{q: a,},MatchExpressions:[]LabelSelectorRequirement{},}) above target",
		],
	])("%s", async (_, path, items, spec, replicas, reason) => {
		await api.deployment("web", [undefined, undefined]);
		api.metrics.set(path, items());
		await api.autoscaler("web", {
			metrics: [spec],
			behavior: { scaleUp: { selectPolicy: "Max", policies: [{ type: "Pods", value: 9, periodSeconds: 15 }] } },
		});
		await seconds(16);
		expect(await api.events("web")).toEqual([
			`Normal SuccessfulRescale New size: ${replicas}; reason: ${reason} (horizontal-pod-autoscaler)`,
		]);
		expect(await api.replicas("web")).toBe(replicas);
	});

	it("scales to nothing and back, where the minimum is none", async () => {
		const path = "external.metrics.k8s.io/v1beta1/default/queue";
		const spec: MetricSpecV2 = {
			type: "External",
			external: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "10" } },
		};
		const behavior = {
			scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
		};
		await api.deployment("web", [1]);
		api.metrics.set(path, [value("0")]);
		await api.autoscaler("web", { minReplicas: 0, metrics: [spec], behavior });
		await seconds(16);
		expect(await api.replicas("web")).toBe(0);
		api.metrics.set(path, [value("25")]);
		await api.client
			.resource(horizontalPodAutoscalers)
			.patch({ namespace: "default", name: "web" }, "application/merge-patch+json", { spec: { behavior: null } });
		await seconds(16);
		expect(await api.replicas("web")).toBe(3);
	});
});

it("scales custom resources that have a scale", async () => {
	const definition: CustomResourceDefinition = {
		apiVersion: "apiextensions.k8s.io/v1",
		kind: "CustomResourceDefinition",
		metadata: { name: "shirts.example.com" },
		spec: {
			group: "example.com",
			scope: "Namespaced",
			names: { kind: "Shirt", plural: "shirts" },
			versions: [{ name: "v1", served: true, storage: true }],
		},
		status: { acceptedNames: { kind: "Shirt", plural: "shirts" }, conditions: [{ type: "Established", status: "True" }] },
	};
	await api.client.resource(customResourceDefinitions).create(definition);
	const shirts = api.client.resource({ ...deployments, group: "example.com", resource: "shirts" });
	const selector = { matchLabels: { app: "shirt" } };
	await shirts.create({
		apiVersion: "example.com/v1",
		kind: "Shirt",
		metadata: { name: "blue", namespace: "default" },
		spec: { replicas: 1, selector, template: {} },
	});
	await api.pod("shirt-0", 150, { app: "shirt" });
	await api.autoscaler("blue", { scaleTargetRef: { apiVersion: "example.com/v1", kind: "Shirt", name: "blue" } });
	await seconds(16);
	expect((await shirts.get({ namespace: "default", name: "blue" })).spec?.replicas).toBe(3);
});

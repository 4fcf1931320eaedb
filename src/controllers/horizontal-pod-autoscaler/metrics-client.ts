/**
 * Reads the three APIs of metrics: metrics.k8s.io, and custom.metrics.k8s.io and external.metrics.k8s.io, which whoever brings
 * such metrics serves behind APIServices.
 * Source: pkg/controller/podautoscaler/metrics/client.go; k8s.io/metrics/pkg/client/{custom_metrics,external_metrics}
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { formatGroupResource, type GroupVersionResource, type KubeList, type KubeObject } from "../../apimachinery/meta.ts";
import { quantityToMilli } from "../../apimachinery/quantity.ts";
import { isStatusError, StatusError } from "../../apimachinery/status-error.ts";
import { parseGoDuration, parseTime } from "../../apimachinery/time.ts";
import type { Transport } from "../../client/transport.ts";
import { MetricsError } from "./metrics-error.ts";
import type { PodMetric, PodMetrics } from "./pod-groups.ts";

/** Of custom metrics that do not say how long their window is. */
const defaultWindowMs = 60_000;

interface PodMetricsObject extends KubeObject {
	readonly timestamp: string;
	readonly window: string;
	readonly containers: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[];
}

interface MetricValueObject extends KubeObject {
	readonly describedObject?: { readonly name?: string };
	readonly timestamp?: string;
	readonly windowSeconds?: number;
	readonly value: string;
}

/** What a metric is called, and which of its series are meant. */
interface Metric {
	readonly name: string;
	/** A label selector's text; "" selects all. */
	readonly selector: string;
}

export class MetricsClient {
	readonly #transport: Transport;

	constructor(transport: Transport) {
		this.#transport = transport;
	}

	/** Throws MetricsError. @param container undefined: all of a pod together */
	async resource(resource: string, namespace: string, labelSelector: string, container: string | undefined): Promise<PodMetrics> {
		const place = { group: "metrics.k8s.io", version: "v1beta1", resource: "pods" };
		const { items } = await this.#read<PodMetricsObject>("resource metrics API", {
			...place,
			verb: "list",
			namespace,
			options: { labelSelector },
		});
		if (items.length === 0) throw new MetricsError("no metrics returned from resource metrics API");
		const metrics = items.map((item) => {
			const milli = container === undefined ? podMilli(item, resource) : containerMilli(item, resource, container);
			const { timestamp, window } = item;
			const metric: PodMetric | undefined =
				milli === undefined ? undefined : { milli, timestampMs: parseTime(timestamp), windowMs: parseGoDuration(window) };
			return [item.metadata?.name ?? "", metric] as const;
		});
		return new Map(metrics.flatMap(([name, metric]) => (metric === undefined ? [] : [[name, metric] as const])));
	}

	/** A metric of each pod. Throws MetricsError. */
	async pods(metric: Metric, namespace: string, labelSelector: string): Promise<PodMetrics> {
		const items = await this.#custom(metric, { resource: "pods", name: "*", namespace, labelSelector });
		if (items.length === 0) throw new MetricsError("no metrics returned from custom metrics API");
		return new Map(
			items.map(({ describedObject, timestamp, windowSeconds, value }) => [
				describedObject?.name ?? "",
				{
					milli: quantityToMilli(value),
					timestampMs: timestamp === undefined ? 0 : parseTime(timestamp),
					windowMs: windowSeconds === undefined ? defaultWindowMs : windowSeconds * 1000,
				},
			]),
		);
	}

	/** A metric of one object: thousandths. Throws MetricsError. @param resource with its group, `ingresses.networking.k8s.io` */
	async object(metric: Metric, { resource, name, namespace }: { resource: string; name: string; namespace: string }): Promise<number> {
		const isNamespace = resource === "namespaces";
		const [first] = await this.#custom(metric, isNamespace ? { resource, name: namespace } : { resource, name, namespace });
		if (first === undefined)
			throw new MetricsError(
				"unable to fetch metrics from custom metrics API: the custom metrics API server returned no results for object",
			);
		return quantityToMilli(first.value);
	}

	/** All series of a metric, thousandths. Throws MetricsError. */
	async external({ name, selector }: Metric, namespace: string): Promise<readonly number[]> {
		const place = { group: "external.metrics.k8s.io", version: "v1beta1", resource: name };
		const { items } = await this.#read<MetricValueObject>("external metrics API", {
			...place,
			verb: "list",
			namespace,
			options: { labelSelector: selector },
		});
		if (items.length === 0) throw new MetricsError("no metrics returned from external metrics API");
		return items.map(({ value }) => quantityToMilli(value));
	}

	/** In the newest version that is served. */
	async #custom(
		{ name: subresource, selector }: Metric,
		{ labelSelector, ...place }: { resource: string; name: string; namespace?: string; labelSelector?: string },
	): Promise<readonly MetricValueObject[]> {
		const api = "custom metrics API";
		const options = {
			...(labelSelector === undefined ? {} : { labelSelector }),
			...(selector === "" ? {} : { metricLabelSelector: selector }),
		};
		for (const version of ["v1beta2", "v1beta1"]) {
			try {
				const group = "custom.metrics.k8s.io";
				return (await this.#send<MetricValueObject>({ group, version, ...place, subresource, verb: "get", options })).items;
			} catch (error) {
				if (!isUnknownPath(error)) throw new MetricsError(`unable to fetch metrics from ${api}: ${clientText(error, place)}`);
			}
		}
		throw new MetricsError(`unable to fetch metrics from ${api}: no custom metrics API (custom.metrics.k8s.io) registered`);
	}

	async #read<T extends KubeObject>(api: string, request: ApiRequest): Promise<KubeList<T>> {
		try {
			return await this.#send<T>(request);
		} catch (error) {
			throw new MetricsError(`unable to fetch metrics from ${api}: ${clientText(error, request)}`);
		}
	}

	async #send<T extends KubeObject>(request: ApiRequest): Promise<KubeList<T>> {
		const { object } = await this.#transport.request(request);
		return object as KubeList<T>;
	}
}

/** Undefined: the metric of a container is missing. */
function podMilli({ containers }: PodMetricsObject, resource: string): number | undefined {
	const values = containers.map(({ usage }) => usage[resource]);
	if (values.length === 0 || values.includes(undefined)) return undefined;
	return values.reduce<number>((sum, value) => sum + quantityToMilli(value ?? "0"), 0);
}

function containerMilli({ metadata, containers }: PodMetricsObject, resource: string, name: string): number | undefined {
	const found = containers.find((container) => container.name === name);
	if (found === undefined) {
		const pod = `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
		throw new MetricsError(`failed to get container metrics: container ${name} not present in metrics for pod ${pod}`);
	}
	const value = found.usage[resource];
	return value === undefined ? undefined : quantityToMilli(value);
}

/** The server does not know the path: nobody serves the API, or the kind has no such subresource. */
export function isUnknownPath(error: unknown): boolean {
	return isStatusError(error, "NotFound") && error.status.details?.name === undefined;
}

/** What client-go makes of an answer that is not the API's own: it says what was asked for. */
export function clientText(error: unknown, place: { readonly resource: string; readonly group?: string; readonly name?: string }): string {
	if (!(error instanceof StatusError)) return error instanceof Error ? error.message : String(error);
	const { code, message = "" } = error.status;
	const isUnavailable = code === 503 && error.status.details === undefined;
	if (!isUnknownPath(error) && !isUnavailable) return message;
	const what = formatGroupResource({ group: place.group ?? "", resource: place.resource } satisfies Pick<
		GroupVersionResource,
		"group" | "resource"
	>);
	const text = isUnavailable ? "the server is currently unable to handle the request" : "the server could not find the requested resource";
	return `${text} (get ${what}${place.name === undefined ? "" : ` ${place.name}`})`;
}

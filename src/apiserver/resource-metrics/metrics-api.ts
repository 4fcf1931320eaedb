/**
 * metrics.k8s.io, as metrics-server serves it in other clusters: here the API server answers itself, of what the simulated
 * kubelets say, for as long as there is an APIService for it that names no other server.
 *
 *   APIService v1beta1.metrics.k8s.io ── no service ──▶ served here
 *                                     ── a service  ──▶ aggregation/: a metrics-server of the user's own
 *                                     ── deleted    ──▶ `Metrics API not available`
 */
import { formatApiVersion, type KubeList, type KubeObject } from "../../apimachinery/meta.ts";
import { formatQuantity } from "../../apimachinery/quantity.ts";
import type { APIService, ObjectMeta, Pod } from "../../apimachinery/schema/generated/types.ts";
import { newNotFound, newServiceUnavailable } from "../../apimachinery/status-error.ts";
import { formatGoDuration, formatTime } from "../../apimachinery/time.ts";
import type { ResourceUsage, UsageSource } from "../../apimachinery/usage.ts";
import { parseSelection } from "../pipeline/selection.ts";
import type { ReadContext, ServedResource } from "../registry/resource-table.ts";
import {
	metricsGroup,
	metricsKinds,
	metricsResources,
	metricsVersion,
	type NodeMetrics,
	nodeMetricsKind,
	type PodMetrics,
	podMetricsKind,
	type Usage,
} from "./kinds.ts";

export const metricsApiService = `${metricsVersion}.${metricsGroup}`;
const apiVersion = formatApiVersion({ group: metricsGroup, version: metricsVersion });

export interface MetricsApiOptions {
	/** Undefined while another server of the same store runs the nodes. */
	readonly usage: () => UsageSource | undefined;
	/** By name. */
	apiService(name: string): APIService | undefined;
	/** All of a namespace, or of all, by namespace and name. */
	pods(namespace: string): readonly KubeObject[];
	pod(namespace: string, name: string): KubeObject | undefined;
	nodes(): readonly KubeObject[];
	node(name: string): KubeObject | undefined;
}

export class MetricsApi {
	readonly #options: MetricsApiOptions;
	readonly #served: ReadonlyMap<string, ServedResource>;

	constructor(options: MetricsApiOptions) {
		this.#options = options;
		const served = metricsResources.map((resource): readonly [string, ServedResource] => {
			const isPods = resource.resource === "pods";
			const definition = isPods ? podMetricsKind : nodeMetricsKind;
			const read = (context: ReadContext) => (isPods ? this.#readPods(context) : this.#readNodes(context));
			return [resource.resource, { definition, resource, subresources: new Map(), read }];
		});
		this.#served = new Map(served);
	}

	get isServed(): boolean {
		const service = this.#options.apiService(metricsApiService);
		return service !== undefined && service.spec?.service === undefined;
	}

	readonly kinds = metricsKinds;
	readonly resources = metricsResources;

	find(group: string, version: string, resource: string): ServedResource | undefined {
		return group === metricsGroup && version === metricsVersion && this.isServed ? this.#served.get(resource) : undefined;
	}

	/** Throws ServiceUnavailable. */
	get #usage(): UsageSource {
		const usage = this.#options.usage();
		if (usage === undefined) throw newServiceUnavailable("another server of this cluster runs its nodes now");
		return usage;
	}

	#readPods(context: ReadContext): KubeObject | KubeList {
		const { namespace, name, request } = context;
		const usage = this.#usage;
		if (request.verb === "list") {
			const pods = this.#options.pods(namespace);
			return list(context, "PodMetricsList", pods, (pod) => podMetrics(usage, pod as Pod, context.nowMs));
		}
		const pod = this.#options.pod(namespace, name);
		if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, name);
		const found = podMetrics(usage, pod as Pod, context.nowMs);
		if (found === undefined) throw newNotFound({ group: metricsGroup, resource: "podmetrics" }, `${namespace}/${name}`);
		return found;
	}

	#readNodes(context: ReadContext): KubeObject | KubeList {
		const { name, request } = context;
		const usage = this.#usage;
		if (request.verb === "list") {
			return list(context, "NodeMetricsList", this.#options.nodes(), (node) => nodeMetrics(usage, node, context.nowMs));
		}
		const node = this.#options.node(name);
		const found = node === undefined ? undefined : nodeMetrics(usage, node, context.nowMs);
		if (found === undefined) throw newNotFound({ group: metricsGroup, resource: "nodemetrics" }, name);
		return found;
	}
}

function podMetrics(usage: UsageSource, { metadata = {}, status }: Pod, nowMs: number): PodMetrics | undefined {
	if (status?.phase !== "Running") return undefined;
	const found = usage.podUsage(metadata.namespace ?? "", metadata.name ?? "");
	if (found === undefined) return undefined;
	return {
		kind: podMetricsKind.kind,
		apiVersion,
		metadata: metadataOf(metadata, nowMs),
		timestamp: formatTime(found.timestampMs),
		window: formatGoDuration(found.windowMs),
		containers: found.containers.map((container) => ({ name: container.name, usage: quantities(container) })),
	};
}

function nodeMetrics(usage: UsageSource, { metadata = {} }: KubeObject, nowMs: number): NodeMetrics | undefined {
	const found = usage.nodeUsage(metadata.name ?? "");
	if (found === undefined) return undefined;
	return {
		kind: nodeMetricsKind.kind,
		apiVersion,
		metadata: metadataOf(metadata, nowMs),
		timestamp: formatTime(found.timestampMs),
		window: formatGoDuration(found.windowMs),
		usage: quantities(found),
	};
}

function list(
	{ definition, namespace, options }: ReadContext,
	kind: string,
	objects: readonly KubeObject[],
	metricsOf: (object: KubeObject) => KubeObject | undefined,
): KubeList {
	const selection = parseSelection(definition, namespace, options);
	return { kind, apiVersion, metadata: {}, items: objects.filter(selection.matches).flatMap((object) => metricsOf(object) ?? []) };
}

function metadataOf({ name, namespace, labels }: ObjectMeta, nowMs: number): ObjectMeta {
	return {
		...(name === undefined ? {} : { name }),
		...(namespace === undefined || namespace === "" ? {} : { namespace }),
		creationTimestamp: formatTime(nowMs),
		...(labels === undefined ? {} : { labels }),
	};
}

function quantities({ cpuNanoCores, memoryBytes }: ResourceUsage): Usage {
	return {
		cpu: formatQuantity({ nanos: BigInt(cpuNanoCores), format: "DecimalSI" }),
		memory: formatQuantity({ nanos: BigInt(memoryBytes) * 1_000_000_000n, format: "BinarySI" }),
	};
}

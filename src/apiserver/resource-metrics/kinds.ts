/**
 * NodeMetrics and PodMetrics of metrics.k8s.io/v1beta1: what `kubectl top` shows and HorizontalPodAutoscalers read. They are made up
 * on each read, of resources that are called as what they tell of.
 * Source: k8s.io/metrics/pkg/apis/metrics/v1beta1; pkg/api of sigs.k8s.io/metrics-server.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import { addQuantities, formatQuantity } from "../../apimachinery/quantity.ts";
import type { JSONSchemaProps } from "../../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { formatGoDuration, parseGoDuration } from "../../apimachinery/time.ts";
import { type Column, defineKind } from "../registry/kind.ts";

export const metricsGroup = "metrics.k8s.io";
export const metricsVersion = "v1beta1";

/** Quantities: `cpu` and `memory`. */
export type Usage = Readonly<Record<string, string>>;

interface Metrics extends KubeObject {
	/** RFC 3339: the end of the window. */
	readonly timestamp: string;
	/** A Go duration. */
	readonly window: string;
}

export interface NodeMetrics extends Metrics {
	readonly usage: Usage;
}

export interface PodMetrics extends Metrics {
	readonly containers: readonly { readonly name: string; readonly usage: Usage }[];
}

function columns<T extends Metrics>(usageOf: (metrics: T, resource: string) => string): readonly Column<T>[] {
	const common = { type: "string", priority: 0, description: "" } as const;
	return [
		{
			...common,
			name: "Name",
			format: "name",
			description: "Name of the resource",
			cell: ({ metadata }) => metadata?.name ?? "",
		},
		{ ...common, name: "cpu", format: "quantity", cell: (metrics) => usageOf(metrics, "cpu") },
		{ ...common, name: "memory", format: "quantity", cell: (metrics) => usageOf(metrics, "memory") },
		{ ...common, name: "Window", format: "duration", cell: ({ window }) => formatGoDuration(parseGoDuration(window)) },
	];
}

const usageSchema = {
	type: "object",
	description: "The memory usage is the memory working set.",
	additionalProperties: { type: "string" },
} satisfies JSONSchemaProps;

function schema(description: string, own: Readonly<Record<string, JSONSchemaProps>>): JSONSchemaProps {
	return {
		type: "object",
		description,
		required: ["timestamp", "window", ...Object.keys(own)],
		properties: {
			timestamp: {
				type: "string",
				format: "date-time",
				description:
					"The following fields define time interval from which metrics were collected from the interval [Timestamp-Window, Timestamp].",
			},
			window: { type: "string" },
			...own,
		},
	};
}

const common = {
	group: metricsGroup,
	singular: "",
	versions: [metricsVersion],
	storageVersion: metricsVersion,
	// Its types are not in the table of kube-apiserver's own: for OpenAPI it is one that somebody has brought.
	isCustom: true,
} as const;

export const nodeMetricsKind = defineKind<NodeMetrics>({
	...common,
	kind: "NodeMetrics",
	resource: "nodes",
	publishedSchema: schema("NodeMetrics sets resource usage metrics of a node.", { usage: usageSchema }),
	columns: columns(({ usage }, resource) => usage[resource] ?? "0"),
});

export const podMetricsKind = defineKind<PodMetrics>({
	...common,
	kind: "PodMetrics",
	resource: "pods",
	publishedSchema: schema("PodMetrics sets resource usage metrics of a pod.", {
		containers: {
			type: "array",
			description: "Metrics for all containers are collected within the same time window.",
			items: {
				type: "object",
				description: "ContainerMetrics sets resource usage metrics of a container.",
				required: ["name", "usage"],
				properties: {
					name: { type: "string", description: "Container name corresponding to the one from pod.spec.containers." },
					usage: usageSchema,
				},
			},
		},
	}),
	columns: columns(({ containers }, resource) => {
		const [first, ...others] = containers.map(({ usage }) => usage[resource] ?? "0");
		return others.reduce((sum, usage) => formatQuantity(addQuantities(sum, usage)), first ?? "0");
	}),
});

export const metricsKinds = [nodeMetricsKind, podMetricsKind];

export const metricsResources: readonly GeneratedResource[] = [nodeMetricsKind, podMetricsKind].map(({ kind, resource }) => ({
	group: metricsGroup,
	version: metricsVersion,
	resource,
	subresource: "",
	kind,
	type: `io.k8s.metrics.pkg.apis.metrics.v1beta1.${kind}`,
	namespaced: resource === "pods",
	verbs: ["get", "list"],
}));

/**
 * What each metric of an autoscaler asks for: reads it, holds it against its target, and says it in upstream's words.
 * Source: computeReplicasForMetric and computeStatusFor… of pkg/controller/podautoscaler/horizontal.go
 */
import { formatQuantity, quantityFromMilli, quantityToMilli } from "../../apimachinery/quantity.ts";
import type {
	LabelSelector,
	MetricIdentifierV2,
	MetricSpecV2,
	MetricStatusV2,
	MetricTargetV2,
	MetricValueStatusV2,
	Pod,
} from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject, SelectorError } from "../../apimachinery/selector.ts";
import type { MetricsClient } from "./metrics-client.ts";
import { MetricsError } from "./metrics-error.ts";
import {
	type Proposal,
	replicasForAverage,
	replicasForShare,
	replicasForUtilization,
	replicasForValue,
	type Tolerances,
} from "./replica-calculator.ts";
import { ScaleTargetError, type ScaleTargets } from "./scale-targets.ts";

/** What is known of the target when its metrics are looked at. */
export interface ScaledPods {
	readonly namespace: string;
	/** The text form, as the scale has it. */
	readonly selector: string;
	readonly pods: readonly Pod[];
	readonly specReplicas: number;
	readonly statusReplicas: number;
	readonly tolerances: Tolerances;
	readonly nowMs: number;
}

export interface MetricProposal {
	readonly replicas: number;
	/** `cpu resource utilization (percentage of request)`: what scaled it. */
	readonly metric: string;
	readonly status: MetricStatusV2;
}

/** A metric that asks for nothing, because it cannot be had. */
export class MetricFailure extends Error {
	override readonly name = "MetricFailure";
	/** Of the event and of the condition: FailedGetResourceMetric … */
	readonly reason: string;
	/** What the event says and, after some words, the condition. */
	readonly text: string;

	/** @param message of the failure as a part of the whole */
	constructor(reason: string, text: string, message: string) {
		super(message);
		this.reason = reason;
		this.text = text;
	}
}

export interface MetricSources {
	readonly metrics: MetricsClient;
	readonly targets: ScaleTargets;
}

/** Throws MetricFailure. */
export async function proposalOf(spec: MetricSpecV2, scaled: ScaledPods, sources: MetricSources): Promise<MetricProposal> {
	switch (spec.type) {
		case "Resource": {
			const { name = "", target } = spec.resource ?? {};
			const prefix = `failed to get ${name} resource metric value`;
			return attempt("FailedGetResourceMetric", prefix, () => resourceProposal(name, target, undefined, scaled, sources));
		}
		case "ContainerResource": {
			const { name = "", target, container = "" } = spec.containerResource ?? {};
			const prefix = `failed to get ${container} container metric value`;
			return attempt("FailedGetContainerResourceMetric", prefix, () => resourceProposal(name, target, container, scaled, sources));
		}
		case "Pods":
			return attempt("FailedGetPodsMetric", "failed to get pods metric value", () => podsProposal(spec, scaled, sources));
		case "Object":
			return attempt("FailedGetObjectMetric", "failed to get object metric value", () => objectProposal(spec, scaled, sources));
		case "External": {
			const prefix = `failed to get ${spec.external?.metric.name ?? ""} external metric value`;
			return attempt("FailedGetExternalMetric", prefix, () => externalProposal(spec, scaled, sources));
		}
		default: {
			const text = `unknown metric source type ${JSON.stringify(spec.type)}`;
			throw new MetricFailure("InvalidMetricSourceType", text, text);
		}
	}
}

/** Errors that say `cause`, and are told of as more than that where upstream adds words. */
class WordyError extends MetricsError {
	readonly whole: string;

	constructor(cause: string, whole: string) {
		super(cause);
		this.whole = whole;
	}
}

async function attempt(reason: string, prefix: string, propose: () => Promise<MetricProposal>): Promise<MetricProposal> {
	try {
		return await propose();
	} catch (error) {
		if (!(error instanceof MetricsError || error instanceof SelectorError || error instanceof ScaleTargetError)) throw error;
		throw new MetricFailure(reason, error.message, `${prefix}: ${error instanceof WordyError ? error.whole : error.message}`);
	}
}

/** Puts words before a failure's. */
async function saying<T>(prefix: string, run: () => T | Promise<T>): Promise<T> {
	try {
		return await run();
	} catch (error) {
		if (!(error instanceof MetricsError || error instanceof ScaleTargetError)) throw error;
		throw new MetricsError(`${prefix}${error.message}`);
	}
}

// ── Resources ──

async function resourceProposal(
	resource: string,
	target: MetricTargetV2 | undefined,
	container: string | undefined,
	scaled: ScaledPods,
	{ metrics: client }: MetricSources,
): Promise<MetricProposal> {
	const { averageValue, averageUtilization } = target ?? {};
	if (averageValue === undefined && averageUtilization === undefined) {
		throw new MetricsError(
			"invalid resource metric source: neither an average utilization target nor an average value (usage) target was set",
		);
	}
	const { namespace, selector, pods, specReplicas, tolerances, nowMs } = scaled;
	const proposal = await saying(`failed to get ${resource} ${averageValue === undefined ? "utilization" : "usage"}: `, async () => {
		const metrics = await saying(`unable to get metrics for resource ${resource}: `, () =>
			client.resource(resource, namespace, selector, container),
		);
		const common = { currentReplicas: specReplicas, tolerances, pods, nowMs, resource, metrics };
		return averageValue === undefined
			? replicasForUtilization(averageUtilization ?? 0, { ...common, container })
			: replicasForAverage(quantityToMilli(averageValue), common);
	});
	const current: MetricValueStatusV2 = {
		...(proposal.utilization === undefined ? {} : { averageUtilization: proposal.utilization }),
		averageValue: quantity(proposal.milli),
	};
	const kind =
		averageValue !== undefined ? "resource" : `${container === undefined ? "" : "container "}resource utilization (percentage of request)`;
	return {
		replicas: proposal.replicas,
		metric: `${resource} ${kind}`,
		status:
			container === undefined
				? { type: "Resource", resource: { name: resource, current } }
				: { type: "ContainerResource", containerResource: { name: resource, container, current } },
	};
}

// ── Custom metrics ──

async function podsProposal(
	{ pods: source }: MetricSpecV2,
	scaled: ScaledPods,
	{ metrics: client }: MetricSources,
): Promise<MetricProposal> {
	const metric = identifier(source?.metric);
	const { namespace, selector, pods, specReplicas, tolerances, nowMs } = scaled;
	const metrics = await saying(`unable to get metric ${metric.name}: `, () => client.pods(textOf(metric), namespace, selector));
	const target = quantityToMilli(source?.target.averageValue ?? "0");
	const common = { currentReplicas: specReplicas, tolerances, pods, nowMs, resource: "", metrics };
	const { replicas, milli } = replicasForAverage(target, common);
	const status = { type: "Pods", pods: { metric, current: { averageValue: quantity(milli) } } };
	return { replicas, metric: `pods metric ${metric.name}`, status };
}

async function objectProposal({ object: source }: MetricSpecV2, scaled: ScaledPods, sources: MetricSources): Promise<MetricProposal> {
	const metric = identifier(source?.metric);
	const { type, value, averageValue } = source?.target ?? { type: "" };
	const describedObject = source?.describedObject ?? { kind: "", name: "" };
	const isShared = type === "AverageValue" && averageValue !== undefined;
	if (!isShared && (type !== "Value" || value === undefined)) {
		throw new MetricsError("invalid object metric source: neither a value target nor an average value target was set");
	}
	const { namespace, specReplicas, statusReplicas, tolerances, pods, nowMs } = scaled;
	const { kind, name } = describedObject;
	// Upstream's text has a slash before what went wrong.
	const read = () =>
		saying(`unable to get metric ${metric.name}: ${kind} on ${namespace} ${name}/`, () =>
			sources.metrics.object(textOf(metric), { resource: sources.targets.qualifiedName(describedObject), name, namespace }),
		);
	if (!isShared) {
		const milli = await read();
		const { replicas } = replicasForValue(milli, quantityToMilli(value ?? "0"), { currentReplicas: specReplicas, tolerances, pods, nowMs });
		const status = { type: "Object", object: { describedObject, metric, current: { value: quantity(milli) } } };
		return { replicas, metric: `${kind} metric ${metric.name}`, status };
	}
	const milli = await withWords(`failed to get ${metric.name} object metric`, read);
	const share = replicasForShare(milli, quantityToMilli(averageValue), statusReplicas, tolerances);
	return {
		replicas: share.replicas,
		metric: `external metric ${metric.name}(${goSelector(metric.selector)})`,
		status: { type: "Object", object: { describedObject, metric, current: { averageValue: quantity(share.milli) } } },
	};
}

async function externalProposal(
	{ external: source }: MetricSpecV2,
	scaled: ScaledPods,
	{ metrics: client }: MetricSources,
): Promise<MetricProposal> {
	const metric = identifier(source?.metric);
	const { value, averageValue } = source?.target ?? {};
	if (value === undefined && averageValue === undefined) {
		throw new MetricsError("invalid external metric source: neither a value target nor an average value target was set");
	}
	const { namespace, specReplicas, statusReplicas, tolerances, pods, nowMs } = scaled;
	const read = () =>
		saying(`unable to get external metric ${namespace}/${metric.name}/${goSelector(metric.selector)}: `, () =>
			client.external(textOf(metric), namespace),
		);
	const whole =
		averageValue === undefined ? `failed to get external metric ${metric.name}` : `failed to get ${metric.name} external metric`;
	const sum = (await withWords(whole, read)).reduce((total, each) => total + each, 0);
	const proposal: Proposal =
		averageValue === undefined
			? replicasForValue(sum, quantityToMilli(value ?? "0"), { currentReplicas: specReplicas, tolerances, pods, nowMs })
			: replicasForShare(sum, quantityToMilli(averageValue), statusReplicas, tolerances);
	const current = averageValue === undefined ? { value: quantity(proposal.milli) } : { averageValue: quantity(proposal.milli) };
	return {
		replicas: proposal.replicas,
		metric: `external metric ${metric.name}(${goSelector(metric.selector)})`,
		status: { type: "External", external: { metric, current } },
	};
}

async function withWords<T>(whole: string, read: () => Promise<T>): Promise<T> {
	try {
		return await read();
	} catch (error) {
		throw error instanceof MetricsError ? new WordyError(error.message, `${whole}: ${error.message}`) : error;
	}
}

function identifier(metric: MetricIdentifierV2 | undefined): MetricIdentifierV2 {
	const { name = "", selector } = metric ?? {};
	return { name, ...(selector === undefined ? {} : { selector }) };
}

/** Throws SelectorError. */
function textOf({ name, selector }: MetricIdentifierV2): { readonly name: string; readonly selector: string } {
	return { name, selector: labelSelectorFromObject(selector ?? {}).toString() };
}

/** As Go prints a selector in these texts. */
function goSelector(selector: LabelSelector | undefined): string {
	if (selector === undefined) return "nil";
	const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
	const expressions = (selector.matchExpressions ?? []).map(
		({ key = "", operator = "", values = [] }) =>
			`LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`,
	);
	const map = labels.map(([key, value]) => `${key}: ${value},`).join("");
	return `&LabelSelector{MatchLabels:map[string]string{${map}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join("")}},}`;
}

function quantity(milli: number): string {
	return formatQuantity(quantityFromMilli(milli));
}

/**
 * The arguments of plugins in the configuration file, with upstream's defaults and rules.
 * Source: https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/,
 * k8s.io/kubernetes/pkg/scheduler/apis/config/validation (validation_pluginargs.go)
 */
import type { ConfigSection } from "../../apimachinery/config-section.ts";
import type { JsonObject } from "../../apimachinery/json.ts";
import { decodeValue } from "../../apimachinery/schema/decode.ts";
import { DecodeError } from "../../apimachinery/schema/decode-errors.ts";
import type { NodeAffinity } from "../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../apimachinery/validation/names.ts";
import type { DefaultPreemptionArgs } from "../plugins/default-preemption.ts";
import type { InterPodAffinityOptions } from "../plugins/inter-pod-affinity.ts";
import type { NodeResourcesFitOptions } from "../plugins/node-resources-fit.ts";
import type { PodTopologySpreadOptions } from "../plugins/pod-topology-spread.ts";
import { cpuAndMemory, type ScoringStrategy, type ShapePoint, type WeightedResource } from "../plugins/resource-scoring.ts";
import type { DefaultConstraint } from "../plugins/spread-constraints.ts";
import type { VolumeBindingOptions } from "../plugins/volume-binding.ts";

/** By plugin; absent: its defaults. */
export interface PluginArgs {
	readonly defaultPreemption?: DefaultPreemptionArgs;
	readonly interPodAffinity?: InterPodAffinityOptions;
	readonly nodeAffinity?: NodeAffinity;
	readonly balancedResources?: readonly string[];
	readonly nodeResourcesFit?: NodeResourcesFitOptions;
	readonly podTopologySpread?: PodTopologySpreadOptions;
	readonly volumeBinding?: Pick<VolumeBindingOptions, "bindTimeoutMs">;
	/** Of plugins that are not kube-scheduler's own: as they stand in the file. */
	readonly others?: Readonly<Record<string, JsonObject>>;
}

type Report = (...errors: readonly FieldError[]) => void;
type Reader = (args: ConfigSection, report: Report) => PluginArgs;

const readers: Readonly<Record<string, Reader>> = {
	DefaultPreemption: readDefaultPreemption,
	InterPodAffinity: readInterPodAffinity,
	NodeAffinity: readNodeAffinity,
	NodeResourcesBalancedAllocation: readBalancedAllocation,
	NodeResourcesFit: readNodeResourcesFit,
	PodTopologySpread: readPodTopologySpread,
	VolumeBinding: readVolumeBinding,
};

/** @param profile with `pluginConfig`, a list of plugins' names and arguments */
export function readPluginArgs(profile: ConfigSection, problems: string[]): PluginArgs {
	const report: Report = (...errors) => problems.push(...errors.map(String));
	const seen = new Set<string>();
	let read: PluginArgs = {};
	for (const entry of profile.parts("pluginConfig")) {
		const name = entry.text("name") ?? "";
		if (seen.has(name)) report(fieldDuplicate(entry.path, name));
		seen.add(name);
		const reader = readers[name];
		if (reader === undefined) {
			const args = entry.json("args");
			if (args !== undefined) read = { ...read, others: { ...read.others, [name]: args } };
			continue;
		}
		const args = entry.part("args");
		if (args === undefined) continue;
		args.ignore("apiVersion");
		const kind = args.text("kind");
		if (kind !== undefined && kind !== `${name}Args`) report(fieldInvalid(args.path, kind, "has to match plugin args"));
		read = { ...read, ...reader(args, report) };
	}
	return read;
}

function readDefaultPreemption(args: ConfigSection, report: Report): PluginArgs {
	const percentage = args.integer("minCandidateNodesPercentage") ?? 10;
	const absolute = args.integer("minCandidateNodesAbsolute") ?? 100;
	const [percentagePath, absolutePath] = [args.at("minCandidateNodesPercentage"), args.at("minCandidateNodesAbsolute")];
	if (percentage < 0 || percentage > 100) report(fieldInvalid(percentagePath, percentage, "not in valid range [0, 100]"));
	if (absolute < 0) report(fieldInvalid(absolutePath, absolute, "not in valid range [0, inf)"));
	if (percentage === 0 && absolute === 0) {
		report(
			fieldInvalid(percentagePath, percentage, "cannot be zero at the same time as minCandidateNodesAbsolute"),
			fieldInvalid(absolutePath, absolute, "cannot be zero at the same time as minCandidateNodesPercentage"),
		);
	}
	return { defaultPreemption: { minCandidateNodesPercentage: percentage, minCandidateNodesAbsolute: absolute } };
}

function readInterPodAffinity(args: ConfigSection, report: Report): PluginArgs {
	const weight = args.integer("hardPodAffinityWeight") ?? 1;
	if (weight < 0 || weight > 100) report(fieldInvalid(args.at("hardPodAffinityWeight"), weight, "not in valid range [0, 100]"));
	const ignorePreferredTermsOfExistingPods = args.flag("ignorePreferredTermsOfExistingPods") ?? false;
	return { interPodAffinity: { hardPodAffinityWeight: weight, ignorePreferredTermsOfExistingPods } };
}

function readNodeAffinity(args: ConfigSection): PluginArgs {
	const added = args.json("addedAffinity");
	if (added === undefined) return {};
	const path = args.at("addedAffinity");
	try {
		const { value, unknownFields } = decodeValue(added, "NodeAffinity");
		for (const field of unknownFields) args.refuse(`strict decoding error: unknown field "${path}.${field}"`);
		return { nodeAffinity: value as NodeAffinity };
	} catch (error) {
		if (!(error instanceof DecodeError)) throw error;
		args.refuse(`${path}: ${error.message}`);
		return {};
	}
}

function readBalancedAllocation(args: ConfigSection, report: Report): PluginArgs {
	const resources = readResources(args);
	const seen = new Set<string>();
	for (const [index, { name, weight }] of resources.entries()) {
		const path = `${args.at("resources")}[${index}]`;
		if (seen.has(name)) report(fieldDuplicate(`${path}.name`, name));
		seen.add(name);
		if (weight !== 1) report(fieldInvalid(`${path}.weight`, weight, "must be 1"));
	}
	return resources.length === 0 ? {} : { balancedResources: resources.map(({ name }) => name) };
}

function readResources(section: ConfigSection): readonly WeightedResource[] {
	return section.parts("resources").map((part) => ({ name: part.text("name") ?? "", weight: part.integer("weight") || 1 }));
}

function readNodeResourcesFit(args: ConfigSection, report: Report): PluginArgs {
	const ignoredResources = args.texts("ignoredResources") ?? [];
	const ignoredResourceGroups = args.texts("ignoredResourceGroups") ?? [];
	for (const [index, name] of ignoredResources.entries()) {
		report(...isQualifiedName(name).map((detail) => fieldInvalid(`${args.at("ignoredResources")}[${index}]`, name, detail)));
	}
	for (const [index, group] of ignoredResourceGroups.entries()) {
		const path = `${args.at("ignoredResourceGroups")}[${index}]`;
		if (group.includes("/")) report(fieldInvalid(path, group, "resource group name can't contain '/'"));
		report(...isQualifiedName(group).map((detail) => fieldInvalid(path, group, detail)));
	}
	const strategy = args.part("scoringStrategy");
	return {
		nodeResourcesFit: {
			ignoredResources,
			ignoredResourceGroups,
			...(strategy === undefined ? {} : { scoringStrategy: readStrategy(strategy, report) }),
		},
	};
}

const strategies = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] as const;

function readStrategy(section: ConfigSection, report: Report): ScoringStrategy {
	const said = section.text("type") ?? "";
	const type = strategies.find((name) => name === said);
	if (type === undefined) report(fieldNotSupported(section.at("type"), said, strategies));
	const asked = readResources(section);
	for (const [index, { name, weight }] of asked.entries()) {
		if (weight >= 1 && weight <= 100) continue;
		const detail = `resource weight of ${name} not in valid range (0, 100]`;
		report(fieldInvalid(`${section.at("resources")}[${index}].weight`, weight, detail));
	}
	const resources = asked.length === 0 ? cpuAndMemory : asked;
	const ratio = section.part("requestedToCapacityRatio");
	const path = section.at("requestedToCapacityRatio");
	if (type !== "RequestedToCapacityRatio") {
		if (ratio !== undefined) {
			ratio.ignore("shape");
			report(fieldForbidden(path, "must be nil when type is not RequestedToCapacityRatio"));
		}
		return { type: type ?? "LeastAllocated", resources };
	}
	if (ratio === undefined) report(fieldRequired(path, "must be specified when type is RequestedToCapacityRatio"));
	return { type, resources, shape: ratio === undefined ? [] : readShape(ratio, report) };
}

function readShape(section: ConfigSection, report: Report): readonly ShapePoint[] {
	const shape = section
		.parts("shape")
		.map((point) => ({ utilization: point.integer("utilization") ?? 0, score: point.integer("score") ?? 0 }));
	const path = section.at("shape");
	if (shape.length === 0) report(fieldRequired(path, "at least one point must be specified"));
	const unsorted = shape.findIndex(({ utilization }, index) => index > 0 && (shape[index - 1]?.utilization ?? 0) >= utilization);
	if (unsorted > 0) {
		report(fieldInvalid(`${path}[${unsorted}].utilization`, shape[unsorted]?.utilization, "values must be sorted in increasing order"));
	}
	for (const [index, { utilization, score }] of shape.entries()) {
		if (utilization < 0 || utilization > 100) {
			report(fieldInvalid(`${path}[${index}].utilization`, utilization, "not in valid range [0, 100]"));
		}
		if (score < 0 || score > 10) report(fieldInvalid(`${path}[${index}].score`, score, "not in valid range [0, 10]"));
	}
	return shape;
}

const whenUnsatisfiable: readonly string[] = ["DoNotSchedule", "ScheduleAnyway"];

function readPodTopologySpread(args: ConfigSection, report: Report): PluginArgs {
	const constraints = args.parts("defaultConstraints").map((part) => readConstraint(part, report));
	for (const [index, { topologyKey, whenUnsatisfiable: when }] of constraints.entries()) {
		const isSame = (other: DefaultConstraint) => other.topologyKey === topologyKey && other.whenUnsatisfiable === when;
		if (constraints.findIndex(isSame) < index) {
			report(fieldDuplicate(`${args.at("defaultConstraints")}[${index}]`, `{${topologyKey}, ${when}}`));
		}
	}
	const type = args.text("defaultingType") ?? "System";
	const path = args.at("defaultingType");
	if (type !== "System" && type !== "List") report(fieldNotSupported(path, type, ["System", "List"]));
	if (type === "System" && constraints.length > 0) report(fieldInvalid(path, type, "when .defaultConstraints are not empty"));
	return type === "List" ? { podTopologySpread: { defaults: constraints } } : {};
}

function readConstraint(part: ConfigSection, report: Report): DefaultConstraint {
	const maxSkew = part.integer("maxSkew") ?? 0;
	if (maxSkew <= 0) report(fieldInvalid(part.at("maxSkew"), maxSkew, "not in valid range (0, inf)"));
	const topologyKey = part.text("topologyKey") ?? "";
	if (topologyKey === "") report(fieldRequired(part.at("topologyKey"), "can not be empty"));
	else report(...isQualifiedName(topologyKey).map((detail) => fieldInvalid(part.at("topologyKey"), topologyKey, detail)));
	const when = part.text("whenUnsatisfiable") ?? "";
	if (when === "") report(fieldRequired(part.at("whenUnsatisfiable"), "can not be empty"));
	else if (!whenUnsatisfiable.includes(when)) report(fieldNotSupported(part.at("whenUnsatisfiable"), when, whenUnsatisfiable));
	if (part.json("labelSelector") !== undefined) {
		report(fieldForbidden(part.at("labelSelector"), "constraint must not define a selector, as they deduced for each pod"));
	}
	return { maxSkew, topologyKey, whenUnsatisfiable: when };
}

function readVolumeBinding(args: ConfigSection, report: Report): PluginArgs {
	const seconds = args.integer("bindTimeoutSeconds") ?? 600;
	if (seconds < 0) {
		report(fieldInvalid(args.at("bindTimeoutSeconds"), seconds, "invalid BindTimeoutSeconds, should not be a negative value"));
	}
	if (args.parts("shape").length > 0) {
		const detail = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring";
		report(fieldInvalid(args.at("shape"), [], detail));
	}
	return { volumeBinding: { bindTimeoutMs: seconds * 1000 } };
}

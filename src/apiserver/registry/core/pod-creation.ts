/**
 * What the API server makes of a Pod that is created, besides its defaults: its first status, selectors that speak of its
 * own labels, profiles of AppArmor as fields. Source: podStrategy.PrepareForCreate in pkg/registry/core/pod/strategy.go of
 * Kubernetes 1.36.
 */
import type {
	Affinity,
	AppArmorProfile,
	Container,
	LabelSelector,
	LabelSelectorRequirement,
	Pod,
	PodAffinity,
	PodAffinityTerm,
	PodSpec,
	PodStatus,
	TopologySpreadConstraint,
} from "../../../apimachinery/schema/generated/types.ts";
import { containersOf } from "../validation/containers-of.ts";
import { APP_ARMOR_PREFIX, LOCALHOST_PREFIX } from "../validation/pod-annotations.ts";
import { appArmorWarning } from "./container-warnings.ts";
import { eachItem, mapField, withField } from "./defaulting.ts";
import { qosClass } from "./qos.ts";

type StringMap = Readonly<Record<string, string>>;

export function prepareForCreate(pod: Pod): Pod {
	const spec = pod.spec ?? { containers: [] };
	const { labels = {}, annotations = {} } = pod.metadata ?? {};
	return { ...pod, spec: withAppArmorFields(withSelectedLabels(spec, labels), annotations), status: firstStatus(spec) };
}

/** A new Pod is Pending, knows its class, and says if gates hold it. */
function firstStatus(spec: PodSpec): PodStatus {
	const status: PodStatus = { phase: "Pending", qosClass: qosClass(spec) };
	if ((spec.schedulingGates ?? []).length === 0) return status;
	const gated = {
		type: "PodScheduled",
		status: "False",
		reason: "SchedulingGated",
		message: "Scheduling is blocked due to non-empty scheduling gates",
	};
	return { ...status, conditions: [gated] };
}

/** Keys of labels become expressions with the Pod's own values, for the scheduler to read (KEP-3243, KEP-3633). */
function withSelectedLabels(spec: PodSpec, labels: StringMap): PodSpec {
	const inTerms = (affinity: PodAffinity) => selectInTerms(affinity, labels);
	const result = mapField(spec, "affinity", (affinity: Affinity) =>
		mapField(mapField(affinity, "podAffinity", inTerms), "podAntiAffinity", inTerms),
	);
	return mapField(
		result,
		"topologySpreadConstraints",
		eachItem((constraint: TopologySpreadConstraint) =>
			mapField(constraint, "labelSelector", (selector) => withExpressions(selector, expressions(constraint.matchLabelKeys, "In", labels))),
		),
	);
}

function selectInTerms(affinity: PodAffinity, labels: StringMap): PodAffinity {
	const inTerm = (term: PodAffinityTerm) =>
		mapField(term, "labelSelector", (selector) =>
			withExpressions(selector, [
				...expressions(term.matchLabelKeys, "In", labels),
				...expressions(term.mismatchLabelKeys, "NotIn", labels),
			]),
		);
	const result = mapField(affinity, "requiredDuringSchedulingIgnoredDuringExecution", eachItem(inTerm));
	return mapField(
		result,
		"preferredDuringSchedulingIgnoredDuringExecution",
		eachItem((preference) => mapField(preference, "podAffinityTerm", inTerm)),
	);
}

function expressions(keys: readonly string[] | undefined, operator: string, labels: StringMap): readonly LabelSelectorRequirement[] {
	return (keys ?? []).flatMap((key) => {
		const value = labels[key];
		return value === undefined ? [] : [{ key, operator, values: [value] }];
	});
}

function withExpressions(selector: LabelSelector, added: readonly LabelSelectorRequirement[]): LabelSelector {
	return added.length === 0 ? selector : { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}

/** An annotation names a profile for a container that has none of its own: it becomes the container's, if it is not the Pod's. */
function withAppArmorFields(spec: PodSpec, annotations: StringMap): PodSpec {
	if (spec.os?.name === "windows" || !Object.keys(annotations).some((key) => key.startsWith(APP_ARMOR_PREFIX))) return spec;
	const ofPod = spec.securityContext?.appArmorProfile;
	const withProfile = <T extends Container>(container: T): T => {
		const profile = appArmorProfile(annotations[`${APP_ARMOR_PREFIX}${container.name ?? ""}`]);
		const isOwn = container.securityContext?.appArmorProfile !== undefined;
		const isOfPod = profile?.type === ofPod?.type && profile?.localhostProfile === ofPod?.localhostProfile;
		if (profile === undefined || isOwn || isOfPod) return container;
		return withField<Container, "securityContext">(container, "securityContext", {
			...container.securityContext,
			appArmorProfile: profile,
		}) as T;
	};
	let result = mapField(spec, "initContainers", eachItem(withProfile));
	result = mapField(result, "containers", eachItem(withProfile));
	return mapField(result, "ephemeralContainers", eachItem(withProfile));
}

/** Warnings of annotations that became fields. A container that had just that field beside its annotation gets one too. */
export function appArmorWarnings({ metadata, spec }: Pod): readonly string[] {
	const annotations = metadata?.annotations ?? {};
	return spec === undefined || spec.os?.name === "windows"
		? []
		: containersOf(spec, "").flatMap(([{ name = "", securityContext }]) => {
				const key = `${APP_ARMOR_PREFIX}${name}`;
				const [profile, own] = [appArmorProfile(annotations[key]), securityContext?.appArmorProfile];
				const isSynced = profile !== undefined && profile.type === own?.type && profile.localhostProfile === own.localhostProfile;
				return isSynced ? [appArmorWarning(`metadata.annotations[${key}]`)] : [];
			});
}

/** The field that says the same as an annotation; undefined for one that says nothing known. */
function appArmorProfile(annotation: string | undefined): AppArmorProfile | undefined {
	if (annotation === "unconfined") return { type: "Unconfined" };
	if (annotation === "runtime/default") return { type: "RuntimeDefault" };
	if (annotation?.startsWith(LOCALHOST_PREFIX) !== true) return undefined;
	const localhostProfile = annotation.slice(LOCALHOST_PREFIX.length);
	return localhostProfile === "" ? undefined : { type: "Localhost", localhostProfile };
}

/**
 * KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1), the file of kube-scheduler's --config: profiles, their plugins and
 * arguments, back-off, extenders. Defaults and rules are upstream's.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/, k8s.io/kubernetes/pkg/scheduler/apis/config (v1, validation).
 *
 * `clientConnection`, `leaderElection`, `parallelism`, `delayCacheUntilActive` and what is about profiling are checked for their form and have no effect:
 * there is no connection, and one thread.
 */
import { ConfigSection } from "../../apimachinery/config-section.ts";
import { isJsonObject } from "../../apimachinery/json.ts";
import { fieldDuplicate, fieldInvalid, fieldRequired } from "../../apimachinery/validation/field-error.ts";
import { type ExtensionPoint, extensionPoints, noPlugins, type PluginSet } from "../framework/plugin-lists.ts";
import { defaultSchedulerName } from "../framework/profile.ts";
import { type ExtenderConfiguration, readExtenders } from "./extender-configuration.ts";
import { type PluginArgs, readPluginArgs } from "./plugin-args.ts";

const apiVersion = "kubescheduler.config.k8s.io/v1";

/** Something is wrong with the file; the message says all of it, one thing a line. */
export class SchedulerConfigurationError extends Error {
	override readonly name = "SchedulerConfigurationError";
	readonly problems: readonly string[];

	constructor(problems: readonly string[]) {
		super(problems.join("\n"));
		this.problems = problems;
	}
}

export interface SchedulerConfiguration {
	/** At least one; their names differ. */
	readonly profiles: readonly ProfileConfiguration[];
	/** 0..100; 0 adapts to the number of nodes. */
	readonly percentageOfNodesToScore: number;
	/** How long a pod that fits nowhere waits at least, and at most after many attempts, ms. */
	readonly podInitialBackoffMs: number;
	readonly podMaxBackoffMs: number;
	readonly extenders: readonly ExtenderConfiguration[];
}

export interface ProfileConfiguration {
	readonly schedulerName: string;
	/** In place of the scheduler's own. */
	readonly percentageOfNodesToScore?: number;
	/** What is switched on and off at every point that a plugin extends. */
	readonly multiPoint: PluginSet;
	readonly points: Readonly<Partial<Record<ExtensionPoint, PluginSet>>>;
	readonly args: PluginArgs;
}

/** What a scheduler without a file has. */
export const defaultConfiguration: SchedulerConfiguration = readSchedulerConfiguration({
	apiVersion,
	kind: "KubeSchedulerConfiguration",
});

/** @param value the file, parsed. Throws SchedulerConfigurationError. */
export function readSchedulerConfiguration(value: unknown): SchedulerConfiguration {
	if (!isJsonObject(value)) throw new SchedulerConfigurationError(["the file holds no KubeSchedulerConfiguration"]);
	const problems: string[] = [];
	const file = new ConfigSection(value, "", problems);
	const [kind, version] = [file.text("kind"), file.text("apiVersion")];
	if (kind !== "KubeSchedulerConfiguration" || version !== apiVersion) {
		const said = `no kind "${kind ?? ""}" is registered for version "${version ?? ""}" of the scheduler's configuration`;
		throw new SchedulerConfigurationError([`${said}: it is KubeSchedulerConfiguration of ${apiVersion}`]);
	}
	const configuration = readFile(file, problems);
	file.finish();
	if (problems.length > 0) throw new SchedulerConfigurationError(problems);
	return configuration;
}

function readFile(file: ConfigSection, problems: string[]): SchedulerConfiguration {
	file.ignore("clientConnection", "leaderElection", "enableProfiling", "enableContentionProfiling", "delayCacheUntilActive");
	const parallelism = file.integer("parallelism") ?? 16;
	if (parallelism <= 0) problems.push(`${fieldInvalid("parallelism", parallelism, "should be an integer value greater than zero")}`);
	const sections = file.parts("profiles");
	const profiles =
		sections.length === 0
			? [{ schedulerName: defaultSchedulerName, multiPoint: noPlugins, points: {}, args: {} }]
			: sections.map((section) => readProfile(section, sections.length === 1, problems));
	problems.push(...duplicateNames(profiles), ...otherQueueSorts(profiles));
	const percentageOfNodesToScore = readPercentage(file, problems) ?? 0;
	const initial = file.integer("podInitialBackoffSeconds") ?? 1;
	const max = file.integer("podMaxBackoffSeconds") ?? 10;
	if (initial <= 0) problems.push(`${fieldInvalid("podInitialBackoffSeconds", initial, "must be greater than 0")}`);
	if (max < initial) {
		problems.push(`${fieldInvalid("podMaxBackoffSeconds", max, "must be greater than or equal to PodInitialBackoffSeconds")}`);
	}
	return {
		profiles,
		percentageOfNodesToScore,
		podInitialBackoffMs: initial * 1000,
		podMaxBackoffMs: max * 1000,
		extenders: readExtenders(file, problems),
	};
}

/** @param isOnly a profile that stands alone may leave its name out */
function readProfile(section: ConfigSection, isOnly: boolean, problems: string[]): ProfileConfiguration {
	const schedulerName = section.text("schedulerName") ?? (isOnly ? defaultSchedulerName : "");
	if (schedulerName === "") problems.push(`${fieldRequired(section.at("schedulerName"))}`);
	const percentage = readPercentage(section, problems);
	const plugins = section.part("plugins");
	const points: Partial<Record<ExtensionPoint, PluginSet>> = {};
	for (const point of extensionPoints) {
		const part = plugins?.part(point);
		if (part !== undefined) points[point] = readPluginSet(part, problems);
	}
	const multiPoint = plugins?.part("multiPoint");
	return {
		schedulerName,
		...(percentage === undefined ? {} : { percentageOfNodesToScore: percentage }),
		multiPoint: multiPoint === undefined ? noPlugins : readPluginSet(multiPoint, problems),
		points,
		args: readPluginArgs(section, problems),
	};
}

/** Plugins of former versions that this one has not. */
const removed: ReadonlySet<string> = new Set(["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"]);

function readPluginSet(section: ConfigSection, problems: string[]): PluginSet {
	const enabled = section.parts("enabled").map((part) => ({ name: part.text("name") ?? "", weight: part.integer("weight") ?? 0 }));
	for (const [index, { name }] of enabled.entries()) {
		if (!removed.has(name)) continue;
		const detail = `was invalid in version "${apiVersion}" (KubeSchedulerConfiguration is version "${apiVersion}")`;
		problems.push(`${fieldInvalid(`${section.at("enabled")}[${index}]`, name, detail)}`);
	}
	const disabled = section.parts("disabled").map((part) => {
		part.ignore("weight");
		return part.text("name") ?? "";
	});
	return { enabled, disabled };
}

function readPercentage(section: ConfigSection, problems: string[]): number | undefined {
	const percentage = section.integer("percentageOfNodesToScore");
	if (percentage !== undefined && (percentage < 0 || percentage > 100)) {
		problems.push(`${fieldInvalid(section.at("percentageOfNodesToScore"), percentage, "not in valid range [0-100]")}`);
	}
	return percentage;
}

function duplicateNames(profiles: readonly ProfileConfiguration[]): readonly string[] {
	return profiles.flatMap(({ schedulerName }, index) => {
		const first = profiles.findIndex((other) => other.schedulerName === schedulerName);
		return first === index ? [] : [`${fieldDuplicate(`profiles[${index}].schedulerName`, `profiles[${first}].schedulerName`)}`];
	});
}

/** There is one queue for all profiles. */
function otherQueueSorts(profiles: readonly ProfileConfiguration[]): readonly string[] {
	const setOf = (profile: ProfileConfiguration | undefined) => profile?.points.queueSort ?? noPlugins;
	const enabled = setOf(profiles[0]).enabled.length;
	const tooMany =
		enabled > 1 ? [`${fieldInvalid("profiles[0].plugins.queueSort.Enabled", enabled, "only one queue sort plugin can be enabled")}`] : [];
	const first = JSON.stringify(setOf(profiles[0]));
	const others = profiles.flatMap((profile, index) =>
		JSON.stringify(setOf(profile)) === first
			? []
			: [`${fieldInvalid(`profiles[${index}].plugins.queueSort`, setOf(profile), "must be the same for all profiles")}`],
	);
	return [...tooMany, ...others];
}

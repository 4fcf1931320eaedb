/**
 * Profiles from a configuration: kube-scheduler's own plugins and a user's, with what the file switches on and off.
 */
import type { JsonObject } from "../../apimachinery/json.ts";
import { type DefaultPluginOptions, defaultPlugins } from "../default-profile.ts";
import type { AnyPlugin } from "../framework/plugin.ts";
import { mergePlugins } from "../framework/plugin-lists.ts";
import { createProfile, type PluginEntry, type Profile, ProfileError } from "../framework/profile.ts";
import type { WaitingPods } from "../waiting-pods.ts";
import type { ProfileConfiguration, SchedulerConfiguration } from "./configuration.ts";

/** What a plugin of a user's own is made with. */
export interface PluginHandle {
	/** `pluginConfig` of its name; empty if there is none. */
	readonly args: JsonObject;
	/** For Permit plugins: lets a pod that they held back go on. */
	readonly waitingPods: WaitingPods;
}

/** By name; a profile runs those that its configuration enables. */
export type PluginFactories = Readonly<Record<string, (handle: PluginHandle) => AnyPlugin>>;

export interface ProfileParts extends DefaultPluginOptions {
	readonly waitingPods: WaitingPods;
	readonly plugins: PluginFactories;
}

/** One a scheduler's name, in the order of the configuration. Throws ProfileError. */
export function createProfiles(configuration: SchedulerConfiguration, parts: ProfileParts): readonly Profile[] {
	const { profiles, percentageOfNodesToScore, extenders } = configuration;
	const ignoredResources = extenders.flatMap((extender) => extender.ignoredResources);
	return profiles.map((profile) => createConfigured(ignoring({ percentageOfNodesToScore, ...profile }, ignoredResources), parts));
}

/** What extenders look after alone takes the place of what the profile's NodeResourcesFit was to ignore. */
function ignoring(profile: ProfileConfiguration, ignoredResources: readonly string[]): ProfileConfiguration {
	if (ignoredResources.length === 0) return profile;
	const { args } = profile;
	return { ...profile, args: { ...args, nodeResourcesFit: { ...args.nodeResourcesFit, ignoredResources } } };
}

function createConfigured(configuration: ProfileConfiguration, parts: ProfileParts): Profile {
	const { schedulerName, percentageOfNodesToScore = 0, multiPoint, points, args } = configuration;
	const own = Object.entries(parts.plugins).map(([name, create]) => {
		const plugin = create({ args: args.others?.[name] ?? {}, waitingPods: parts.waitingPods });
		if (plugin.name !== name) throw new ProfileError(`the plugin that was registered as "${name}" calls itself "${plugin.name}"`);
		return { plugin };
	});
	const usual = defaultPlugins(parts, args);
	const known = new Map<string, PluginEntry>([...own, ...usual].map((entry) => [entry.plugin.name, entry]));
	const merged = mergePlugins(
		usual.map(({ plugin, weight }) => ({ name: plugin.name, weight: weight ?? 1 })),
		multiPoint,
	);
	const plugins = merged.map(({ name, weight }): PluginEntry => {
		const entry = known.get(name);
		if (entry === undefined) throw new ProfileError(`Plugin "${name}" does not exist`);
		return { plugin: entry.plugin, weight: weight === 0 ? 1 : weight };
	});
	const others = [...known.values()].map(({ plugin }) => plugin);
	return createProfile({ schedulerName, percentageOfNodesToScore, plugins, points, others });
}

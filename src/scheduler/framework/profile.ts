/**
 * A profile: the plugins of one schedulerName, by extension point.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/#profiles (MultiPoint: a plugin is enabled at every
 * point it extends, in the order of the list).
 */
import type {
	AnyPlugin,
	BindPlugin,
	FilterPlugin,
	PermitPlugin,
	Plugin,
	PostBindPlugin,
	PostFilterPlugin,
	PreBindPlugin,
	PreEnqueuePlugin,
	PreFilterPlugin,
	PreScorePlugin,
	QueueSortPlugin,
	ReservePlugin,
	ScorePlugin,
} from "./plugin.ts";
import { type ExtensionPoint, noPlugins, type PluginSet, pluginsAt } from "./plugin-lists.ts";

/** Of pods that name no scheduler. */
export const defaultSchedulerName = "default-scheduler";

/** A plugin's place in a profile. */
export interface PluginEntry {
	readonly plugin: AnyPlugin;
	/** Of its scores; > 0, 1 if absent. */
	readonly weight?: number;
}

export interface WeightedScorePlugin {
	readonly plugin: ScorePlugin;
	readonly weight: number;
}

export interface Profile {
	readonly schedulerName: string;
	/** Share of nodes to find feasible before scoring, in percent; 0 adapts to the number of nodes. */
	readonly percentageOfNodesToScore: number;
	/** All plugins, in order. */
	readonly plugins: readonly AnyPlugin[];
	readonly preEnqueue: readonly PreEnqueuePlugin[];
	readonly queueSort: QueueSortPlugin;
	readonly preFilter: readonly PreFilterPlugin[];
	readonly filter: readonly FilterPlugin[];
	readonly postFilter: readonly PostFilterPlugin[];
	readonly preScore: readonly PreScorePlugin[];
	readonly score: readonly WeightedScorePlugin[];
	readonly reserve: readonly ReservePlugin[];
	readonly permit: readonly PermitPlugin[];
	readonly preBind: readonly PreBindPlugin[];
	readonly bind: readonly BindPlugin[];
	readonly postBind: readonly PostBindPlugin[];
}

export interface ProfileOptions {
	readonly schedulerName: string;
	readonly percentageOfNodesToScore?: number;
	/** Those that run at every point they extend, in order. */
	readonly plugins: readonly PluginEntry[];
	/** What is otherwise at single points. */
	readonly points?: Readonly<Partial<Record<ExtensionPoint, PluginSet>>>;
	/** Plugins that run only where `points` name them. */
	readonly others?: readonly AnyPlugin[];
}

/** A profile whose plugins do not make one; the message is kube-scheduler's. */
export class ProfileError extends Error {
	override readonly name = "ProfileError";
}

/** Throws ProfileError: a name that nobody has, or twice; a plugin where it has nothing to do; not one order of the queue; nobody to bind. */
export function createProfile(options: ProfileOptions): Profile {
	const { schedulerName, percentageOfNodesToScore = 0, plugins: entries, points = {}, others = [] } = options;
	const everywhere = entries.map(({ plugin }) => plugin);
	const byName = new Map([...others, ...everywhere].map((plugin) => [plugin.name, plugin]));
	assertOnce(everywhere.map(({ name }) => name));
	const at = <P extends Plugin>(point: ExtensionPoint): readonly (AnyPlugin & P)[] => {
		const method = point === "queueSort" ? "less" : point;
		const set = points[point] ?? noPlugins;
		const typeName = `${point.charAt(0).toUpperCase()}${point.slice(1)}Plugin`;
		assertOnce(
			set.enabled.map(({ name }) => name),
			typeName,
		);
		const anyway = everywhere.filter((plugin) => plugin[method] !== undefined).map(({ name }) => name);
		return pluginsAt(set, anyway).map((name) => {
			const plugin = byName.get(name);
			if (plugin === undefined) throw new ProfileError(`${typeName} "${name}" does not exist`);
			if (plugin[method] === undefined) throw new ProfileError(`plugin "${name}" does not extend ${typeName} plugin`);
			return plugin as AnyPlugin & P;
		});
	};
	const queueSort = at<QueueSortPlugin>("queueSort");
	const [order] = queueSort;
	if (order === undefined || queueSort.length > 1) {
		throw new ProfileError(
			`only one queue sort plugin required for profile with scheduler name "${schedulerName}", but got ${queueSort.length}`,
		);
	}
	const bind = at<BindPlugin>("bind");
	if (bind.length === 0) throw new ProfileError(`at least one bind plugin is needed for profile with scheduler name "${schedulerName}"`);
	const weights = new Map(entries.map(({ plugin, weight }) => [plugin.name, weight ?? 1]));
	for (const { name, weight } of points.score?.enabled ?? []) weights.set(name, weight === 0 ? 1 : weight);
	const profile = {
		queueSort: order,
		preEnqueue: at<PreEnqueuePlugin>("preEnqueue"),
		preFilter: at<PreFilterPlugin>("preFilter"),
		filter: at<FilterPlugin>("filter"),
		postFilter: at<PostFilterPlugin>("postFilter"),
		preScore: at<PreScorePlugin>("preScore"),
		score: at<ScorePlugin>("score").map((plugin) => ({ plugin, weight: weights.get(plugin.name) ?? 1 })),
		reserve: at<ReservePlugin>("reserve"),
		permit: at<PermitPlugin>("permit"),
		preBind: at<PreBindPlugin>("preBind"),
		bind,
		postBind: at<PostBindPlugin>("postBind"),
	};
	const named = Object.values(points).flatMap(({ enabled }) => enabled.flatMap(({ name }) => byName.get(name) ?? []));
	return { schedulerName, percentageOfNodesToScore, plugins: [...new Set([...everywhere, ...named])], ...profile };
}

function assertOnce(names: readonly string[], typeName = "Plugin"): void {
	const twice = names.find((name, index) => names.indexOf(name) < index);
	if (twice !== undefined) throw new ProfileError(`plugin "${twice}" already registered as "${typeName}"`);
}

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

/** A plugin's place in a profile. */
interface PluginEntry {
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
	readonly plugins: readonly PluginEntry[];
}

/** Throws if the plugins do not make a profile: a name twice, or not exactly one order of the queue. */
export function createProfile({ schedulerName, percentageOfNodesToScore = 0, plugins: entries }: ProfileOptions): Profile {
	const plugins = entries.map(({ plugin }) => plugin);
	const names = new Set(plugins.map(({ name }) => name));
	if (names.size < plugins.length) throw new Error(`profile "${schedulerName}": a plugin is enabled twice`);
	const queueSort = plugins.filter((plugin): plugin is AnyPlugin & QueueSortPlugin => plugin.less !== undefined);
	const [order] = queueSort;
	if (order === undefined) throw new Error(`no queue sort plugin is enabled for profile with scheduler name "${schedulerName}"`);
	if (queueSort.length > 1) throw new Error(`only one queue sort plugin can be enabled for profile with scheduler name "${schedulerName}"`);
	return {
		schedulerName,
		percentageOfNodesToScore,
		plugins,
		queueSort: order,
		preEnqueue: plugins.filter((plugin): plugin is AnyPlugin & PreEnqueuePlugin => plugin.preEnqueue !== undefined),
		preFilter: plugins.filter((plugin): plugin is AnyPlugin & PreFilterPlugin => plugin.preFilter !== undefined),
		filter: plugins.filter((plugin): plugin is AnyPlugin & FilterPlugin => plugin.filter !== undefined),
		postFilter: plugins.filter((plugin): plugin is AnyPlugin & PostFilterPlugin => plugin.postFilter !== undefined),
		preScore: plugins.filter((plugin): plugin is AnyPlugin & PreScorePlugin => plugin.preScore !== undefined),
		score: entries.flatMap(({ plugin, weight = 1 }) => (isScorePlugin(plugin) ? [{ plugin, weight }] : [])),
		reserve: plugins.filter((plugin): plugin is AnyPlugin & ReservePlugin => plugin.reserve !== undefined),
		permit: plugins.filter((plugin): plugin is AnyPlugin & PermitPlugin => plugin.permit !== undefined),
		preBind: plugins.filter((plugin): plugin is AnyPlugin & PreBindPlugin => plugin.preBind !== undefined),
		bind: plugins.filter((plugin): plugin is AnyPlugin & BindPlugin => plugin.bind !== undefined),
		postBind: plugins.filter((plugin): plugin is AnyPlugin & PostBindPlugin => plugin.postBind !== undefined),
	};
}

function isScorePlugin(plugin: AnyPlugin): plugin is AnyPlugin & ScorePlugin {
	return plugin.score !== undefined;
}

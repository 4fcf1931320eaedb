/**
 * Which plugins run at which extension point, and in which order.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/#multipoint
 */

/** What is switched on and off at one point, or at all of them. */
export interface PluginSet {
	readonly enabled: readonly EnabledPlugin[];
	/** Names; "*" stands for all. */
	readonly disabled: readonly string[];
}

export interface EnabledPlugin {
	readonly name: string;
	/** Of its scores; 0: the usual one. */
	readonly weight: number;
}

export const noPlugins: PluginSet = { enabled: [], disabled: [] };

/** As the file names them, in the order in which a pod passes them. */
export const extensionPoints = [
	"preEnqueue",
	"queueSort",
	"preFilter",
	"filter",
	"postFilter",
	"preScore",
	"score",
	"reserve",
	"permit",
	"preBind",
	"bind",
	"postBind",
] as const;

export type ExtensionPoint = (typeof extensionPoints)[number];

/** A list that somebody configured on top of the usual one: what he names again changes in its place, what is new comes after. */
export function mergePlugins(usual: readonly EnabledPlugin[], { enabled, disabled }: PluginSet): readonly EnabledPlugin[] {
	const off = new Set(disabled);
	const kept = off.has("*") ? [] : usual.filter(({ name }) => !off.has(name));
	const asked = new Map(enabled.map((plugin) => [plugin.name, plugin]));
	const names = new Set(kept.map(({ name }) => name));
	return [...kept.map((plugin) => asked.get(plugin.name) ?? plugin), ...enabled.filter(({ name }) => !names.has(name))];
}

/**
 * The plugins of one point, in order: those that are named for it although they run anyway, the ones that run anyway, and the
 * rest of those that are named for it.
 * @param anyway the profile's plugins that extend the point
 */
export function pluginsAt({ enabled, disabled }: PluginSet, anyway: readonly string[]): readonly string[] {
	const named = enabled.map(({ name }) => name);
	const off = new Set(disabled);
	if (off.has("*")) return named;
	const running = anyway.filter((name) => !off.has(name));
	return [
		...named.filter((name) => running.includes(name)),
		...running.filter((name) => !named.includes(name)),
		...named.filter((name) => !running.includes(name)),
	];
}

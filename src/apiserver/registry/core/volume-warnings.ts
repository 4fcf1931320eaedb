/** Warnings of a Pod's volumes: plugins that are gone, files that lie over each other. Source: pkg/api/pod/warnings.go of Kubernetes 1.36. */
import type { Volume, VolumeProjection } from "../../../apimachinery/schema/generated/types.ts";
import { fractionalBytes } from "./container-warnings.ts";

type Warnings = readonly string[];

/** Sources in the order in which upstream looks for them; `ephemeral` stands for its claim. `segment`: the source's name in the path, where it is another one. */
const deprecatedSources: readonly { readonly source: keyof Volume; readonly text: string; readonly segment?: string }[] = [
	{ source: "photonPersistentDisk", text: "deprecated in v1.11, non-functional in v1.16+" },
	{ source: "gitRepo", text: "deprecated in v1.11" },
	{ source: "scaleIO", text: "deprecated in v1.16, non-functional in v1.22+" },
	{ source: "flocker", text: "deprecated in v1.22, non-functional in v1.25+" },
	{ source: "storageos", text: "deprecated in v1.22, non-functional in v1.25+", segment: "storageOS" },
	{ source: "quobyte", text: "deprecated in v1.22, non-functional in v1.25+" },
	{ source: "glusterfs", text: "deprecated in v1.25, non-functional in v1.26+" },
	{ source: "ephemeral", text: "" },
	{ source: "cephfs", text: "deprecated in v1.28, non-functional in v1.31+" },
	{ source: "rbd", text: "deprecated in v1.28, non-functional in v1.31+" },
];

export function volumeWarnings(volumes: readonly Volume[], path: string): Warnings {
	const warnings: string[] = [];
	for (let index = 0; index < volumes.length; index++) {
		const volume = volumes[index];
		if (volume !== undefined) addSourceWarnings(warnings, volume, `${path}[${index}]`);
	}
	for (const volume of volumes) warnings.push(...overlapWarnings(volume));
	return warnings;
}

/** Every pod has volumes, and hardly one has such a source. */
function addSourceWarnings(warnings: string[], volume: Volume, path: string): void {
	for (const { source, text, segment = source } of deprecatedSources) {
		if (volume[source] === undefined) continue;
		if (source === "ephemeral") warnings.push(...claimWarnings(volume, path));
		else warnings.push(`${path}.${segment}: ${text}`);
	}
}

function claimWarnings({ ephemeral }: Volume, path: string): Warnings {
	const resources = ephemeral?.volumeClaimTemplate?.spec?.resources;
	return (["requests", "limits"] as const).flatMap((side) =>
		fractionalBytes(resources?.[side], "storage", `${path}.ephemeral.volumeClaimTemplate.spec.resources.${side}`),
	);
}

function overlapWarnings({ name = "", configMap, secret, downwardAPI, projected }: Volume): Warnings {
	const volume = `volume ${JSON.stringify(name)}`;
	if (configMap?.items !== undefined) {
		return overlaps(pathsOf(configMap.items), `${volume} (ConfigMap ${JSON.stringify(configMap.name ?? "")})`);
	}
	if (secret?.items !== undefined) return overlaps(pathsOf(secret.items), `${volume} (Secret ${JSON.stringify(secret.secretName ?? "")})`);
	if (downwardAPI?.items !== undefined) return overlaps(pathsOf(downwardAPI.items), `${volume} (DownwardAPI)`);
	return projected === undefined ? [] : projectedOverlaps(projected.sources ?? [], volume);
}

function projectedOverlaps(sources: readonly VolumeProjection[], volume: string): Warnings {
	const all = new Set<string>();
	// A source that names no files counts as the one before it: upstream keeps those for it.
	let paths: readonly string[] = [];
	let label = "";
	return sources.flatMap((source) => {
		if (Object.keys(source).length === 0) return [`${volume} (Projected) has no sources provided`];
		const named = namedFiles(source);
		if (named !== undefined) [paths, label] = [named.paths, `${volume} (Projected ${named.label})`];
		if (paths.length === 0) return [];
		const own = new Set(paths);
		const warnings = [...overlaps(paths, label), ...overlaps([...own, ...all].sort(), label)];
		for (const path of own) all.add(path);
		return warnings;
	});
}

/** The files that a source names, and how a warning calls it. */
function namedFiles({ configMap, secret, downwardAPI, serviceAccountToken: token }: VolumeProjection) {
	if (configMap?.items !== undefined)
		return { paths: pathsOf(configMap.items), label: `ConfigMap ${JSON.stringify(configMap.name ?? "")}` };
	if (secret?.items !== undefined) return { paths: pathsOf(secret.items), label: `Secret ${JSON.stringify(secret.name ?? "")}` };
	if (downwardAPI?.items !== undefined) return { paths: pathsOf(downwardAPI.items), label: "DownwardAPI" };
	return token === undefined ? undefined : { paths: [token.path ?? ""], label: "ServiceAccountToken" };
}

const pathsOf = (items: readonly { readonly path: string }[]): readonly string[] => items.map(({ path = "" }) => path);

/** Each path that lies on or under one before it, or the other way round, as upstream compares them: by their beginnings. */
function overlaps(paths: readonly string[], label: string): Warnings {
	if (paths.length < 2) return [];
	const seen = new Set<string>();
	return paths.flatMap((written) => {
		const path = written.replace(/\/+$/, "");
		const other = [...seen].find(
			(before) => before === "" || path === "" || `${before}/`.startsWith(path) || `${path}/`.startsWith(before),
		);
		seen.add(path);
		if (other === undefined || other === "" || path === "") return [];
		return [`${label}: overlapping paths: ${JSON.stringify(path)} with ${JSON.stringify(other)}`];
	});
}

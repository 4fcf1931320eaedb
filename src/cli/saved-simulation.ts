/** `kubesim simulate --snapshot FILE` and `--data-dir DIR`: on a cluster that does not run, in this process, without changing it. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import {
	type ClusterOptions,
	openSavedCluster,
	SavedClusterError,
	type SavedSource,
	type SimulationResult,
	SnapshotError,
} from "../cluster/index.ts";
import { type ClusterDirectory, listClusters } from "./cluster-directory.ts";
import { commandOn } from "./cluster-name.ts";
import { simulateOn } from "./control/scheduler-methods.ts";
import { CliError, messageOf } from "./errors.ts";
import { readFlagYaml } from "./flag-file.ts";

interface SavedOptions {
	readonly snapshot: string | undefined;
	readonly dataDir: string | undefined;
}

export async function simulateSaved(
	{ snapshot, dataDir }: SavedOptions,
	params: Readonly<Record<string, unknown>>,
): Promise<SimulationResult> {
	if (snapshot !== undefined && dataDir !== undefined)
		throw new CliError("--snapshot and --data-dir can't be combined", { hint: "Either is a whole cluster.", exitCode: 2 });
	const path = resolve(snapshot ?? dataDir ?? "");
	if (!existsSync(path)) throw new CliError(`can't read ${path}: there is no such ${snapshot === undefined ? "directory" : "file"}`);
	const owner = snapshot === undefined ? clusterIn(path) : undefined;
	if (owner?.runningServer() !== undefined)
		throw new CliError(`cluster ${owner.name} runs on ${path}`, {
			hint: `Ask it: ${commandOn(owner.name, "simulate")} -f FILE. Or stop it first.`,
		});
	const source: SavedSource = snapshot === undefined ? { directory: path } : { snapshot: path };
	try {
		await using saved = await openSavedCluster(source, optionsOf(owner));
		return await simulateOn(saved.cluster, params);
	} catch (error) {
		if (error instanceof SavedClusterError || error instanceof SnapshotError) throw new CliError(messageOf(error), { cause: error });
		throw error;
	}
}

/** The cluster that keeps its data there, if it is one of this user's. */
function clusterIn(path: string): ClusterDirectory | undefined {
	return listClusters().find((directory) => directory.path === path || directory.config()?.dataDir === path);
}

/** What decides about pods as it did when the cluster ran. */
function optionsOf(owner: ClusterDirectory | undefined): ClusterOptions {
	const { schedulerConfig, enableAdmissionPlugins = [], disableAdmissionPlugins = [], encryptionProviderConfig } = owner?.config() ?? {};
	return {
		admission: { enable: enableAdmissionPlugins, disable: disableAdmissionPlugins },
		...(schedulerConfig === undefined ? {} : { scheduler: { configuration: readFlagYaml(schedulerConfig, "--scheduler-config") } }),
		...(encryptionProviderConfig === undefined ? {} : { encryptionProviderConfig }),
	};
}

/**
 * A cluster that does not run, to look at: what its store holds is copied to a directory of its own for as long as somebody looks, so
 * that the store itself, or the snapshot, stays as it is. The API server answers and the scheduler knows everything; nobody acts, no
 * controller, no node, and no pod is scheduled.
 */
import { existsSync, readdirSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { restoreSnapshot } from "../store/index.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterOptions } from "./cluster-options.ts";
import { openCluster } from "./open-cluster.ts";

/** A snapshot file as etcdctl and `kubesim snapshot save` write it, or the directory of a cluster that is stopped, or of its store. */
export type SavedSource = { readonly snapshot: string } | { readonly directory: string };

export class SavedClusterError extends Error {
	override readonly name = "SavedClusterError";
}

export interface SavedCluster extends AsyncDisposable {
	readonly cluster: Cluster;
}

/** Rejects with SavedClusterError, SnapshotError, and as `openCluster`. */
export async function openSavedCluster(source: SavedSource, options: ClusterOptions = {}): Promise<SavedCluster> {
	const copied = "snapshot" in source ? undefined : storeIn(source.directory);
	const dataDir = await mkdtemp(join(tmpdir(), "kubesim-saved-"));
	const remove = () => rm(dataDir, { recursive: true, force: true });
	try {
		const store = join(dataDir, "store");
		if ("snapshot" in source) await restoreSnapshot({ file: source.snapshot, directory: store });
		else if (copied !== undefined) await cp(copied, store, { recursive: true });
		const cluster = await openCluster({ ...options, dataDir });
		try {
			await cluster.observe();
		} catch (error) {
			await cluster.close();
			throw error;
		}
		return {
			cluster,
			[Symbol.asyncDispose]: async () => {
				await cluster.close();
				await remove();
			},
		};
	} catch (error) {
		await remove();
		throw error;
	}
}

/** Throws SavedClusterError. */
function storeIn(directory: string): string {
	const found = [join(directory, "store"), directory].find(isStore);
	if (found === undefined) throw new SavedClusterError(`${directory} holds no cluster's store`);
	return found;
}

/** The directory of a group: each of its members has one in it. */
function isStore(directory: string): boolean {
	return existsSync(directory) && readdirSync(directory).some((member) => existsSync(join(directory, member, "member.json")));
}

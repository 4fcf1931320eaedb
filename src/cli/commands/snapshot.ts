/**
 * `kubesim snapshot save|restore|status`: a cluster's objects in one file with a checksum, as `etcdctl snapshot` makes and
 * takes it. Certificates are not in it: they stay in the cluster's data directory.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { describeSnapshot, openLevelStore, restoreSnapshot, SnapshotError } from "../../cluster/index.ts";
import { ClusterDirectory } from "../cluster-directory.ts";
import { commandOn } from "../cluster-name.ts";
import { CommandLock } from "../command-lock.ts";
import { askCluster } from "../control/running-server.ts";
import { saveSnapshot } from "../control/store-methods.ts";
import { CliError, messageOf } from "../errors.ts";
import { countMembers } from "../start-plan.ts";
import { formatTable } from "../table.ts";

interface Target {
	readonly name: string;
}

/** Of a cluster that runs or not. */
export async function snapshotSave(file: string, { name }: Target): Promise<void> {
	const path = resolve(file);
	const directory = ClusterDirectory.existing(name);
	const { bytes, revision } =
		directory.runningServer() === undefined
			? await withStoreOf(directory, (store) => saveSnapshot(store, path)).catch(asCliError)
			: await askCluster<{ bytes: number; revision: number }>(name, "store.saveSnapshot", { file: path });
	process.stdout.write(`Snapshot of revision ${revision} saved at ${path} (${bytes} bytes)\n`);
}

/** The cluster must be stopped; what it had is put aside until the restore has worked. */
export async function snapshotRestore(file: string, { name, members }: Target & { readonly members?: number }): Promise<void> {
	const directory = ClusterDirectory.existing(name);
	const lock = await CommandLock.acquire(directory.lockFile, { clock: new WallClock(), onWait: () => undefined });
	try {
		if (directory.runningServer() !== undefined)
			throw new CliError(`cluster ${name} is running`, { hint: `Stop it first: ${commandOn(name, "stop")}` });
		const config = directory.config();
		if (config?.store !== undefined)
			throw new CliError(`cluster ${name} keeps its objects in an etcd`, { hint: "Restore that one: etcdctl snapshot restore." });
		const store = join(config?.dataDir ?? directory.path, "store");
		const count = members ?? (countMembers(store) || (config?.members ?? 1));
		const aside = `${store}.before-restore`;
		rmSync(aside, { recursive: true, force: true });
		if (existsSync(store)) renameSync(store, aside);
		try {
			await restoreSnapshot({ file: resolve(file), directory: store, members: count });
		} catch (error) {
			if (existsSync(aside)) renameSync(aside, store);
			return asCliError(error);
		}
		rmSync(aside, { recursive: true, force: true });
		if (config !== undefined) directory.writeConfig({ ...config, members: count });
		process.stdout.write(
			`Cluster ${name} has what is in ${file}, in a store of ${count} ${count === 1 ? "member" : "members"}. To start it: ${commandOn(name, "start")}\n`,
		);
	} finally {
		lock.release();
	}
}

/** As `etcdctl snapshot status`. */
export async function snapshotStatus(file: string, { output }: { readonly output?: "json" }): Promise<void> {
	const bytes = await readFile(file).catch((error: unknown) => {
		throw new CliError(`can't read ${file}: ${messageOf(error)}`);
	});
	try {
		const { hash, revision, totalKeys, databaseBytes } = describeSnapshot(bytes);
		if (output === "json") process.stdout.write(`${JSON.stringify({ hash, revision, totalKey: totalKeys, totalSize: databaseBytes })}\n`);
		else
			process.stdout.write(
				formatTable(
					["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"],
					[[hash.toString(16), String(revision), String(totalKeys), `${databaseBytes} bytes`]],
				),
			);
	} catch (error) {
		asCliError(error);
	}
}

/** Of a cluster that does not run. */
async function withStoreOf<T>(
	directory: ClusterDirectory,
	use: (store: Awaited<ReturnType<typeof openLevelStore>>) => Promise<T>,
): Promise<T> {
	const config = directory.config();
	if (config?.store !== undefined)
		throw new CliError(`cluster ${directory.name} keeps its objects in an etcd`, { hint: "Save that one: etcdctl snapshot save." });
	const path = join(config?.dataDir ?? directory.path, "store");
	if (!existsSync(path))
		throw new CliError(`cluster ${directory.name} has no store yet`, { hint: `Start it: ${commandOn(directory.name, "start")}` });
	const store = await openLevelStore({ directory: path, clock: new WallClock() });
	try {
		return await use(store);
	} finally {
		await store.close();
	}
}

function asCliError(error: unknown): never {
	if (error instanceof CliError) throw error;
	if (error instanceof SnapshotError) throw new CliError(error.message, { hint: "Take another copy of the file.", cause: error });
	throw new CliError(messageOf(error), { cause: error });
}

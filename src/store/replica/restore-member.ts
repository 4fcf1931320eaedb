/**
 * From a snapshot file to a member's directory: the first state of a new group, the same for each of its members.
 * Source: https://etcd.io/docs/v3.6/op-guide/recovery/#restoring-a-cluster
 */
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { SnapshotError } from "../errors.ts";
import type { Mutation } from "../mvcc/command.ts";
import { LogStore } from "../raft/index.ts";
import { isRosterRecord, memberRecords } from "../roster.ts";
import { snapshotMutations } from "../snapshot/restore.ts";
import { writeDatabase } from "./directory-storage.ts";
import { type MemberIdentity, writeIdentity } from "./member-identity.ts";
import { foundingSnapshot } from "./open-member.ts";

export interface RestoreOptions {
	readonly file: string;
	/** Must not exist, or be empty. */
	readonly directory: string;
	/** Of a founder of the new group. */
	readonly identity: MemberIdentity;
}

/** Nothing is left behind if it fails. Rejects with `SnapshotError`. */
export async function restoreMember({ file, directory, identity }: RestoreOptions): Promise<void> {
	const there = await readdir(directory).catch((): string[] => []);
	if (there.length > 0) throw new SnapshotError(`data-dir ${JSON.stringify(directory)} not empty or could not be read`);
	const mutations = [...(await readMutations(file)), ...rosterMutations(identity)];
	const partial = `${directory}.restoring`;
	await rm(partial, { recursive: true, force: true });
	try {
		const founding = foundingSnapshot(identity);
		await writeIdentity(partial, identity);
		await writeDatabase(join(partial, "db-0000000001"), mutations, founding.metadata);
		await (await LogStore.open({ directory: join(partial, "log"), founding })).close();
		await rm(directory, { recursive: true, force: true });
		await rename(partial, directory);
	} catch (error) {
		await rm(partial, { recursive: true, force: true });
		throw error;
	}
}

/** All but who the members were. */
async function readMutations(file: string): Promise<readonly Mutation[]> {
	const bytes = await readFile(file).catch((error: unknown) => {
		throw new SnapshotError(error instanceof Error ? error.message : String(error), error);
	});
	try {
		return snapshotMutations(bytes).filter((mutation) => mutation.type !== "record" || !isRosterRecord(mutation.name));
	} catch (error) {
		throw error instanceof SnapshotError ? new SnapshotError(`snapshot ${file} cannot be restored: ${error.message}`, error) : error;
	}
}

function rosterMutations({ founders = [] }: MemberIdentity): readonly Mutation[] {
	return founders.flatMap(({ id, peerUrls, name, clientUrls }) =>
		memberRecords(id, peerUrls, { name, clientUrls }).map((record) => ({ type: "record" as const, ...record })),
	);
}

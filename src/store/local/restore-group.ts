/**
 * From a snapshot file to the directory of a new group, of any number of members.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../apimachinery/random.ts";
import { SnapshotError } from "../errors.ts";
import { restoreMember } from "../replica/restore-member.ts";
import { foundLocalGroup } from "./local-identities.ts";

export interface RestoreGroupOptions {
	readonly file: string;
	/** Must not exist, or be empty. */
	readonly directory: string;
	readonly members: number;
	readonly random: Random;
}

/** Nothing is left behind if it fails. Rejects with `SnapshotError`. */
export async function restoreGroup({ file, directory, members, random }: RestoreGroupOptions): Promise<void> {
	const there = await readdir(directory).catch((): string[] => []);
	if (there.length > 0) throw new SnapshotError(`data-dir ${JSON.stringify(directory)} not empty or could not be read`);
	try {
		for (const identity of foundLocalGroup(members, random))
			await restoreMember({ file, directory: join(directory, identity.name), identity });
	} catch (error) {
		await rm(directory, { recursive: true, force: true });
		throw error;
	}
}

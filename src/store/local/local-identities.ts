/** Who the members of a group in one process are. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../apimachinery/random.ts";
import { StoreOpenError } from "../errors.ts";
import { foundingIdentity, type MemberIdentity, readIdentity, writeIdentity } from "../replica/member-identity.ts";

/** The first member is named after the machine, as kubeadm does; further ones count on. */
const firstName = "control-plane";

/** @param position from 0. */
export function localMemberName(position: number): string {
	return position === 0 ? firstName : `${firstName}-${position + 1}`;
}

/** Nobody outside this process reaches them there. */
export function localPeerUrl(name: string): string {
	return `local://${name}:2380`;
}

/** New members. A token of their own makes their ids their own, so that nobody takes one group's data for another's. */
export function foundLocalGroup(members: number, random: Random): readonly MemberIdentity[] {
	const names = Array.from({ length: members }, (_, position) => localMemberName(position));
	const founders = names.map((name) => ({ name, peerUrls: [localPeerUrl(name)] }));
	const token = `kubesim-${random.fork("store token").suffix(8)}`;
	return names.map((name) => foundingIdentity(name, founders, token));
}

/** Those whose directories lie in `directory`; if there are none, `members` new ones, whose directories are made. */
export async function findOrFoundLocalGroup(
	directory: string | undefined,
	members: number,
	random: Random,
): Promise<readonly MemberIdentity[]> {
	if (directory === undefined) return foundLocalGroup(members, random);
	const found: MemberIdentity[] = [];
	for (const name of await memberNames(directory)) {
		const identity = await readIdentity(join(directory, name));
		if (identity !== undefined) found.push(identity);
	}
	if (found.length > 0) return found;
	const identities = foundLocalGroup(members, random);
	for (const identity of identities) await writeIdentity(join(directory, identity.name), identity);
	return identities;
}

async function memberNames(directory: string): Promise<readonly string[]> {
	const names = await readdir(directory).catch((error: unknown): string[] => {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
		throw new StoreOpenError(directory, error);
	});
	// What lies there is a store of an earlier version, or none: said by whoever reads it.
	if (names.includes("CURRENT")) await readIdentity(directory);
	return names.filter((name) => !name.includes(".")).sort();
}

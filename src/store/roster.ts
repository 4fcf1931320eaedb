/**
 * Who the members are, beside the keys: every member keeps the same notes.
 *
 *     etcd/member/<id>       where its peers reach it
 *     etcd/attributes/<id>   its name and where clients reach it: what it says of itself when it has started
 *     etcd/removed/<id>      it was a member; its id is never given again
 *
 * Ids are etcd's: the first 8 bytes of a SHA-1, of a member's peer URLs and the cluster's token, and of a cluster's
 * founding member ids (https://github.com/etcd-io/etcd/blob/main/server/etcdserver/api/membership/member.go).
 */
import { createHash } from "node:crypto";
import type { MemberInfo } from "./group.ts";
import type { RecordChange } from "./mvcc/command.ts";

const memberPrefix = "etcd/member/";
const attributesPrefix = "etcd/attributes/";
const removedPrefix = "etcd/removed/";

/** What a member says of itself. */
export interface MemberAttributes {
	readonly name: string;
	readonly clientUrls: readonly string[];
}

export type RosterMember = Omit<MemberInfo, "isLearner">;

/** Reads the members from the notes, in order of id. */
export function readRoster(records: ReadonlyMap<string, Uint8Array>): readonly RosterMember[] {
	const members: RosterMember[] = [];
	for (const [name, value] of records) {
		if (!name.startsWith(memberPrefix)) continue;
		const id = name.slice(memberPrefix.length);
		const attributes = records.get(attributesPrefix + id);
		const { name: memberName, clientUrls } = attributes === undefined ? unnamed : parse<MemberAttributes>(attributes);
		members.push({ id: BigInt(`0x${id}`), peerUrls: parse<readonly string[]>(value), name: memberName, clientUrls });
	}
	return members.sort((a, b) => (a.id < b.id ? -1 : 1));
}

const unnamed: MemberAttributes = { name: "", clientUrls: [] };

export function wasRemoved(records: ReadonlyMap<string, Uint8Array>, id: bigint): boolean {
	return records.has(removedPrefix + idText(id));
}

export function memberRecords(id: bigint, peerUrls: readonly string[], attributes?: MemberAttributes): readonly RecordChange[] {
	const member = { name: memberPrefix + idText(id), value: toBytes(peerUrls) };
	return attributes === undefined ? [member] : [member, ...attributesRecords(id, attributes)];
}

export function attributesRecords(id: bigint, attributes: MemberAttributes): readonly RecordChange[] {
	return [{ name: attributesPrefix + idText(id), value: toBytes(attributes) }];
}

export function removalRecords(id: bigint): readonly RecordChange[] {
	return [
		{ name: memberPrefix + idText(id), value: undefined },
		{ name: attributesPrefix + idText(id), value: undefined },
		{ name: removedPrefix + idText(id), value: new Uint8Array(0) },
	];
}

/** Notes that speak of one group's members and mean nothing to another group. */
export function isRosterRecord(name: string): boolean {
	return [memberPrefix, attributesPrefix, removedPrefix].some((prefix) => name.startsWith(prefix));
}

/** 16 hexadecimal digits: how ids are written, and what Raft knows a member by. */
export function idText(id: bigint): string {
	return id.toString(16).padStart(16, "0");
}

/** @param moment makes the id of a member that is added later another one than it had before; absent for founders. */
export function memberIdOf(peerUrls: readonly string[], token: string, moment?: number): bigint {
	return hashId(Buffer.from([...peerUrls].sort().join("") + token + (moment === undefined ? "" : String(moment))));
}

/** @param founders ids of the founding members. */
export function clusterIdOf(founders: readonly bigint[]): bigint {
	const bytes = Buffer.alloc(8 * founders.length);
	for (const [index, id] of [...founders].sort((a, b) => (a < b ? -1 : 1)).entries()) bytes.writeBigUInt64BE(id, 8 * index);
	return hashId(bytes);
}

function hashId(bytes: Uint8Array): bigint {
	return createHash("sha1").update(bytes).digest().readBigUInt64BE(0);
}

function toBytes(value: unknown): Uint8Array {
	return new Uint8Array(Buffer.from(JSON.stringify(value)));
}

function parse<T>(bytes: Uint8Array): T {
	return JSON.parse(Buffer.from(bytes).toString()) as T;
}

/**
 * A snapshot: the whole store in one file, which is an etcd database with its SHA-256 after it, as `etcdctl snapshot save`
 * makes them. So etcdctl can look into it and restore it, and a real etcd goes on where kubesim was.
 *
 *     bucket   key                         value
 *     key      revision                    mvccpb.KeyValue
 *     lease    id 8                        leasepb.Lease
 *     meta     scheduledCompactRev …       revision
 *     kubesim  name                        a note beside the keys (alarms, users and roles)
 *
 * etcd's own buckets for users are left empty: its passwords are hashed in another way than ours.
 * Source: https://github.com/etcd-io/etcd/tree/main/server/storage/schema
 */
import { createHash } from "node:crypto";
import { BoltWriter } from "./bolt-writer.ts";
import { encodeEntry, encodeRevision, type HistoryEntry, writeVarint } from "./history-entry.ts";

export interface SnapshotContents {
	/** Every change that can be read, in order. */
	readonly history: AsyncIterable<readonly HistoryEntry[]>;
	readonly revision: number;
	/** 0 before the first compaction. */
	readonly compactRevision: number;
	readonly leases: readonly { readonly id: bigint; readonly ttlSeconds: number }[];
	readonly records: ReadonlyMap<string, Uint8Array>;
}

export const bucketNames = { key: "key", lease: "lease", meta: "meta", records: "kubesim" } as const;
export const metaKeys = { scheduledCompact: "scheduledCompactRev", finishedCompact: "finishedCompactRev" } as const;

/** Buckets that etcd expects to find. */
const emptyBuckets = ["alarm", "auth", "authRoles", "authUsers", "cluster", "members", "members_removed"];

/** The file's pages, and its checksum last. */
export async function buildSnapshot(contents: SnapshotContents): Promise<readonly Uint8Array[]> {
	const writer = new BoltWriter();
	const keys = writer.bucket(bucketNames.key);
	for await (const entries of contents.history) {
		for (const entry of entries) {
			const { key, value } = encodeEntry(entry);
			keys.add(key, value);
		}
	}
	keys.end();
	fill(writer, bucketNames.lease, contents.leases.map(encodeLease));
	fill(
		writer,
		bucketNames.records,
		Array.from(contents.records, ([name, value]) => [Buffer.from(name), value] as const),
	);
	fill(writer, bucketNames.meta, metaEntries(contents.compactRevision));
	for (const name of emptyBuckets) fill(writer, name, []);
	const pages = writer.finish();
	const hash = createHash("sha256");
	for (const page of pages) hash.update(page);
	return [...pages, hash.digest()];
}

function fill(writer: BoltWriter, name: string, entries: readonly (readonly [Buffer, Uint8Array])[]): void {
	const bucket = writer.bucket(name);
	for (const [key, value] of [...entries].sort((a, b) => Buffer.compare(a[0], b[0]))) bucket.add(key, value);
	bucket.end();
}

function metaEntries(compactRevision: number): readonly (readonly [Buffer, Uint8Array])[] {
	if (compactRevision === 0) return [];
	const revision = encodeRevision(compactRevision, 0);
	return [
		[Buffer.from(metaKeys.scheduledCompact), revision],
		[Buffer.from(metaKeys.finishedCompact), revision],
	];
}

/** leasepb.Lease: ID 1, TTL 2, in whole seconds. */
function encodeLease({ id, ttlSeconds }: SnapshotContents["leases"][number]): readonly [Buffer, Uint8Array] {
	const key = Buffer.alloc(8);
	key.writeBigInt64BE(id);
	const value = Buffer.alloc(22);
	const middle = writeVarint(value, value.writeUInt8(1 << 3, 0), id);
	const end = writeVarint(value, value.writeUInt8(2 << 3, middle), BigInt(Math.ceil(ttlSeconds)));
	return [key, value.subarray(0, end)];
}

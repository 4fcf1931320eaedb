/**
 * etcd's HashKV: one number for a history, equal on every member that has the same, whatever else is in its database.
 * Source: https://github.com/etcd-io/etcd/blob/main/server/storage/mvcc/hash.go
 */
import { crc32c } from "./crc32c.ts";
import { encodeEntry, type HistoryEntry } from "./history-entry.ts";

/** @param history as `MvccState.history` selects it for a hash. */
export async function hashHistory(history: AsyncIterable<readonly HistoryEntry[]>): Promise<number> {
	let hash = crc32c(Buffer.from("key"));
	for await (const entries of history) {
		for (const entry of entries) {
			const { key, value } = encodeEntry(entry);
			hash = crc32c(value, crc32c(key, hash));
		}
	}
	return hash;
}

/**
 * Drops the store's old history, as kube-apiserver does: every five minutes everything before the revision of five
 * minutes ago. Watches and pages older than that are told that they have expired.
 * Source: k8s.io/apiserver/pkg/storage/etcd3/compact.go, `--etcd-compaction-interval`.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Store } from "../../store/store.ts";

const intervalMs = 300_000;

/** Under this key servers of one store agree who compacts next: its version counts the rounds, its value is the last revision. */
const roundKey = "compact_rev_key";

export interface CompactorOptions {
	readonly store: Store;
	readonly clock: Clock;
	readonly log: Logger;
}

/** Starts to compact; the function returned ends it. */
export function startCompactor(options: CompactorOptions): () => void {
	return options.store.isShared === true ? compactInTurns(options) : compactAlone(options);
}

function compactAlone({ store, clock, log }: CompactorOptions): () => void {
	let oneIntervalAgo = store.status().revision;
	const timer = clock.setInterval(() => {
		const { revision, compactRevision } = store.status();
		const target = oneIntervalAgo;
		oneIntervalAgo = revision;
		if (target <= compactRevision) return;
		store.compact(target).catch((error: unknown) => log.warn("compaction failed", { revision: target, error: String(error) }));
	}, intervalMs);
	return () => timer.cancel();
}

/**
 * Each server tries, after each interval, to count the rounds on by one; who does compacts what it saw an interval ago, the
 * others learn the count and try again an interval later. So there is one compaction an interval, whoever does it, and it
 * drops nothing that is younger than that.
 */
function compactInTurns({ store, clock, log }: CompactorOptions): () => void {
	let round = 0;
	let oneIntervalAgo = 0;
	const compact = async () => {
		const target = oneIntervalAgo;
		const { succeeded, revision, responses } = await store.txn({
			compare: [{ key: roundKey, target: "version", result: "=", value: round }],
			success: [{ type: "put", request: { key: roundKey, value: Buffer.from(String(target)) } }],
			failure: [{ type: "range", request: { key: roundKey } }],
		});
		oneIntervalAgo = revision;
		if (!succeeded) {
			const [found] = responses;
			round = found?.type === "range" ? (found.response.kvs[0]?.version ?? 0) : round;
			return;
		}
		round++;
		// At first, nothing is known of an interval ago.
		if (target > 0) await store.compact(target);
	};
	const timer = clock.setInterval(() => {
		compact().catch((error: unknown) => log.warn("compaction failed", { revision: oneIntervalAgo, error: String(error) }));
	}, intervalMs);
	return () => timer.cancel();
}

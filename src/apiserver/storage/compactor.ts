/**
 * Drops the store's old history, as kube-apiserver does: every five minutes everything before the revision of five
 * minutes ago. Watches and pages older than that are told that they have expired.
 * Source: k8s.io/apiserver/pkg/storage/etcd3/compact.go, `--etcd-compaction-interval`.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Store } from "../../store/store.ts";

const intervalMs = 300_000;

/** Starts to compact; the function returned ends it. */
export function startCompactor({ store, clock, log }: { readonly store: Store; readonly clock: Clock; readonly log: Logger }): () => void {
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

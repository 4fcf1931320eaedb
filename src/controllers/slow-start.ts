/**
 * Makes many calls of one kind in batches of 1, 2, 4, 8 …: a cause that would fail them all (a quota, a broken
 * template) is met by a few calls and not by hundreds. Source of behaviour: ReplicaSet controller's slowStartBatch.
 */

export interface SlowStartResult {
	readonly succeeded: number;
	/** The first failure of the batch that failed; later batches were not tried. */
	readonly error?: unknown;
}

export async function slowStart(count: number, call: (index: number) => Promise<void>): Promise<SlowStartResult> {
	let succeeded = 0;
	for (let done = 0, batch = 1; done < count; done += batch, batch = Math.min(2 * batch, count - done)) {
		const size = Math.min(batch, count - done);
		const results = await Promise.allSettled(Array.from({ length: size }, (_, index) => call(done + index)));
		const failures = results.filter((result) => result.status === "rejected");
		succeeded += size - failures.length;
		const [first] = failures;
		if (first !== undefined) return { succeeded, error: first.reason };
	}
	return { succeeded };
}

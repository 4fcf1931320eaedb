/**
 * Keeps what the scheduler knows of the cluster as it is while a scheduling cycle waits for an extender: what happens meanwhile is taken
 * note of afterwards, in its order. kube-scheduler decides on a snapshot for that; here a cycle shares the cache (see snapshot.ts), and
 * the rare one that waits makes the cache wait, too.
 *
 * Invariant: nothing is put off while nobody holds.
 */
export class HeldEvents {
	#later: (() => void)[] | undefined;

	get isHeld(): boolean {
		return this.#later !== undefined;
	}

	/** Now, or when nobody waits any more. */
	run(act: () => void): void {
		if (this.#later === undefined) act();
		else this.#later.push(act);
	}

	hold(): void {
		if (this.#later !== undefined) throw new Error("two scheduling cycles at once");
		this.#later = [];
	}

	release(): void {
		const later = this.#later ?? [];
		this.#later = undefined;
		for (const act of later) act();
	}
}

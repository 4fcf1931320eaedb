/**
 * Somebody who watches, at one member after the other or at the store over all of them, and wants every change once and in
 * order, whatever happens to the members. What was compacted meanwhile is lost to him, as to a client of etcd; nothing else.
 */
import { CompactedError, type MaintainedStore, type StoreEvent, type StoreWatch } from "../../../src/store/store.ts";
import { type Chronicle, describe, StoreViolation } from "./chronicle.ts";
import type { Endpoint } from "./sim-client.ts";

export interface SimWatcherOptions {
	readonly name: string;
	readonly key: string;
	readonly rangeEnd: string;
	readonly wanted: (key: string) => boolean;
	readonly prevKv: boolean;
	/** Besides because what it wants is compacted. */
	readonly mayEnd: (error: Error | undefined) => boolean;
	/** Where to watch; the same as before as long as it is there. */
	readonly endpoint: () => Endpoint | undefined;
	readonly chronicle: Chronicle;
	readonly trace: (line: string) => void;
	readonly failed: (error: unknown) => void;
}

function firstDifference(found: readonly string[], expected: readonly string[]): string {
	const at = expected.findIndex((line, i) => line !== found[i]);
	return at < 0 ? `${found[expected.length]} in the end, which never was` : `${found[at] ?? "nothing"} instead of ${expected[at]}`;
}

export class SimWatcher {
	/** The first revision that it has not seen yet. */
	nextRevision = 1;
	readonly #options: SimWatcherOptions;
	readonly #events: StoreEvent[] = [];
	/** Revisions that were compacted before it saw them. */
	readonly #missed: { readonly from: number; readonly to: number }[] = [];
	#at: MaintainedStore | undefined;
	#watch: StoreWatch | undefined;

	constructor(options: SimWatcherOptions) {
		this.#options = options;
	}

	/** To be called now and then: moves on from a member that is gone. */
	look(): void {
		const endpoint = this.#options.endpoint();
		if (endpoint === undefined || (this.#at === endpoint.store && this.#watch !== undefined)) return;
		this.#watch?.cancel();
		this.#at = endpoint.store;
		const { key, rangeEnd, prevKv, name, trace } = this.#options;
		trace(`${name} watches at ${endpoint.name} from ${this.nextRevision}`);
		const { store } = endpoint;
		this.#watch = store.watch(
			{ key, rangeEnd, prevKv, startRevision: this.nextRevision },
			{
				onEvents: (events, revision) => {
					if (this.#at === store) this.#take(events, revision);
				},
				onEnd: (error) => {
					if (this.#at === store) this.#ended(error);
				},
			},
		);
	}

	/** @param revision up to which it must have seen everything. Throws `StoreViolation`. */
	judge(revision: number): void {
		const { name, chronicle, wanted } = this.#options;
		const last = this.#events.at(-1)?.kv.modRevision ?? 0;
		const found = Array.from(
			Map.groupBy(this.#events, ({ kv }) => kv.modRevision),
			([at, events]) => `${at}: ${events.map(describe).join(", ")}`,
		);
		const isMissed = (at: number) => this.#missed.some(({ from, to }) => from <= at && at < to);
		const expected = chronicle.between(0, revision, wanted).filter((line) => !isMissed(Number.parseInt(line, 10)));
		if (found.join("\n") !== expected.join("\n"))
			throw new StoreViolation(`${name} saw, up to ${last}, ${firstDifference(found, expected)}`);
	}

	#take(events: readonly StoreEvent[], revision: number): void {
		const { name, trace, failed } = this.#options;
		trace(`${name} hears up to ${revision}: ${events.map(describe).join(", ")}`);
		let last = this.nextRevision - 1;
		for (const { kv, prevKv } of events) {
			if (kv.modRevision < this.nextRevision || kv.modRevision < last || kv.modRevision > revision)
				failed(new StoreViolation(`${name} was told of revision ${kv.modRevision} after ${last}, in what goes up to ${revision}`));
			last = kv.modRevision;
			if (prevKv !== undefined && prevKv.modRevision >= kv.modRevision)
				failed(new StoreViolation(`${name}: ${prevKv.modRevision} is before ${kv.modRevision}`));
		}
		this.#events.push(...events);
		this.nextRevision = revision + 1;
	}

	#ended(error: Error | undefined): void {
		const { name, trace, mayEnd, failed } = this.#options;
		trace(`${name} is told that it is over: ${error?.message ?? "no reason"}`);
		this.#watch = undefined;
		if (!(error instanceof CompactedError)) {
			if (!mayEnd(error)) failed(new StoreViolation(`${name} was told that its watch is over: ${error?.message ?? "no reason"}`));
			return;
		}
		if (error.compactRevision <= this.nextRevision)
			failed(new StoreViolation(`${name} watched from ${this.nextRevision}, which ${error.compactRevision} did not compact`));
		this.#missed.push({ from: this.nextRevision, to: error.compactRevision });
		this.nextRevision = error.compactRevision;
	}
}

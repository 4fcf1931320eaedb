/**
 * What happened in a cluster, in order: every change of every object, when it was, and who asked for it. Two runs of one seed have
 * the same timeline, byte for byte.
 *
 * The store knows what changed and not who changed it. The API server tells both: a change when the caches see it, and the request
 * when it is answered, which is later. What is not claimed by a request that names its revision goes to the first answered
 * request on the same object.
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { KubeList, KubeObject } from "../../apimachinery/meta.ts";
import type { CoreEvent, Status } from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { changesBetween, describeChange, type FieldChange } from "./object-changes.ts";

/** Older entries are forgotten: a long run keeps its end. */
const maxEntries = 200_000;
/** Whoever asked for a change has his answer by then, ms of cluster time. What is older came about without a request: by a lease's end. */
const claimedWithinMs = 60_000;
/** How many changes of one write are printed. */
const maxPrinted = 6;

export interface TimelineEntry {
	/** Cluster time, Unix ms. */
	readonly atMs: number;
	/** Of the store. */
	readonly revision: number;
	readonly type: "ADDED" | "MODIFIED" | "DELETED";
	readonly group: string;
	readonly kind: string;
	/** Plural, lower case: `pods`. */
	readonly resource: string;
	/** "" for cluster-scoped kinds. */
	readonly namespace: string;
	readonly name: string;
	/** The user who asked for it; undefined for what went past the API server: an etcdctl, say. */
	readonly actor: string | undefined;
	/** Of a deletion: the last state. */
	readonly object: KubeObject;
	readonly previous: KubeObject | undefined;
}

interface Entry extends TimelineEntry {
	actor: string | undefined;
}

export type ObservedKind = Pick<TimelineEntry, "group" | "kind" | "resource">;

/** One change as the API server tells it. */
export interface ObservedChange {
	readonly revision: number;
	readonly type: TimelineEntry["type"];
	readonly object: KubeObject;
	readonly previous: KubeObject | undefined;
}

const writesOne: ReadonlySet<string> = new Set(["create", "update", "patch"]);
const writes: ReadonlySet<string> = new Set([...writesOne, "delete", "deletecollection"]);

export class Timeline {
	readonly #now: () => number;
	#count = 0;
	#entries: Entry[] = [];
	/** Entries that nobody has claimed yet: those of requests under way. */
	#unclaimed: Entry[] = [];
	#listeners: readonly ((entry: TimelineEntry) => void)[] = [];

	/** @param now cluster time, Unix ms */
	constructor(now: () => number) {
		this.#now = now;
	}

	/** In order of revision, oldest first. */
	get entries(): readonly TimelineEntry[] {
		return this.#entries;
	}

	/** How many there were, the forgotten ones too. */
	get count(): number {
		return this.#count;
	}

	/** Entries of one kind, and of one object if it is named; `namespace` defaults to any. */
	of(kind: string, name?: string, namespace?: string): readonly TimelineEntry[] {
		return this.#entries.filter(
			(entry) =>
				entry.kind === kind && (name === undefined || entry.name === name) && (namespace === undefined || entry.namespace === namespace),
		);
	}

	/** Calls `listener` with each entry from now on, when it happens: its actor is not known yet. */
	onEntry(listener: (entry: TimelineEntry) => void): () => void {
		this.#listeners = [...this.#listeners, listener];
		return () => {
			this.#listeners = this.#listeners.filter((known) => known !== listener);
		};
	}

	changed({ group, kind, resource }: ObservedKind, { revision, type, object, previous }: ObservedChange): void {
		const { namespace = "", name = "" } = object.metadata ?? {};
		const place = { group, kind, resource, namespace, name };
		const entry: Entry = { atMs: this.#now(), revision, type, ...place, actor: undefined, object, previous };
		this.#count++;
		this.#entries.push(entry);
		this.#forgetUnclaimed(entry.atMs - claimedWithinMs);
		this.#unclaimed.push(entry);
		if (this.#entries.length > 2 * maxEntries) this.#entries = this.#entries.slice(-maxEntries);
		for (const listener of this.#listeners) listener(entry);
	}

	carriedOut(user: UserInfo, request: ApiRequest, answer: KubeObject | KubeList | Status): void {
		if (this.#unclaimed.length === 0 || !writes.has(request.verb)) return;
		const version = answer.metadata?.resourceVersion;
		const byRevision = this.#unclaimed.find(({ revision }) => String(revision) === version);
		// What came after the answer's own revision is somebody else's, who was quick to react.
		const last = version === undefined ? Number.POSITIVE_INFINITY : Number(version);
		const own = (entry: Entry) => entry === byRevision || (entry.revision <= last && isAbout(entry, request));
		// A binding or an eviction is answered with a Status, and is one change: what came after it is a kubelet's, say.
		const isOneChange = version === undefined && request.verb === "create";
		// Who wrote an object and is told its revision made that one: an earlier one may be of somebody who waits for his answer still.
		const isNamed = byRevision !== undefined && writesOne.has(request.verb);
		const claimed = isNamed ? [byRevision] : isOneChange ? this.#unclaimed.filter(own).slice(0, 1) : this.#unclaimed.filter(own);
		for (const entry of claimed) entry.actor = user.name;
		this.#unclaimed = this.#unclaimed.filter((entry) => entry.actor === undefined);
	}

	#forgetUnclaimed(beforeMs: number): void {
		const [oldest] = this.#unclaimed;
		if (oldest !== undefined && oldest.atMs < beforeMs) this.#unclaimed = this.#unclaimed.filter(({ atMs }) => atMs >= beforeMs);
	}

	/** One line a change, from `startMs` on: `+1m2.5s deployment-controller MODIFIED ReplicaSet default/web-1: spec.replicas 1 → 2`. */
	render(startMs: number): string {
		return this.#entries.map((entry) => `${renderEntry(entry, startMs)}\n`).join("");
	}
}

/** Whether a request that did not name the entry's revision may have made it: it names the object, or all of its kind. */
function isAbout({ type, resource, namespace, name }: Entry, request: ApiRequest): boolean {
	if (request.resource !== resource || (request.namespace ?? "") !== namespace) return false;
	// What a create made has the revision that it answers with, unless its answer is another object: a Binding's Status.
	return request.verb === "deletecollection" ? type !== "ADDED" : request.name === name;
}

/** What changed in it; nothing for what came or went. */
export function changesOf({ type, object, previous }: TimelineEntry): readonly FieldChange[] {
	return type === "MODIFIED" ? changesBetween(previous, object) : [];
}

export function renderEntry(entry: TimelineEntry, startMs: number): string {
	const { atMs, type, kind, namespace, name, actor } = entry;
	const object = namespace === "" ? name : `${namespace}/${name}`;
	return `+${((atMs - startMs) / 1000).toFixed(3)}s ${actorText(actor)} ${type} ${kind} ${object}${detailText(entry)}`;
}

/** What an event says, and what a change changed. */
function detailText(entry: TimelineEntry): string {
	if (entry.kind === "Event") {
		const { involvedObject, reason, message, count = 1 } = entry.object as CoreEvent;
		return `: ${involvedObject.kind}/${involvedObject.name} ${reason}: ${message}${count > 1 ? ` (x${count})` : ""}`;
	}
	const changes = changesOf(entry).map(describeChange);
	if (changes.length === 0) return "";
	const more = changes.length > maxPrinted ? [`… ${changes.length - maxPrinted} more`] : [];
	return `: ${[...changes.slice(0, maxPrinted), ...more].join("; ")}`;
}

/** Service accounts of kube-system by their own name, as one speaks of controllers. */
function actorText(actor: string | undefined): string {
	return actor?.replace(/^system:serviceaccount:kube-system:/, "") ?? "-";
}

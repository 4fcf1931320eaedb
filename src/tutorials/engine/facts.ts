/** What expressions see of what has happened since a step began: changes, requests, commands. */
import type { JsonValue } from "../../apimachinery/json.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { AuditEvent, TimelineEntry } from "../../cluster/index.ts";
import type { Facts, Seen } from "./check.ts";
import { isOfCompletion } from "./kubectl-completion.ts";
import type { Check } from "./lesson.ts";
import type { LessonCluster } from "./lesson-cluster.ts";
import type { CommandRecord } from "./shell.ts";

/** Where a step began. */
export interface StepStart {
	/** The store's revision: later changes are the step's. */
	readonly revision: number;
	/** What had been asked, and how many commands there had been. */
	readonly requests: ReadonlySet<AuditEvent>;
	readonly commands: number;
	/** What each check looked at then. */
	readonly seen: ReadonlyMap<Check, Seen>;
}

interface FactSources {
	readonly cluster: LessonCluster;
	/** All commands of the sitting. */
	readonly journal: readonly CommandRecord[];
}

export function factsSince(start: StepStart, check: Check, { cluster, journal }: FactSources): Facts {
	return {
		start: () => Object.fromEntries(start.seen.get(check) ?? []),
		changes: () => cluster.timeline.entries.filter(({ revision }) => revision > start.revision).map(changeValue),
		requests: () => cluster.requests.filter((event) => !start.requests.has(event) && isOfPeople(event)).map(requestValue),
		commands: () => journal.slice(start.commands).map((record) => ({ ...record })),
		now: () => formatTime(cluster.clock.now()),
	};
}

/** `actor`: who asked for it, "" if nobody did or it is not known yet. `previous`: null for what was new. */
function changeValue({ atMs, type, kind, resource, namespace, name, actor, object, previous }: TimelineEntry): JsonValue {
	const states = { object, previous: previous ?? null } as unknown as { readonly object: JsonValue; readonly previous: JsonValue };
	return { at: formatTime(atMs), type, kind, resource, namespace, name, actor: actor ?? "", ...states };
}

function requestValue(event: AuditEvent): JsonValue {
	const { resource = "", namespace = "", name = "", apiGroup: group = "", subresource = "" } = event.objectRef ?? {};
	return {
		at: event.requestReceivedTimestamp,
		user: userOf(event),
		impersonator: event.impersonatedUser === undefined ? "" : (event.user.username ?? ""),
		verb: event.verb,
		group,
		resource,
		subresource,
		namespace,
		name,
		uri: event.requestURI,
		userAgent: event.userAgent ?? "",
		code: event.responseStatus?.code ?? 0,
		body: (event.requestObject ?? null) as JsonValue,
	};
}

function userOf({ user, impersonatedUser }: AuditEvent): string {
	return impersonatedUser?.username ?? user.username ?? "";
}

/** The cluster's own components ask in their own names; what Tab asks nobody has asked for. */
export function isOfPeople(event: AuditEvent): boolean {
	return !isOfCompletion(event) && !/^system:(node:|serviceaccount:kube-system:|kube-|apiserver)/.test(event.user.username ?? "");
}

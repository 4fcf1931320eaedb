/**
 * Revisions: which ReplicaSet is the Deployment's present one, and the annotations by which `kubectl rollout history`
 * and the scaling arithmetic know the ReplicaSets.
 * Source of behaviour: pkg/controller/deployment/util/deployment_util.go.
 */
import type { Deployment, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { maxSurge, wantedReplicas } from "./strategy.ts";
import { templatesEqual } from "./template-hash.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
/** The Deployment's replicas when the ReplicaSet was last scaled. */
export const desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas";
/** The same with the surge. */
export const maxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";

/** Longest list of former revisions, characters. */
const maxHistoryLength = 2000;

/** Annotations of a Deployment that its ReplicaSets do not get. */
const notCopied: ReadonlySet<string> = new Set([
	"kubectl.kubernetes.io/last-applied-configuration",
	revisionAnnotation,
	revisionHistoryAnnotation,
	desiredReplicasAnnotation,
	maxReplicasAnnotation,
	"deprecated.deployment.rollback.to",
]);

type Annotations = Readonly<Record<string, string>>;

/** 0 if the ReplicaSet has none or it is no number. */
export function revisionOf({ metadata }: ReplicaSet): number {
	const revision = Number(metadata?.annotations?.[revisionAnnotation] ?? 0);
	return Number.isSafeInteger(revision) ? revision : 0;
}

/** The number in an annotation; undefined if it is absent or no integer. */
export function numberAnnotation({ metadata }: ReplicaSet, name: string): number | undefined {
	const text = metadata?.annotations?.[name];
	return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** Oldest first; names break ties. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
	const [timeA, timeB] = [a.metadata?.creationTimestamp ?? "", b.metadata?.creationTimestamp ?? ""];
	return compareText(timeA, timeB) || compareText(a.metadata?.name ?? "", b.metadata?.name ?? "");
}

function compareText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

/** The ReplicaSet of the Deployment's present template: the oldest, if by accident there are several. */
export function findNewReplicaSet(deployment: Deployment, owned: readonly ReplicaSet[]): ReplicaSet | undefined {
	return [...owned].sort(byAge).find((replicaSet) => templatesEqual(replicaSet.spec?.template, deployment.spec?.template));
}

/**
 * The annotations the new ReplicaSet should have: the Deployment's, and the revision with its history.
 * @param current the annotations it has.
 */
export function newReplicaSetAnnotations(deployment: Deployment, current: Annotations | undefined, revision: number): Annotations {
	const copied = Object.entries(deployment.metadata?.annotations ?? {}).filter(([name]) => !notCopied.has(name));
	const annotations: Record<string, string> = { ...current, ...Object.fromEntries(copied) };
	const oldText = current?.[revisionAnnotation];
	if (revision <= Number(oldText ?? 0)) return annotations;
	annotations[revisionAnnotation] = String(revision);
	// A template that comes back gets a new revision and remembers the old ones.
	if (oldText !== undefined) annotations[revisionHistoryAnnotation] = appendHistory(current?.[revisionHistoryAnnotation], oldText);
	return annotations;
}

function appendHistory(history: string | undefined, revision: string): string {
	const revisions = [...(history === undefined || history === "" ? [] : history.split(",")), revision];
	while (revisions.join(",").length > maxHistoryLength) revisions.shift();
	return revisions.join(",");
}

/** What a ReplicaSet's annotations say about the size of its Deployment. */
export function sizeAnnotations(deployment: Deployment): Annotations {
	const wanted = wantedReplicas(deployment);
	return { [desiredReplicasAnnotation]: String(wanted), [maxReplicasAnnotation]: String(wanted + maxSurge(deployment)) };
}

/**
 * What a ControllerRevision holds and how it is called. Pure.
 *
 * A StatefulSet or DaemonSet remembers each pod template it had as a strategic merge patch that brings it back:
 * `{"spec":{"template":{…,"$patch":"replace"}}}`. kubectl makes the same patch of the present template and compares the
 * bytes (`rollout undo`), so the keys stand in Go's order.
 * Source of behaviour: pkg/controller/history/controller_history.go, getPatch in pkg/controller/{statefulset,daemon}.
 */
import { fnv132 } from "../../apimachinery/hash.ts";
import { isJsonObject, type JsonValue, jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ControllerRevision, PodTemplateSpec } from "../../apimachinery/schema/generated/types.ts";
import { controllerReference } from "../../client/owner.ts";
import { safeEncode } from "../safe-encode.ts";

/** On pods: a StatefulSet's have the revision's name here, a DaemonSet's its hash. */
export const revisionHashLabel = "controller-revision-hash";
/** On a StatefulSet's revisions. */
const contentHashLabel = "controller.kubernetes.io/hash";

/** Room that a revision's name leaves for its owner's: 253 less a dash and what a hash may take. */
const maxPrefixLength = 223;

/** The patch that brings this template back, its keys sorted. */
export function revisionData(template: PodTemplateSpec | undefined): JsonValue {
	return sorted({ spec: { template: { ...(template as object as Record<string, JsonValue>), $patch: "replace" } } });
}

function sorted(value: JsonValue | undefined): JsonValue {
	if (Array.isArray(value)) return value.map(sorted);
	if (!isJsonObject(value)) return value ?? null;
	const keys = Object.keys(value).filter((key) => value[key] !== undefined);
	return Object.fromEntries(keys.sort().map((key) => [key, sorted(value[key])]));
}

/** The template that a revision remembers; undefined if its data are not such a patch. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec | undefined {
	if (!isJsonObject(data) || !isJsonObject(data.spec) || !isJsonObject(data.spec.template)) return undefined;
	const { $patch: _, ...template } = data.spec.template;
	return template as object as PodTemplateSpec;
}

/** Upstream's own hash, to the letter: FNV-1 of the patch as Go writes it and of the collisions so far. */
export function revisionHash(data: JsonValue, collisionCount: number): string {
	return safeEncode(fnv132(goJson(data) + collisionCount));
}

/** JSON as Go's encoder writes it: safe inside HTML. */
function goJson(value: JsonValue): string {
	return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** `web-7c9f6d54b8` */
export function revisionName(ownerName: string, hash: string): string {
	return `${ownerName.slice(0, maxPrefixLength)}-${hash}`;
}

export interface RevisionContent {
	readonly owner: KubeObject;
	readonly template: PodTemplateSpec | undefined;
	readonly hash: string;
	/** >= 1, rises with each change of the template. */
	readonly revision: number;
}

function revisionWith(hashLabel: string, { owner, template, hash, revision }: RevisionContent): ControllerRevision {
	const { namespace, name = "", annotations } = owner.metadata ?? {};
	return {
		apiVersion: "apps/v1",
		kind: "ControllerRevision",
		metadata: {
			name: revisionName(name, hash),
			...(namespace === undefined ? {} : { namespace }),
			labels: { ...template?.metadata?.labels, [hashLabel]: hash },
			...(annotations === undefined ? {} : { annotations }),
			ownerReferences: [controllerReference(owner)],
		},
		data: revisionData(template),
		revision,
	};
}

export const statefulSetRevision = (content: RevisionContent) => revisionWith(contentHashLabel, content);
export const daemonSetRevision = (content: RevisionContent) => revisionWith(revisionHashLabel, content);

/** Whether two revisions bring back the same template. */
export function sameRevision(a: ControllerRevision, b: Pick<ControllerRevision, "data">): boolean {
	return jsonEqual(a.data, b.data);
}

/** Oldest first: by number, then age, then name. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
	return (
		a.revision - b.revision ||
		compareText(a.metadata?.creationTimestamp ?? "", b.metadata?.creationTimestamp ?? "") ||
		compareText(a.metadata?.name ?? "", b.metadata?.name ?? "")
	);
}

function compareText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

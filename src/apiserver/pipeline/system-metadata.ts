/**
 * The part of metadata that only the server writes: uid, times, generation, resourceVersion.
 * Source: registry/rest/meta.go, create.go and update.go of k8s.io/apiserver; API conventions, "Metadata".
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { ObjectMeta } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { KindDefinition } from "../registry/kind.ts";

/** Longest generateName that leaves room for the suffix in 63 characters; more is cut. */
const maxGeneratedBase = 58;
const generatedSuffixLength = 5;

export function withMetadata<T extends KubeObject>(object: T, metadata: ObjectMeta): T {
	return { ...object, metadata };
}

/** `web-` → `web-x7k2p`. */
export function generateName(base: string, random: Random): string {
	return base.slice(0, maxGeneratedBase) + random.suffix(generatedSuffixLength);
}

/** Metadata of a new object: what the client may decide, plus what the server does. Its name may still be missing, its owners are not decided. */
export function metadataForCreate(
	metadata: ObjectMeta,
	definition: KindDefinition,
	options: { readonly nowMs: number; readonly random: Random },
): ObjectMeta {
	const {
		deletionTimestamp: _,
		deletionGracePeriodSeconds: __,
		resourceVersion: ___,
		selfLink: ____,
		generation: _____,
		...kept
	} = metadata;
	return {
		...kept,
		uid: options.random.uuid(),
		creationTimestamp: formatTime(options.nowMs),
		...(definition.hasGeneration === true ? { generation: 1 } : {}),
	};
}

/**
 * Metadata of an updated object: the client's, with what only the server writes taken from the old one. A creation or
 * first deletion time that the client gives stays, for validation to refuse where it differs.
 */
export function metadataForUpdate(metadata: ObjectMeta, old: ObjectMeta): ObjectMeta {
	const kept: { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] | undefined } = {
		uid: old.uid,
		creationTimestamp: metadata.creationTimestamp ?? old.creationTimestamp,
		deletionTimestamp: old.deletionTimestamp ?? metadata.deletionTimestamp,
		deletionGracePeriodSeconds: old.deletionGracePeriodSeconds ?? metadata.deletionGracePeriodSeconds,
		generation: old.generation,
		resourceVersion: old.resourceVersion,
		managedFields: old.managedFields,
		selfLink: undefined,
	};
	return withoutUndefined({ ...metadata, ...kept });
}

/** Raises metadata.generation if anything but metadata and status changed, or what this kind counts besides. */
export function withGeneration(object: KubeObject, old: KubeObject, definition: KindDefinition): KubeObject {
	if (definition.hasGeneration !== true || jsonEqual(desiredState(object, definition), desiredState(old, definition))) return object;
	return withMetadata(object, { ...object.metadata, generation: (old.metadata?.generation ?? 0) + 1 });
}

function desiredState(object: KubeObject, { generationCounts }: KindDefinition): object {
	const { metadata, status, ...rest } = object as KubeObject & { readonly status?: unknown };
	if (generationCounts === "status" && status !== undefined) return { ...rest, status };
	return generationCounts === "annotations" ? { ...rest, annotations: metadata?.annotations ?? {} } : rest;
}

function withoutUndefined(metadata: { readonly [K in keyof ObjectMeta]: ObjectMeta[K] | undefined }): ObjectMeta {
	const defined: Record<string, unknown> = {};
	for (const key in metadata) {
		const value = metadata[key as keyof ObjectMeta];
		if (value !== undefined) defined[key] = value;
	}
	return defined;
}

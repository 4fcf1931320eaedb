/**
 * metadata.managedFields of creates, updates and patches: what changed, before admission had its say, is the writer's.
 * (Applies have a file of their own, applier.ts.)
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ and the handlers of k8s.io/apiserver.
 */
import { ItemError } from "../../apimachinery/apply/list-item.ts";
import {
	equalButTimes,
	isReset,
	type ManagerId,
	type Operation,
	type OwnedFields,
	parseEntries,
} from "../../apimachinery/apply/managers.ts";
import { mergeNodeOf } from "../../apimachinery/apply/merge-node.ts";
import { ownersAfterUpdate } from "../../apimachinery/apply/update.ts";
import type { ObjectVersions, WriteOptions } from "../../apimachinery/apply/writes.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import { formatApiVersion, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import { Note } from "../../apimachinery/note.ts";
import type { ManagedFieldsEntry, ObjectMeta } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { ResourceFinder, ServedResource } from "../registry/resource-table.ts";
import { OwnerConversionError, OwnerConversions } from "./owner-conversions.ts";
import { fromStorageVersion, type RequestContext, toServedVersion } from "./request-context.ts";
import { mainReset, type UpdateStrategy } from "./strategy.ts";
import { withMetadata } from "./system-metadata.ts";

/** Who owns fields of objects that nobody tracked, once somebody applies to them. */
const beforeFirstApply = "before-first-apply";

/** What a list of entries, known to be well formed, was read as. */
class ParsedList extends Note {
	#entries: readonly OwnedFields[];

	constructor(list: readonly ManagedFieldsEntry[], entries: readonly OwnedFields[]) {
		super(list);
		this.#entries = entries;
	}

	static of(list: readonly unknown[]): readonly OwnedFields[] | undefined {
		return #entries in list ? list.#entries : undefined;
	}

	static set(list: readonly ManagedFieldsEntry[], entries: readonly OwnedFields[]): void {
		if (#entries in list) list.#entries = entries;
		else new ParsedList(list, entries);
	}
}

export class FieldOwners {
	readonly #resources: ResourceFinder;
	/** Of requests for custom resources that others convert: each is computed again when they have answered. */
	readonly #conversions = new WeakMap<RequestContext, OwnerConversions>();
	#lastSecond = Number.NaN;
	/** RFC 3339 of `#lastSecond`. */
	#lastTime = "";

	constructor(resources: ResourceFinder) {
		this.#resources = resources;
	}

	/** Owners of an object that is being made. @param object defaulted, in storage form */
	ofNew(context: RequestContext, object: KubeObject): readonly OwnedFields[] {
		const sent = object.metadata?.managedFields ?? [];
		const entries = isReset(sent) ? [] : (parseEntries(sent) ?? []);
		return this.#afterUpdate(context, { object: {}, entries }, toServedVersion(context, object), mainReset(context.served));
	}

	/**
	 * Owners after an update. @param sent what the client says they were, which counts on the object itself
	 * @param next the new object before admission, with the old one's managedFields; both in storage form
	 */
	afterUpdate(
		context: RequestContext,
		{
			current,
			next,
			sent,
		}: { readonly current: KubeObject; readonly next: KubeObject; readonly sent: readonly ManagedFieldsEntry[] | undefined },
		strategy: UpdateStrategy,
	): readonly OwnedFields[] {
		const live = entriesOf(current);
		if (strategy.isUntracked === true) return live;
		const entries = context.endpoint.subresource === "" ? claimedEntries(sent, current) : live;
		// Who asked for no owners, or never had any, gets none until the next apply.
		if (entries.length === 0) return [];
		return this.#afterUpdate(
			context,
			{ object: toServedVersion(context, current), entries },
			toServedVersion(context, next),
			strategy.reset,
		);
	}

	/** Owners of an object that an apply comes upon: without any, whoever wrote it before. */
	beforeApply(context: RequestContext, current: KubeObject): readonly OwnedFields[] {
		const entries = entriesOf(current);
		if (entries.length > 0) return entries;
		const options = {
			...this.writeOptions(context, "Update", undefined),
			id: { ...managerId(context, "Update"), manager: beforeFirstApply },
		};
		return ownersAfterUpdate({ object: {}, entries: [] }, toServedVersion(context, current), options);
	}

	writeOptions(context: RequestContext, operation: Operation, reset: WriteOptions["reset"]): WriteOptions {
		return { id: managerId(context, operation), versions: this.#versionsOf(context), reset, time: this.#time(context.nowMs) };
	}

	/** Most writes come in the same second as the one before. */
	#time(nowMs: number): string {
		const second = Math.floor(nowMs / 1000);
		if (second !== this.#lastSecond) {
			this.#lastSecond = second;
			this.#lastTime = formatTime(nowMs);
		}
		return this.#lastTime;
	}

	#afterUpdate(
		context: RequestContext,
		before: { readonly object: unknown; readonly entries: readonly OwnedFields[] },
		next: KubeObject,
		reset: WriteOptions["reset"],
	): readonly OwnedFields[] {
		try {
			return ownersAfterUpdate(before, next, this.writeOptions(context, "Update", reset));
		} catch (error) {
			// A list item without a key has no place in a set; such an object keeps the owners it had, as one that cannot be converted does.
			if (error instanceof ItemError || error instanceof OwnerConversionError) return before.entries;
			throw error;
		}
	}

	/** The versions of the request's resource, and of other groups that store the same objects. */
	#versionsOf(context: RequestContext): ObjectVersions {
		const { definition } = context;
		const find = (apiVersion: string): ServedResource | undefined => {
			const { group, version } = parseApiVersion(apiVersion);
			const served = this.#resources.find(group, version, definition.resource);
			return served?.definition.kind === definition.kind ? served : undefined;
		};
		return {
			nodeOf: (apiVersion) => {
				const served = apiVersion === formatApiVersion(context.request) ? context.served : find(apiVersion);
				return served && (served.customType?.mergeNode ?? mergeNodeOf(served.resource.type));
			},
			convert: (object, from, to) => {
				const [source, target] = [find(from), find(to)];
				const isEmpty = typeof object !== "object" || object === null || Object.keys(object).length === 0;
				if (source === undefined || target === undefined || isEmpty) return object;
				if (target.storage !== undefined) return this.#conversionsOf(context).convert(object, target.storage);
				const stored = source.definition.toStorage?.(object, parseApiVersion(from).version) ?? object;
				return fromStorageVersion(target.definition, stored, parseApiVersion(to).version);
			},
		};
	}

	#conversionsOf(context: RequestContext): OwnerConversions {
		const known = this.#conversions.get(context) ?? new OwnerConversions();
		this.#conversions.set(context, known);
		return known;
	}
}

function managerId(context: RequestContext, operation: Operation): ManagerId {
	return {
		manager: context.options.fieldManager ?? managerOfComponent(context.user),
		operation,
		apiVersion: formatApiVersion(context.request),
		subresource: context.endpoint.subresource,
	};
}

/** A component in this process names no manager: it has the name of the program that it is in a real cluster. */
function managerOfComponent({ name }: UserInfo): string {
	if (name === "system:apiserver") return "kube-apiserver";
	if (name.startsWith("system:node:")) return "kubelet";
	if (name.startsWith("system:serviceaccount:kube-system:")) return "kube-controller-manager";
	return name.startsWith("system:kube-") ? name.slice("system:".length) : "kubesim";
}

/** The owners that an object has, as the store holds them. */
function entriesOf({ metadata }: KubeObject): readonly OwnedFields[] {
	const list = metadata?.managedFields;
	if (list === undefined) return [];
	const known = ParsedList.of(list);
	if (known !== undefined) return known;
	const parsed = parseEntries(list) ?? [];
	ParsedList.set(list, parsed);
	return parsed;
}

/** A client that sends other entries than the object has sets them; one that sends none leaves them. */
function claimedEntries(sent: readonly ManagedFieldsEntry[] | undefined, current: KubeObject): readonly OwnedFields[] {
	const live = current.metadata?.managedFields;
	if (sent === undefined || sent === live) return entriesOf(current);
	if (isReset(sent)) return [];
	if (jsonEqual(sent, live)) return entriesOf(current);
	const parsed = parseEntries(sent) ?? [];
	return parsed.length > 0 ? parsed : entriesOf(current);
}

/** Whether this very list was made or read by the server before, so that it need not be looked at again. */
export function isKnownList(list: unknown): list is readonly ManagedFieldsEntry[] {
	return Array.isArray(list) && ParsedList.of(list) !== undefined;
}

/** The object with these owners; the same object if it has them already. */
export function withManagedFields(object: KubeObject, entries: readonly OwnedFields[]): KubeObject {
	const { metadata } = object;
	const list = metadata?.managedFields;
	if (entries.length === 0) return list === undefined ? object : withMetadata(object, withoutOwners(metadata));
	if (list === entries || (list !== undefined && ParsedList.of(list) === entries)) return object;
	ParsedList.set(entries, entries);
	return withMetadata(object, { ...metadata, managedFields: entries });
}

function withoutOwners(metadata: ObjectMeta = {}): ObjectMeta {
	const { managedFields: _, ...rest } = metadata;
	return rest;
}

/** Whether a write would change nothing but the times of owners: then it is no write. */
export function changesOnlyTimes(object: KubeObject, current: KubeObject): boolean {
	return (
		isEqualBut("metadata", object, current) &&
		isEqualBut("managedFields", object.metadata ?? {}, current.metadata ?? {}) &&
		equalButTimes(entriesOf(object), entriesOf(current))
	);
}

/** Whether two objects are equal in all but one key. */
function isEqualBut(key: string, a: object, b: object): boolean {
	const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
	for (const name in left) {
		if (name !== key && !jsonEqual(left[name], right[name])) return false;
	}
	for (const name in right) {
		if (name !== key && right[name] !== undefined && left[name] === undefined) return false;
	}
	return true;
}

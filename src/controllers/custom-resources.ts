/**
 * Custom resources as controllers see them: those whose definitions are established, each in its preferred version.
 * kube-controller-manager asks for them by discovery every 30 seconds; here their definitions tell at once.
 */
import { formatApiVersion } from "../apimachinery/meta.ts";
import type { CustomResourceDefinition } from "../apimachinery/schema/generated/types.ts";
import type { Informer, Informers } from "../client/informer.ts";
import { customResourceDefinitions } from "../client/resources.ts";
import { type DeletableResource, isPreferred } from "./deletable-resources.ts";

/** A resource with every API version that owner references may name it by. */
export interface CustomResource {
	readonly resource: DeletableResource;
	readonly apiVersions: readonly string[];
}

export interface CustomResourceHandler {
	added(resource: CustomResource): void;
	removed(resource: CustomResource): void;
}

export class CustomResourceList {
	readonly #definitions: Informer<CustomResourceDefinition>;

	constructor(informers: Informers) {
		this.#definitions = informers.informer(customResourceDefinitions);
	}

	whenSynced(): Promise<void> {
		return this.#definitions.whenSynced();
	}

	list(): readonly CustomResource[] {
		return this.#definitions.cache.list().flatMap((definition) => customResourceOf(definition) ?? []);
	}

	/** Tells of those that are there, and of every change: one whose versions or names change is removed and added. */
	onChange(handler: CustomResourceHandler, signal: AbortSignal): void {
		const known = new Map<string, CustomResource>();
		const follow = (definition: CustomResourceDefinition, now: CustomResource | undefined) => {
			const name = definition.metadata?.name ?? "";
			const before = known.get(name);
			if (before !== undefined && now !== undefined && isSame(before, now)) return;
			if (before !== undefined) handler.removed(before);
			known.delete(name);
			if (now === undefined) return;
			known.set(name, now);
			handler.added(now);
		};
		this.#definitions.onChange(
			{
				added: (definition) => follow(definition, customResourceOf(definition)),
				updated: (_old, definition) => follow(definition, customResourceOf(definition)),
				deleted: (definition) => follow(definition, undefined),
			},
			signal,
		);
	}
}

function customResourceOf({ spec, status }: CustomResourceDefinition): CustomResource | undefined {
	const isEstablished = status?.conditions?.some(({ type, status: state }) => type === "Established" && state === "True") ?? false;
	const names = status?.acceptedNames;
	if (spec === undefined || names === undefined || !isEstablished) return undefined;
	const served = spec.versions.filter((version) => version.served).map(({ name }) => name);
	const [first, ...others] = served;
	if (first === undefined) return undefined;
	const version = others.reduce((best, other) => (isPreferred(other, best) ? other : best), first);
	const { group } = spec;
	const resource: DeletableResource = { group, version, resource: names.plural, kind: names.kind, namespaced: spec.scope === "Namespaced" };
	return { resource, apiVersions: served.map((name) => formatApiVersion({ group, version: name })) };
}

function isSame(a: CustomResource, b: CustomResource): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}

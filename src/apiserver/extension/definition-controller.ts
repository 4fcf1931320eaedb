/**
 * What kube-apiserver does by itself about CustomResourceDefinitions: accepts their names, establishes them, and lets them
 * go when their objects are gone. It runs in every server of a store; whoever is second finds the work done, or a conflict.
 *
 * Watches  customresourcedefinitions; the objects of those that are being deleted
 * Writes   status.acceptedNames, status.conditions; deletes the objects of a definition; its finalizer
 *
 * Source: k8s.io/apiextensions-apiserver/pkg/controller/{status,establish,finalizer} of Kubernetes 1.36. One definition is
 * looked at at a time, as names are given to whoever comes first.
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionStatus } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { cleanupFinalizer } from "../registry/apiextensions/custom-resource-definition.ts";
import type { ObjectStorage } from "../storage/object-storage.ts";
import { isConditionTrue, type NewCondition, planStatus, withCondition } from "./conditions.ts";
import { NameQueue } from "./name-queue.ts";

/** How long objects may take to go before the definition says that they do not. */
const deletionLimitMs = 60_000;

export interface DefinitionControllerOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly definitions: ObjectStorage;
	/** Whether the objects of a definition can be read on this server. */
	canServe(definition: CustomResourceDefinition): boolean;
	/** PUT of the definition's status. */
	updateStatus(definition: CustomResourceDefinition): Promise<void>;
	/** The objects of a definition, and their deletion; undefined if they were never served. */
	instancesOf(definition: CustomResourceDefinition): Instances | undefined;
}

export interface Instances {
	readonly storage: ObjectStorage;
	/** Asks for the deletion of all of them. */
	deleteAll(): Promise<void>;
}

export class DefinitionController {
	readonly #options: DefinitionControllerOptions;
	readonly #names: NameQueue;
	/** Definitions whose objects are on their way out, by uid: what ends the waiting. */
	readonly #waiting = new Map<string, () => void>();
	#stopFollowing: () => void = () => undefined;

	constructor(options: DefinitionControllerOptions) {
		this.#options = options;
		this.#names = new NameQueue({
			clock: options.clock,
			reconcile: (name) => this.#reconcile(name),
			failed: (name, error) => options.log.warn("could not look after a CustomResourceDefinition", { name, error: String(error) }),
		});
	}

	start(): void {
		const { cache } = this.#options.definitions;
		this.#stopFollowing = cache.subscribe(({ type, object }) => {
			if (type === "DELETED") this.#queueGroup(object as CustomResourceDefinition);
			else this.queue(object.metadata?.name ?? "");
		});
		for (const { name } of cache.list()) this.queue(name);
	}

	stop(): void {
		this.#names.stop();
		this.#stopFollowing();
		for (const end of this.#waiting.values()) end();
		this.#waiting.clear();
	}

	/** Looks at a definition soon. */
	queue(name: string): void {
		this.#names.add([name]);
	}

	/** Names have become free: others of the group may have wanted them. */
	#queueGroup({ metadata, spec }: CustomResourceDefinition): void {
		for (const other of this.#all()) {
			if (other.spec?.group === spec?.group && other.metadata?.name !== metadata?.name) this.queue(other.metadata?.name ?? "");
		}
	}

	#all(): readonly CustomResourceDefinition[] {
		return this.#options.definitions.cache.list().map(({ object }) => object as CustomResourceDefinition);
	}

	async #reconcile(name: string): Promise<void> {
		const { definitions, clock } = this.#options;
		const definition = definitions.find("", name) as CustomResourceDefinition | undefined;
		if (definition === undefined) return;
		const canServe = this.#options.canServe(definition);
		const status = planStatus(definition, this.#all(), { nowMs: clock.now(), canServe });
		if (status !== undefined) {
			// The write comes back as a change, and the next step with it.
			await this.#write({ ...definition, status });
			if (status.acceptedNames !== definition.status?.acceptedNames) this.#queueGroup(definition);
		} else if (isBeingCleaned(definition)) await this.#clean(definition);
	}

	/** Whether it was written; somebody else may have been first, and the change will come. */
	async #write(definition: CustomResourceDefinition): Promise<boolean> {
		try {
			await this.#options.updateStatus(definition);
			return true;
		} catch (error) {
			if (isStatusError(error, "Conflict", "NotFound")) return false;
			throw error;
		}
	}

	// ── The end of a definition ──

	async #clean(definition: CustomResourceDefinition): Promise<void> {
		const uid = definition.metadata?.uid ?? "";
		if (this.#waiting.has(uid)) return;
		const instances = isConditionTrue(definition, "Established") ? this.#options.instancesOf(definition) : undefined;
		if (instances === undefined) {
			await this.#release(definition, { status: "False", reason: "NeverEstablished", message: "resource was never established" });
			return;
		}
		const inProgress = this.#terminating(definition, {
			status: "True",
			reason: "InstanceDeletionInProgress",
			message: "CustomResource deletion is in progress",
		});
		if (!hasReason(definition, "InstanceDeletionInProgress") && !hasReason(definition, "InstanceDeletionCheck")) {
			// The change brings it here again.
			await this.#write({ ...definition, status: inProgress });
			return;
		}
		await instances.deleteAll();
		if (instances.storage.cache.size === 0) {
			await this.#release(definition, { status: "False", reason: "InstanceDeletionCompleted", message: "removed all instances" });
		} else this.#wait(definition, instances.storage);
	}

	/** Finalizers hold some of the objects: looks again when the last one goes. */
	#wait(definition: CustomResourceDefinition, storage: ObjectStorage): void {
		const { uid = "", name = "" } = definition.metadata ?? {};
		let timer: Timer | undefined;
		const unsubscribe = storage.cache.subscribe(() => {
			if (storage.cache.size === 0) again();
		});
		const end = () => {
			timer?.cancel();
			unsubscribe();
		};
		const again = () => {
			end();
			this.#waiting.delete(uid);
			this.queue(name);
		};
		timer = this.#options.clock.setTimeout(() => void this.#complain(name).finally(again), deletionLimitMs);
		this.#waiting.set(uid, end);
	}

	async #complain(name: string): Promise<void> {
		const definition = this.#options.definitions.find("", name) as CustomResourceDefinition | undefined;
		if (definition === undefined) return;
		const message = "could not confirm zero CustomResources remaining: context deadline exceeded";
		const status = this.#terminating(definition, { status: "True", reason: "InstanceDeletionCheck", message });
		await this.#write({ ...definition, status }).catch((error: unknown) => {
			this.#options.log.warn("could not say that custom resources remain", { name, error: String(error) });
		});
	}

	async #release(definition: CustomResourceDefinition, condition: Omit<NewCondition, "type">): Promise<void> {
		const { finalizers = [], ...metadata } = definition.metadata ?? {};
		const left = finalizers.filter((finalizer) => finalizer !== cleanupFinalizer);
		await this.#write({
			...definition,
			metadata: { ...metadata, ...(left.length === 0 ? {} : { finalizers: left }) },
			status: this.#terminating(definition, condition),
		});
	}

	#terminating({ status }: CustomResourceDefinition, condition: Omit<NewCondition, "type">): CustomResourceDefinitionStatus {
		const conditions = withCondition(status?.conditions ?? [], { type: "Terminating", ...condition }, this.#options.clock.now());
		return { ...status, conditions };
	}
}

function isBeingCleaned({ metadata }: CustomResourceDefinition): boolean {
	return metadata?.deletionTimestamp !== undefined && metadata.finalizers?.includes(cleanupFinalizer) === true;
}

function hasReason({ status }: CustomResourceDefinition, reason: string): boolean {
	return status?.conditions?.some((condition) => condition.type === "Terminating" && condition.reason === reason) ?? false;
}

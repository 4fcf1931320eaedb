/**
 * namespace-controller: when a namespace is being deleted, empties it and lets it go.
 *
 * Watches  namespaces; pods (the last one's end lets the rest go); customresourcedefinitions
 * Reads    everything in the namespace, from the server
 * Writes   deletes content; the namespace's status conditions; its spec.finalizers (through `finalize`)
 *
 * kube-controller-manager waits 5 s before it begins, so that all API servers refuse new content by then. Here there
 * is one API server, whose refusal comes with the deletion itself, and no wait.
 * Source of behaviour: pkg/controller/namespace.
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { Namespace, Pod } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { parseTime } from "../../apimachinery/time.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import type { Informer } from "../../client/informer.ts";
import { namespaces, pods } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";
import { CustomResourceList } from "../custom-resources.ts";
import type { DeletableResource } from "../deletable-resources.ts";
import { isBeingDeleted } from "../pod-state.ts";
import { type SweepResult, sweepNamespace } from "./content-sweep.ts";
import { planNamespaceConditions } from "./namespace-conditions.ts";

const name = "namespace-controller";
/** kube-controller-manager's --concurrent-namespace-syncs. */
const concurrency = 10;
/** The finalizer in spec.finalizers that this controller takes away. */
const kubernetesFinalizer = "kubernetes";

/** @param resources all that may be in a namespace; cluster-scoped ones are left out here. */
export function namespaceController(resources: readonly DeletableResource[]): Controller {
	const namespaced = resources.filter((resource) => resource.namespaced);
	return { name, run: (context, signal) => new NamespaceController(namespaced, context).run(signal) };
}

class NamespaceController {
	readonly #resources: readonly DeletableResource[];
	readonly #custom: CustomResourceList;
	readonly #context: ControllerContext;
	readonly #namespaces: Informer<Namespace>;
	readonly #pods: Informer<Pod>;
	readonly #queue: WorkQueue;

	constructor(resources: readonly DeletableResource[], context: ControllerContext) {
		this.#resources = resources;
		this.#context = context;
		this.#custom = new CustomResourceList(context.informers);
		this.#namespaces = context.informers.informer(namespaces);
		this.#pods = context.informers.informer(pods);
		this.#queue = queueOf(context, "namespace");
	}

	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([this.#namespaces.whenSynced(), this.#pods.whenSynced(), this.#custom.whenSynced()]);
		const enqueue = (namespace: Namespace) => {
			if (isBeingDeleted(namespace)) this.#queue.add(objectKey(namespace));
		};
		this.#namespaces.onChange({ added: enqueue, updated: (_old, namespace) => enqueue(namespace) }, signal);
		this.#pods.onChange({ deleted: (pod) => this.#podDeleted(pod) }, signal);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	/** Sooner than the estimate of the pods' grace periods says. */
	#podDeleted({ metadata }: Pod): void {
		const namespace = this.#namespaces.cache.get(metadata?.namespace ?? "");
		if (namespace === undefined || !isBeingDeleted(namespace)) return;
		if (this.#pods.cache.listNamespace(metadata?.namespace ?? "").length === 0) this.#queue.add(objectKey(namespace));
	}

	async #reconcile(key: string): Promise<ReconcileResult> {
		const namespace = this.#namespaces.cache.get(key);
		if (namespace?.metadata?.deletionTimestamp === undefined) return undefined;
		if ((namespace.spec?.finalizers ?? []).length === 0) return undefined;
		const { client, clock } = this.#context;
		const deletedMs = parseTime(namespace.metadata.deletionTimestamp);
		const custom = this.#custom.list().flatMap(({ resource }) => (resource.namespaced ? [resource] : []));
		const resources = [...this.#resources, ...custom];
		const result = await sweepNamespace({ client, resources, namespace: key, deletedMs, nowMs: clock.now() });
		const current = await this.#writeConditions(namespace, result);
		if (current === undefined) return undefined;
		if (result.errors.length > 0) throw new AggregateError(result.errors, result.errors.map(({ message }) => message).join(", "));
		if (result.estimateSeconds > 0) return { requeueAfterMs: (Math.floor(result.estimateSeconds / 2) + 1) * 1000 };
		await this.#finalize(current);
		return undefined;
	}

	/** Undefined: the namespace is gone. */
	async #writeConditions(namespace: Namespace, result: SweepResult): Promise<Namespace | undefined> {
		const old = namespace.status?.conditions ?? [];
		const conditions = planNamespaceConditions(old, result, this.#context.clock.now());
		// A namespace that goes at once leaves nobody to read that all went well.
		const isOver = result.errors.length === 0 && result.estimateSeconds === 0 && old.length === 0;
		if (conditions === old || isOver) return namespace;
		return this.#unlessGone(
			this.#context.client
				.resource(namespaces)
				.updateStatus({ ...namespace, status: { ...namespace.status, phase: "Terminating", conditions } }),
		);
	}

	async #finalize(namespace: Namespace): Promise<void> {
		const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== kubernetesFinalizer);
		const body = { ...namespace, spec: { ...namespace.spec, finalizers } };
		await this.#unlessGone(this.#context.client.resource(namespaces).update(body, { subresource: "finalize" }));
	}

	async #unlessGone<T>(request: Promise<T>): Promise<T | undefined> {
		try {
			return await request;
		} catch (error) {
			if (isStatusError(error, "NotFound")) return undefined;
			throw error;
		}
	}
}

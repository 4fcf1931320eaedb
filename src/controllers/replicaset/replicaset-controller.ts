/**
 * replicaset-controller and replicationcontroller-controller: keep as many pods as the object says.
 *
 * Watches  the objects, and pods (for owners and orphans)
 * Reads    the object; pods it manages or could adopt; for victims, pods of sibling ReplicaSets
 * Writes   pods (create, delete, adopt, release), the object's status; events on the object
 *
 * Invariant: as long as the cache does not show what an earlier reconcile created or deleted (expectations), only the
 * status is written, so that no pod is made or deleted twice.
 * Source of behaviour: pkg/controller/replicaset.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { LabelSelectorMatcher } from "../../apimachinery/selector.ts";
import type { ResourceClient } from "../../client/client.ts";
import { type ReconcileResult, requeueAfter, runController } from "../../client/controller.ts";
import { Expectations } from "../../client/expectations.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { claimObjects, controllerOf } from "../../client/owner.ts";
import { pods, type ResourceRef } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { gatherMsFor, watchOwnedPods } from "../owned-pods.ts";
import { addControllerIndex, isBeingDeleted, isPodActive, isPodTerminating, managedBy, orphansIn } from "../pod-state.ts";
import { slowStart } from "../slow-start.ts";
import { isNamespaceTerminating, messageOf, PodControl } from "./pod-control.ts";
import { type ReplicaKind, type ReplicaOwner, replicaSetKind, replicationControllerKind } from "./replica-kind.ts";
import { type ObservedReplicas, planReplicaStatus } from "./replica-status.ts";
import { chooseVictims } from "./victims.ts";

/** Most pods created or deleted in one reconcile. */
const burstReplicas = 500;
/** kube-controller-manager's --concurrent-replicaset-syncs. */
const concurrency = 5;

export const replicaSetController = replicaController(replicaSetKind);
export const replicationControllerController = replicaController(replicationControllerKind);

function replicaController<T extends ReplicaOwner>(kind: ReplicaKind<T>): Controller {
	return {
		name: kind.controllerName,
		run: (context, signal) => new ReplicaController(kind, context, signal).run(signal),
	};
}

interface Failure {
	readonly reason: "FailedCreate" | "FailedDelete";
	readonly error: unknown;
}

class ReplicaController<T extends ReplicaOwner> {
	readonly #kind: ReplicaKind<T>;
	readonly #context: ControllerContext;
	readonly #owners: Informer<T>;
	readonly #pods: Informer<Pod>;
	readonly #queue: WorkQueue;
	readonly #expectations: Expectations;
	readonly #client: ResourceClient<T>;
	readonly #podClient: ResourceClient<Pod>;
	readonly #podControl: PodControl;
	readonly #ownWrites = new OwnWrites<T>();

	constructor(kind: ReplicaKind<T>, context: ControllerContext, signal: AbortSignal) {
		this.#kind = kind;
		this.#context = context;
		this.#owners = context.informers.informer(kind.ref as ResourceRef<T>);
		this.#pods = context.informers.informer(pods);
		this.#queue = queueOf(context, kind.queue);
		this.#expectations = new Expectations(context.clock);
		this.#client = context.client.resource(kind.ref as ResourceRef<T>);
		this.#podClient = context.client.resource(pods);
		this.#podControl = new PodControl(this.#podClient, recorderOf(context, kind.component, signal));
	}

	async run(signal: AbortSignal): Promise<void> {
		addControllerIndex(this.#pods.cache);
		addControllerIndex(this.#owners.cache);
		await Promise.all([this.#owners.whenSynced(), this.#pods.whenSynced()]);
		this.#watch(signal);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name: this.#kind.controllerName, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	// ── What wakes it ──

	#watch(signal: AbortSignal): void {
		this.#owners.onChange(
			{
				added: (owner) => this.#queue.add(objectKey(owner)),
				updated: (_old, owner) => this.#queue.add(objectKey(owner)),
				deleted: (owner) => {
					this.#expectations.delete(objectKey(owner));
					this.#queue.add(objectKey(owner));
				},
			},
			signal,
		);
		watchOwnedPods(
			{
				kind: this.#kind.ref,
				owners: this.#owners.cache,
				pods: this.#pods,
				queue: this.#queue,
				expectations: this.#expectations,
				wouldAdopt: (owner, orphan) => {
					const selector = this.#kind.selectorOf(owner);
					return !selector.empty && selector.matches(orphan.metadata?.labels);
				},
				minReadySeconds: ({ spec }) => spec?.minReadySeconds ?? 0,
				gatherMs: ({ spec, status }) => gatherMsFor(Math.max(spec?.replicas ?? 1, status?.replicas ?? 0)),
			},
			signal,
		);
	}

	// ── What it does ──

	async #reconcile(key: string): Promise<ReconcileResult> {
		const cached = this.#owners.cache.get(key);
		if (cached === undefined) {
			this.#expectations.delete(key);
			this.#ownWrites.delete(key);
			return undefined;
		}
		const owner = this.#ownWrites.freshest(cached);
		const caughtUp = this.#expectations.satisfied(key);
		const managed = managedBy(this.#pods.cache, owner.metadata?.uid);
		const terminating = managed.filter(isPodTerminating);
		const active = await this.#claim(owner, [
			...managed.filter(isPodActive),
			...orphansIn(this.#pods.cache, owner.metadata?.namespace).filter(isPodActive),
		]);
		const failure = caughtUp && !isBeingDeleted(owner) ? await this.#manage(key, owner, active) : undefined;
		const nextAvailableMs = await this.#writeStatus(owner, {
			active,
			terminating: this.#kind.countsTerminating ? terminating : undefined,
			failure: failure === undefined ? undefined : { reason: failure.reason, message: messageOf(failure.error) },
			nowMs: this.#context.clock.now(),
		});
		if (failure !== undefined) throw failure.error;
		return requeueAfter(nextAvailableMs, this.#expectations.expireInMs(key));
	}

	#claim(owner: T, candidates: readonly Pod[]): Promise<readonly Pod[]> {
		const { namespace, name = "" } = owner.metadata ?? {};
		const selector: LabelSelectorMatcher = this.#kind.selectorOf(owner);
		const readOwner = () => this.#client.get({ namespace, name });
		return claimObjects({ owner, selector, candidates, client: this.#podClient, readOwner });
	}

	/** Creates or deletes pods towards the wanted number; returns the first failure. */
	#manage(key: string, owner: T, active: readonly Pod[]): Promise<Failure | undefined> {
		const missing = (owner.spec?.replicas ?? 1) - active.length;
		if (missing > 0) return this.#createPods(key, owner, Math.min(missing, burstReplicas));
		if (missing < 0) return this.#deletePods(key, owner, active, Math.min(-missing, burstReplicas));
		return Promise.resolve(undefined);
	}

	async #createPods(key: string, owner: T, count: number): Promise<Failure | undefined> {
		this.#expectations.expectCreations(key, count);
		const result = await slowStart(count, async () => {
			try {
				await this.#podControl.create(owner, owner.spec?.template);
			} catch (error) {
				if (!isNamespaceTerminating(error)) throw error;
				// The pods will not come, nor be wanted for long.
				this.#expectations.creationObserved(key);
			}
		});
		const notMade = count - result.succeeded;
		if (notMade > 0) this.#expectations.creationObserved(key, notMade);
		return result.error === undefined ? undefined : { reason: "FailedCreate", error: result.error };
	}

	async #deletePods(key: string, owner: T, active: readonly Pod[], count: number): Promise<Failure | undefined> {
		const victims = chooseVictims(active, this.#relatedPods(owner), count, this.#context.clock.now());
		this.#expectations.expectDeletions(key, victims.map(objectKey));
		const errors: unknown[] = [];
		await Promise.all(
			victims.map(async (pod) => {
				try {
					if (!(await this.#podControl.delete(owner, pod))) this.#expectations.deletionObserved(key, objectKey(pod));
				} catch (error) {
					this.#expectations.deletionObserved(key, objectKey(pod));
					errors.push(error);
				}
			}),
		);
		return errors.length === 0 ? undefined : { reason: "FailedDelete", error: errors[0] };
	}

	/** Active pods of all objects with the same controller: of the Deployment that this ReplicaSet belongs to. */
	#relatedPods(owner: T): readonly Pod[] {
		const parent = controllerOf(owner)?.uid;
		const siblings = parent === undefined ? [owner] : managedBy(this.#owners.cache, parent);
		return siblings.flatMap((sibling) => managedBy(this.#pods.cache, sibling.metadata?.uid)).filter(isPodActive);
	}

	/** Resolves to when a pod will have been ready for long enough, ms from now. */
	async #writeStatus(owner: T, observed: ObservedReplicas): Promise<number | undefined> {
		const { status, nextAvailableMs } = planReplicaStatus(owner, observed);
		if (!jsonEqual(status, owner.status)) await this.#ownWrites.updateStatus(this.#client, { ...owner, status });
		return nextAvailableMs;
	}
}

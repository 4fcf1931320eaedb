/**
 * deployment-controller: rolls a Deployment's pod template out through ReplicaSets.
 *
 * Watches  Deployments, ReplicaSets; pods (the last old pod's end starts a Recreate's second half)
 * Reads    the Deployment, its ReplicaSets; for Recreate, their pods
 * Writes   ReplicaSets (create, scale, annotate, adopt, release, delete beyond the history limit), the Deployment's
 *          status and revision annotation; events on the Deployment
 *
 * Each reconcile does the next step that the ReplicaSets' sizes and availability allow, and writes the Deployment's
 * status once, at its end. A rollback is a change of the template, made by kubectl.
 * Source of behaviour: pkg/controller/deployment.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Deployment, DeploymentStatus, Pod, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";
import type { ResourceClient } from "../../client/client.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { claimObjects, controllerOf } from "../../client/owner.ts";
import { deployments, pods, replicaSets } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { addControllerIndex, isBeingDeleted, isPodTerminal, managedBy, orphansIn } from "../pod-state.ts";
import { isOfKind } from "../replicaset/replica-kind.ts";
import {
	isComplete,
	planCounts,
	planPausedCondition,
	planRolloutStatus,
	progressCheckInMs,
	statusEqual,
	withDeploymentCondition,
} from "./deployment-status.ts";
import { ReplicaSetWriter } from "./replica-set-writer.ts";
import { findNewReplicaSet } from "./revisions.ts";
import * as scaling from "./scaling.ts";
import { isRollingUpdate } from "./strategy.ts";

const name = "deployment-controller";
/** kube-controller-manager's --concurrent-deployment-syncs. */
const concurrency = 5;

export const deploymentController: Controller = {
	name,
	run: (context, signal) => new DeploymentController(context, signal).run(signal),
};

class DeploymentController {
	readonly #context: ControllerContext;
	readonly #deployments: Informer<Deployment>;
	readonly #replicaSets: Informer<ReplicaSet>;
	readonly #pods: Informer<Pod>;
	readonly #queue: WorkQueue;
	readonly #client: ResourceClient<Deployment>;
	readonly #replicaSetClient: ResourceClient<ReplicaSet>;
	readonly #recorder: EventRecorder;
	readonly #ownWrites = new OwnWrites<Deployment>();
	readonly #writer: ReplicaSetWriter;

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#deployments = context.informers.informer(deployments);
		this.#replicaSets = context.informers.informer(replicaSets);
		this.#pods = context.informers.informer(pods);
		this.#queue = queueOf(context, "deployment");
		this.#client = context.client.resource(deployments);
		this.#replicaSetClient = context.client.resource(replicaSets);
		this.#recorder = recorderOf(context, name, signal);
		this.#writer = new ReplicaSetWriter({
			client: this.#replicaSetClient,
			recorder: this.#recorder,
			clock: context.clock,
			writeStatus: (deployment, original) => this.#writeStatus(deployment, original),
		});
	}

	async run(signal: AbortSignal): Promise<void> {
		addControllerIndex(this.#replicaSets.cache);
		addControllerIndex(this.#pods.cache);
		await Promise.all([this.#deployments.whenSynced(), this.#replicaSets.whenSynced(), this.#pods.whenSynced()]);
		this.#watch(signal);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	// ── What wakes it ──

	#watch(signal: AbortSignal): void {
		const enqueue = (deployment: Deployment) => this.#queue.add(objectKey(deployment));
		this.#deployments.onChange({ added: enqueue, updated: (_old, deployment) => enqueue(deployment), deleted: enqueue }, signal);
		this.#replicaSets.onChange(
			{
				added: (replicaSet) => this.#replicaSetChanged(replicaSet, undefined),
				updated: (old, replicaSet) => this.#replicaSetChanged(replicaSet, old),
				deleted: (replicaSet) => {
					this.#writer.forget(replicaSet);
					this.#wakeOwner(replicaSet);
				},
			},
			signal,
		);
		this.#pods.onChange({ deleted: (pod) => this.#podDeleted(pod) }, signal);
	}

	#replicaSetChanged(replicaSet: ReplicaSet, old: ReplicaSet | undefined): void {
		const ownerChanged = old !== undefined && !jsonEqual(controllerOf(old), controllerOf(replicaSet));
		if (ownerChanged) this.#wakeOwner(old);
		if (controllerOf(replicaSet) !== undefined) {
			this.#wakeOwner(replicaSet);
		} else if (old === undefined || ownerChanged || !jsonEqual(old.metadata?.labels, replicaSet.metadata?.labels)) {
			for (const deployment of this.#deployments.cache.listNamespace(replicaSet.metadata?.namespace ?? "")) {
				const selector = labelSelectorFromObject(deployment.spec?.selector);
				if (!selector.empty && selector.matches(replicaSet.metadata?.labels)) this.#queue.add(objectKey(deployment));
			}
		}
	}

	#wakeOwner(replicaSet: ReplicaSet): void {
		const deployment = this.#ownerOf(replicaSet);
		if (deployment !== undefined) this.#queue.add(objectKey(deployment));
	}

	#ownerOf(replicaSet: ReplicaSet): Deployment | undefined {
		const reference = controllerOf(replicaSet);
		if (reference === undefined || !isOfKind(deployments, reference)) return undefined;
		const deployment = this.#deployments.cache.get(`${replicaSet.metadata?.namespace}/${reference.name}`);
		return deployment?.metadata?.uid === reference.uid ? deployment : undefined;
	}

	#podDeleted(pod: Pod): void {
		const reference = controllerOf(pod);
		const replicaSet = reference && this.#replicaSets.cache.get(`${pod.metadata?.namespace}/${reference.name}`);
		if (replicaSet === undefined || replicaSet.metadata?.uid !== reference?.uid) return;
		const deployment = this.#ownerOf(replicaSet);
		if (deployment === undefined || isRollingUpdate(deployment)) return;
		const siblings = managedBy(this.#replicaSets.cache, deployment.metadata?.uid);
		const left = siblings.some(({ metadata }) => managedBy(this.#pods.cache, metadata?.uid).length > 0);
		if (!left) this.#queue.add(objectKey(deployment));
	}

	// ── What it does ──

	async #reconcile(key: string): Promise<ReconcileResult> {
		const cached = this.#deployments.cache.get(key);
		if (cached === undefined) {
			this.#ownWrites.delete(key);
			return undefined;
		}
		const deployment = this.#ownWrites.freshest(cached);
		if (labelSelectorFromObject(deployment.spec?.selector).empty) return this.#refuseToSelectAll(deployment);
		const owned = await this.#claim(deployment);
		if (isBeingDeleted(deployment)) return this.#writeCounts(rolloutOf(deployment, owned), deployment);
		const nowMs = this.#context.clock.now();
		const paused = planPausedCondition(deployment, nowMs);
		const marked = paused === undefined ? deployment : withDeploymentCondition(deployment, paused);
		const rollout = await this.#writer.syncRevision(rolloutOf(marked, owned));
		if (marked.spec?.paused === true || scaling.isScalingEvent(rollout)) return this.#syncSizes(rollout, deployment);
		return isRollingUpdate(marked) ? this.#rollingUpdate(rollout, deployment) : this.#recreate(rollout, deployment);
	}

	async #refuseToSelectAll(deployment: Deployment): Promise<void> {
		const message = "This deployment is selecting all pods. A non-empty selector is required.";
		this.#recorder.event(deployment, "Warning", "SelectingAll", message);
		const { generation = 0 } = deployment.metadata ?? {};
		if ((deployment.status?.observedGeneration ?? 0) >= generation) return;
		await this.#writeStatus({ ...deployment, status: { ...deployment.status, observedGeneration: generation } }, deployment);
	}

	async #claim(deployment: Deployment): Promise<readonly ReplicaSet[]> {
		const { namespace, name = "", uid } = deployment.metadata ?? {};
		const { cache } = this.#replicaSets;
		const known = [...managedBy(cache, uid), ...orphansIn(cache, namespace)].map((replicaSet) => this.#writer.freshest(replicaSet));
		return claimObjects({
			owner: deployment,
			selector: labelSelectorFromObject(deployment.spec?.selector),
			candidates: [...known, ...this.#writer.madeFor(deployment, cache)],
			client: this.#replicaSetClient,
			readOwner: () => this.#client.get({ namespace, name }),
		});
	}

	async #rollingUpdate(existing: scaling.Rollout, original: Deployment): Promise<ReconcileResult> {
		const rollout = await this.#writer.ensureNewReplicaSet(existing, original);
		if (rollout === undefined) return undefined;
		const up = scaling.planNewReplicaSet(rollout);
		const steps = up.length > 0 ? up : scaling.planOldReplicaSets(rollout);
		return this.#finish(await this.#writer.resize(rollout, steps), original, steps.length > 0);
	}

	async #recreate(existing: scaling.Rollout, original: Deployment): Promise<ReconcileResult> {
		const down = scaling.planDownForRecreate(existing);
		if (down.length > 0) return this.#finish(await this.#writer.resize(existing, down), original, true);
		if (this.#oldPodsRun(existing)) return this.#finish(existing, original, true);
		const rollout = await this.#writer.ensureNewReplicaSet(existing, original);
		if (rollout === undefined) return undefined;
		return this.#finish(await this.#writer.resize(rollout, scaling.planUpForRecreate(rollout)), original, false);
	}

	#oldPodsRun({ oldReplicaSets }: scaling.Rollout): boolean {
		return (
			oldReplicaSets.some(({ status }) => (status?.replicas ?? 0) > 0) ||
			oldReplicaSets.some(({ metadata }) => managedBy(this.#pods.cache, metadata?.uid).some((pod) => !isPodTerminal(pod)))
		);
	}

	/** Paused, or its size changed: no rollout, only sizes. */
	async #syncSizes(rollout: scaling.Rollout, original: Deployment): Promise<ReconcileResult> {
		const scaled = await this.#writer.resize(rollout, scaling.planScale(rollout));
		if (scaled.deployment.spec?.paused === true) await this.#writer.cleanUp(scaled);
		return this.#writeCounts(scaled, original);
	}

	async #finish(rollout: scaling.Rollout, original: Deployment, underWay: boolean): Promise<ReconcileResult> {
		const nowMs = this.#context.clock.now();
		if (!underWay && isComplete(rollout.deployment, rollout.deployment.status ?? {})) await this.#writer.cleanUp(rollout);
		const status = planRolloutStatus(rollout, nowMs);
		await this.#writeStatus({ ...rollout.deployment, status }, original);
		const checkInMs = progressCheckInMs({ ...rollout.deployment, status }, status, nowMs);
		return checkInMs === undefined ? undefined : { requeueAfterMs: checkInMs };
	}

	async #writeCounts(rollout: scaling.Rollout, original: Deployment): Promise<void> {
		const status = planCounts(rollout, this.#context.clock.now());
		await this.#writeStatus({ ...rollout.deployment, status }, original);
	}

	/** Writes status and annotations if they differ from what the server has. */
	async #writeStatus(deployment: Deployment, original: Deployment): Promise<void> {
		const { status = {} as DeploymentStatus, metadata } = deployment;
		if (statusEqual(original.status, status) && jsonEqual(metadata?.annotations, original.metadata?.annotations)) return;
		await this.#ownWrites.updateStatus(this.#client, deployment);
	}
}

function rolloutOf(deployment: Deployment, owned: readonly ReplicaSet[]): scaling.Rollout {
	const newReplicaSet = findNewReplicaSet(deployment, owned);
	return { deployment, newReplicaSet, oldReplicaSets: owned.filter((replicaSet) => replicaSet !== newReplicaSet) };
}

/**
 * The acts of a rollout on ReplicaSets: make the new one, annotate it, set sizes, delete what history no longer keeps.
 * Each returns the rollout as it is afterwards; the Deployment in it may carry changes of its status and annotations
 * that the controller writes at the end of its reconcile.
 * Source of behaviour and texts: pkg/controller/deployment/sync.go.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Deployment, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { ResourceClient } from "../../client/client.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { controllerOf, isControlledBy } from "../../client/owner.ts";
import { isNamespaceTerminating, messageOf } from "../replicaset/pod-control.ts";
import { hasProgressDeadline, newCondition, progressingCondition, withDeploymentCondition } from "./deployment-status.ts";
import { newReplicaSetFor, planHistoryCleanup } from "./replica-sets.ts";
import { newReplicaSetAnnotations, revisionAnnotation, revisionOf, sizeAnnotations } from "./revisions.ts";
import * as scaling from "./scaling.ts";
import { templatesEqual } from "./template-hash.ts";

export interface ReplicaSetWriterOptions {
	readonly client: ResourceClient<ReplicaSet>;
	readonly recorder: EventRecorder;
	readonly clock: Clock;
	/** Writes the Deployment's status at once, for failures that end the reconcile. */
	writeStatus(deployment: Deployment, original: Deployment): Promise<void>;
}

export class ReplicaSetWriter {
	readonly #options: ReplicaSetWriterOptions;
	readonly #client: ResourceClient<ReplicaSet>;
	readonly #ownWrites = new OwnWrites<ReplicaSet>();

	constructor(options: ReplicaSetWriterOptions) {
		this.#options = options;
		this.#client = options.client;
	}

	/** The newer of the cache's ReplicaSet and what we wrote ourselves. */
	freshest(replicaSet: ReplicaSet): ReplicaSet {
		return this.#ownWrites.freshest(replicaSet);
	}

	/** ReplicaSets of the Deployment that we made and that the cache does not have yet: their pods count, too. */
	madeFor(deployment: Deployment, cache: ObjectCache<ReplicaSet>): readonly ReplicaSet[] {
		return this.#ownWrites.unseen(cache).filter((replicaSet) => isControlledBy(replicaSet, deployment));
	}

	/** The ReplicaSet is gone. */
	forget(replicaSet: ReplicaSet): void {
		this.#ownWrites.delete(objectKey(replicaSet));
	}

	/** Brings the new ReplicaSet's annotations up to date, if there is one, and the Deployment's with them. */
	async syncRevision(rollout: scaling.Rollout): Promise<scaling.Rollout> {
		const { deployment, newReplicaSet } = rollout;
		if (newReplicaSet === undefined) return rollout;
		const annotations = newReplicaSetAnnotations(deployment, newReplicaSet.metadata?.annotations, nextRevision(rollout));
		const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
		const current =
			jsonEqual(annotations, newReplicaSet.metadata?.annotations ?? {}) && minReadySeconds === (newReplicaSet.spec?.minReadySeconds ?? 0)
				? newReplicaSet
				: await this.#updateReplicaSet({
						...newReplicaSet,
						metadata: { ...newReplicaSet.metadata, annotations },
						spec: { ...specOf(newReplicaSet), minReadySeconds },
					});
		const found = `Found new replica set "${current.metadata?.name}"`;
		return {
			...rollout,
			newReplicaSet: current,
			deployment: this.#adoptRevision(deployment, revisionOf(current), "FoundNewReplicaSet", found, false),
		};
	}

	/** The Deployment with its revision, and Progressing set if it has none (or always: `replace`). */
	#adoptRevision(deployment: Deployment, revision: number, reason: string, message: string, replace: boolean): Deployment {
		const annotations = { ...deployment.metadata?.annotations, [revisionAnnotation]: String(revision) };
		const revised = { ...deployment, metadata: { ...deployment.metadata, annotations } };
		if (!hasProgressDeadline(deployment) || (!replace && progressingCondition(deployment.status) !== undefined)) return revised;
		return withDeploymentCondition(revised, newCondition("Progressing", "True", reason, message, this.#options.clock.now()));
	}

	/** Undefined: there is none and none can be made, since the namespace is going. */
	async ensureNewReplicaSet(rollout: scaling.Rollout, original: Deployment): Promise<scaling.Rollout | undefined> {
		const { deployment, newReplicaSet, oldReplicaSets } = rollout;
		if (newReplicaSet !== undefined) return rollout;
		const total = scaling.sum(oldReplicaSets, scaling.specReplicas);
		const revision = nextRevision(rollout);
		const wanted = newReplicaSetFor(deployment, scaling.newReplicaSetSize(deployment, 0, total), revision);
		const name = wanted.metadata?.name ?? "";
		try {
			const made = this.#ownWrites.note(await this.#client.create(wanted));
			const size = scaling.specReplicas(made);
			if (size > 0)
				this.#options.recorder.event(deployment, "Normal", "ScalingReplicaSet", `Scaled up replica set ${name} from 0 to ${size}`);
			const created = `Created new replica set "${name}"`;
			return {
				...rollout,
				newReplicaSet: made,
				deployment: this.#adoptRevision(deployment, revision, "NewReplicaSetCreated", created, true),
			};
		} catch (error) {
			if (isNamespaceTerminating(error)) return undefined;
			if (isStatusError(error, "AlreadyExists")) return this.#resolveCollision(rollout, name, error, original);
			await this.#reportCreateError(deployment, name, error, original);
			throw error;
		}
	}

	/** The name is taken: by our own ReplicaSet that the cache does not show yet, or by another template of the same hash. */
	async #resolveCollision(rollout: scaling.Rollout, name: string, error: unknown, original: Deployment): Promise<scaling.Rollout> {
		const { deployment } = rollout;
		const taken = await this.#client.get({ namespace: deployment.metadata?.namespace, name });
		const ours = controllerOf(taken)?.uid === deployment.metadata?.uid;
		if (ours && templatesEqual(taken.spec?.template, deployment.spec?.template)) {
			return this.syncRevision({ ...rollout, newReplicaSet: taken });
		}
		const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
		await this.#options.writeStatus({ ...deployment, status: { ...deployment.status, collisionCount } }, original);
		throw error;
	}

	async #reportCreateError(deployment: Deployment, name: string, error: unknown, original: Deployment): Promise<void> {
		const message = `Failed to create new replica set "${name}": ${messageOf(error)}`;
		this.#options.recorder.event(deployment, "Warning", "ReplicaSetCreateError", message);
		if (!hasProgressDeadline(deployment)) return;
		const condition = newCondition("Progressing", "False", "ReplicaSetCreateError", message, this.#options.clock.now());
		await this.#options.writeStatus(withDeploymentCondition(deployment, condition), original);
	}

	/** Sets the sizes, and the annotations that say for which size of the Deployment they were meant. */
	async resize(rollout: scaling.Rollout, steps: readonly scaling.Resize[]): Promise<scaling.Rollout> {
		let result = rollout;
		for (const { replicaSet, replicas } of steps) {
			const from = scaling.specReplicas(replicaSet);
			const annotations = { ...replicaSet.metadata?.annotations, ...sizeAnnotations(rollout.deployment) };
			if (replicas === from && jsonEqual(annotations, replicaSet.metadata?.annotations)) continue;
			const updated = await this.#updateReplicaSet({
				...replicaSet,
				metadata: { ...replicaSet.metadata, annotations },
				spec: { ...specOf(replicaSet), replicas },
			});
			result = replaceReplicaSet(result, replicaSet, updated);
			if (replicas === from) continue;
			const message = `Scaled ${replicas > from ? "up" : "down"} replica set ${replicaSet.metadata?.name} from ${from} to ${replicas}`;
			this.#options.recorder.event(rollout.deployment, "Normal", "ScalingReplicaSet", message);
		}
		return result;
	}

	async #updateReplicaSet(replicaSet: ReplicaSet): Promise<ReplicaSet> {
		return this.#ownWrites.note(await this.#client.update(replicaSet));
	}

	/** Deletes old ReplicaSets beyond revisionHistoryLimit. */
	async cleanUp({ deployment, oldReplicaSets }: scaling.Rollout): Promise<void> {
		for (const { metadata } of planHistoryCleanup(deployment, oldReplicaSets)) {
			try {
				await this.#client.delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" });
			} catch (error) {
				if (!isStatusError(error, "NotFound")) throw error;
			}
		}
	}
}

function nextRevision({ oldReplicaSets }: scaling.Rollout): number {
	return Math.max(0, ...oldReplicaSets.map(revisionOf)) + 1;
}

function specOf({ spec }: ReplicaSet) {
	return spec ?? { selector: {} };
}

function replaceReplicaSet(rollout: scaling.Rollout, old: ReplicaSet, updated: ReplicaSet): scaling.Rollout {
	return {
		...rollout,
		newReplicaSet: rollout.newReplicaSet === old ? updated : rollout.newReplicaSet,
		oldReplicaSets: rollout.oldReplicaSets.map((replicaSet) => (replicaSet === old ? updated : replicaSet)),
	};
}

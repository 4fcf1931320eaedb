/**
 * resourceclaim-controller: makes the claims of pods from templates, and takes claims back when nobody uses them any more.
 *
 *   pod with a template      ─> claim, owned by the pod; its name in pod.status.resourceClaimStatuses
 *   pod placed by somebody   ─> claims that are allocated already are reserved for it (a scheduler reserves them itself)
 *   pod over, or gone        ─> its entry in claim.status.reservedFor goes; with the last one the allocation and the finalizer
 *   generated claim, unused  ─> deleted when its pod will not run any more, though the pod is still there
 *
 * Watches  pods with claims, ResourceClaims, ResourceClaimTemplates
 * Writes   ResourceClaims and their status, pod statuses (server-side apply, as ResourceClaimController), events on pods
 *
 * Not implemented: its metrics; claims of PodGroups (alpha upstream).
 * Source of behaviour and texts: pkg/controller/resourceclaim/controller.go.
 */
import {
	claimNames,
	claimReference,
	deallocated,
	foreignClaim,
	hasClaimFinalizer,
	isReservedFor,
	owningPod,
	withoutClaimFinalizer,
	withReservation,
} from "../../apimachinery/devices/resource-claims.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type {
	Pod,
	PodResourceClaim,
	PodResourceClaimStatus,
	ResourceClaimConsumerReference,
	ResourceClaimTemplate,
	ResourceResourceClaim,
} from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { pods, resourceClaims, resourceClaimTemplates } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { isBeingDeleted, isPodTerminal } from "../pod-state.ts";
import { claimFromTemplate, podClaimAnnotation } from "./claim-from-template.ts";

const name = "resourceclaim-controller";
const fieldManager = "ResourceClaimController";
const concurrency = 10;
/** Pods that are known to be gone, so that nobody needs to ask the server about them. */
const maxGonePods = 500;

const podPrefix = "pod:";
const claimPrefix = "claim:";

/** Pods by the claims that they use. */
const byClaim = "resourceClaim";
/** Claims by the uid of the pod that they were made for. */
const byOwner = "owningPod";

const podsClaims = (pod: Pod): readonly string[] => claimNames(pod).map((claim) => `${pod.metadata?.namespace}/${claim}`);
const claimsOwner = (claim: ResourceResourceClaim): readonly string[] => {
	const owner = owningPod(claim);
	return owner === undefined ? [] : [owner.uid];
};

export const resourceClaimController: Controller = {
	name,
	run: (context, signal) => new ResourceClaimController(context, signal).run(signal),
};

class ResourceClaimController {
	readonly #context: ControllerContext;
	readonly #pods: Informer<Pod>;
	readonly #claims: Informer<ResourceResourceClaim>;
	readonly #templates: Informer<ResourceClaimTemplate>;
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	/** Claims that we made: a pod whose status could not be written must not get another one. */
	readonly #made = new OwnWrites<ResourceResourceClaim>();
	/** Uids; the oldest goes first. */
	readonly #gonePods = new Set<string>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		const { informers } = context;
		this.#pods = informers.informer(pods);
		this.#claims = informers.informer(resourceClaims);
		this.#templates = informers.informer(resourceClaimTemplates);
		this.#queue = queueOf(context, "resource_claim");
		this.#recorder = recorderOf(context, "resource_claim", signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		this.#pods.cache.addIndex(byClaim, podsClaims);
		this.#claims.cache.addIndex(byOwner, claimsOwner);
		await Promise.all([this.#pods.whenSynced(), this.#claims.whenSynced(), this.#templates.whenSynced()]);
		const claimChanged = (claim: ResourceResourceClaim) => {
			this.#made.observed(claim);
			this.#queue.add(claimPrefix + objectKey(claim));
			this.#enqueuePodsOf(claim);
		};
		const podChanged = (pod: Pod) => this.#enqueuePod(pod, false);
		this.#pods.onChange(
			{ added: podChanged, updated: (_old, pod) => podChanged(pod), deleted: (pod) => this.#enqueuePod(pod, true) },
			signal,
		);
		this.#claims.onChange(
			{
				added: claimChanged,
				updated: (_old, claim) => claimChanged(claim),
				deleted: (claim) => {
					this.#made.delete(objectKey(claim));
					this.#enqueuePodsOf(claim);
				},
			},
			signal,
		);
		const reconcile = (key: string) =>
			key.startsWith(podPrefix) ? this.#syncPod(key.slice(podPrefix.length)) : this.#syncClaim(key.slice(claimPrefix.length));
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	#enqueuePodsOf(claim: ResourceResourceClaim): void {
		for (const pod of this.#pods.cache.byIndex(byClaim, objectKey(claim))) this.#enqueuePod(pod, false);
	}

	#enqueuePod(pod: Pod, isGone: boolean): void {
		if ((pod.spec?.resourceClaims?.length ?? 0) === 0 && pod.status?.extendedResourceClaimStatus === undefined) return;
		if (isGone) this.#noteGone(pod.metadata?.uid ?? "");
		if (isGone || isPodDone(pod)) for (const claim of podsClaims(pod)) this.#queue.add(claimPrefix + claim);
		else if (!isBeingDeleted(pod) && this.#needsWork(pod)) this.#queue.add(podPrefix + objectKey(pod));
	}

	#noteGone(uid: string): void {
		this.#gonePods.add(uid);
		const [oldest] = this.#gonePods;
		if (this.#gonePods.size > maxGonePods && oldest !== undefined) this.#gonePods.delete(oldest);
	}

	/** A claim is missing that has a template, or is not reserved for the pod though it might be. */
	#needsWork(pod: Pod): boolean {
		for (const podClaim of pod.spec?.resourceClaims ?? []) {
			const reference = claimReference(pod, podClaim);
			if ("problem" in reference) return true;
			if ("notNeeded" in reference) continue;
			const claim = this.#claims.cache.get(`${pod.metadata?.namespace}/${reference.name}`);
			if (claim === undefined || (reference.isGenerated && foreignClaim(pod, claim) !== undefined)) {
				if (podClaim.resourceClaimTemplateName !== undefined) return true;
				continue;
			}
			if (isPlaced(pod) && canReserve(pod, claim)) return true;
		}
		return false;
	}

	async #syncPod(key: string): Promise<void> {
		const pod = this.#pods.cache.get(key);
		if (pod === undefined || isBeingDeleted(pod) || isPodDone(pod)) return;
		const made = new Map<string, string>();
		for (const podClaim of pod.spec?.resourceClaims ?? []) {
			try {
				const claim = await this.#claimFor(pod, podClaim);
				if (claim !== undefined) made.set(podClaim.name, claim);
			} catch (error) {
				const why = error instanceof Error ? error.message : String(error);
				this.#recorder.event(pod, "Warning", "FailedResourceClaimCreation", `PodResourceClaim ${podClaim.name}: ${why}`);
				throw new Error(`pod ${key}, PodResourceClaim ${podClaim.name}: ${why}`);
			}
		}
		if (made.size > 0) await this.#recordClaims(pod, made);
		if (!isPlaced(pod)) return;
		for (const claimName of claimNames(pod)) {
			const claim = this.#claims.cache.get(`${pod.metadata?.namespace}/${claimName}`);
			if (claim !== undefined && canReserve(pod, claim))
				await this.#context.client.resource(resourceClaims).updateStatus(withReservation(claim, pod));
		}
	}

	/** The name of a claim that the pod does not know yet: made now, or before its status could be written. Undefined: nothing to do. */
	async #claimFor(pod: Pod, podClaim: PodResourceClaim): Promise<string | undefined> {
		const reference = claimReference(pod, podClaim);
		if ("notNeeded" in reference) return undefined;
		if ("problem" in reference) {
			if (!reference.isNotYetMade) throw new Error(`checking for claim before creating it: ${reference.problem}`);
		} else {
			const claim = this.#claims.cache.get(`${pod.metadata?.namespace}/${reference.name}`);
			if (claim !== undefined && (!reference.isGenerated || foreignClaim(pod, claim) === undefined)) return undefined;
		}
		const templateName = podClaim.resourceClaimTemplateName;
		if (templateName === undefined) return undefined;
		const orphan = this.#orphanOf(pod, podClaim);
		if (orphan !== undefined) return orphan.metadata?.name;
		const template = this.#templates.cache.get(`${pod.metadata?.namespace}/${templateName}`);
		if (template === undefined) {
			const quoted = JSON.stringify(templateName);
			throw new Error(`resource claim template ${quoted}: resourceclaimtemplate.resource.k8s.io ${quoted} not found`);
		}
		try {
			const claim = await this.#context.client.resource(resourceClaims).create(claimFromTemplate(pod, podClaim, template));
			return this.#made.note(claim).metadata?.name;
		} catch (error) {
			// The name is generated by the server, so there is none to tell of here.
			throw new Error(`create ResourceClaim : ${error instanceof Error ? error.message : String(error)}`);
		}
	}

	/** A claim that was made for the pod and that its status does not show. */
	#orphanOf(pod: Pod, podClaim: PodResourceClaim): ResourceResourceClaim | undefined {
		const uid = pod.metadata?.uid ?? "";
		const own = this.#made.unseen(this.#claims.cache).filter((claim) => owningPod(claim)?.uid === uid);
		return [...this.#claims.cache.byIndex(byOwner, uid), ...own].find(
			({ metadata }) => metadata?.annotations?.[podClaimAnnotation] === podClaim.name,
		);
	}

	/** Entries that are there already are applied again: an apply takes away what it leaves out. */
	async #recordClaims(pod: Pod, made: ReadonlyMap<string, string>): Promise<void> {
		const { namespace, name: podName = "" } = pod.metadata ?? {};
		const known = (pod.status?.resourceClaimStatuses ?? []).filter((status) => !made.has(status.name));
		const resourceClaimStatuses: readonly PodResourceClaimStatus[] = [
			...known,
			...[...made].map(([claim, resourceClaimName]) => ({ name: claim, resourceClaimName })),
		];
		const applied = { apiVersion: "v1", kind: "Pod", metadata: { namespace, name: podName }, status: { resourceClaimStatuses } };
		const how = { subresource: "status", options: { fieldManager, force: true } };
		try {
			await this.#context.client.resource(pods).patch({ namespace, name: podName }, "application/apply-patch+yaml", applied, how);
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			throw new Error(`update pod ${namespace}/${podName} ResourceClaimStatuses: ${why}`);
		}
	}

	async #syncClaim(key: string): Promise<void> {
		let claim = this.#claims.cache.get(key);
		if (claim === undefined) return;
		const client = this.#context.client.resource(resourceClaims);
		const reservedFor = claim.status?.reservedFor ?? [];
		const valid = await this.#stillUsing(claim, reservedFor);
		if (valid.length < reservedFor.length) {
			// Whole, not a patch: what changed meanwhile must make it fail. What was in use and is not any more gives its devices back.
			const isFree = valid.length === 0 && hasClaimFinalizer(claim);
			claim = await client.updateStatus(isFree ? deallocated(claim) : { ...claim, status: { ...claim.status, reservedFor: valid } });
			if (hasClaimFinalizer(claim) && claim.status?.allocation === undefined) claim = await client.update(withoutClaimFinalizer(claim));
		} else if (valid.length === 0 && hasClaimFinalizer(claim) && isBeingDeleted(claim)) {
			if (claim.status?.allocation !== undefined) claim = await client.updateStatus(deallocated(claim));
			claim = await client.update(withoutClaimFinalizer(claim));
		}
		if (valid.length === 0) await this.#deleteUnused(claim);
	}

	async #stillUsing(
		claim: ResourceResourceClaim,
		reservedFor: readonly ResourceClaimConsumerReference[],
	): Promise<readonly ResourceClaimConsumerReference[]> {
		const valid: ResourceClaimConsumerReference[] = [];
		for (const consumer of reservedFor) {
			const { apiGroup = "", resource } = consumer;
			if (apiGroup !== "" || resource !== "pods") throw new Error(`unsupported ReservedFor entry: ${JSON.stringify(consumer)}`);
			if (await this.#isInUse(claim.metadata?.namespace ?? "", consumer)) valid.push(consumer);
		}
		return valid;
	}

	/** What the cache has never seen may only be late: the scheduler reserves claims for pods that have just come. */
	async #isInUse(namespace: string, { name: podName, uid }: ResourceClaimConsumerReference): Promise<boolean> {
		if (this.#gonePods.has(uid)) return false;
		const known = this.#pods.cache.get(`${namespace}/${podName}`);
		if (known !== undefined) return known.metadata?.uid === uid && !isPodDone(known);
		try {
			const pod = await this.#context.client.resource(pods).get({ namespace, name: podName });
			return pod.metadata?.uid === uid;
		} catch (error) {
			if (isStatusError(error, "NotFound")) return false;
			throw error;
		}
	}

	/** A claim goes with its pod; it goes before it when the pod stays and runs no more. */
	async #deleteUnused(claim: ResourceResourceClaim): Promise<void> {
		const owner = owningPod(claim);
		if (owner === undefined || isBeingDeleted(claim)) return;
		const { namespace, name: claimName = "" } = claim.metadata ?? {};
		const pod = this.#pods.cache.get(`${namespace}/${owner.name}`);
		if (pod === undefined || (pod.metadata?.uid === owner.uid && !isPodDone(pod))) return;
		try {
			await this.#context.client.resource(resourceClaims).delete({ namespace, name: claimName });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}
}

const isPlaced = ({ spec }: Pod): boolean => (spec?.nodeName ?? "") !== "";

/** It is certain that no container of the pod runs or ever will. */
function isPodDone(pod: Pod): boolean {
	return isPodTerminal(pod) || (isBeingDeleted(pod) && !isPlaced(pod));
}

function canReserve(pod: Pod, claim: ResourceResourceClaim): boolean {
	return claim.status?.allocation !== undefined && !isReservedFor(claim, pod.metadata?.uid ?? "");
}

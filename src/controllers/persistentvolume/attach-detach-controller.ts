/**
 * persistentvolume-attach-detach-controller: has volumes of CSI drivers attached to the nodes whose pods use them, and detached again when
 * they are unmounted. Attaching itself is the driver's business, which is asked by VolumeAttachments.
 *
 * Watches  pods with claims, claims, volumes, nodes (what they have mounted), CSIDrivers, VolumeAttachments
 * Writes   VolumeAttachments, nodes' status.volumesAttached, events of pods
 *
 * Source of behaviour: pkg/controller/volume/attachdetach, pkg/volume/csi (attachments' names).
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type {
	AttachedVolume,
	Node,
	PersistentVolume,
	PersistentVolumeClaim,
	Pod,
	VolumeAttachment,
} from "../../apimachinery/schema/generated/types.ts";
import { attachmentName, uniqueVolumeName } from "../../apimachinery/storage/disk-driver.ts";
import { podClaims } from "../../apimachinery/storage/pod-claims.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { csiDrivers, nodes, persistentVolumeClaims, persistentVolumes, pods, volumeAttachments } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { isPodTerminal } from "../pod-state.ts";
import { isShared, planAttachments, unmountWaitMs } from "./attach-plan.ts";
import { Attachments } from "./attachments.ts";

const name = "persistentvolume-attach-detach-controller";
/** Between two looks at a cache that does not show yet what was done. */
const behindMs = 1_000;

export const attachDetachController: Controller = {
	name,
	run: async (context, signal) => {
		const controller = new AttachDetach(context, recorderOf(context, "attachdetach-controller", signal));
		await controller.run(signal);
	},
};

class AttachDetach {
	readonly #context: ControllerContext;
	readonly #recorder: EventRecorder;
	/** Keys: `volume:name` and `node:name`. */
	readonly #queue: WorkQueue;
	readonly #pods: Informer<Pod>;
	readonly #claims: Informer<PersistentVolumeClaim>;
	readonly #volumes: Informer<PersistentVolume>;
	readonly #nodes: Informer<Node>;
	readonly #attachmentInformer: Informer<VolumeAttachment>;
	readonly #attachments: Attachments;
	readonly #drivers;
	/** Pods that use a claim, by the claim's key. Only pods with claims are here. */
	readonly #users = new Map<string, Set<string>>();
	/** Since when a volume is wanted on a node no more, by attachment. */
	readonly #surplusSinceMs = new Map<string, number>();
	/** Uids of pods that were told that they cannot have a volume yet, by the volume. */
	readonly #refused = new Map<string, Set<string>>();

	constructor(context: ControllerContext, recorder: EventRecorder) {
		const { informers } = context;
		this.#context = context;
		this.#recorder = recorder;
		this.#queue = queueOf(context, "pvcs");
		this.#pods = informers.informer(pods);
		this.#claims = informers.informer(persistentVolumeClaims);
		this.#volumes = informers.informer(persistentVolumes);
		this.#nodes = informers.informer(nodes);
		this.#attachmentInformer = informers.informer(volumeAttachments);
		this.#attachments = new Attachments(this.#attachmentInformer, context.client.resource(volumeAttachments));
		this.#drivers = informers.informer(csiDrivers);
	}

	async run(signal: AbortSignal): Promise<void> {
		const { log } = this.#context;
		const all = [this.#pods, this.#claims, this.#volumes, this.#nodes, this.#attachmentInformer, this.#drivers];
		await Promise.all(all.map((informer) => informer.whenSynced()));
		this.#watch(signal);
		const reconcile = (key: string): Promise<ReconcileResult> => {
			const object = key.slice(key.indexOf(":") + 1);
			return key.startsWith("volume:") ? this.#reconcileVolume(object) : this.#reconcileNode(object);
		};
		await runController({ name, queue: this.#queue, concurrency: 10, reconcile, log, signal });
	}

	#watch(signal: AbortSignal): void {
		const podChanged = (pod: Pod) => {
			for (const { claim } of podClaims(pod)) {
				const key = `${pod.metadata?.namespace}/${claim}`;
				const users = this.#users.get(key);
				if (users === undefined) this.#users.set(key, new Set([objectKey(pod)]));
				else users.add(objectKey(pod));
				this.#enqueueClaim(key);
			}
		};
		const podGone = (pod: Pod) => {
			for (const { claim } of podClaims(pod)) {
				const key = `${pod.metadata?.namespace}/${claim}`;
				this.#users.get(key)?.delete(objectKey(pod));
				if (this.#users.get(key)?.size === 0) this.#users.delete(key);
				this.#enqueueClaim(key);
			}
		};
		this.#pods.onChange({ added: podChanged, updated: (_old, pod) => podChanged(pod), deleted: podGone }, signal);
		const claimChanged = (claim: PersistentVolumeClaim) => this.#enqueueClaim(objectKey(claim));
		this.#claims.onChange({ added: claimChanged, updated: (_old, claim) => claimChanged(claim) }, signal);
		const nodeChanged = ({ metadata }: Node) => this.#enqueueNode(metadata?.name ?? "");
		// What a node shows is ours alone, and may have been decided by a version of it that was old.
		const shownChanged = ({ metadata }: Node) => this.#queue.add(`node:${metadata?.name}`);
		this.#nodes.onChange(
			{
				added: (node) => {
					if (node.status?.volumesAttached !== undefined) shownChanged(node);
				},
				updated: (old, node) => {
					if (concernsVolumes(old, node)) nodeChanged(node);
					if (!jsonEqual(old.status?.volumesAttached ?? [], node.status?.volumesAttached ?? [])) shownChanged(node);
				},
				deleted: nodeChanged,
			},
			signal,
		);
		const attachmentChanged = (attachment: VolumeAttachment) => {
			this.#queue.add(`volume:${attachment.spec.source.persistentVolumeName}`);
			this.#queue.add(`node:${attachment.spec.nodeName}`);
		};
		this.#attachmentInformer.onChange(
			{
				added: attachmentChanged,
				updated: (old, attachment) => {
					this.#tellOfAttachment(old, attachment);
					attachmentChanged(attachment);
				},
				deleted: (attachment) => {
					this.#surplusSinceMs.delete(attachment.metadata?.name ?? "");
					this.#attachments.forget(attachment);
					attachmentChanged(attachment);
				},
			},
			signal,
		);
	}

	#enqueueClaim(key: string): void {
		const volume = this.#claims.cache.get(key)?.spec?.volumeName ?? "";
		if (volume !== "" && this.#users.has(key)) this.#queue.add(`volume:${volume}`);
		else if (volume !== "" && this.#attachments.ofVolume(volume).length > 0) this.#queue.add(`volume:${volume}`);
	}

	#enqueueNode(node: string): void {
		for (const attachment of this.#attachments.ofNode(node)) this.#queue.add(`volume:${attachment.spec.source.persistentVolumeName}`);
	}

	/** Pods on nodes that use the volume, unless they are over. */
	#podsOn(volume: PersistentVolume): readonly Pod[] {
		const { namespace, name: claim } = volume.spec?.claimRef ?? {};
		const users = this.#users.get(`${namespace}/${claim}`) ?? [];
		if (this.#claims.cache.get(`${namespace}/${claim}`)?.spec?.volumeName !== volume.metadata?.name) return [];
		return [...users].flatMap((key) => {
			const pod = this.#pods.cache.get(key);
			return pod === undefined || (pod.spec?.nodeName ?? "") === "" || isPodTerminal(pod) ? [] : [pod];
		});
	}

	async #reconcileVolume(volumeName: string): Promise<ReconcileResult> {
		await this.#attachments.settle(volumeName);
		const volume = this.#volumes.cache.get(volumeName);
		const attachments = this.#attachments.ofVolume(volumeName).filter(isOurs);
		const users = volume === undefined ? [] : this.#podsOn(volume);
		const driver = volume?.spec?.csi?.driver ?? attachments[0]?.spec.attacher ?? "";
		if (driver === "" || (attachments.length === 0 && !this.#isAttachable(driver))) return undefined;
		const handle = volume?.spec?.csi?.volumeHandle ?? "";
		const uniqueName = uniqueVolumeName(driver, handle);
		const wanted = new Set(users.map(({ spec }) => spec?.nodeName ?? ""));
		const plan = planAttachments({
			wanted,
			attached: new Set(attachments.map(({ spec }) => spec.nodeName)),
			isShared: volume !== undefined && isShared(volume),
			waitMs: (node) => this.#waitMs(attachments, node, uniqueName),
		});
		for (const attachment of attachments)
			if (wanted.has(attachment.spec.nodeName)) this.#surplusSinceMs.delete(attachment.metadata?.name ?? "");
		for (const node of plan.attach) await this.#attach(volumeName, driver, handle, node);
		for (const attachment of attachments)
			if (plan.detach.includes(attachment.spec.nodeName) || this.#attachments.isGoing(attachment))
				await this.#detach(attachment, uniqueName);
		if (plan.refused.length === 0) this.#refused.delete(volumeName);
		for (const node of plan.refused) this.#tellOfRefusal(volumeName, node, users);
		const isBehind = this.#attachments.isBehind(volumeName);
		const againAfterMs = Math.min(plan.againAfterMs ?? Number.POSITIVE_INFINITY, isBehind ? behindMs : Number.POSITIVE_INFINITY);
		return againAfterMs === Number.POSITIVE_INFINITY ? undefined : { requeueAfterMs: againAfterMs };
	}

	#isAttachable(driver: string): boolean {
		return this.#drivers.cache.get(driver)?.spec.attachRequired !== false;
	}

	#waitMs(attachments: readonly VolumeAttachment[], node: string, volume: string): number | undefined {
		const { clock } = this.#context;
		const key = attachments.find(({ spec }) => spec.nodeName === node)?.metadata?.name ?? "";
		const sinceMs = this.#surplusSinceMs.get(key) ?? clock.now();
		this.#surplusSinceMs.set(key, sinceMs);
		return unmountWaitMs(this.#nodes.cache.get(node), volume, sinceMs, clock.now());
	}

	#attach(volume: string, driver: string, handle: string, node: string): Promise<void> {
		return this.#attachments.create({
			apiVersion: "storage.k8s.io/v1",
			kind: "VolumeAttachment",
			metadata: { name: attachmentName(driver, handle, node) },
			spec: { attacher: driver, nodeName: node, source: { persistentVolumeName: volume } },
		});
	}

	/**
	 * First the node shows that it has the volume no more, then it is taken away: a kubelet says that it needs a volume before it looks
	 * whether the node has it, so one that mounts it meanwhile is noticed. What is once begun is finished, also when a pod comes back.
	 */
	async #detach(attachment: VolumeAttachment, uniqueName: string): Promise<void> {
		if (attachment.metadata?.deletionTimestamp !== undefined) return;
		if (!this.#attachments.isGoing(attachment)) {
			// The node may have said something since it was decided.
			if (this.#waitMs([attachment], attachment.spec.nodeName, uniqueName) !== undefined) return;
			this.#attachments.markGoing(attachment);
			try {
				await this.#showAttached(attachment.spec.nodeName, { isStrict: true });
			} catch (error) {
				this.#attachments.unmarkGoing(attachment);
				this.#queue.add(`node:${attachment.spec.nodeName}`);
				throw error;
			}
		}
		await this.#attachments.delete(attachment);
	}

	async #reconcileNode(nodeName: string): Promise<undefined> {
		await this.#showAttached(nodeName);
	}

	/**
	 * What the node shows to have, which its kubelet relies on.
	 * @param options.isStrict only if the node is as the cache has it: what it has in use is up to date, then. Else rejects with Conflict
	 */
	async #showAttached(nodeName: string, { isStrict = false }: { readonly isStrict?: boolean } = {}): Promise<void> {
		const node = this.#nodes.cache.get(nodeName);
		if (node === undefined) return;
		const volumesAttached = this.#attachments
			.ofNode(nodeName)
			.filter((attachment) => attachment.status?.attached === true && !this.#attachments.isGoing(attachment))
			.flatMap((attachment): AttachedVolume[] => {
				const csi = this.#volumes.cache.get(attachment.spec.source.persistentVolumeName ?? "")?.spec?.csi;
				return csi === undefined ? [] : [{ name: uniqueVolumeName(csi.driver, csi.volumeHandle), devicePath: "" }];
			})
			// The order of the cache is another one after a new start.
			.sort((one, other) => (one.name < other.name ? -1 : 1));
		if (!isStrict && jsonEqual(volumesAttached, node.status?.volumesAttached ?? [])) return;
		const status = { volumesAttached: volumesAttached.length === 0 ? null : volumesAttached };
		const body = isStrict ? { metadata: { resourceVersion: node.metadata?.resourceVersion }, status } : { status };
		await this.#context.client.resource(nodes).patch({ name: nodeName }, "application/merge-patch+json", body, { subresource: "status" });
	}

	#tellOfAttachment(old: VolumeAttachment, { spec, status }: VolumeAttachment): void {
		const volume = spec.source.persistentVolumeName ?? "";
		const object = this.#volumes.cache.get(volume);
		const succeeded = old.status?.attached !== true && status?.attached === true;
		const failed = status?.attachError !== undefined && !jsonEqual(old.status?.attachError, status.attachError);
		if (object === undefined || (!succeeded && !failed)) return;
		for (const pod of this.#podsOn(object)) {
			if (pod.spec?.nodeName !== spec.nodeName) continue;
			if (succeeded)
				this.#recorder.event(
					pod,
					"Normal",
					"SuccessfulAttachVolume",
					`AttachVolume.Attach succeeded for volume ${JSON.stringify(volume)} `,
				);
			else
				this.#recorder.event(
					pod,
					"Warning",
					"FailedAttachVolume",
					`AttachVolume.Attach failed for volume ${JSON.stringify(volume)} : ${status?.attachError?.message}`,
				);
		}
	}

	/** Each pod is told once while it waits, not at every look. */
	#tellOfRefusal(volume: string, node: string, users: readonly Pod[]): void {
		const told = this.#refused.get(volume) ?? new Set();
		this.#refused.set(volume, told);
		const others = users.filter(({ spec }) => spec?.nodeName !== node).map(({ metadata }) => metadata?.name);
		const why =
			others.length === 0
				? "Volume is already exclusively attached to one node and can't be attached to another"
				: `Volume is already used by pod(s) ${others.join(", ")}`;
		for (const pod of users) {
			const { uid = "" } = pod.metadata ?? {};
			if (pod.spec?.nodeName !== node || told.has(uid)) continue;
			told.add(uid);
			this.#recorder.event(pod, "Warning", "FailedAttachVolume", `Multi-Attach error for volume ${JSON.stringify(volume)} ${why}`);
		}
	}
}

/** Attachments of others are left alone. */
function isOurs({ metadata }: VolumeAttachment): boolean {
	return /^csi-[0-9a-f]{64}$/.test(metadata?.name ?? "");
}

/** Whether a change of a node can let a volume go: heartbeats do not. */
function concernsVolumes(old: Node, node: Node): boolean {
	const isReady = ({ status }: Node) => status?.conditions?.find(({ type }) => type === "Ready")?.status;
	return (
		!jsonEqual(old.status?.volumesInUse ?? [], node.status?.volumesInUse ?? []) ||
		isReady(old) !== isReady(node) ||
		!jsonEqual(old.spec?.taints ?? [], node.spec?.taints ?? [])
	);
}

/**
 * Volumes that stand on claims, for all nodes of the fleet: which volume a claim has, whether it is attached where it must be, what each
 * node has mounted, and file systems that grow with their disks.
 *
 *   pod is to start ──> claim bound? volume its own? ──> shown in node.status.volumesInUse ──> in its volumesAttached? ──> mounted
 *   pod is over ──> unmounted: taken from volumesInUse, so that the attach/detach controller may detach
 *
 * Nothing is mounted before the API has said that it is shown as in use: the controller detaches what is not, and takes it from
 * volumesAttached first, so whoever is shown and finds it there has it.
 * A kubelet that is stopped says nothing, so what it has mounted stays shown.
 * Source of behaviour: pkg/kubelet/volumemanager.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { type KubeObject, objectKey } from "../../apimachinery/meta.ts";
import { compareQuantities } from "../../apimachinery/quantity.ts";
import type {
	CSIDriver,
	NFSVolumeSource,
	Node,
	PersistentVolume,
	PersistentVolumeClaim,
	Pod,
	VolumeAttachment,
} from "../../apimachinery/schema/generated/types.ts";
import { diskDriver, uniqueVolumeName } from "../../apimachinery/storage/disk-driver.ts";
import { foreignClaim, type PodClaim, podClaims } from "../../apimachinery/storage/pod-claims.ts";
import { capacityOf } from "../../apimachinery/storage/volume-matching.ts";
import type { Client } from "../../client/client.ts";
import type { Informer } from "../../client/informer.ts";
import { nodes, persistentVolumeClaims } from "../../client/resources.ts";
import type { FileSystem } from "../../host/index.ts";
import { MissingObjectError } from "./objects.ts";
import { checkHostPath, type MountedVolume, VolumeBacking } from "./volume-backing.ts";
import { takesGroup } from "./volume-ownership.ts";

const byNode = "kubeletNode";
const nodeOf = ({ spec }: VolumeAttachment): readonly string[] => [spec.nodeName];

/** Between a write of what is mounted that failed and the next try. */
const retryMs = 1_000;

/** Whoever waits for a volume. */
export interface VolumeSeeker {
	/** Plans anew. */
	mountAgain(): void;
}

export interface ClaimVolumesOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly clientFor: (node: string) => Client;
	readonly claims: Informer<PersistentVolumeClaim>;
	readonly volumes: Informer<PersistentVolume>;
	readonly attachments: Informer<VolumeAttachment>;
	readonly drivers: Informer<CSIDriver>;
	readonly nodes: Informer<Node>;
	/** What was read from the API because the caches did not have it yet. */
	readonly fetched: (kind: "persistentvolumeclaim" | "persistentvolume", key: string) => KubeObject | undefined;
	/** The caches have heard of it. */
	readonly forgetFetched: (kind: "persistentvolumeclaim" | "persistentvolume", key: string) => void;
	/** Whether the node's kubelet works. */
	readonly isRunning: (node: string) => boolean;
	readonly event: (node: string, object: KubeObject, reason: string, message: string) => void;
}

interface Use {
	readonly pod: Pod;
	readonly claim: string;
	readonly volume: string;
	/** Shown in the node's status; undefined for a volume that needs no attaching. */
	readonly uniqueName: string | undefined;
}

export class ClaimVolumes {
	readonly #options: ClaimVolumesOptions;
	readonly #backing: VolumeBacking;
	/** By node and pod uid. */
	readonly #uses = new Map<string, Map<string, readonly Use[]>>();
	/** What each node's status shows, as last written by us. */
	readonly #shown = new Map<string, readonly string[]>();
	/** Nodes as the API had them after our last write. */
	readonly #written = new Map<string, Node>();
	/** Nodes whose status is being written. */
	readonly #writing = new Set<string>();
	/** Who waits for a volume on a node, by node. */
	readonly #seekers = new Map<string, Set<VolumeSeeker>>();
	/** Claims whose file system is being grown. */
	readonly #growing = new Set<string>();

	constructor(options: ClaimVolumesOptions) {
		this.#options = options;
		this.#backing = new VolumeBacking(options.clock);
		options.attachments.cache.addIndex(byNode, nodeOf);
	}

	/** Call before the informers start. */
	watch(): void {
		const { attachments, volumes, claims, nodes: nodeInformer, forgetFetched } = this.#options;
		nodeInformer.onChange({
			updated: (old, { metadata, status }) => {
				if (!isDeepStrictEqual(old.status?.volumesAttached, status?.volumesAttached)) this.#wake(metadata?.name ?? "");
			},
		});
		const attached = ({ spec }: VolumeAttachment) => this.#wake(spec.nodeName);
		attachments.onChange({ added: attached, updated: (_old, attachment) => attached(attachment) });
		const forgetVolume = ({ metadata }: PersistentVolume) => forgetFetched("persistentvolume", metadata?.name ?? "");
		volumes.onChange({
			added: forgetVolume,
			deleted: (volume) => {
				forgetVolume(volume);
				this.#backing.forget(volume);
			},
		});
		const forgetClaim = (claim: PersistentVolumeClaim) => forgetFetched("persistentvolumeclaim", objectKey(claim));
		claims.onChange({
			added: forgetClaim,
			updated: (_old, claim) => {
				forgetClaim(claim);
				this.#grow(claim);
			},
			deleted: forgetClaim,
		});
	}

	/**
	 * Mounts the pod's claims: returns whether all of them are there, or "attaching" while one is not attached yet; `seeker` is then woken
	 * when that may have changed. Throws `MissingObjectError` with the text of the FailedMount event.
	 */
	mount(node: string, pod: Pod, files: () => FileSystem, seeker: VolumeSeeker): "mounted" | "attaching" {
		const claims = podClaims(pod);
		if (claims.length === 0) return "mounted";
		const volumes = claims.map((claim) => ({ claim, volume: this.#resolve(pod, claim) }));
		this.#use(node, pod, volumes);
		const waits = volumes.filter(({ volume }) => !this.#isAttached(node, volume));
		if (waits.length > 0) {
			const seekers = this.#seekers.get(node) ?? new Set();
			this.#seekers.set(node, seekers.add(seeker));
			return "attaching";
		}
		for (const { volume } of volumes) checkMountable(volume, files);
		for (const { claim } of volumes) this.#growNamed(pod, claim);
		return "mounted";
	}

	/** A pod that runs already, from before this process. */
	adopt(node: string, pod: Pod): void {
		try {
			const volumes = podClaims(pod).map((claim) => ({ claim, volume: this.#resolve(pod, claim) }));
			if (volumes.length > 0) this.#use(node, pod, volumes);
		} catch (error) {
			// What is gone meanwhile is mounted no more.
			if (!(error instanceof MissingObjectError)) throw error;
		}
	}

	/** The files of a pod's claim, which has been mounted. */
	open(pod: Pod, claim: PodClaim, files: () => FileSystem): MountedVolume {
		const volume = this.#resolve(pod, claim);
		const opened = this.#backing.open(volume, files);
		const driver = this.#options.drivers.cache.get(volume.spec?.csi?.driver ?? "");
		const readOnly = claim.readOnly || opened.readOnly === true;
		return { ...opened, readOnly, takesGroup: !readOnly && takesGroup(volume, driver) };
	}

	/** What a pod's claim stands for; undefined if it is not ready to be used. */
	volumeOf(pod: Pod, claim: PodClaim): PersistentVolume | undefined {
		try {
			return this.#resolve(pod, claim);
		} catch (error) {
			if (error instanceof MissingObjectError) return undefined;
			throw error;
		}
	}

	/** What a file server exports, for a pod that names it itself. */
	openNfs(source: NFSVolumeSource): MountedVolume {
		return this.#backing.openNfs(source);
	}

	/** Nothing of the pod is mounted any more. */
	unmount(node: string, pod: Pod, seeker: VolumeSeeker): void {
		this.#seekers.get(node)?.delete(seeker);
		if (this.#uses.get(node)?.delete(pod.metadata?.uid ?? "") === true) this.#show(node);
	}

	/** The node's kubelet works again: it says what it has mounted. */
	started(node: string): void {
		if (this.#uses.has(node)) this.#show(node);
	}

	removed(node: string): void {
		this.#uses.delete(node);
		this.#shown.delete(node);
		this.#written.delete(node);
		this.#seekers.delete(node);
	}

	#wake(node: string): void {
		const seekers = this.#seekers.get(node);
		if (seekers === undefined) return;
		this.#seekers.delete(node);
		for (const seeker of seekers) seeker.mountAgain();
	}

	/** The volume of a pod's claim. Throws `MissingObjectError` if the claim is not ready to be used. */
	#resolve(pod: Pod, { claim: name, volume: of, isEphemeral }: PodClaim): PersistentVolume {
		const { claims, volumes, fetched } = this.#options;
		const namespace = pod.metadata?.namespace ?? "";
		const key = `${namespace}/${name}`;
		const fail = (why: string, kind?: "persistentvolumeclaim" | "persistentvolume", object = name): never => {
			const message = `Unable to attach or mount volumes: unmounted volumes=[${of}], unattached volumes=[], failed to process volumes=[${of}]: error processing PVC ${key}: ${why}`;
			throw new MissingObjectError(message, kind === undefined ? undefined : { kind, namespace, name: object });
		};
		const cached = claims.cache.get(key);
		const claim = isBound(cached) ? cached : ((fetched("persistentvolumeclaim", key) as PersistentVolumeClaim | undefined) ?? cached);
		if (claim === undefined)
			return fail(`failed to fetch PVC from API server: persistentvolumeclaims ${JSON.stringify(name)} not found`, "persistentvolumeclaim");
		if (isEphemeral) {
			const foreign = foreignClaim(pod, claim);
			if (foreign !== undefined) return fail(foreign);
		}
		if (claim.metadata?.deletionTimestamp !== undefined && !this.#isUsing(pod)) return fail("PVC is being deleted");
		if (!isBound(claim)) return fail("PVC is not bound", "persistentvolumeclaim");
		const volumeName = claim.spec?.volumeName ?? "";
		const volume = volumes.cache.get(volumeName) ?? (fetched("persistentvolume", volumeName) as PersistentVolume | undefined);
		if (volume === undefined) {
			const why = `failed to fetch PV ${volumeName} from API server: persistentvolumes ${JSON.stringify(volumeName)} not found`;
			return fail(why, "persistentvolume", volumeName);
		}
		const { claimRef } = volume.spec ?? {};
		if (claimRef === undefined) return fail(`found PV ${volumeName} spec.ClaimRef is nil`);
		if (claimRef.uid !== claim.metadata?.uid)
			return fail(`found PV spec.ClaimRef.UID ${claimRef.uid} != expected UID ${claim.metadata?.uid}`);
		return volume;
	}

	/** A claim that is being deleted is not taken away from a pod that has it. */
	#isUsing({ spec, metadata }: Pod): boolean {
		return this.#uses.get(spec?.nodeName ?? "")?.has(metadata?.uid ?? "") === true;
	}

	#needsAttaching({ spec }: PersistentVolume): boolean {
		return spec?.csi !== undefined && this.#options.drivers.cache.get(spec.csi.driver)?.spec.attachRequired !== false;
	}

	#isAttached(node: string, volume: PersistentVolume): boolean {
		if (!this.#needsAttaching(volume)) return true;
		const { driver = "", volumeHandle = "" } = volume.spec?.csi ?? {};
		const uniqueName = uniqueVolumeName(driver, volumeHandle);
		if (this.#shown.get(node)?.includes(uniqueName) !== true) return false;
		if (this.#nodeOf(node)?.status?.volumesAttached?.some(({ name }) => name === uniqueName) !== true) return false;
		const isIt = ({ spec, status, metadata }: VolumeAttachment) =>
			spec.nodeName === node &&
			spec.source.persistentVolumeName === volume.metadata?.name &&
			status?.attached === true &&
			metadata?.deletionTimestamp === undefined;
		return this.#options.attachments.cache.byIndex(byNode, node).some(isIt);
	}

	/** As the API had it last: the answer to our own write may be ahead of the cache. */
	#nodeOf(name: string): Node | undefined {
		const cached = this.#options.nodes.cache.get(name);
		const written = this.#written.get(name);
		return written === undefined || versionOf(cached) >= versionOf(written) ? cached : written;
	}

	#use(node: string, pod: Pod, volumes: readonly { readonly claim: PodClaim; readonly volume: PersistentVolume }[]): void {
		const uses = volumes.map(({ claim, volume }): Use => {
			const { csi } = volume.spec ?? {};
			const isShown = csi !== undefined && this.#needsAttaching(volume);
			return {
				pod,
				claim: `${pod.metadata?.namespace}/${claim.claim}`,
				volume: volume.metadata?.name ?? "",
				uniqueName: isShown ? uniqueVolumeName(csi.driver, csi.volumeHandle) : undefined,
			};
		});
		const ofNode = this.#uses.get(node) ?? new Map<string, readonly Use[]>();
		this.#uses.set(node, ofNode.set(pod.metadata?.uid ?? "", uses));
		this.#show(node);
	}

	#inUse(node: string): readonly string[] {
		const names = [...(this.#uses.get(node)?.values() ?? [])].flat().flatMap(({ uniqueName }) => uniqueName ?? []);
		return [...new Set(names)].sort();
	}

	/** Writes what the node has mounted, one write at a time. */
	#show(node: string): void {
		if (this.#writing.has(node) || !this.#options.isRunning(node)) return;
		const volumesInUse = this.#inUse(node);
		if (isDeepStrictEqual(volumesInUse, this.#shown.get(node) ?? [])) return;
		this.#writing.add(node);
		void this.#write(node, volumesInUse).then(() => {
			this.#writing.delete(node);
			this.#show(node);
		});
	}

	/** Never rejects. */
	async #write(node: string, volumesInUse: readonly string[]): Promise<void> {
		const { clientFor, clock, log } = this.#options;
		const body = { status: { volumesInUse: volumesInUse.length === 0 ? null : volumesInUse } };
		try {
			const written = await clientFor(node)
				.resource(nodes)
				.patch({ name: node }, "application/merge-patch+json", body, { subresource: "status" });
			this.#shown.set(node, volumesInUse);
			if (volumesInUse.length === 0) this.#written.delete(node);
			else this.#written.set(node, written);
			this.#wake(node);
		} catch (error) {
			log.warn("Error updating node status, will retry", { node, error: String(error) });
			await new Promise<void>((resolve) => clock.setTimeout(resolve, retryMs));
		}
	}

	#growNamed({ metadata }: Pod, { claim: name }: PodClaim): void {
		const claim = this.#options.claims.cache.get(`${metadata?.namespace}/${name}`);
		if (claim !== undefined) this.#grow(claim);
	}

	/** The disk is larger than its file system: grows that if a pod has it mounted. */
	#grow(claim: PersistentVolumeClaim): void {
		const key = `${claim.metadata?.namespace}/${claim.metadata?.name}`;
		if (claim.status?.allocatedResourceStatuses?.storage !== "NodeResizePending" || this.#growing.has(key)) return;
		const volume = this.#options.volumes.cache.get(claim.spec?.volumeName ?? "");
		if (volume === undefined || compareQuantities(capacityOf(volume), claim.status.capacity?.storage ?? "0") <= 0) return;
		for (const [node, ofNode] of this.#uses) {
			const use = [...ofNode.values()].flat().find(({ claim: used }) => used === key);
			if (use === undefined || !this.#options.isRunning(node)) continue;
			this.#growing.add(key);
			void this.#finishGrowth(node, use.pod, claim, volume).then(() => this.#growing.delete(key));
			return;
		}
	}

	/** Never rejects. */
	async #finishGrowth(node: string, pod: Pod, claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
		const { clientFor, event, log } = this.#options;
		const { namespace, name = "" } = claim.metadata ?? {};
		const status = { capacity: { storage: capacityOf(volume) }, conditions: null, allocatedResourceStatuses: null };
		try {
			await clientFor(node)
				.resource(persistentVolumeClaims)
				.patch({ namespace, name }, "application/merge-patch+json", { status }, { subresource: "status" });
			this.#backing.grew(volume);
			const message = `MountVolume.NodeExpandVolume succeeded for volume ${JSON.stringify(volume.metadata?.name)} ${node}`;
			for (const object of [pod, claim]) event(node, object, "FileSystemResizeSuccessful", message);
		} catch (error) {
			log.warn("Failed to grow a file system", { claim: `${namespace}/${name}`, error: String(error) });
		}
	}
}

function versionOf(node: Node | undefined): number {
	return Number(node?.metadata?.resourceVersion ?? 0);
}

function isBound(claim: PersistentVolumeClaim | undefined): boolean {
	return claim?.status?.phase === "Bound" && (claim.spec?.volumeName ?? "") !== "";
}

/** Throws `MissingObjectError` with the text of the FailedMount event. */
function checkMountable({ metadata, spec }: PersistentVolume, files: () => FileSystem): void {
	const name = JSON.stringify(metadata?.name);
	if (spec?.csi !== undefined && spec.csi.driver !== diskDriver) {
		const why = `kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ${spec.csi.driver} not found in the list of registered CSI drivers`;
		throw new MissingObjectError(`MountVolume.MountDevice failed for volume ${name} : ${why}`);
	}
	if (spec?.local !== undefined && !files().exists(spec.local.path))
		throw new MissingObjectError(
			`MountVolume.NewMounter initialization failed for volume ${name} : path ${JSON.stringify(spec.local.path)} does not exist`,
		);
	if (spec?.hostPath === undefined) return;
	try {
		checkHostPath(spec.hostPath, files);
	} catch (error) {
		if (!(error instanceof MissingObjectError)) throw error;
		throw new MissingObjectError(`MountVolume.SetUp failed for volume ${name} : ${error.message}`);
	}
}

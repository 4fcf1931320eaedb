/**
 * Brings a pod's volumes to its node and takes them away again, with the kubelet's events where that takes long or fails. What is in
 * them is the business of volumes/.
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { NFSVolumeSource, PersistentVolume, Pod } from "../../apimachinery/schema/generated/types.ts";
import { type PodClaim, podClaims } from "../../apimachinery/storage/pod-claims.ts";
import { type FileSystem, type FsErrorCode, type SharedDisk, Tree } from "../../host/index.ts";
import { formatImageReference, parseImageReference } from "../images/reference.ts";
import type { VolumeSeeker } from "../volumes/claim-volumes.ts";
import type { DownwardContext } from "../volumes/downward.ts";
import { MissingObjectError, type ObjectLookups } from "../volumes/objects.ts";
import { PodVolumes, type VolumeSources } from "../volumes/pod-volumes.ts";
import type { MountedVolume } from "../volumes/volume-backing.ts";
import type { PodOnNode } from "./pod-scope.ts";

/** Of a failed mount: doubled up to `maxRetryMs`. Source: pkg/util/goroutinemap/exponentialbackoff. */
const firstRetryMs = 500;
const maxRetryMs = 122_000;
/** How long volumes may take before that is worth an event. Source: podAttachAndMountTimeout of the kubelet's volume manager. */
const timeoutMs = 123_000;

export class PodMounts implements VolumeSeeker, VolumeSources {
	readonly volumes: PodVolumes;
	readonly #scope: PodOnNode;
	/** Before the next try, if that is needed. */
	#retryMs = firstRetryMs;
	/** Runs while a volume is waited for. */
	#timeout: Timer | undefined;

	constructor(scope: PodOnNode) {
		this.#scope = scope;
		this.volumes = new PodVolumes(scope.pod, this);
	}

	/** Mounts them now, or when what is missing is there. */
	mount(): void {
		const { host, node, pod, record } = this.#scope;
		record.volumes = "mounting";
		try {
			this.volumes.check();
			if (host.claims.mount(node.name, pod, () => node.hostFiles(), this) === "mounted") {
				record.volumes = "mounted";
				this.#timeout?.cancel();
			} else this.#timeout ??= this.#warnOfWait();
		} catch (error) {
			if (!(error instanceof MissingObjectError)) throw error;
			void this.#mountLater(error);
		}
	}

	/** A volume may have been attached. */
	mountAgain(): void {
		const { record } = this.#scope;
		if (record.volumes !== "mounting") return;
		record.volumes = "absent";
		this.#scope.sync();
	}

	unmount(): void {
		const { host, node, pod } = this.#scope;
		this.volumes.close();
		this.#timeout?.cancel();
		host.claims.unmount(node.name, pod, this);
	}

	async #mountLater(error: MissingObjectError): Promise<void> {
		const { host, record } = this.#scope;
		const found = await this.#scope.fetch(error);
		record.volumes = "absent";
		if (!found) {
			this.#scope.event("Warning", "FailedMount", error.message);
			record.retryMs = host.clock.now() + this.#retryMs;
			this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs);
		}
		this.#scope.sync();
	}

	/** Whoever waits long for a volume says so, again and again. */
	#warnOfWait(): Timer {
		return this.#scope.host.clock.setInterval(() => {
			if (this.#scope.paused) return;
			const names = podClaims(this.#scope.pod)
				.map(({ volume }) => volume)
				.join(" ");
			const why = "context deadline exceeded";
			this.#scope.event(
				"Warning",
				"FailedMount",
				`Unable to attach or mount volumes: unmounted volumes=[${names}], unattached volumes=[], failed to process volumes=[]: ${why}`,
			);
		}, timeoutMs);
	}

	get clock(): Clock {
		return this.#scope.host.clock;
	}

	get lookups(): ObjectLookups {
		return this.#scope.host.lookups;
	}

	get disk(): SharedDisk {
		return this.#scope.node.disk;
	}

	downward(): DownwardContext {
		return this.#scope.downward();
	}

	hostFiles(): FileSystem {
		return this.#scope.node.hostFiles();
	}

	claimedVolume(pod: Pod, claim: PodClaim): PersistentVolume | undefined {
		return this.#scope.host.claims.volumeOf(pod, claim);
	}

	openClaim(pod: Pod, claim: PodClaim): MountedVolume {
		return this.#scope.host.claims.open(pod, claim, () => this.hostFiles());
	}

	openNfs(source: NFSVolumeSource): MountedVolume {
		return this.#scope.host.claims.openNfs(source);
	}

	/** An image volume: the files of an image, as they are. */
	openImage(text: string): MountedVolume {
		const { host, node } = this.#scope;
		const reference = parseImageReference(text);
		const pulled = "error" in reference ? undefined : node.image(formatImageReference(reference));
		if (pulled === undefined) throw new Error(`the image ${text} of a volume is not on the node`);
		return { tree: new Tree({ clock: host.clock, lower: pulled.image.files() }), readOnly: true };
	}

	onWrite(): void {
		this.#scope.host.filesGrew(this.#scope.node.name);
	}

	writeFault(): FsErrorCode | undefined {
		return this.#scope.node.writeFault;
	}

	onTokenError(error: unknown): void {
		const { host, pod } = this.#scope;
		host.log.warn("Token request failed", { pod: pod.metadata?.name, error: String(error) });
	}
}

/**
 * The volumes of one pod. A volume's files exist once somebody looks at them; until then only its sources are checked,
 * so that an idle pod carries none. ConfigMap, Secret, downward API and projected volumes are written as the kubelet's
 * atomic writer does: a directory with the time in its name, `..data` pointing to it, a link for each file.
 * Simulated: emptyDir, configMap, secret, downwardAPI, projected, hostPath, nfs, image; what stands on a claim is claim-volumes.ts'
 * business. No driver of CSI serves volumes that stand in a pod (`csi`); every other kind is an empty directory.
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type {
	KeyToPath,
	NFSVolumeSource,
	PersistentVolume,
	Pod,
	ServiceAccountTokenProjection,
	Volume,
	VolumeProjection,
} from "../../apimachinery/schema/generated/types.ts";
import { diskDriver } from "../../apimachinery/storage/disk-driver.ts";
import { type PodClaim, podClaim, podClaims } from "../../apimachinery/storage/pod-claims.ts";
import { FileSystem, type FsErrorCode, type SharedDisk, Tree } from "../../host/index.ts";
import { type DownwardContext, podField, resourceField } from "./downward.ts";
import { configMapData, MissingObjectError, type ObjectLookups, secretData } from "./objects.ts";
import { checkHostPath, type MountedVolume, openHostPath } from "./volume-backing.ts";
import { type VolumeDirectory, volumeDirectory } from "./volume-directory.ts";
import { type FileOwners, fileOwnersOf, giveToGroup } from "./volume-ownership.ts";

/** A token is renewed after 80 percent of its time, and after a day at last. Source: pkg/kubelet/token/token_manager.go. */
const maxTokenAgeSeconds = 86_400;

/** What a pod's volumes ask of its node and of the cluster. Each pod has one: methods, as a closure for each would cost half a kilobyte. */
export interface VolumeSources {
	readonly clock: Clock;
	readonly lookups: ObjectLookups;
	downward(): DownwardContext;
	/** The files of the node. */
	hostFiles(): FileSystem;
	/** The files of a claim that has been mounted. */
	openClaim(pod: Pod, claim: PodClaim): MountedVolume;
	/** What a claim stands for; undefined while it is not bound. */
	claimedVolume(pod: Pod, claim: PodClaim): PersistentVolume | undefined;
	/** What a file server exports. */
	openNfs(source: NFSVolumeSource): MountedVolume;
	/** An image that has been pulled for a volume. */
	openImage(reference: string): MountedVolume;
	onTokenError(error: unknown): void;
	/** Told when files are written to what is the node's own disk. */
	onWrite(): void;
	/** With which error every write to the node's disk fails. */
	writeFault(): FsErrorCode | undefined;
	/** The node's own disk. */
	readonly disk: SharedDisk;
}

interface Payload {
	readonly bytes: Uint8Array;
	readonly mode: number;
	/** Whose it is; default root's. */
	readonly user?: number | undefined;
}

type Files = Map<string, Payload>;

export interface VolumePlace {
	readonly volume: Volume;
	readonly claimed: PersistentVolume | undefined;
	/** Below the pod's; undefined: it has none. */
	readonly directory: VolumeDirectory | undefined;
}

export class PodVolumes {
	/** Its `spec.volumes` are the same for the pod's life; labels and annotations are read anew. */
	pod: Pod;
	readonly #sources: VolumeSources;
	#opened: Map<string, MountedVolume> | undefined;
	#tokens: Map<string, string> | undefined;
	/** Of tokens that are to be asked for again. */
	#renewals: Timer[] | undefined;
	/** What was written to each volume that is written as a whole. */
	#written: Map<string, string> | undefined;
	#pending: Promise<void>[] = [];

	constructor(pod: Pod, sources: VolumeSources) {
		this.pod = pod;
		this.#sources = sources;
	}

	/** Whether anybody has looked into a volume yet. */
	get hasOpened(): boolean {
		return this.#opened !== undefined;
	}

	/** Whether everything can be mounted. Throws `MissingObjectError` with the text of the FailedMount event. */
	check(): void {
		for (const volume of this.pod.spec?.volumes ?? []) {
			try {
				if (isAtomic(volume)) this.#filesOf(volume);
				else if (volume.hostPath !== undefined) checkHostPath(volume.hostPath, () => this.#sources.hostFiles());
				else if (volume.csi !== undefined) throw new MissingObjectError(inlineCsiProblem(volume.csi.driver));
			} catch (error) {
				if (!(error instanceof MissingObjectError)) throw error;
				throw new MissingObjectError(`MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${error.message}`, error.object);
			}
		}
	}

	/** A volume's files, made on first use. */
	open(name: string): MountedVolume {
		this.#opened ??= new Map();
		const known = this.#opened.get(name);
		if (known !== undefined) return known;
		const volume = this.pod.spec?.volumes?.find((each) => each.name === name);
		const opened = this.#open(volume);
		const { group, onlyIfRootDiffers } = fileOwnersOf(this.pod);
		if (opened.takesGroup === true && group !== undefined) giveToGroup(opened, group, { onlyIfRootDiffers });
		this.#opened.set(name, opened);
		return opened;
	}

	/** Where volumes are mounted on the node; of those that stand on claims, on what. */
	places(): readonly VolumePlace[] {
		return (this.pod.spec?.volumes ?? []).map((volume) => {
			const claim = podClaim(this.pod, volume);
			const claimed = claim === undefined ? undefined : this.#sources.claimedVolume(this.pod, claim);
			return { volume, claimed, directory: volumeDirectory(volume, claimed) };
		});
	}

	/** What opened volumes take of the node's disk: emptyDir and ConfigMap volumes, by name. */
	diskUsage(): ReadonlyMap<string, { readonly bytes: number; readonly inodes: number }> {
		const opened = [...(this.#opened ?? [])].filter(([name]) => isOnDisk(this.pod.spec?.volumes?.find((each) => each.name === name)));
		return new Map(opened.map(([name, { tree }]) => [name, tree.written()]));
	}

	/** What is in opened volumes that stand on claims, by claim. */
	claimUsage(): ReadonlyMap<string, { readonly bytes: number; readonly inodes: number }> {
		const claims = podClaims(this.pod).flatMap(({ volume, claim }) => {
			const opened = this.#opened?.get(volume);
			return opened === undefined ? [] : [[claim, opened.tree.written()] as const];
		});
		return new Map(claims);
	}

	/** Resolves when the tokens that opened volumes need have come. */
	async settled(): Promise<void> {
		while (this.#pending.length > 0) {
			const pending = this.#pending;
			this.#pending = [];
			await Promise.all(pending);
		}
	}

	/** Nobody uses them any more. */
	close(): void {
		for (const timer of this.#renewals ?? []) timer.cancel();
		this.#renewals = undefined;
	}

	/** Writes anew what changed in the API since: opened ConfigMap, Secret and downward API volumes. */
	refresh(): void {
		for (const volume of this.pod.spec?.volumes ?? []) {
			const opened = this.#opened?.get(volume.name);
			if (opened !== undefined && isAtomic(volume)) this.#write(opened.tree, volume);
		}
	}

	#open(volume: Volume | undefined): MountedVolume {
		const sources = this.#sources;
		if (volume?.hostPath !== undefined) return openHostPath(sources.hostFiles(), volume.hostPath);
		if (volume?.nfs !== undefined) return sources.openNfs(volume.nfs);
		if (volume?.image !== undefined) return sources.openImage(volume.image.reference ?? "");
		const claim = volume === undefined ? undefined : podClaim(this.pod, volume);
		if (claim !== undefined) return sources.openClaim(this.pod, claim);
		const { medium, sizeLimit } = volume?.emptyDir ?? {};
		// A file system in memory is as large as its limit; one on disk has what its node's disk has.
		const tree = new Tree({
			clock: sources.clock,
			...(isOnDisk(volume) ? { onWrite: () => sources.onWrite(), writeFault: () => sources.writeFault(), disk: sources.disk } : {}),
			...(medium === "Memory" && sizeLimit !== undefined ? { limitBytes: quantityToNumber(sizeLimit) } : {}),
		});
		// As the kubelet makes its directories, and the kernel the root of a tmpfs.
		tree.root.mode = isInMemory(volume) ? 0o1777 : 0o777;
		const readOnly = volume !== undefined && isAtomic(volume);
		if (readOnly) {
			this.#requestTokens(tree, volume);
			this.#write(tree, volume);
		}
		return { tree, readOnly, takesGroup: !readOnly, ...(isInMemory(volume) ? { isInMemory: true } : {}) };
	}

	#requestTokens(tree: Tree, volume: Volume): void {
		for (const { serviceAccountToken } of volume.projected?.sources ?? []) {
			if (serviceAccountToken !== undefined) this.#requestToken(tree, volume, serviceAccountToken);
		}
	}

	/** Asks for a token, and again before it has expired. */
	#requestToken(tree: Tree, volume: Volume, source: ServiceAccountTokenProjection): void {
		const { clock, lookups } = this.#sources;
		const { namespace = "", name = "", uid = "" } = this.pod.metadata ?? {};
		const { audience, expirationSeconds = 3600, path } = source;
		const request = lookups.token(
			{ namespace, name, uid, serviceAccount: this.pod.spec?.serviceAccountName ?? "default" },
			{ expirationSeconds, ...(audience === undefined ? {} : { audience }) },
		);
		this.#pending.push(
			request.then(
				(token) => {
					this.#tokens ??= new Map();
					this.#tokens.set(`${volume.name}/${path}`, token);
					this.#write(tree, volume);
					this.#renewals ??= [];
					this.#renewals.push(
						clock.setTimeout(() => this.#requestToken(tree, volume, source), Math.min(expirationSeconds * 0.8, maxTokenAgeSeconds) * 1000),
					);
				},
				(error) => this.#sources.onTokenError(error),
			),
		);
	}

	#write(tree: Tree, volume: Volume): void {
		try {
			const files = this.#filesOf(volume);
			const payload = JSON.stringify(
				[...files].map(([path, { bytes, mode, user }]) => [path, mode, user, Buffer.from(bytes).toString("base64")]),
			);
			this.#written ??= new Map();
			// What is the same is not written again: its names, times and inodes stay.
			if (this.#written.get(volume.name) === payload) return;
			this.#written.set(volume.name, payload);
			writeAtomically(tree, files, fileOwnersOf(this.pod), this.#sources.clock.now());
		} catch (error) {
			// A source that went away later leaves the files as they are, as on a real node.
			if (!(error instanceof MissingObjectError)) throw error;
		}
	}

	#filesOf(volume: Volume): Files {
		const files: Files = new Map();
		const { configMap, secret, downwardAPI, projected } = volume;
		if (configMap !== undefined)
			this.#addObject(files, "configmap", configMap.name ?? "", configMap.items, configMap.optional, configMap.defaultMode);
		if (secret !== undefined) this.#addObject(files, "secret", secret.secretName ?? "", secret.items, secret.optional, secret.defaultMode);
		if (downwardAPI !== undefined) this.#addDownward(files, downwardAPI.items ?? [], downwardAPI.defaultMode);
		for (const source of projected?.sources ?? []) this.#addProjection(files, volume.name, source, projected?.defaultMode);
		return files;
	}

	#addProjection(files: Files, volume: string, source: VolumeProjection, defaultMode: number | undefined): void {
		const { configMap, secret, downwardAPI, serviceAccountToken } = source;
		if (configMap !== undefined)
			this.#addObject(files, "configmap", configMap.name ?? "", configMap.items, configMap.optional, defaultMode);
		if (secret !== undefined) this.#addObject(files, "secret", secret.name ?? "", secret.items, secret.optional, defaultMode);
		if (downwardAPI !== undefined) this.#addDownward(files, downwardAPI.items ?? [], defaultMode);
		const token = serviceAccountToken === undefined ? undefined : this.#tokens?.get(`${volume}/${serviceAccountToken.path}`);
		if (serviceAccountToken === undefined || token === undefined) return;
		// Not everybody's, where it is known whose it is. Source: pkg/volume/projected/projected.go.
		const { user, group } = fileOwnersOf(this.pod);
		const mode = user === undefined && group === undefined ? (defaultMode ?? 0o644) : 0o600;
		files.set(serviceAccountToken.path, { bytes: Buffer.from(token), mode, user });
	}

	#addObject(
		files: Files,
		kind: "configmap" | "secret",
		name: string,
		items: readonly KeyToPath[] | undefined,
		optional: boolean | undefined,
		defaultMode = 0o644,
	): void {
		const namespace = this.pod.metadata?.namespace ?? "";
		const { lookups } = this.#sources;
		const found = kind === "configmap" ? lookups.configMap(namespace, name) : lookups.secret(namespace, name);
		if (found === undefined) {
			if (optional === true) return;
			throw new MissingObjectError(`${kind} ${JSON.stringify(name)} not found`, { kind, namespace, name });
		}
		const data = kind === "configmap" ? configMapData(found) : secretData(found);
		if (items === undefined) {
			for (const [key, bytes] of data) files.set(key, { bytes, mode: defaultMode });
			return;
		}
		for (const { key, path, mode } of items) {
			const bytes = data.get(key);
			if (bytes !== undefined) files.set(path, { bytes, mode: mode ?? defaultMode });
			else if (optional !== true)
				throw new MissingObjectError(
					kind === "configmap" ? `configmap references non-existent config key: ${key}` : `references non-existent secret key: ${key}`,
				);
		}
	}

	#addDownward(files: Files, items: NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>, defaultMode = 0o644): void {
		const context = this.#sources.downward();
		for (const { path, fieldRef, resourceFieldRef, mode } of items) {
			const text =
				fieldRef !== undefined
					? podField(this.pod, fieldRef.fieldPath, context)
					: resourceFieldRef !== undefined
						? resourceField(this.pod, resourceFieldRef, "", context)
						: "";
			files.set(path, { bytes: Buffer.from(text ?? ""), mode: mode ?? defaultMode });
		}
	}
}

/** Source: IsLocalEphemeralVolume of pkg/volume/util. */
function isOnDisk(volume: Volume | undefined): boolean {
	return volume?.configMap !== undefined || (volume?.emptyDir !== undefined && volume.emptyDir.medium !== "Memory");
}

/** What the kubelet keeps on tmpfs. */
function isInMemory(volume: Volume | undefined): boolean {
	const { emptyDir, secret, projected, downwardAPI } = volume ?? {};
	return emptyDir?.medium === "Memory" || secret !== undefined || projected !== undefined || downwardAPI !== undefined;
}

/** Source: SetUpAt of pkg/volume/csi/csi_mounter.go. */
function inlineCsiProblem(driver: string): string {
	const why =
		driver === diskDriver
			? `failed to check volume lifecycle mode: volume mode "Ephemeral" not supported by driver ${driver} (only supports ["Persistent"])`
			: `failed to get CSI client: driver name ${driver} not found in the list of registered CSI drivers`;
	return `kubernetes.io/csi: mounter.SetUpAt ${why}`;
}

function isAtomic({ configMap, secret, downwardAPI, projected }: Volume): boolean {
	return configMap !== undefined || secret !== undefined || downwardAPI !== undefined || projected !== undefined;
}

/** `..2026_01_01_00_00_00.123000000`. */
function timestampedName(nowMs: number): string {
	return `..${new Date(nowMs).toISOString().replace("Z", "000000").replace("T", "_").replaceAll(/[-:]/g, "_")}`;
}

/** The new files, then `..data` turned to them, then links for names that are new; what is old goes. All of it is the group's. Source: pkg/volume/util/atomic_writer.go. */
function writeAtomically(tree: Tree, files: Files, { group }: FileOwners, nowMs: number): void {
	const fs = new FileSystem(tree);
	const before = fs.readdir("/");
	const directory = before.includes(timestampedName(nowMs)) ? `${timestampedName(nowMs)}1` : timestampedName(nowMs);
	fs.mkdir(`/${directory}`);
	for (const [path, { bytes, mode, user = 0 }] of files) {
		const slash = path.lastIndexOf("/");
		if (slash > 0) fs.mkdir(`/${directory}/${path.slice(0, slash)}`, { recursive: true });
		fs.writeFile(`/${directory}/${path}`, bytes);
		fs.chmod(`/${directory}/${path}`, mode);
		if (user !== 0) fs.chown(`/${directory}/${path}`, user, 0);
	}
	if (before.includes("..data")) fs.remove("/..data");
	fs.symlink(directory, "/..data");
	const names = new Set([...files.keys()].map((path) => path.split("/")[0] ?? ""));
	for (const name of names) if (!before.includes(name)) fs.symlink(`..data/${name}`, `/${name}`);
	for (const name of before) if (name !== "..data" && !names.has(name)) fs.remove(`/${name}`, { recursive: true });
	if (group !== undefined) giveToGroup({ tree }, group, { isForReaders: true });
}

/**
 * Where the files of PersistentVolumes are. Each thing that keeps data is a tree of its own, made when somebody looks into it first:
 *
 *   csi, of the simulated driver   a disk, by its handle: the same wherever it is attached, and with every volume that names it
 *   nfs and other network storage  one for each server and path, as if somebody served it
 *   hostPath, local                files of the node
 *
 * A disk ends with its volume when that was released and is deleted by its driver; the disk of a kept volume stays for whoever names its
 * handle again. Files live as long as this process: after a restart of the cluster the disks are empty.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { HostPathVolumeSource, NFSVolumeSource, PersistentVolume } from "../../apimachinery/schema/generated/types.ts";
import { diskDriver } from "../../apimachinery/storage/disk-driver.ts";
import { capacityOf } from "../../apimachinery/storage/volume-matching.ts";
import { type FileSystem, type Inode, resolvePath, Tree } from "../../host/index.ts";
import { MissingObjectError } from "./objects.ts";

/** What a container mounts: a tree, or one inode in it. */
export interface MountedVolume {
	readonly tree: Tree;
	readonly inode?: Inode;
	readonly readOnly?: boolean;
	/** It is on tmpfs. */
	readonly isInMemory?: boolean;
	/** Its files may be given to the pod's `fsGroup`. */
	readonly takesGroup?: boolean;
}

export class VolumeBacking {
	readonly #clock: Clock;
	readonly #trees = new Map<string, Tree>();
	/** How large the file systems of disks are, bytes. */
	readonly #sizes = new Map<string, number>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** @param files of the node. Throws `FsError`. */
	open(volume: PersistentVolume, files: () => FileSystem): MountedVolume {
		const { hostPath, local, csi, nfs } = volume.spec ?? {};
		if (hostPath !== undefined) return openHostPath(files(), hostPath);
		if (local !== undefined) return files().place(local.path);
		if (csi !== undefined) {
			const key = diskKey(csi.volumeHandle);
			if (!this.#sizes.has(key)) this.grew(volume);
			return this.#shared(key, isReadOnly(volume), () => this.#sizes.get(key) ?? 0);
		}
		if (nfs !== undefined) return this.openNfs(nfs);
		return this.#shared(`other/${volume.metadata?.name}`, false);
	}

	openNfs({ server, path, readOnly = false }: NFSVolumeSource): MountedVolume {
		return this.#shared(`nfs/${server}:${path}`, readOnly);
	}

	/** The file system of a disk is as large as its volume from now on. */
	grew(volume: PersistentVolume): void {
		this.#sizes.set(diskKey(volume.spec?.csi?.volumeHandle ?? ""), quantityToNumber(capacityOf(volume)));
	}

	/** The volume is gone from the API. */
	forget({ spec, status }: PersistentVolume): void {
		const isDeleted = spec?.persistentVolumeReclaimPolicy === "Delete" && status?.phase === "Released";
		if (spec?.csi?.driver !== diskDriver || !isDeleted) return;
		this.#trees.delete(diskKey(spec.csi.volumeHandle));
		this.#sizes.delete(diskKey(spec.csi.volumeHandle));
	}

	/** @param limitBytes default none that writes would meet */
	#shared(key: string, readOnly: boolean, limitBytes?: () => number): MountedVolume {
		let tree = this.#trees.get(key);
		if (tree === undefined) {
			tree = new Tree({ clock: this.#clock, ...(limitBytes === undefined ? {} : { limitBytes }) });
			this.#trees.set(key, tree);
		}
		return { tree, readOnly };
	}
}

const diskKey = (handle: string): string => `disk/${handle}`;

/** A driver is told that nobody will write. */
function isReadOnly({ spec }: PersistentVolume): boolean {
	return spec?.csi?.readOnly === true || (spec?.accessModes ?? []).every((mode) => mode === "ReadOnlyMany");
}

/** What a path has to be, by the type of its volume; made if the type says so. */
const pathTypes: Readonly<Record<string, { readonly isWrong: (files: FileSystem, path: string) => boolean; readonly what: string }>> = {
	Directory: { isWrong: (files, path) => typeAt(files, path) !== "directory", what: "a directory" },
	DirectoryOrCreate: { isWrong: (files, path) => isOther(files, path, "directory"), what: "a directory" },
	// Whatever is there and is no directory counts as a file.
	File: { isWrong: (files, path) => (typeAt(files, path) ?? "directory") === "directory", what: "a file" },
	FileOrCreate: { isWrong: (files, path) => typeAt(files, path) === "directory", what: "a file" },
	Socket: { isWrong: () => true, what: "a socket file" },
	CharDevice: { isWrong: (files, path) => typeAt(files, path) !== "device", what: "a character device" },
	BlockDevice: { isWrong: () => true, what: "a block device" },
};

/**
 * Throws `MissingObjectError` if the path is not what its type says.
 * Source: https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types, pkg/volume/hostpath
 */
export function checkHostPath({ path, type = "" }: HostPathVolumeSource, files: () => FileSystem): void {
	const rule = pathTypes[type];
	if (type === "FileOrCreate" && !files().exists(path) && typeAt(files(), parentPath(path)) !== "directory")
		throw new MissingObjectError(`open ${path}: no such file or directory`);
	if (rule?.isWrong(files(), path) === true) throw new MissingObjectError(`hostPath type check failed: ${path} is not ${rule.what}`);
}

/** What is missing is made: by the kubelet for the types that say so, by the runtime for those that say nothing. Throws `FsError`. */
export function openHostPath(files: FileSystem, { path, type = "" }: HostPathVolumeSource): MountedVolume {
	if (!files.exists(path)) {
		if (type === "FileOrCreate") {
			// The directory must be there: https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-fileorcreate-example
			files.writeFile(path, "");
		} else files.mkdir(path, { recursive: true });
	}
	return files.place(path);
}

function parentPath(path: string): string {
	return resolvePath(path, "..");
}

function typeAt(files: FileSystem, path: string): string | undefined {
	return files.exists(path) ? files.inode(path).type : undefined;
}

function isOther(files: FileSystem, path: string, type: string): boolean {
	const found = typeAt(files, path);
	return found !== undefined && found !== type;
}

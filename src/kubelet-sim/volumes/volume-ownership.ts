/**
 * Whom the files of a volume belong to: a pod's `fsGroup` gets what is in it, and what will be.
 *
 * Each file and directory goes to the group and is opened to it; directories hand the group on to what is made in them (setgid). What only
 * the kubelet writes is made readable for the group, and no more. With the policy OnRootMismatch nothing is looked at in a volume whose root is right.
 * Source: SetVolumeOwnership of pkg/volume/volume_linux.go, supportsFSGroup of pkg/volume/csi/csi_mounter.go, FsUserFrom of pkg/volume/util/util.go.
 */
import type { CSIDriver, PersistentVolume, Pod } from "../../apimachinery/schema/generated/types.ts";
import type { Inode, Tree } from "../../host/index.ts";
import type { MountedVolume } from "./volume-backing.ts";

const setgid = 0o2000;
const searchable = 0o110;
const forWriters = 0o660;
const forReaders = 0o440;

/** What a pod says of its volumes' files. */
export interface FileOwners {
	/** The group that they get; undefined: they stay root's. */
	readonly group: number | undefined;
	/** Whose tokens are, if all containers are the same user's. */
	readonly user: number | undefined;
	readonly onlyIfRootDiffers: boolean;
}

export function fileOwnersOf({ spec }: Pod): FileOwners {
	const { fsGroup, fsGroupChangePolicy, runAsUser } = spec?.securityContext ?? {};
	const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
	const users = new Set(all.map(({ securityContext }) => securityContext?.runAsUser ?? runAsUser));
	const [user] = users.size === 1 ? users : [undefined];
	return { group: fsGroup, user, onlyIfRootDiffers: fsGroupChangePolicy === "OnRootMismatch" };
}

/** Whether a PersistentVolume's files may be given to a group. @param driver of a CSI volume */
export function takesGroup({ spec }: PersistentVolume, driver: CSIDriver | undefined): boolean {
	const { csi, hostPath, nfs, accessModes = [] } = spec ?? {};
	if (hostPath !== undefined || nfs !== undefined) return false;
	if (csi === undefined) return true;
	switch (driver?.spec.fsGroupPolicy ?? "ReadWriteOnceWithFSType") {
		case "None":
			return false;
		case "File":
			return true;
		default:
			return (csi.fsType ?? "") !== "" && accessModes.some((mode) => mode === "ReadWriteOnce" || mode === "ReadWriteOncePod");
	}
}

/** Gives a volume's files to a group. @param isForReaders the kubelet alone writes it */
export function giveToGroup(
	{ tree, inode }: Pick<MountedVolume, "tree" | "inode">,
	group: number,
	{ isForReaders = false, onlyIfRootDiffers = false } = {},
): void {
	const root = tree.live(inode ?? tree.root);
	const mask = isForReaders ? forReaders : forWriters;
	const wanted = mask | searchable | setgid;
	if (onlyIfRootDiffers && root.gid === group && (root.mode & wanted) === wanted) return;
	give(tree, root, group, mask);
}

function give(tree: Tree, inode: Inode, group: number, mask: number): void {
	const own = tree.own(inode);
	own.gid = group;
	if (own.type === "symlink") return;
	own.mode |= own.type === "directory" ? mask | searchable | setgid : mask;
	if (own.type === "directory") for (const child of own.entries.values()) give(tree, tree.live(child), group, mask);
}

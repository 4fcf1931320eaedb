/**
 * Peer groups of mounts: what is mounted in one of them is mounted in all others. Source: https://docs.kernel.org/filesystems/sharedsubtree.html
 */

/** One mount of a group: of which file system's namespace, where, and which directory of what is mounted. */
interface Peer {
	readonly files: object;
	readonly path: string;
	readonly rootPath: string;
	/** It gets what is mounted, and does not pass on what is mounted in it. */
	readonly isSlave: boolean;
}

export class PeerGroup {
	readonly id: number;
	readonly peers = new Set<Peer>();

	constructor(id: number) {
		this.id = id;
	}
}

/**
 * What goes wrong with a node's disk and network, as somebody who breaks it wants it; until it is mended.
 *
 *  - disk: whatever is written fails, by the node, its containers and their volumes; so do image pulls and new sandboxes. A full
 *    disk is DiskPressure, too.
 *  - selinux: it enforces a policy without what runc needs: new sandboxes fail.
 *  - network: nothing passes between the node and others, or between its pods and others; on the node all goes on.
 */
import type { PressedResource } from "../eviction/eviction-manager.ts";
import type { DiskFault, NetworkFault } from "./fault-kinds.ts";
import type { SimNode } from "./sim-node.ts";

/** What the kernel says of it. Source: block/blk-core.c (blk_print_req_error), fs/ext4/super.c */
const kernelLines: Readonly<Record<DiskFault, readonly string[]>> = {
	errors: [
		"I/O error, dev vda, sector 4196352 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2",
		"Buffer I/O error on dev vda1, logical block 524288, lost async page write",
	],
	"read-only": [
		"EXT4-fs error (device vda1): ext4_journal_check_start:84: comm containerd: Detected aborted journal",
		"EXT4-fs (vda1): Remounting filesystem read-only",
	],
	full: [],
};

export interface NodeFaultsOptions {
	/** Throws an Error if the kubelet would not mind. */
	readonly press: (node: SimNode, resource: PressedResource) => void;
	/** Whether the kubelet works may have changed. */
	readonly changed: (node: SimNode) => void;
}

export class NodeFaults {
	readonly #options: NodeFaultsOptions;
	/** Nodes whose pods reach nobody else, and nobody them. */
	readonly #lonely = new Set<SimNode>();

	constructor(options: NodeFaultsOptions) {
		this.#options = options;
	}

	/** Throws an Error if a full disk would be no pressure. */
	failDisk(node: SimNode, fault: DiskFault): void {
		if (fault === "full") this.#options.press(node, "disk");
		node.diskFault = fault;
		for (const message of kernelLines[fault]) node.system.journal.append({ unit: "", identifier: "kernel", priority: 3, message });
	}

	/** The node gets SELinux, which denies what runc does. Mended by `setenforce 0`, or heal. */
	failSelinux(node: SimNode): void {
		node.system.enforceSelinux(node.machine);
	}

	failNetwork(node: SimNode, fault: NetworkFault): void {
		if (fault !== "api") this.#lonely.add(node);
		if (fault === "pods") return;
		node.isCutOff = true;
		this.#options.changed(node);
	}

	/** Mends all of it, except that a kubelet that was cut off is the caller's to let go on. */
	heal(node: SimNode): void {
		node.diskFault = undefined;
		if (node.system.selinux.mode === "Enforcing") node.system.selinux.mode = "Permissive";
		this.#lonely.delete(node);
	}

	forget(node: SimNode): void {
		this.#lonely.delete(node);
	}

	/** Whether nothing passes between two addresses. One that is a Service's is nobody's: its backend's is asked about then. */
	isLost(from: string, to: string): boolean {
		for (const node of this.#lonely) if (node.hasAddress(from) !== node.hasAddress(to)) return true;
		return false;
	}
}

import { createHash } from "node:crypto";

/**
 * The CSI driver that every simulated cluster has: network disks that the nodes of a zone can reach, as a cloud's are. Where nodes
 * have no zones, every node reaches every disk. Its class is the default one, as kind, minikube and k3s bring theirs.
 *
 * Implemented: provisioning with topology, deletion, attaching, expansion while in use. Not implemented: snapshots, clones, raw block
 * devices, storage capacity. Each part's head says more: controllers/csi-driver, kubelet-sim/volumes.
 */
export const diskDriver = "disk.csi.kubesim.io";

export const defaultClassName = "standard";

/** The one key of the driver's topology. */
export const zoneLabel = "topology.kubernetes.io/zone";

/** How many of its volumes a node can have attached. */
export const maxVolumesPerNode = 127;

/** What attach/detach controller, scheduler and kubelets call a volume of a CSI driver. */
export function uniqueVolumeName(driver: string, handle: string): string {
	return `kubernetes.io/csi/${driver}^${handle}`;
}

/** The name of an attachment. Source: getAttachmentName of pkg/volume/csi. */
export function attachmentName(driver: string, handle: string, node: string): string {
	return `csi-${createHash("sha256").update(`${handle}${driver}${node}`).digest("hex")}`;
}

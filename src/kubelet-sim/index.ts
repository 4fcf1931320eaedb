/**
 * kubelet-sim/: the simulated kubelets of a cluster, their container runtime and their images.
 *
 *  - fleet.ts: all nodes on one set of informers; adds, stops and removes nodes.
 *  - fleet-pods.ts: which pods have a worker; fleet-kubelets.ts: what kubelets do beside pods, and whether they work.
 *  - node/: Node and Lease objects, heartbeats, addresses.
 *  - pod-worker/: plan.ts (what to do, pure), status.ts (what to report, pure), pod-worker.ts (does it), with pod-sandbox.ts,
 *    pod-mounts.ts and container-worker.ts for what they name.
 *  - certificates/: how a node joins by a token and renews what it got for it, where nodes have certificates.
 *  - container/: a running container on a simulated machine, its files and log.
 *  - images/: what an image contains and runs; image-catalog.ts says what can be pulled, image-file.ts reads what users describe.
 *  - volumes/: environment and files from ConfigMaps, Secrets, the downward API.
 *  - network/: pods, Services and names as pods reach them.
 *
 * Invariants: restart counts never fall; a phase never goes back from Succeeded or Failed; no container outlives its
 * pod; an idle node is a few kilobytes.
 */
export type { CertificateOptions, NodeCredentials } from "./certificates/node-certificates.ts";
export { Fleet } from "./fleet.ts";
export type { Image, ImageConfig } from "./images/image.ts";
export { ImageCatalog, type PulledImage } from "./images/image-catalog.ts";
export { ImageFileError } from "./images/image-file-error.ts";
export type { RegistryAccount, RegistryOptions } from "./images/registry-options.ts";
export type { LatencyOption } from "./latency.ts";
export type { ApiServerPort } from "./network/api-server-machine.ts";
export { type DiskFault, diskFaults, type NetworkFault, networkFaults } from "./node/fault-kinds.ts";
export type { NodeOptions } from "./node/new-nodes.ts";
export type { NodeCommand } from "./node-machine/node-commands.ts";

/**
 * Annotations and finalizers by which binder, scheduler, provisioners and kubelets talk about volumes.
 * Source: https://kubernetes.io/docs/reference/labels-annotations-taints/
 */

/** On a claim: the binding is complete, and a volume that is missing from now on is lost. */
export const bindCompleted = "pv.kubernetes.io/bind-completed";
/** On a claim or a volume: the controller chose the other side, not the user, so that it may take the choice back. */
export const boundByController = "pv.kubernetes.io/bound-by-controller";
/** On a volume: who made it. */
export const provisionedBy = "pv.kubernetes.io/provisioned-by";
/** On a claim: the node whose pod waits for it, set by the scheduler. */
export const selectedNode = "volume.kubernetes.io/selected-node";
/** On a claim: who is to make its volume. */
export const storageProvisioner = "volume.kubernetes.io/storage-provisioner";
/** The same under its old name, which older provisioners look at. */
export const betaStorageProvisioner = "volume.beta.kubernetes.io/storage-provisioner";
/** On a class: claims without one get it. */
export const defaultClass = "storageclass.kubernetes.io/is-default-class";
/** The class of a claim or a volume, before there was a field for it; it goes before the field. */
export const betaClass = "volume.beta.kubernetes.io/storage-class";

/**
 * ReplicaSet and ReplicationController are one controller over two kinds; this is all they differ in.
 */
import { formatApiVersion, type GroupVersionKind, type KubeObject } from "../../apimachinery/meta.ts";
import type {
	OwnerReference,
	PodTemplateSpec,
	ReplicaSet,
	ReplicaSetCondition,
	ReplicationController,
} from "../../apimachinery/schema/generated/types.ts";
import { type LabelSelectorMatcher, labelSelectorFromObject, selectorFromMap } from "../../apimachinery/selector.ts";
import { type ResourceRef, replicaSets, replicationControllers } from "../../client/resources.ts";

export interface ReplicaStatus {
	readonly replicas: number;
	readonly fullyLabeledReplicas?: number;
	readonly readyReplicas?: number;
	readonly availableReplicas?: number;
	readonly terminatingReplicas?: number;
	readonly observedGeneration?: number;
	readonly conditions?: readonly ReplicaSetCondition[];
}

/** What the two kinds have in common. */
export interface ReplicaOwner extends KubeObject {
	readonly spec?: { readonly replicas?: number; readonly minReadySeconds?: number; readonly template?: PodTemplateSpec };
	readonly status?: ReplicaStatus;
}

export interface ReplicaKind<T extends ReplicaOwner> {
	/** As `--controllers` names it. */
	readonly controllerName: string;
	/** Who reports events. */
	readonly component: string;
	/** The name of its queue. */
	readonly queue: string;
	readonly ref: ResourceRef<T>;
	/** A ReplicationController's status has no count of terminating pods. */
	readonly countsTerminating: boolean;
	selectorOf(owner: T): LabelSelectorMatcher;
}

export const replicaSetKind: ReplicaKind<ReplicaSet> = {
	controllerName: "replicaset-controller",
	component: "replicaset-controller",
	queue: "replicaset",
	ref: replicaSets,
	countsTerminating: true,
	selectorOf: ({ spec }) => labelSelectorFromObject(spec?.selector),
};

export const replicationControllerKind: ReplicaKind<ReplicationController> = {
	controllerName: "replicationcontroller-controller",
	component: "replication-controller",
	queue: "replicationmanager",
	ref: replicationControllers,
	countsTerminating: false,
	selectorOf: ({ spec }) => selectorFromMap(spec?.selector),
};

/** Whether an owner reference names this kind. */
export function isOfKind(ref: GroupVersionKind, reference: Pick<OwnerReference, "apiVersion" | "kind">): boolean {
	return reference.kind === ref.kind && reference.apiVersion === formatApiVersion(ref);
}

/** The ReplicaSets a Deployment makes, and those it no longer keeps. Pure. */
import type { Deployment, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { controllerReference } from "../../client/owner.ts";
import { isBeingDeleted } from "../pod-state.ts";
import { newReplicaSetAnnotations, revisionOf, sizeAnnotations } from "./revisions.ts";
import { specReplicas } from "./scaling.ts";
import { templateHash, templateHashLabel } from "./template-hash.ts";

/** The ReplicaSet of the Deployment's present template. */
export function newReplicaSetFor(deployment: Deployment, replicas: number, revision: number): ReplicaSet {
	const { namespace, name } = deployment.metadata ?? {};
	const template = deployment.spec?.template ?? {};
	const hash = templateHash(template, deployment.status?.collisionCount);
	const labels = { ...template.metadata?.labels, [templateHashLabel]: hash };
	const selector = deployment.spec?.selector ?? {};
	const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
	return {
		apiVersion: "apps/v1",
		kind: "ReplicaSet",
		metadata: {
			name: `${name}-${hash}`,
			...(namespace === undefined ? {} : { namespace }),
			labels,
			annotations: { ...newReplicaSetAnnotations(deployment, undefined, revision), ...sizeAnnotations(deployment) },
			ownerReferences: [controllerReference(deployment)],
		},
		spec: {
			replicas,
			...(minReadySeconds === 0 ? {} : { minReadySeconds }),
			selector: { ...selector, matchLabels: { ...selector.matchLabels, [templateHashLabel]: hash } },
			template: { ...template, metadata: { ...template.metadata, labels } },
		},
	};
}

/** Old, empty ReplicaSets beyond the history limit, lowest revision first. */
export function planHistoryCleanup(deployment: Deployment, oldReplicaSets: readonly ReplicaSet[]): readonly ReplicaSet[] {
	const limit = deployment.spec?.revisionHistoryLimit;
	if (limit === undefined) return [];
	const kept = oldReplicaSets.filter((replicaSet) => !isBeingDeleted(replicaSet));
	return [...kept]
		.sort((a, b) => revisionOf(a) - revisionOf(b))
		.slice(0, Math.max(0, kept.length - limit))
		.filter(isEmptyAndSettled);
}

function isEmptyAndSettled(replicaSet: ReplicaSet): boolean {
	const { metadata, status } = replicaSet;
	return (
		specReplicas(replicaSet) === 0 && (status?.replicas ?? 0) === 0 && (metadata?.generation ?? 0) <= (status?.observedGeneration ?? 0)
	);
}

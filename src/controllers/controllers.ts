/**
 * The list of all controllers, as kube-controller-manager names them.
 */
import { defaultFeatureGates, type FeatureGates } from "../apimachinery/feature-gates.ts";
import { bootstrapSigner } from "./bootstrap/bootstrap-signer.ts";
import { tokenCleaner } from "./bootstrap/token-cleaner.ts";
import { approvingController } from "./certificates/approving-controller.ts";
import { cleanerController } from "./certificates/cleaner-controller.ts";
import { type CertificateSigner, signingController } from "./certificates/signing-controller.ts";

import { clusterRoleAggregationController } from "./cluster-role-aggregation.ts";
import type { Controller } from "./controller.ts";
import { cronJobController } from "./cronjob/cronjob-controller.ts";
import { csiDriver } from "./csi-driver/csi-driver.ts";
import { daemonSetController } from "./daemonset/daemonset-controller.ts";
import { builtInDeletableResources, type DeletableResource } from "./deletable-resources.ts";
import { deploymentController } from "./deployment/deployment-controller.ts";
import { deviceTaintEvictionController } from "./device-taint-eviction/device-taint-eviction-controller.ts";
import { disruptionController } from "./disruption/disruption-controller.ts";
import { endpointsController } from "./endpoints/endpoints-controller.ts";
import { endpointSliceController } from "./endpointslice/endpointslice-controller.ts";
import { endpointSliceMirroringController } from "./endpointslice-mirroring/endpointslice-mirroring-controller.ts";
import { garbageCollector } from "./garbage-collector/garbage-collector.ts";
import { horizontalPodAutoscalerController } from "./horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts";
import { jobController } from "./job/job-controller.ts";
import { namespaceController } from "./namespace/namespace-controller.ts";
import { nodeIpamController } from "./node-ipam-controller.ts";
import { nodeLifecycleController } from "./node-lifecycle/node-lifecycle-controller.ts";
import { attachDetachController } from "./persistentvolume/attach-detach-controller.ts";
import { persistentVolumeBinder } from "./persistentvolume/binder-controller.ts";
import { ephemeralVolumeController } from "./persistentvolume/ephemeral-volume-controller.ts";
import { expandController } from "./persistentvolume/expand-controller.ts";
import { podGarbageCollector } from "./pod-garbage-collector.ts";
import { replicaSetController, replicationControllerController } from "./replicaset/replicaset-controller.ts";
import { resourceClaimController } from "./resource-claim/resource-claim-controller.ts";
import { resourceQuotaController } from "./resourcequota/resourcequota-controller.ts";
import { rootCaPublisher } from "./root-ca-publisher.ts";
import { serviceAccountController } from "./service-account-controller.ts";
import { type ServiceAccountTokenOptions, serviceAccountTokenController } from "./service-account-token-controller.ts";
import { serviceCidrController } from "./service-cidr-controller.ts";
import { AddressPool, defaultAddressPool } from "./service-lb/address-pool.ts";
import { serviceLoadBalancerController } from "./service-lb/service-lb-controller.ts";
import { statefulSetController } from "./statefulset/statefulset-controller.ts";
import { pvProtectionController } from "./storage-protection/pv-protection-controller.ts";
import { pvcProtectionController } from "./storage-protection/pvc-protection-controller.ts";
import { taintEvictionController } from "./taint-eviction/taint-eviction-controller.ts";
import { ttlAfterFinishedController } from "./ttl-after-finished/ttl-after-finished-controller.ts";
import { validatingAdmissionPolicyStatusController } from "./validating-admission-policy-status.ts";

export interface ControllerSetOptions {
	/** The certificate of the CA that signed the API server's, in PEM: what pods trust. Asked for when it is first needed. */
	rootCa(): string;
	/** Signs what CertificateSigningRequests ask for. */
	readonly signCertificate: CertificateSigner;
	/** A service account's token for a Secret of its own. */
	readonly signServiceAccountToken: ServiceAccountTokenOptions["sign"];
	/** Addresses of load balancers: `172.18.255.200-172.18.255.250`, or a list; "none": nobody makes load balancers. Default that range. */
	readonly loadBalancerPool?: string;
	/** Default: as in 1.36. */
	readonly featureGates?: FeatureGates;
	/** What garbage collection and namespace deletion know of; default all built-in resources. */
	readonly deletableResources?: readonly DeletableResource[];
}

/** @throws AddressPoolError */
export function createControllers({
	rootCa,
	signCertificate,
	signServiceAccountToken,
	loadBalancerPool = defaultAddressPool,
	featureGates = defaultFeatureGates,
	deletableResources = builtInDeletableResources(featureGates),
}: ControllerSetOptions): readonly Controller[] {
	return [
		serviceAccountController,
		serviceAccountTokenController({ rootCa, sign: signServiceAccountToken }),
		signingController(signCertificate),
		approvingController,
		cleanerController,
		bootstrapSigner,
		tokenCleaner,
		rootCaPublisher(rootCa),
		namespaceController(deletableResources),
		garbageCollector(deletableResources),
		resourceQuotaController(deletableResources),
		replicationControllerController,
		replicaSetController,
		deploymentController,
		jobController,
		cronJobController,
		ttlAfterFinishedController,
		statefulSetController,
		daemonSetController,
		horizontalPodAutoscalerController,
		disruptionController,
		endpointsController,
		endpointSliceController,
		endpointSliceMirroringController,
		serviceCidrController,
		serviceLoadBalancerController(loadBalancerPool === "none" ? undefined : new AddressPool(loadBalancerPool)),
		nodeIpamController(),
		nodeLifecycleController,
		taintEvictionController,
		deviceTaintEvictionController,
		podGarbageCollector,
		persistentVolumeBinder,
		attachDetachController,
		expandController,
		ephemeralVolumeController,
		resourceClaimController,
		pvcProtectionController,
		pvProtectionController,
		validatingAdmissionPolicyStatusController,
		clusterRoleAggregationController,
		csiDriver,
	];
}

/**
 * The service accounts in kube-system that controllers act as (`--use-service-account-credentials`), which the ClusterRoles
 * `system:controller:NAME` are bound to. Most are older than the names that `--controllers` takes.
 * Source: cmd/kube-controller-manager/names/controller_names.go and the ClientOrDie calls of cmd/kube-controller-manager/app
 */
const accounts: Readonly<Record<string, string>> = {
	"bootstrap-signer-controller": "bootstrap-signer",
	"certificatesigningrequest-approving-controller": "certificate-controller",
	"certificatesigningrequest-cleaner-controller": "certificate-controller",
	"certificatesigningrequest-signing-controller": "certificate-controller",
	"daemonset-controller": "daemon-set-controller",
	"endpoints-controller": "endpoint-controller",
	"endpointslice-mirroring-controller": "endpointslicemirroring-controller",
	"garbage-collector-controller": "generic-garbage-collector",
	"horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
	"legacy-serviceaccount-token-cleaner-controller": "legacy-service-account-token-cleaner",
	"node-ipam-controller": "node-controller",
	"node-lifecycle-controller": "node-controller",
	"node-route-controller": "route-controller",
	"persistentvolume-attach-detach-controller": "attachdetach-controller",
	"persistentvolume-binder-controller": "persistent-volume-binder",
	"persistentvolume-expander-controller": "expand-controller",
	"persistentvolume-protection-controller": "pv-protection-controller",
	"persistentvolumeclaim-protection-controller": "pvc-protection-controller",
	"pod-garbage-collector-controller": "pod-garbage-collector",
	"replicationcontroller-controller": "replication-controller",
	"resourceclaim-controller": "resource-claim-controller",
	"root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
	"service-cidr-controller": "service-cidrs-controller",
	"service-lb-controller": "service-controller",
	"serviceaccount-controller": "service-account-controller",
	"taint-eviction-controller": "node-controller",
	"token-cleaner-controller": "token-cleaner",
};

/** @param controller as `--controllers` names it */
export function serviceAccountOf(controller: string): string {
	return accounts[controller] ?? controller;
}

/**
 * What the simulated CSI driver of every cluster needs in the API: its CSIDriver, the default StorageClass, and the role of its
 * sidecars. Made once: whoever deletes the class has none, as in a cluster of kind.
 * The rules are those of kubernetes-csi's external-provisioner, external-attacher and external-resizer (deploy/kubernetes/rbac.yaml).
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ClusterRole, ClusterRoleBinding, CSIDriver, StorageClass } from "../../apimachinery/schema/generated/types.ts";
import { defaultClass } from "../../apimachinery/storage/annotations.ts";
import { defaultClassName, diskDriver } from "../../apimachinery/storage/disk-driver.ts";
import { type RuleRow, read, systemAccount, toRule } from "./rbac-rules.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const storage = "storage.k8s.io";
const roleName = "kubesim:csi-driver";

const rules: readonly RuleRow[] = [
	[`${read} create update patch delete`, "persistentvolumes"],
	[`${read} update patch`, "persistentvolumeclaims"],
	["update patch", "persistentvolumeclaims/status"],
	[read, "nodes"],
	["create update patch", "events"],
	[read, "storageclasses csinodes", storage],
	[`${read} update patch`, "volumeattachments", storage],
	["update patch", "volumeattachments/status", storage],
];

export function diskDriverObjects(): readonly KubeObject[] {
	const driver: CSIDriver = {
		apiVersion: `${storage}/v1`,
		kind: "CSIDriver",
		metadata: { name: diskDriver },
		spec: {
			attachRequired: true,
			fsGroupPolicy: "ReadWriteOnceWithFSType",
			podInfoOnMount: false,
			requiresRepublish: false,
			seLinuxMount: false,
			storageCapacity: false,
			volumeLifecycleModes: ["Persistent"],
		},
	};
	const storageClass: StorageClass = {
		apiVersion: `${storage}/v1`,
		kind: "StorageClass",
		metadata: { name: defaultClassName, annotations: { [defaultClass]: "true" } },
		provisioner: diskDriver,
		reclaimPolicy: "Delete",
		volumeBindingMode: "WaitForFirstConsumer",
		allowVolumeExpansion: true,
	};
	const role: ClusterRole = {
		apiVersion: `${rbacGroup}/v1`,
		kind: "ClusterRole",
		metadata: { name: roleName },
		rules: rules.map(toRule),
	};
	const binding: ClusterRoleBinding = {
		apiVersion: `${rbacGroup}/v1`,
		kind: "ClusterRoleBinding",
		metadata: { name: roleName },
		roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name: roleName },
		subjects: [systemAccount("kubesim-csi-driver")],
	};
	return [driver, storageClass, role, binding];
}

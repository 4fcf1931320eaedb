/** rbac.authorization.k8s.io/v1 ClusterRoleBinding: gives a ClusterRole to subjects, everywhere. */
import type { ClusterRoleBinding } from "../../../apimachinery/schema/generated/types.ts";
import { isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { bindingColumns, defaultBinding, validateBinding, validateBindingUpdate } from "./binding.ts";

export const clusterRoleBinding = defineKind<ClusterRoleBinding>({
	group: "rbac.authorization.k8s.io",
	kind: "ClusterRoleBinding",
	resource: "clusterrolebindings",
	singular: "clusterrolebinding",
	versions: ["v1"],
	storageVersion: "v1",
	allowCreateOnUpdate: true,
	validateName: isPathSegmentName,
	setDefaults: defaultBinding,
	validate: (binding) => validateBinding(binding, false, ["ClusterRole"]),
	validateUpdate: validateBindingUpdate,
	columns: bindingColumns(),
});

/** rbac.authorization.k8s.io/v1 RoleBinding: gives a Role or a ClusterRole to subjects, in one namespace. */
import type { RoleBinding } from "../../../apimachinery/schema/generated/types.ts";
import { isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { bindingColumns, defaultBinding, validateBinding, validateBindingUpdate } from "./binding.ts";

export const roleBinding = defineKind<RoleBinding>({
	group: "rbac.authorization.k8s.io",
	kind: "RoleBinding",
	resource: "rolebindings",
	singular: "rolebinding",
	versions: ["v1"],
	storageVersion: "v1",
	allowCreateOnUpdate: true,
	validateName: isPathSegmentName,
	setDefaults: defaultBinding,
	validate: (binding) => validateBinding(binding, true, ["Role", "ClusterRole"]),
	validateUpdate: validateBindingUpdate,
	columns: bindingColumns(),
});

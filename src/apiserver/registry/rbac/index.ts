/** The kinds of rbac.authorization.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { clusterRole } from "./cluster-role.ts";
import { clusterRoleBinding } from "./cluster-role-binding.ts";
import { role } from "./role.ts";
import { roleBinding } from "./role-binding.ts";

export const rbacKinds: readonly KindDefinition[] = [role, roleBinding, clusterRole, clusterRoleBinding];

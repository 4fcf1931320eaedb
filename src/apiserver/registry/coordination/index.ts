/** The kinds of coordination.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { lease } from "./lease.ts";

export const coordinationKinds: readonly KindDefinition[] = [lease];

/** The kinds of scheduling.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { priorityClass } from "./priority-class.ts";

export const schedulingKinds: readonly KindDefinition[] = [priorityClass];

/** The kinds of flowcontrol.apiserver.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { flowSchema } from "./flow-schema.ts";
import { priorityLevelConfiguration } from "./priority-level-configuration.ts";

export const flowcontrolKinds: readonly KindDefinition[] = [flowSchema, priorityLevelConfiguration];

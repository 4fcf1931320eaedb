/** The kinds of node.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { runtimeClass } from "./runtime-class.ts";

export const nodeKinds: readonly KindDefinition[] = [runtimeClass];

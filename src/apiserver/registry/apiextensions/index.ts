/** The kinds of apiextensions.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { customResourceDefinition } from "./custom-resource-definition.ts";

export const apiextensionsKinds: readonly KindDefinition[] = [customResourceDefinition];

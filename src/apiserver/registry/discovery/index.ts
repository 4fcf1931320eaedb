/** The kinds of discovery.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { endpointSlice } from "./endpoint-slice.ts";

export const discoveryKinds: readonly KindDefinition[] = [endpointSlice];

/** The kinds of apiregistration.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { apiService } from "./api-service.ts";

export const apiregistrationKinds: readonly KindDefinition[] = [apiService];

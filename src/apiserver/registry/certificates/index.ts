/** The kinds of certificates.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { certificateSigningRequest } from "./certificate-signing-request.ts";

export const certificatesKinds: readonly KindDefinition[] = [certificateSigningRequest];

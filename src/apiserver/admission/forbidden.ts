/** How admission refuses. */
import type { KubeObject } from "../../apimachinery/meta.ts";
import { newForbidden, type StatusError } from "../../apimachinery/status-error.ts";
import type { AdmissionAttributes } from "./admission.ts";

/**
 * `pods "web" is forbidden: …`. An object without a name is called by the base of the name that it is to get, or Unknown.
 * Source: k8s.io/apiserver/pkg/admission/errors.go.
 */
export function forbidden({ group, resource, name }: AdmissionAttributes, why: string, object?: KubeObject): StatusError {
	return newForbidden({ group, resource }, name || object?.metadata?.name || object?.metadata?.generateName || "Unknown", why);
}

/** What several findings read like in one message. Source: k8s.io/apimachinery/pkg/util/errors (Aggregate). */
export function aggregate(errors: readonly string[]): string {
	const distinct = [...new Set(errors)];
	return distinct.length === 1 ? (distinct[0] ?? "") : `[${distinct.join(", ")}]`;
}

/** What authorization has said, as annotations of an audit event. Source: k8s.io/apiserver/pkg/endpoints/filters/authorization.go */

export function decisionAnnotations(allowed: boolean, reason: string): Readonly<Record<string, string>> {
	return { "authorization.k8s.io/decision": allowed ? "allow" : "forbid", "authorization.k8s.io/reason": reason };
}

const codes: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 };

/** The HTTP status of a policy's refusal. Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go (reasonToCode). */
export const reasonCode = (reason: string): number => codes[reason] ?? 422;

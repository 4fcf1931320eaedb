/**
 * What a bootstrap token's Secret says: shared by the server, which lets its bearer in, and the controllers, which sign
 * with it and remove it. Source: k8s.io/cluster-bootstrap (token/api, util/secrets, util/tokens).
 */
import type { Secret } from "./schema/generated/types.ts";

export const bootstrapTokenType = "bootstrap.kubernetes.io/token";
const defaultGroup = "system:bootstrappers";
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
/** Go's time.RFC3339. */
const timeForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** A value of a Secret as text; "" if there is none. */
export function secretText({ data }: Secret, key: string): string {
	return Buffer.from(data?.[key] ?? "", "base64").toString("utf8");
}

/** How long the token is still good, ms; undefined for one without an end, 0 or less for one that has ended or is unreadable. */
export function bootstrapTokenRemainingMs(secret: Secret, nowMs: number): number | undefined {
	const text = secretText(secret, "expiration");
	if (text === "") return undefined;
	const endMs = timeForm.test(text) ? Date.parse(text) : Number.NaN;
	return Number.isNaN(endMs) ? 0 : endMs - nowMs;
}

export function isBootstrapTokenExpired(secret: Secret, nowMs: number): boolean {
	const remainingMs = bootstrapTokenRemainingMs(secret, nowMs);
	return remainingMs !== undefined && remainingMs <= 0;
}

/** The groups of the token's bearer, in order; undefined if one of them may not be. */
export function bootstrapGroups(secret: Secret): readonly string[] | undefined {
	const extra = secretText(secret, "auth-extra-groups");
	const groups = extra === "" ? [] : extra.split(",");
	if (!groups.every((group) => groupForm.test(group))) return undefined;
	return [...new Set([defaultGroup, ...groups])].sort();
}

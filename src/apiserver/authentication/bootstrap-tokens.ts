/**
 * Bootstrap tokens, `id.secret`: Secrets of type bootstrap.kubernetes.io/token in kube-system by which nodes join. Their
 * bearers are `system:bootstrap:ID` in system:bootstrappers.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/ and
 * plugin/pkg/auth/authenticator/token/bootstrap.
 */
import { timingSafeEqual } from "node:crypto";
import { bootstrapGroups, bootstrapTokenType, isBootstrapTokenExpired, secretText } from "../../apimachinery/bootstrap-token.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Secret } from "../../apimachinery/schema/generated/types.ts";
import type { TokenAuthenticator } from "./authenticator.ts";

export interface BootstrapTokenOptions {
	readonly clock: Clock;
	/** A Secret of kube-system. */
	readonly findSecret: (name: string) => Secret | undefined;
}

export function bootstrapTokenAuthenticator({ clock, findSecret }: BootstrapTokenOptions): TokenAuthenticator {
	return {
		authenticateToken(token) {
			const [, id = "", secret = ""] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(token) ?? [];
			if (id === "") return undefined;
			const stored = findSecret(`bootstrap-token-${id}`);
			if (stored === undefined || stored.metadata?.deletionTimestamp !== undefined || stored.type !== bootstrapTokenType) return undefined;
			if (!isSame(secretText(stored, "token-secret"), secret) || secretText(stored, "token-id") !== id) return undefined;
			if (isBootstrapTokenExpired(stored, clock.now())) return undefined;
			if (secretText(stored, "usage-bootstrap-authentication") !== "true") return undefined;
			const groups = bootstrapGroups(stored);
			return groups === undefined ? undefined : { user: { name: `system:bootstrap:${id}`, groups } };
		},
	};
}

/** In a time that tells nothing of where they differ. */
function isSame(a: string, b: string): boolean {
	const [left, right] = [Buffer.from(a), Buffer.from(b)];
	return left.length === right.length && timingSafeEqual(left, right);
}

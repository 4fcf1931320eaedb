/**
 * Paths that are not resources: health, version, discovery, metrics. Who may read them is what the bootstrap roles
 * system:public-info-viewer (everybody), system:discovery (everybody who is authenticated) and cluster-admin say.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles
 */
import { newForbidden } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";

const publicPaths = ["/healthz", "/livez", "/readyz", "/version"];
const discoveryPaths = [
	"/api",
	"/apis",
	"/openapi",
	"/version",
	"/healthz",
	"/livez",
	"/readyz",
	"/.well-known/openid-configuration",
	"/openid/v1/jwks",
];

/** Rejects with Forbidden: `forbidden: User "jane" cannot get path "/metrics"`. */
export async function authorizePath(user: UserInfo, verb: string, path: string): Promise<void> {
	if (user.groups.includes("system:masters")) return;
	const allowed = user.groups.includes("system:authenticated") ? discoveryPaths : publicPaths;
	const isRead = verb === "get" || verb === "head";
	if (
		isRead &&
		allowed.some((prefix) => path === prefix || path === `${prefix}/` || (prefix !== "/version" && path.startsWith(`${prefix}/`)))
	)
		return;
	throw newForbidden({ group: "", resource: "" }, "", `User "${user.name}" cannot ${verb} path "${path}"`);
}

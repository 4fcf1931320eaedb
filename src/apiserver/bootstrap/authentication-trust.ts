/**
 * The ConfigMap kube-system/extension-apiserver-authentication: by which certificates other API servers of the cluster may tell
 * that a user, or this server in a user's name, is talking to them.
 * Source: pkg/controlplane/controller/clusterauthenticationtrust.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { ConfigMap } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { ApiServer } from "../api-server.ts";
import { apiserverUser } from "../authentication/apiserver-user.ts";
import { frontProxyHeaderNames } from "../authentication/front-proxy.ts";

const namespace = "kube-system";
const name = "extension-apiserver-authentication";
const configMaps = { group: "", version: "v1", resource: "configmaps" } as const;

export interface AuthenticationTrust {
	/** PEM: who signs for users. */
	readonly clientCa: string;
	/** PEM: who signs for whoever may speak for users. */
	readonly frontProxyCa: string;
	/** Common names of those. */
	readonly allowedNames: readonly string[];
}

/** Makes the ConfigMap, or puts it right. */
export async function publishAuthenticationTrust(
	server: ApiServer,
	{ clientCa, frontProxyCa, allowedNames }: AuthenticationTrust,
): Promise<void> {
	const { user, uid, group, extraPrefix } = frontProxyHeaderNames;
	const data = {
		"client-ca-file": clientCa,
		"requestheader-allowed-names": JSON.stringify(allowedNames),
		"requestheader-client-ca-file": frontProxyCa,
		"requestheader-extra-headers-prefix": JSON.stringify([extraPrefix]),
		"requestheader-group-headers": JSON.stringify([group]),
		"requestheader-uid-headers": JSON.stringify([uid]),
		"requestheader-username-headers": JSON.stringify([user]),
	};
	const found = server.find("", "configmaps", namespace, name) as ConfigMap | undefined;
	if (found !== undefined && jsonEqual(found.data, data)) return;
	const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data };
	try {
		if (found === undefined) await server.handle(apiserverUser, { ...configMaps, verb: "create", namespace, body });
		else
			await server.handle(apiserverUser, {
				...configMaps,
				verb: "update",
				namespace,
				name,
				body: { ...found, ...body, metadata: found.metadata },
			});
	} catch (error) {
		// Another server of this store was faster.
		if (!isStatusError(error, "AlreadyExists", "Conflict")) throw error;
	}
}

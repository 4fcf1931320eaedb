/**
 * What runs in a cluster beside its control plane, if somebody asks for it: objects of the API, made at each start where they are
 * missing, and left alone where they are there. Their programs are images like any other.
 */

import { readManifest } from "../../apimachinery/manifests.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { Client } from "../../client/client.ts";
import type { ResourceRef } from "../../client/resources.ts";
import type { Addon } from "./addon-names.ts";
import { corednsManifest } from "./coredns.ts";

const manifests: Readonly<Record<Addon, string>> = { coredns: corednsManifest };

/** By kind, of what add-ons are made of. */
const resources: Readonly<Record<string, string>> = {
	ClusterRole: "clusterroles",
	ClusterRoleBinding: "clusterrolebindings",
	ConfigMap: "configmaps",
	Deployment: "deployments",
	Service: "services",
	ServiceAccount: "serviceaccounts",
};

function resourceOf({ apiVersion = "", kind = "" }: KubeObject): ResourceRef<KubeObject> {
	const [version = "", group = ""] = apiVersion.split("/").reverse();
	const resource = resources[kind];
	if (resource === undefined) throw new Error(`an add-on has an object of the unknown kind ${kind}`);
	return { group, version, resource, kind };
}

export async function installAddons(addons: readonly Addon[], client: Client): Promise<void> {
	for (const addon of addons) {
		for (const object of await readManifest(manifests[addon])) {
			try {
				await client.resource(resourceOf(object)).create(object);
			} catch (error) {
				if (!isStatusError(error, "AlreadyExists")) throw error;
			}
		}
	}
}

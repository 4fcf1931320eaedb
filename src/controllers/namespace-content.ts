/** What the controllers share that put an object into every namespace. */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Namespace } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import type { ResourceClient } from "../client/client.ts";
import { isNamespaceTerminating } from "./replicaset/pod-control.ts";

/** It exists and is not going away. */
export function isActive(namespace: Namespace | undefined): namespace is Namespace {
	return namespace !== undefined && namespace.metadata?.deletionTimestamp === undefined && namespace.status?.phase !== "Terminating";
}

/** Creates the object, unless it is there or its namespace is gone or going: then there is nothing to do. */
export async function createInNamespace<T extends KubeObject>(client: ResourceClient<T>, object: T): Promise<void> {
	try {
		await client.create(object);
	} catch (error) {
		if (!isStatusError(error, "AlreadyExists", "NotFound") && !isNamespaceTerminating(error)) throw error;
	}
}

/** What pods mount and read from the API: ConfigMaps, Secrets, tokens. Who fetches them is the fleet's business. */
import type { ConfigMap, Secret } from "../../apimachinery/schema/generated/types.ts";

export interface ObjectLookups {
	/** Undefined: not there. */
	configMap(namespace: string, name: string): ConfigMap | undefined;
	secret(namespace: string, name: string): Secret | undefined;
	/** A token of the pod's ServiceAccount. Rejects with a `StatusError`. */
	token(
		pod: { readonly namespace: string; readonly name: string; readonly uid: string; readonly serviceAccount: string },
		options: { readonly audience?: string; readonly expirationSeconds: number },
	): Promise<string>;
}

/** Bytes of a ConfigMap's keys. */
export function configMapData({ data = {}, binaryData = {} }: ConfigMap): ReadonlyMap<string, Uint8Array> {
	return new Map([
		...Object.entries(data).map(([key, text]) => [key, Buffer.from(text)] as const),
		...Object.entries(binaryData).map(([key, text]) => [key, Buffer.from(text, "base64")] as const),
	]);
}

export function secretData({ data = {} }: Secret): ReadonlyMap<string, Uint8Array> {
	return new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64")]));
}

export interface ObjectName {
	readonly kind: "configmap" | "secret" | "persistentvolumeclaim" | "persistentvolume";
	readonly namespace: string;
	readonly name: string;
}

/** Something a pod refers to is not there: the text is the kubelet's. */
export class MissingObjectError extends Error {
	/** The object that is not there; absent when it is there and lacks a key. */
	readonly object: ObjectName | undefined;

	constructor(message: string, object?: ObjectName) {
		super(message);
		this.name = "MissingObjectError";
		this.object = object;
	}
}

/** Kubeconfig objects. Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */

export interface KubeconfigOptions {
	/** `https://127.0.0.1:6443`. */
	readonly server: string;
	/** PEM. */
	readonly ca: string;
	readonly cert: string;
	readonly key: string;
	/** Name of the context, the cluster and the user alike. */
	readonly contextName: string;
}

export interface Kubeconfig {
	readonly apiVersion: "v1";
	readonly kind: "Config";
	readonly clusters: readonly { readonly name: string; readonly cluster: Readonly<Record<string, string>> }[];
	readonly contexts: readonly { readonly name: string; readonly context: Readonly<Record<string, string>> }[];
	readonly "current-context": string;
	readonly users: readonly { readonly name: string; readonly user: Readonly<Record<string, string>> }[];
}

/** A kubeconfig with one context, certificates and keys inside. */
export function kubeconfigFor({ server, ca, cert, key, contextName }: KubeconfigOptions): Kubeconfig {
	return {
		apiVersion: "v1",
		kind: "Config",
		clusters: [{ name: contextName, cluster: { "certificate-authority-data": toBase64(ca), server } }],
		contexts: [{ name: contextName, context: { cluster: contextName, user: contextName } }],
		"current-context": contextName,
		users: [{ name: contextName, user: { "client-certificate-data": toBase64(cert), "client-key-data": toBase64(key) } }],
	};
}

function toBase64(pem: string): string {
	return Buffer.from(pem, "utf8").toString("base64");
}

/**
 * What a server in the background tells the `kubesim start` that waits for it, over the child process's IPC channel.
 */

export type ServerMessage =
	| { readonly type: "progress"; readonly text: string }
	/** The API answers, and the cluster's own kubeconfig is written. */
	| { readonly type: "listening"; readonly url: string }
	/** Every node is Ready. */
	| { readonly type: "ready"; readonly nodes: number }
	/** It could not start. `isExpected`: the message says it all, the log has nothing to add. */
	| { readonly type: "failed"; readonly message: string; readonly hint: string; readonly isExpected: boolean };

export function isServerMessage(value: unknown): value is ServerMessage {
	return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

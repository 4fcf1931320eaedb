/** What can be asked of authorization-config.ts, and its error: apart from it, so that nobody loads it who asks for nothing. */

/** As kube-apiserver's flags of these names. */
export interface AuthorizationOptions {
	/** --authorization-config: a file. Alone. */
	readonly configFile?: string;
	/** --authorization-mode; default Node,RBAC. */
	readonly modes?: readonly string[];
	/** --authorization-policy-file: a policy a line, for the mode ABAC. */
	readonly policyFile?: string;
	/** --authorization-webhook-config-file: a kubeconfig, for the mode Webhook. */
	readonly webhookConfigFile?: string;
	/** --authorization-webhook-version; default v1beta1. */
	readonly webhookVersion?: string;
}

/** What was asked for makes no sense, or is not there. */
export class AuthorizationConfigError extends Error {
	override readonly name = "AuthorizationConfigError";
}

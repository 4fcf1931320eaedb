/**
 * A KubeConfig for programs written for @kubernetes/client-node (2.x) that leads to a cluster in this process, without a socket: its typed
 * APIs, watches and informers ask as anybody does, with the identity and the faults of whoever runs them, and virtual time waits for them.
 *
 * What such a program waits for by itself, with setTimeout, passes in real time. Of client-node's own: a watch gives up after 30 s without
 * a byte, and so gets an empty line now and then, which is no event; the back-off of ListWatch takes any clock (`delayFn`).
 */
import type { InProcessDispatcher } from "../cluster/index.ts";

/** What of client-node's KubeConfig is needed. */
export interface KubeConfigLike {
	loadFromClusterAndUser(
		cluster: { readonly name: string; readonly server: string; readonly skipTLSVerify: boolean },
		user: { readonly name: string },
	): void;
	applySecurityAuthentication(context: RequestContextLike): Promise<void>;
}

/** What of client-node's RequestContext is needed. */
export interface RequestContextLike {
	// biome-ignore lint/suspicious/noExplicitAny: client-node names undici's whole Dispatcher, of which its fetch asks for `dispatch` alone
	setDispatcher(dispatcher: any): void;
}

/** Nobody looks the name up. */
const server = "http://kubernetes.default.svc";

/** @param user who is asked as: for what shows it; the way that the dispatcher leads decides. */
export function kubeConfigOver<C extends KubeConfigLike>(KubeConfig: new () => C, dispatcher: InProcessDispatcher, user: string): C {
	const config = new KubeConfig();
	config.loadFromClusterAndUser({ name: "kubesim", server, skipTLSVerify: false }, { name: user });
	config.applySecurityAuthentication = async (context) => context.setDispatcher(dispatcher);
	return config;
}

/** Questions that others than the request itself put to authorization: may somebody sign for a signer, act as somebody else? */
import type { UserInfo } from "../../apimachinery/user.ts";

export interface ResourceQuestion {
	readonly user: UserInfo;
	/** Often one that no request has: `approve`, `impersonate`. */
	readonly verb: string;
	readonly group: string;
	readonly resource: string;
	/** "" for the object itself. */
	readonly subresource: string;
	/** "" for cluster-scoped resources and all namespaces. */
	readonly namespace: string;
	readonly name: string;
	readonly path?: undefined;
}

/** About a path that is no resource. */
export interface PathQuestion {
	readonly user: UserInfo;
	readonly verb: string;
	readonly path: string;
}

/** Throws, or rejects with, Forbidden where the answer is no. */
export type Require = (question: ResourceQuestion | PathQuestion) => void | Promise<void>;

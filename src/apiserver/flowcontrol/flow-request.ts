/** What API Priority and Fairness looks at in a request. */
import type { UserInfo } from "../../apimachinery/user.ts";

export type FlowRequest = { readonly user: UserInfo; readonly verb: string } & (
	| {
			readonly isResource: true;
			readonly group: string;
			readonly resource: string;
			/** "" for the object itself. */
			readonly subresource: string;
			/** "" for cluster-scoped resources and all namespaces. */
			readonly namespace: string;
	  }
	| { readonly isResource: false; readonly path: string }
);

/** Why a request is not served, as the metric's label has it. */
export type RejectReason = "queue-full" | "concurrency-limit" | "time-out" | "cancelled";

/** What the gate knows of a request that it let pass: see gate.ts. */
import type { Admission } from "../flowcontrol/flow-controller.ts";
import type { RequestTarget } from "./request-target.ts";

export interface Passage {
	/** Undefined for paths that are not resources. */
	readonly target: RequestTarget | undefined;
	/** Cluster time at which the answer must be there, Unix ms; undefined for watches and streams. */
	readonly deadlineMs: number | undefined;
	/** A read, as the metric of requests in flight counts it. */
	readonly isReadOnly: boolean;
	readonly isLongRunning: boolean;
	/** Its place among the requests that the server takes on at once. */
	readonly admission: Admission | undefined;
	/** Whether it is counted among the requests in flight now. */
	isInFlight: boolean;
}

/** What a store says no to, as an answer of the API. */
import { newTooManyRequests, newUnknownError } from "../../apimachinery/status-error.ts";
import { RequestTooLargeError, StoreUnavailableError, TooManyRequestsError } from "../../store/errors.ts";
import { GroupError } from "../../store/group.ts";

/** kube-apiserver has no reason of its own for what etcd refuses, or does not do in time: its text reaches the client as it is. */
export function refusalOf(error: unknown): unknown {
	if (error instanceof TooManyRequestsError) return newTooManyRequests(error.message, 1);
	const isStores = error instanceof RequestTooLargeError || error instanceof GroupError || error instanceof StoreUnavailableError;
	return isStores ? newUnknownError(error.message) : error;
}

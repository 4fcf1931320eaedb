/**
 * How a client reaches an API server: in process, or over HTTP. Everything above it is the same for both.
 */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";

export interface Transport {
	/** Carries out one request that is not a watch. Rejects with a `StatusError` for every answer of 400 and above. */
	request(request: ApiRequest): Promise<ApiResponse>;
	/**
	 * Starts a watch. Resolves once the server accepted it (events may come before that); rejects with a `StatusError`
	 * if it refused it.
	 */
	watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle>;
}

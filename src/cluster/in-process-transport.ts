/**
 * A component's way to the API server in its own process: the same pipeline as over HTTP, with an identity of its own,
 * without the encoding.
 */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { RequestHandler } from "../apiserver/audit/in-process-audit.ts";
import type { Transport } from "../client/transport.ts";

export class InProcessTransport implements Transport {
	readonly #server: RequestHandler;
	readonly #user: UserInfo;

	constructor(server: RequestHandler, user: UserInfo) {
		this.#server = server;
		this.#user = user;
	}

	request(request: ApiRequest): Promise<ApiResponse> {
		return this.#server.handle(this.#user, request);
	}

	watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		return this.#server.watch(this.#user, request, sink);
	}
}

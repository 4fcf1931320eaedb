import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import type { Binding } from "../../apimachinery/schema/generated/types.ts";
import { newConflict } from "../../apimachinery/status-error.ts";
import type { FakeApi } from "../../client/testing/fake-api.ts";
import type { Transport } from "../../client/transport.ts";

/** The fake API with the one thing it lacks: binding a pod writes its node name. */
export class BindingApi implements Transport {
	readonly fake: FakeApi;
	/** Bindings to refuse before they succeed. */
	refusals = 0;
	/** In the order in which they were asked for: "pod -> node". */
	readonly bindings: string[] = [];

	constructor(fake: FakeApi) {
		this.fake = fake;
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		if (request.subresource !== "binding") return this.fake.request(request);
		const { metadata, target } = request.body as Binding;
		this.bindings.push(`${metadata?.name} -> ${target.name}`);
		if (this.refusals-- > 0) throw newConflict(request, request.name ?? "", "the server said no");
		const { subresource: _, ...patch } = { ...request, verb: "patch" as const, patchType: "application/merge-patch+json" as const };
		return this.fake.request({ ...patch, body: { spec: { nodeName: target.name } } });
	}

	watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		return this.fake.watch(request, sink);
	}
}

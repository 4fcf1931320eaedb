/** A fleet on a fake API and a virtual clock, and the story of what it wrote: for tests. */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Container, CoreEvent, Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { Client } from "../../client/client.ts";
import { InformerFactory } from "../../client/informer.ts";
import { events, namespaces, pods } from "../../client/resources.ts";
import { FakeApi } from "../../client/testing/fake-api.ts";
import type { Transport } from "../../client/transport.ts";
import { Fleet } from "../fleet.ts";
import type { FleetOptions } from "../fleet-options.ts";
import type { NodeOptions } from "../node/new-nodes.ts";

/** Stands for the API server's graceful deletion, which the fake API lacks. */
const graceFinalizer = "test/grace";

/** Turns a pod's final deletion (grace period 0) into the removal of the finalizer that stood for the grace period. */
class GracefulTransport implements Transport {
	readonly #api: FakeApi;

	constructor(api: FakeApi) {
		this.#api = api;
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		const isFinal = request.verb === "delete" && request.resource === "pods" && request.deleteOptions?.gracePeriodSeconds === 0;
		if (!isFinal) return this.#api.request(request);
		const { group, version, resource, namespace = "", name = "" } = request;
		const uid = request.deleteOptions?.preconditions?.uid;
		const body = { metadata: { ...(uid === undefined ? {} : { uid }), finalizers: null } };
		const patch = { verb: "patch", patchType: "application/merge-patch+json", body } as const;
		const answer = await this.#api.request({ group, version, resource, namespace, name, ...patch });
		// One that was being deleted is gone now; one that was not is forced away.
		const wasDeleting =
			answer.object.metadata !== undefined &&
			"deletionTimestamp" in answer.object.metadata &&
			answer.object.metadata.deletionTimestamp !== undefined;
		return wasDeleting ? answer : this.#api.request(request);
	}

	watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		return this.#api.watch(request, sink);
	}
}

export class FleetHarness {
	readonly clock: VirtualClock;
	readonly api: FakeApi;
	readonly client: Client;
	readonly fleet: Fleet;
	/** STATUS column and restarts after each change, as `kubectl get pods -w` shows them. */
	readonly story: string[] = [];
	readonly #informers: InformerFactory;
	readonly #isContinued: boolean;
	readonly #abort = new AbortController();

	/** @param before whose API and clock to go on with, as after a restart. */
	constructor(options: Partial<FleetOptions> = {}, before?: FleetHarness) {
		const random = new SeededRandom(before === undefined ? 7 : 8);
		this.#isContinued = before !== undefined;
		this.clock = before?.clock ?? new VirtualClock();
		this.api = before?.api ?? new FakeApi({ clock: this.clock, random: random.fork("api") });
		this.client = new Client(new GracefulTransport(this.api));
		this.#informers = new InformerFactory({ client: this.client, clock: this.clock });
		this.fleet = new Fleet({
			clientFor: () => this.client,
			remover: this.client,
			informers: this.#informers,
			clock: this.clock,
			random,
			latency: "none",
			...options,
		});
	}

	async start(nodeName = "n1", node: Omit<NodeOptions, "name"> = {}): Promise<void> {
		await Fleet.preload();
		if (!this.#isContinued)
			await this.client.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } });
		this.#informers.informer(pods).onChange({
			added: (pod) => this.#tell(pod),
			updated: (_, pod) => this.#tell(pod),
			deleted: ({ metadata }) => this.story.push(`${metadata?.name} gone`),
		});
		await Promise.all([this.#informers.start(this.#abort.signal), this.fleet.start(this.#abort.signal)]);
		await this.fleet.addNode({ ...node, name: nodeName });
	}

	stop(): void {
		this.#abort.abort();
	}

	/** @param qosClass as the API server would have set it */
	pod(name: string, container: Partial<Container>, spec: Partial<PodSpec> = {}, qosClass = "BestEffort"): Promise<Pod> {
		return this.client.resource(pods).create({
			apiVersion: "v1",
			kind: "Pod",
			metadata: { name, namespace: "default", finalizers: [graceFinalizer] },
			spec: { nodeName: "n1", ...spec, containers: spec.containers ?? [{ name: "c", image: "busybox:1.36", ...container }] },
			status: { phase: "Pending", qosClass },
		});
	}

	get(name: string): Promise<Pod> {
		return this.client.resource(pods).get({ namespace: "default", name });
	}

	delete(name: string): Promise<void> {
		return this.client.resource(pods).delete({ namespace: "default", name });
	}

	/** `type reason message`, oldest first, of one pod. */
	async events(name: string): Promise<string[]> {
		await this.clock.advance(0);
		const list = await this.client.resource(events).list("default");
		const own = list.items.filter(({ involvedObject }: CoreEvent) => involvedObject.name === name);
		return own.map(({ type, reason, message, count }) => `${type} ${reason} ${message}${(count ?? 1) > 1 ? ` (x${count})` : ""}`);
	}

	/** Status writes for a pod. */
	statusWrites(name: string): number {
		return this.api.requests.filter(
			({ verb, resource, subresource, name: of }) => verb === "patch" && resource === "pods" && subresource === "status" && of === name,
		).length;
	}

	#tell(pod: Pod): void {
		const line = `${pod.metadata?.name} ${statusColumn(pod)}`;
		if (this.story.at(-1) !== line) this.story.push(line);
	}
}

/** READY, STATUS and RESTARTS, as kubectl's printer makes them. */
function statusColumn({ metadata, status, spec }: Pod): string {
	const statuses = status?.containerStatuses ?? [];
	const ready = statuses.filter((each) => each.ready).length;
	let reason = status?.reason ?? status?.phase ?? "";
	for (const [index, { state, started }] of (status?.initContainerStatuses ?? []).entries()) {
		if (state?.terminated?.exitCode === 0 || (spec?.initContainers?.[index]?.restartPolicy === "Always" && started === true)) continue;
		reason =
			state?.terminated !== undefined
				? `Init:${state.terminated.reason}`
				: state?.waiting !== undefined && state.waiting.reason !== "PodInitializing"
					? `Init:${state.waiting.reason}`
					: `Init:${index}/${spec?.initContainers?.length}`;
		break;
	}
	if (!reason.startsWith("Init:"))
		for (const { state } of [...statuses].reverse()) reason = state?.waiting?.reason ?? state?.terminated?.reason ?? reason;
	const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
	return `${ready}/${spec?.containers.length} ${metadata?.deletionTimestamp === undefined ? reason : "Terminating"} ${restarts}`;
}

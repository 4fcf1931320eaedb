/**
 * A place for controllers to run in tests: a fake API, virtual time, and what the tests look at afterwards. Pods are
 * run, if asked, by the simplest kubelet there can be.
 */
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { Client } from "../../client/client.ts";
import { InformerFactory } from "../../client/informer.ts";
import { events, pods, type ResourceRef } from "../../client/resources.ts";
import { FakeApi } from "../../client/testing/fake-api.ts";
import type { Controller } from "../controller.ts";

export class ControllerFixture {
	readonly clock = new VirtualClock();
	readonly api = new FakeApi({ clock: this.clock, random: new SeededRandom("api") });
	readonly client = new Client(this.api);
	/** What was logged at warn and error. */
	readonly complaints: string[] = [];
	#stop = new AbortController();
	readonly #log: Logger = {
		debug: () => undefined,
		info: () => undefined,
		warn: (message, fields) => this.complaints.push(`${message} ${JSON.stringify(fields)}`),
		error: (message, fields) => this.complaints.push(`${message} ${JSON.stringify(fields)}`),
	};
	#informers = this.#newInformers();

	/** Starts the controllers and lets them settle. */
	async start(...controllers: readonly Controller[]): Promise<void> {
		const { client, clock } = this;
		const informers = this.#informers;
		const random = new SeededRandom("controllers");
		void informers.start(this.#stop.signal);
		for (const controller of controllers) {
			void controller.run({ client, clock, informers, random: random.fork(controller.name), log: this.#log }, this.#stop.signal);
		}
		await this.settle();
	}

	async stop(): Promise<void> {
		this.#stop.abort();
		await this.settle();
	}

	/** Starts controllers that know nothing of those before them but what these wrote. */
	async restart(...controllers: readonly Controller[]): Promise<void> {
		await this.stop();
		this.#stop = new AbortController();
		this.#informers = this.#newInformers();
		await this.start(...controllers);
	}

	#newInformers(): InformerFactory {
		return new InformerFactory({ client: this.client, clock: this.clock, log: this.#log });
	}

	/** Lets everything happen that needs no more than 100 ms of time. */
	settle(): Promise<void> {
		return this.clock.advance(100);
	}

	async list<T extends KubeObject>(ref: ResourceRef<T>, namespace?: string): Promise<readonly T[]> {
		return (await this.client.resource(ref).list(namespace)).items;
	}

	/** Changes an object as its user would: the newest version, whatever it is. */
	async change<T extends KubeObject>(ref: ResourceRef<T>, key: string, change: (object: T) => T): Promise<void> {
		const [namespace, name] = key.includes("/") ? key.split("/") : [undefined, key];
		const client = this.client.resource(ref);
		await client.update(change(await client.get({ namespace, name: name ?? "" })));
	}

	/** Events as `Normal Reason object: message (xN)`, in the order in which they were first sent. */
	async events(): Promise<readonly string[]> {
		return (await this.list(events)).map(({ type, reason, involvedObject, message, count = 1 }) => {
			const times = count === 1 ? "" : ` (x${count})`;
			return `${type} ${reason} ${involvedObject.kind}/${involvedObject.name}: ${message}${times}`;
		});
	}

	/** Makes pods ready, in place of a scheduler and a kubelet; by default all that wait. */
	async runPods(filter: (pod: Pod) => boolean = () => true): Promise<void> {
		const waiting = (await this.list(pods)).filter((pod) => pod.status?.phase !== "Running" && filter(pod));
		for (const pod of waiting) await this.client.resource(pods).updateStatus(runningPod(pod, this.clock.now()));
		await this.settle();
	}

	/** Requests that changed something since the last call, as `create pods default`. */
	takeWrites(): readonly string[] {
		const reads = new Set(["get", "list", "watch"]);
		return this.api.requests
			.splice(0)
			.filter(({ verb }) => !reads.has(verb))
			.map(({ verb, resource, subresource, namespace, name }) => {
				const path = [resource, subresource].filter(Boolean).join("/");
				return [verb, path, [namespace, name].filter(Boolean).join("/")].join(" ").trim();
			});
	}
}

/** The pod with the status of one whose containers run and are ready. */
export function runningPod(pod: Pod, nowMs: number, podIP = "10.0.0.1"): Pod {
	const nowText = formatTime(nowMs);
	return {
		...pod,
		status: {
			...pod.status,
			phase: "Running",
			podIP,
			podIPs: [{ ip: podIP }],
			startTime: nowText,
			conditions: [{ type: "Ready", status: "True", lastTransitionTime: nowText }],
		},
	};
}

/** A cluster of API server and nodes in virtual time, on which tables of pods are run at once, and what `kubectl` would show of them. */
import type { Container, CoreEvent, Pod, PodSpec } from "../../src/apimachinery/schema/generated/types.ts";
import { parseTime } from "../../src/apimachinery/time.ts";
import { summarizePod } from "../../src/apiserver/registry/core/pod-columns.ts";
import { events, pods } from "../../src/client/resources.ts";
import { Collector } from "../../src/host/index.ts";
import { type ClusterOptions, createCluster, type TestCluster } from "../../src/testbench/test-cluster.ts";

const image = "busybox:1.36";

/** A container that runs a script; `c` unless the spec says otherwise. */
export function script(text: string, more: Partial<Container> = {}): Container {
	return { name: "c", image, command: ["sh", "-c", text], ...more };
}

/** One that goes on, and ends when it is asked to. */
export function lasting(more: Partial<Container> = {}): Container {
	return { name: "c", image: "registry.k8s.io/e2e-test-images/agnhost:2.53", args: ["pause"], ...more };
}

export class PodBench implements AsyncDisposable {
	readonly cluster: TestCluster;
	/** Of the cluster's clock, Unix ms: when the table began. */
	readonly startMs: number;

	private constructor(cluster: TestCluster) {
		this.cluster = cluster;
		this.startMs = cluster.clock.now();
	}

	/** With one node, `n1`, where everything takes no time, unless the options say otherwise. */
	static async start(options: ClusterOptions = {}): Promise<PodBench> {
		const cluster = await createCluster({
			nodes: 0,
			controllers: ["namespace-controller"],
			admission: { disable: ["ServiceAccount"] },
			latency: "none",
			seed: "pods",
			...options,
			clock: "virtual",
		});
		const bench = new PodBench(cluster);
		await cluster.whileTimePasses(() => cluster.inner.fleet.addNode({ name: "n1", capacity: { pods: "500", cpu: "64", memory: "64Gi" } }));
		await cluster.settle();
		return bench;
	}

	/** A pod on n1. */
	async pod(name: string, containers: readonly Container[], spec: Partial<PodSpec> = {}, metadata: Pod["metadata"] = {}): Promise<void> {
		await this.cluster.client.resource(pods).create({
			apiVersion: "v1",
			kind: "Pod",
			metadata: { ...metadata, name, namespace: "default" },
			spec: { nodeName: "n1", terminationGracePeriodSeconds: 5, ...spec, containers },
		});
	}

	get(name: string): Promise<Pod> {
		return this.cluster.get<Pod>("Pod", name);
	}

	advance(ms: number): Promise<void> {
		return this.cluster.advance(ms);
	}

	/** `phase READY STATUS restarts`, as `kubectl get pods` has it. */
	async row(name: string): Promise<string> {
		const pod = await this.get(name);
		const { ready, total, reason, restarts } = summarizePod(pod);
		return `${pod.status?.phase} ${ready}/${total} ${reason} ${restarts}`;
	}

	/** `Type Reason message`, of one pod, oldest first. */
	async events(name: string, ...reasons: readonly string[]): Promise<string[]> {
		await this.cluster.settle();
		const { items } = await this.cluster.client.resource(events).list("default");
		return items
			.filter(
				({ involvedObject, reason }: CoreEvent) => involvedObject.name === name && (reasons.length === 0 || reasons.includes(reason ?? "")),
			)
			.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
	}

	/** What a script prints in a container, both streams. */
	async sh(pod: string, text: string, container = "c"): Promise<string> {
		const output = new Collector();
		const write = async (chunk: Uint8Array) => output.write(chunk);
		const running = this.cluster.inner.fleet.connector.exec(
			{ namespace: "default", pod, container, node: "n1" },
			{ command: ["sh", "-c", text], tty: false, stdin: false },
			{ stdout: write, stderr: write },
			new AbortController().signal,
		);
		await this.cluster.whileTimePasses(() => running);
		return output.text();
	}

	/** Seconds since the table began. */
	seconds(time: string | undefined): number {
		return (parseTime(time ?? "") - this.startMs) / 1000;
	}

	/** Every state of a pod that somebody could have seen, in order, without repetitions. */
	story(name: string): string[] {
		const rows = this.cluster.timeline.entries
			.filter((entry) => entry.kind === "Pod" && entry.name === name)
			.map(({ object }) => {
				const { reason, restarts } = summarizePod(object as Pod);
				return `${(object as Pod).status?.phase} ${reason} ${restarts}`;
			});
		return rows.filter((row, index) => row !== rows[index - 1]);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.cluster[Symbol.asyncDispose]();
	}
}

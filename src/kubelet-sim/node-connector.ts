/**
 * The streaming side of the fleet's kubelets: logs, exec, attach, port-forward, as the API server asks for them.
 * Source of behaviour: pkg/kubelet/kubelet_pods.go (GetKubeletContainerLogs, validateContainerLogStatus),
 * pkg/kubelet/kuberuntime/logs.
 */
import { createHash } from "node:crypto";
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import {
	type ContainerTarget,
	type ExecOptions,
	type ExitStatus,
	KubeletUnreachableError,
	type LogOptions,
	type NodeConnector,
	PortForwardError,
	type PortStream,
	type ProcessStreams,
} from "../apimachinery/node-connector.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { newBadRequest, newInternalError, newNotFound } from "../apimachinery/status-error.ts";
import { type Connection, NetworkError } from "../host/index.ts";
import type { ContainerLog } from "./container/container-log.ts";
import { readLog } from "./container/log-reader.ts";
import { kubeletPort } from "./kubelet-server.ts";
import type { PodWorker } from "./pod-worker/pod-worker.ts";

/** What decides whether a node's kubelet answers. */
export interface ReachableNode {
	readonly address: string;
	readonly kubeletRuns: boolean;
	/** Nothing passes between it and the control plane. */
	readonly isCutOff: boolean;
	readonly isOff: boolean;
}

/** For how long kube-apiserver dials. Source: pkg/kubelet/client (makeTransport: net.Dialer{Timeout: 30 s}) */
const dialTimeoutMs = 30_000;
/** Until the kernel gives up asking for a neighbour that is not there: mcast_solicit times retrans_time_ms (arp(7)). */
const neighbourTimeoutMs = 3_000;

export interface FleetConnectorOptions {
	readonly clock: Clock;
	readonly findNode: (name: string) => ReachableNode | undefined;
	readonly findWorker: (namespace: string, pod: string, node: string) => PodWorker | undefined;
	/** A connection from the control plane. Throws `NetworkError`. */
	readonly connect: (address: string, port: number) => Connection;
}

export class FleetConnector implements NodeConnector {
	readonly #options: FleetConnectorOptions;

	constructor(options: FleetConnectorOptions) {
		this.#options = options;
	}

	async reach({ node: name }: Omit<ContainerTarget, "container">, signal: AbortSignal): Promise<void> {
		const node = this.#options.findNode(name);
		if (node === undefined) return;
		const [why, afterMs] = unreachable(node) ?? [];
		if (why === undefined) return;
		if (afterMs !== undefined && afterMs > 0) await sleep(this.#options.clock, afterMs, signal);
		throw new KubeletUnreachableError(`${node.address}:${kubeletPort}`, why);
	}

	async logs(
		target: ContainerTarget,
		options: LogOptions,
		write: (chunk: Uint8Array) => Promise<void>,
		signal: AbortSignal,
	): Promise<void> {
		await readLog(this.#logOf(target, options.previous), options, write, signal);
	}

	async exec(target: ContainerTarget, options: ExecOptions, streams: ProcessStreams, signal: AbortSignal): Promise<ExitStatus> {
		return this.#runningContainer(target).exec(options, streams, signal, "leave");
	}

	async attach(
		target: ContainerTarget,
		_options: Omit<ExecOptions, "command">,
		streams: ProcessStreams,
		signal: AbortSignal,
	): Promise<ExitStatus> {
		return this.#runningContainer(target).attach(streams, signal);
	}

	async portForward(pod: Omit<ContainerTarget, "container">, port: number): Promise<PortStream> {
		const { network, pod: object } = this.#worker(pod);
		if (network === undefined) throw newBadRequest(`pod ${pod.pod} is not running`);
		try {
			return portStream(await network.connect("127.0.0.1", port));
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
			const id = createHash("sha256")
				.update(object.metadata?.uid ?? "")
				.digest("hex");
			const why = `connect: ${error.message.toLowerCase()}`;
			// containerd's text, with its blank at the end (internal/cri/server/sandbox_portforward_linux.go).
			throw new PortForwardError(
				id,
				`failed to execute portforward in network namespace ${JSON.stringify(networkNamespace(object, id))}: failed to connect to localhost:${port} inside namespace "${id}", IPv4: dial tcp4 127.0.0.1:${port}: ${why} IPv6 dial tcp6 [::1]:${port}: ${why} `,
			);
		}
	}

	async dial(address: string, port: number): Promise<PortStream> {
		try {
			return portStream(this.#options.connect(address, port));
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
			throw new Error(`dial tcp ${address}:${port}: connect: ${error.message.toLowerCase()}`);
		}
	}

	#worker({ namespace, pod, node }: Omit<ContainerTarget, "container">): PodWorker {
		const home = this.#options.findNode(node);
		const [why] = (home && unreachable(home)) ?? [];
		if (home !== undefined && why !== undefined) throw new KubeletUnreachableError(`${home.address}:${kubeletPort}`, why);
		const worker = this.#options.findWorker(namespace, pod, node);
		if (worker === undefined) throw newNotFound({ group: "", resource: "pods" }, pod);
		return worker;
	}

	#runningContainer(target: ContainerTarget) {
		const worker = this.#worker(target);
		const { container, record } = worker.container(target.container) ?? {};
		if (container === undefined || record?.phase === "exited") {
			throw newInternalError(`unable to upgrade connection: container not found (${JSON.stringify(target.container)})`);
		}
		const { runtimeError } = worker.node;
		if (runtimeError !== undefined) throw newInternalError(`unable to upgrade connection: ${runtimeError}`);
		return container;
	}

	#logOf({ container: name, ...target }: ContainerTarget, previous: boolean): ContainerLog {
		const worker = this.#worker(target);
		const known = worker.container(name);
		if (known === undefined) throw newBadRequest(`container ${name} is not valid for pod ${target.pod}`);
		if (previous) {
			const log = known.previousLog;
			if (log === undefined)
				throw newBadRequest(`previous terminated container ${JSON.stringify(name)} in pod ${JSON.stringify(target.pod)} not found`);
			return log;
		}
		const log = known.container?.log ?? known.previousLog;
		if (log !== undefined) return log;
		const { waiting } = known.record;
		const subject = `container ${JSON.stringify(name)} in pod ${JSON.stringify(target.pod)} is`;
		switch (waiting?.reason) {
			case "ImagePullBackOff":
			case "ErrImagePull":
			case "ErrImageNeverPull":
			case "InvalidImageName":
				throw newBadRequest(
					`${subject} waiting to start: ${waiting.reason === "ErrImagePull" ? "image can't be pulled" : waiting.reason === "ImagePullBackOff" ? "trying and failing to pull image" : waiting.reason}`,
				);
			default:
				throw newBadRequest(`${subject} waiting to start: ${waiting?.reason ?? defaultReason(worker)}`);
		}
	}
}

/** How a connection to its kubelet fails, and how long that takes. */
function unreachable({ kubeletRuns, isCutOff, isOff }: ReachableNode): readonly [why: string, afterMs: number] | undefined {
	if (isCutOff) return ["i/o timeout", dialTimeoutMs];
	if (isOff) return ["connect: no route to host", neighbourTimeoutMs];
	return kubeletRuns ? undefined : ["connect: connection refused", 0];
}

function defaultReason({ pod }: PodWorker): string {
	return (pod.spec?.initContainers?.length ?? 0) > 0 ? "PodInitializing" : "ContainerCreating";
}

/** `/var/run/netns/cni-` and a UUID. */
function networkNamespace({ spec }: Pod, id: string): string {
	if (spec?.hostNetwork === true) return "host";
	const [, ...parts] = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(id) ?? [];
	return `/var/run/netns/cni-${parts.join("-")}`;
}

/** A connection as the API server takes it. */
export function portStream(connection: Connection): PortStream {
	return {
		output: bytesOf(connection),
		write: (chunk) => connection.write(chunk),
		end: () => connection.end(),
		destroy: () => connection.destroy(),
	};
}

async function* bytesOf(connection: { read(): Promise<Uint8Array | undefined> }): AsyncGenerator<Uint8Array> {
	for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) yield chunk;
}

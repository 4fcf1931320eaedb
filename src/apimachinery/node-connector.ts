/**
 * What the API server asks of a node: the streaming part of the kubelet's API. The API server calls it, simulated
 * kubelets implement it, the composition root joins the two.
 * Source of behaviour: kubelet's server (pkg/kubelet/server) as kubectl sees it.
 */

export interface ContainerTarget {
	readonly namespace: string;
	readonly pod: string;
	readonly container: string;
	readonly node: string;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod */
export interface LogOptions {
	readonly follow: boolean;
	/** The log of the previous, terminated instance of the container. */
	readonly previous: boolean;
	/** Start each line with its RFC 3339 time, with nanoseconds. */
	readonly timestamps: boolean;
	readonly tailLines?: number;
	readonly limitBytes?: number;
	/** Only lines not older than this, Unix ms. */
	readonly sinceMs?: number;
}

export interface TerminalSize {
	readonly columns: number;
	readonly rows: number;
}

/** The caller's end of an exec or attach. */
export interface ProcessStreams {
	/** What the user types; absent when no stdin was asked for. Ends when the user's side closes it. */
	readonly stdin?: AsyncIterable<Uint8Array>;
	/** Each write resolves when the user's side can take more. */
	stdout(chunk: Uint8Array): Promise<void>;
	stderr(chunk: Uint8Array): Promise<void>;
	/** Terminal sizes as the user's window changes; only with a TTY. */
	readonly resizes?: AsyncIterable<TerminalSize>;
}

export interface ExecOptions {
	readonly command: readonly string[];
	readonly tty: boolean;
	readonly stdin: boolean;
}

/** How a process ended. */
export interface ExitStatus {
	/** 0-255; 128 + n for a process killed by signal n. */
	readonly exitCode: number;
	/** Set when the process could not be started: the runtime's message, e.g. that the executable was not found. */
	readonly startError?: string;
}

/** Two-way byte stream to a port inside a pod. */
export interface PortStream {
	/** Bytes from the pod; ends when the pod's side closes. */
	readonly output: AsyncIterable<Uint8Array>;
	write(chunk: Uint8Array): Promise<void>;
	/** No more bytes come from the caller; those of the pod still do. */
	end(): void;
	/** Both directions at once: the caller has gone. Ends `output`. */
	destroy(): void;
}

/** A port of a pod cannot be reached; the message is the container runtime's. */
export class PortForwardError extends Error {
	/** Id of the pod's sandbox: the kubelet knows no other name of the pod by then. */
	readonly sandbox: string;

	constructor(sandbox: string, message: string) {
		super(message);
		this.name = "PortForwardError";
		this.sandbox = sandbox;
	}
}

/** A kubelet cannot be reached; the message is Go's: `dial tcp 172.18.0.2:10250: connect: connection refused`. */
export class KubeletUnreachableError extends Error {
	/** `172.18.0.2:10250` */
	readonly host: string;

	constructor(host: string, why: string) {
		super(`dial tcp ${host}: ${why}`);
		this.name = "KubeletUnreachableError";
		this.host = host;
	}
}

/** Each rejects with a `KubeletUnreachableError` where the node's kubelet does not answer. */
export interface NodeConnector {
	/** Connects to the kubelet that has the pod, no more. Resolves at once if there is no such node. */
	reach(pod: Omit<ContainerTarget, "container">, signal: AbortSignal): Promise<void>;
	/**
	 * Writes the log to `write`; resolves at its end (with `follow`, when the container ends or `signal` aborts).
	 * Rejects with a `StatusError`, e.g. BadRequest `container "c" in pod "p" is waiting to start: ContainerCreating`.
	 */
	logs(target: ContainerTarget, options: LogOptions, write: (chunk: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void>;
	exec(target: ContainerTarget, options: ExecOptions, streams: ProcessStreams, signal: AbortSignal): Promise<ExitStatus>;
	/** As exec, to the container's main process. */
	attach(target: ContainerTarget, options: Omit<ExecOptions, "command">, streams: ProcessStreams, signal: AbortSignal): Promise<ExitStatus>;
	/** Connects to a port of the pod. Rejects with a `PortForwardError`, or with another Error when there is no such pod. */
	portForward(pod: Omit<ContainerTarget, "container">, port: number): Promise<PortStream>;
	/** Connects to an address of the cluster's network, as the control plane does. Rejects with an Error of Go's text. */
	dial(address: string, port: number): Promise<PortStream>;
}

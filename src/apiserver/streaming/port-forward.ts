/**
 * Joins one connection of a client to one port of a pod, whatever carries it, and words what goes wrong as kubelet does.
 * Source: kubelet's portforward handlers (pkg/kubelet/server, cri/streaming/portforward).
 */
import type { ContainerTarget, NodeConnector } from "../../apimachinery/node-connector.ts";

export type PodTarget = Omit<ContainerTarget, "container">;

/** The client's end of a forwarded connection. */
export interface ForwardChannel {
	readonly input: AsyncIterable<Uint8Array>;
	/** Aborts when the client has gone: nothing that is written arrives. */
	readonly gone: AbortSignal;
	write(chunk: Uint8Array): Promise<void>;
	/** No more bytes come from the pod. */
	end(): Promise<void>;
	/** Tells the client why its connection failed. */
	fail(message: string): Promise<void>;
}

/** Carries bytes both ways until the pod's side ends, or the client goes. Never rejects: the client is told what went wrong. */
export async function forwardPort(nodes: NodeConnector, pod: PodTarget, port: number, channel: ForwardChannel): Promise<void> {
	try {
		const stream = await nodes.portForward(pod, port);
		// A pod that sends without end, or that waits for ever, would never learn of it.
		const end = () => stream.destroy();
		channel.gone.addEventListener("abort", end, { once: true });
		if (channel.gone.aborted) end();
		const upload = (async () => {
			for await (const chunk of channel.input) await stream.write(chunk);
			stream.end();
		})();
		// A pod that closes while the client still writes makes the upload fail: that is no failure of the forwarding.
		upload.catch(() => undefined);
		for await (const chunk of stream.output) await channel.write(chunk);
		stream.end();
		channel.gone.removeEventListener("abort", end);
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		await channel.fail(`error forwarding port ${port} to pod ${pod.pod}, uid : ${why}`);
	} finally {
		await channel.end();
	}
}

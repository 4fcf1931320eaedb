/**
 * Exec and attach over SPDY/3.1, as kubectl before 1.31 and most client libraries speak them: one SPDY stream a channel,
 * told apart by the header `streamtype`.
 */
import type { Duplex } from "node:stream";
import type { Status } from "../../apimachinery/schema/generated/types.ts";
import type { CommandChannels, CommandOptions } from "./remote-command.ts";
import { SpdySession, type SpdyStream } from "./spdy/session.ts";

/** Protocols that are spoken, the best first. From v3 on there is a resize stream; from v4 on the error is a Status. */
export const spdyCommandProtocols: readonly string[] = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"];

type StreamType = "stdin" | "stdout" | "stderr" | "error" | "resize";

const nothing: AsyncIterable<Uint8Array> = {
	[Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/** Serves one connection: waits for the client's streams, runs `run` on them and reports its Status. */
export async function serveSpdyCommand(
	connection: Duplex,
	protocol: string,
	options: CommandOptions,
	run: (channels: CommandChannels) => Promise<Status>,
): Promise<void> {
	const expected = expectedStreams(options, protocol);
	const streams = new Map<string, SpdyStream>();
	const complete = Promise.withResolvers<boolean>();
	const session = new SpdySession(connection, (stream) => {
		streams.set(stream.header("streamtype") ?? "", stream);
		if (expected.every((type) => streams.has(type))) complete.resolve(true);
	});
	const running = session.run().finally(() => complete.resolve(false));
	if (await complete.promise) {
		const status = await run({
			stdin: streams.get("stdin")?.input ?? nothing,
			resize: streams.get("resize")?.input ?? nothing,
			stdout: async (chunk) => streams.get("stdout")?.write(chunk),
			stderr: async (chunk) => streams.get("stderr")?.write(chunk),
		});
		await streams.get("error")?.write(Buffer.from(formatStatus(status, protocol)));
		for (const stream of streams.values()) await stream.end();
		await session.close();
	}
	await running;
}

function expectedStreams(options: CommandOptions, protocol: string): readonly StreamType[] {
	const hasResize = options.tty && (protocol.startsWith("v4") || protocol.startsWith("v3"));
	return [
		"error",
		...(options.stdin ? (["stdin"] as const) : []),
		...(options.stdout ? (["stdout"] as const) : []),
		...(options.stderr ? (["stderr"] as const) : []),
		...(hasResize ? (["resize"] as const) : []),
	];
}

/** What the error channel carries: a Status from v4 on; before that the message of a failure. */
export function formatStatus(status: Status, protocol: string): string {
	if (/^v[45]\./.test(protocol)) return JSON.stringify(status);
	return status.status === "Success" ? "" : (status.message ?? "");
}

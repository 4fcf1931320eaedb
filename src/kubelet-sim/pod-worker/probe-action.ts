/** Carries out what probes name: a command, an HTTP request, a connection, a gRPC health check. The texts are the kubelet's. */
import { sleep } from "../../apimachinery/clock/clock.ts";
import type { HTTPGetAction, Probe } from "../../apimachinery/schema/generated/types.ts";
import { formatGoDuration } from "../../apimachinery/time.ts";
import { Collector, checkGrpcHealth, NetworkError } from "../../host/index.ts";
import { type ActionTarget, dialError, PortError, podText, portOf, within } from "./action-target.ts";
import { getOverHttp, ProbeError } from "./probe-http.ts";
import type { ProbeResult } from "./probe-state.ts";

/** Of a command's output or a response's body, bytes. Source: pkg/probe/exec and pkg/probe/http. */
const maxOutputBytes = 10 * 1024;

/** Runs a probe's action once. Never rejects. */
export async function runProbe(probe: Probe, target: ActionTarget): Promise<ProbeResult> {
	const limitMs = (probe.timeoutSeconds ?? 1) * 1000;
	const { exec, httpGet, tcpSocket, grpc } = probe;
	try {
		if (exec !== undefined) return await probeExec(exec.command ?? [], target, limitMs);
		if (httpGet !== undefined) return await probeHttp(httpGet, target, limitMs);
		if (tcpSocket !== undefined) {
			const { host = "", port } = tcpSocket;
			return await probeTcp(host === "" ? target.podIp : host, portOf(port, target.spec), target, limitMs);
		}
		if (grpc !== undefined) return await probeGrpc(grpc.port, grpc.service ?? "", target, limitMs);
	} catch (error) {
		if (!(error instanceof PortError)) throw error;
		return { outcome: "unknown", output: error.message };
	}
	return { outcome: "unknown", output: `missing probe handler for ${podText(target.pod)}:${target.spec.name}` };
}

export interface CommandResult {
	/** Undefined: it had no time to end. */
	readonly exitCode: number | undefined;
	/** It could not be started. */
	readonly startError: string | undefined;
	/** Standard output and standard error, as they came. */
	readonly output: string;
	readonly stderr: string;
}

/** Runs a command in the container, for at most so long. Never rejects. */
export async function runCommand(command: readonly string[], { container, clock }: ActionTarget, limitMs: number): Promise<CommandResult> {
	const output = new Collector(maxOutputBytes);
	const errors = new Collector(maxOutputBytes);
	const abort = new AbortController();
	const streams = {
		stdout: async (chunk: Uint8Array) => output.write(chunk),
		stderr: async (chunk: Uint8Array) => {
			output.write(chunk);
			errors.write(chunk);
		},
	};
	const result = (exitCode: number | undefined, startError?: string) => ({
		exitCode,
		startError,
		output: output.text(),
		stderr: errors.text(),
	});
	try {
		const { exitCode, startError } = await within(clock, limitMs, () =>
			container.exec({ command, tty: false, stdin: false }, streams, abort.signal, "kill"),
		);
		return result(exitCode, startError);
	} catch (error) {
		if (error !== "expired") throw error;
		return result(undefined);
	} finally {
		abort.abort();
	}
}

async function probeExec(command: readonly string[], target: ActionTarget, limitMs: number): Promise<ProbeResult> {
	const { exitCode, startError, output } = await runCommand(command, target, limitMs);
	if (startError !== undefined) return { outcome: "unknown", output: `rpc error: code = Unknown desc = ${startError}` };
	if (exitCode === undefined) {
		return { outcome: "failure", output: `command timed out: "${command.join(" ")}" timed out after ${formatGoDuration(limitMs)}` };
	}
	return { outcome: exitCode === 0 ? "success" : "failure", output };
}

async function probeHttp(action: HTTPGetAction, target: ActionTarget, limitMs: number): Promise<ProbeResult> {
	try {
		const { status, body } = await getOverHttp(action, target, limitMs);
		if (status < 200 || status >= 400) return { outcome: "failure", output: `HTTP probe failed with statuscode: ${status}` };
		if (status < 300) return { outcome: "success", output: "" };
		const text = Buffer.from(body).subarray(0, maxOutputBytes).toString();
		return { outcome: "success", output: "", warning: `Probe terminated redirects, Response body: ${text}` };
	} catch (error) {
		if (!(error instanceof ProbeError)) throw error;
		return { outcome: "failure", output: error.message };
	}
}

async function probeTcp(host: string, port: number, { container, clock }: ActionTarget, limitMs: number): Promise<ProbeResult> {
	try {
		(await within(clock, limitMs, () => container.machine.network.connect(host, port))).destroy();
		return { outcome: "success", output: "" };
	} catch (error) {
		if (error === "expired") return { outcome: "failure", output: `dial tcp ${host}:${port}: i/o timeout` };
		if (!(error instanceof NetworkError)) throw error;
		return { outcome: "failure", output: dialError(error, host, port) };
	}
}

/** Source: pkg/probe/grpc. Who cannot be reached is tried until the time is over. */
async function probeGrpc(port: number, service: string, { container, podIp, clock }: ActionTarget, limitMs: number): Promise<ProbeResult> {
	const limit = formatGoDuration(limitMs);
	const failure = (output: string): ProbeResult => ({ outcome: "failure", output });
	const startMs = clock.now();
	let connected = false;
	try {
		const answer = await within(clock, limitMs, async () => {
			const connection = await container.machine.network.connect(podIp, port);
			connected = true;
			try {
				return await checkGrpcHealth(connection, `${podIp}:${port}`, service);
			} finally {
				connection.destroy();
			}
		});
		if (answer.type === "status" && answer.status === "SERVING") return { outcome: "success", output: "service healthy" };
		if (answer.type === "status") return failure(`service unhealthy (responded with ${JSON.stringify(answer.status)})`);
		if (answer.type === "unimplemented")
			return failure(`error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${answer.message}`);
		if (answer.type === "error") {
			return failure(`error: health rpc probe failed: rpc error: code = ${answer.code} desc = ${answer.message}`);
		}
	} catch (error) {
		if (error !== "expired" && !(error instanceof NetworkError)) throw error;
		if (connected) return failure(`timeout: health rpc did not complete within ${limit}`);
	}
	// Nobody is there, or nobody who speaks the protocol: gRPC tries again and again.
	await sleep(clock, Math.max(0, limitMs - (clock.now() - startMs)));
	return failure(`timeout: failed to connect service "${podIp}:${port}" within ${limit}: context deadline exceeded`);
}

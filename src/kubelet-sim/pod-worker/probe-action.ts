/**
 * Carries out what probes and lifecycle hooks name: a command, an HTTP request, a connection. The texts are the
 * kubelet's. gRPC probes find no server: no simulated program speaks gRPC yet.
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, HTTPGetAction, Probe } from "../../apimachinery/schema/generated/types.ts";
import { Collector, HttpError, httpRequest, NetworkError } from "../../host/index.ts";
import type { SimContainer } from "../container/container.ts";
import type { ProbeResult } from "./probe-state.ts";

/** Of a command's output, bytes. Source: pkg/probe/exec, maxReadLength. */
const maxOutputBytes = 10 * 1024;

export interface ActionTarget {
	readonly container: SimContainer;
	readonly spec: Container | EphemeralContainer;
	readonly podIp: string;
	readonly clock: Clock;
}

class ProbeTimeout extends Error {}

/** Runs a probe's action once. Never rejects. */
export async function runProbe(probe: Probe, target: ActionTarget): Promise<ProbeResult> {
	const limitMs = (probe.timeoutSeconds ?? 1) * 1000;
	if (probe.exec !== undefined) return probeExec(probe.exec.command ?? [], target, limitMs);
	if (probe.httpGet !== undefined) return probeHttp(probe.httpGet, target, limitMs);
	if (probe.tcpSocket !== undefined)
		return probeTcp(probe.tcpSocket.host ?? target.podIp, portOf(probe.tcpSocket.port, target.spec), target);
	if (probe.grpc !== undefined) {
		const address = `${target.podIp}:${probe.grpc.port}`;
		return {
			outcome: "failure",
			output: `timeout: failed to connect service "${address}" within ${limitMs / 1000}s: context deadline exceeded`,
		};
	}
	return { outcome: "unknown", output: "missing probe handler" };
}

/** A number, or the name of one of the container's ports. */
function portOf(port: number | string, spec: Container | EphemeralContainer): number {
	if (typeof port === "number") return port;
	return spec.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
}

async function probeExec(command: readonly string[], { container, clock }: ActionTarget, limitMs: number): Promise<ProbeResult> {
	const output = new Collector(maxOutputBytes);
	const write = async (chunk: Uint8Array) => output.write(chunk);
	const abort = new AbortController();
	try {
		const status = await within(
			clock,
			limitMs,
			container.exec({ command, tty: false, stdin: false }, { stdout: write, stderr: write }, abort.signal, "kill"),
		);
		if (status.startError !== undefined) return { outcome: "unknown", output: `rpc error: code = Unknown desc = ${status.startError}` };
		return { outcome: status.exitCode === 0 ? "success" : "failure", output: output.text() };
	} catch (error) {
		if (!(error instanceof ProbeTimeout)) throw error;
		return { outcome: "failure", output: `command timed out: "${command.join(" ")}" timed out after ${limitMs / 1000}s` };
	} finally {
		abort.abort();
	}
}

async function probeHttp(action: HTTPGetAction, { container, spec, podIp, clock }: ActionTarget, limitMs: number): Promise<ProbeResult> {
	const port = portOf(action.port, spec);
	const host = action.host ?? podIp;
	const path = action.path === undefined || action.path === "" ? "/" : action.path.startsWith("/") ? action.path : `/${action.path}`;
	const url = `${(action.scheme ?? "HTTP").toLowerCase()}://${host}:${port}${path}`;
	const failure = (why: string): ProbeResult => ({ outcome: "failure", output: `Get "${url}": ${why}` });
	const headers = {
		"User-Agent": "kube-probe/1.36",
		Accept: "*/*",
		...Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value])),
	};
	try {
		const response = await within(clock, limitMs, httpRequest(container.machine.network, { host, port, target: path, headers }));
		if (action.scheme === "HTTPS") return failure("http: server gave HTTP response to HTTPS client");
		if (response.status >= 200 && response.status < 400) return { outcome: "success", output: "" };
		return { outcome: "failure", output: `HTTP probe failed with statuscode: ${response.status}` };
	} catch (error) {
		if (error instanceof ProbeTimeout) return failure("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
		if (error instanceof NetworkError) return failure(dialError(error, host, port));
		if (error instanceof HttpError) return failure(error.message);
		throw error;
	}
}

async function probeTcp(host: string, port: number, { container }: ActionTarget): Promise<ProbeResult> {
	try {
		(await container.machine.network.connect(host, port)).destroy();
		return { outcome: "success", output: "" };
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		return { outcome: "failure", output: dialError(error, host, port) };
	}
}

/** Go's text for a failed connection. */
function dialError(error: NetworkError, host: string, port: number): string {
	if (error.code === "ENOTFOUND") return `dial tcp: lookup ${host}: no such host`;
	return `dial tcp ${host}:${port}: connect: ${error.message.toLowerCase()}`;
}

async function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> {
	const abort = new AbortController();
	const expired = sleep(clock, limitMs, abort.signal).then(() => {
		throw new ProbeTimeout();
	});
	expired.catch(() => undefined);
	// What comes after the limit is of no interest any more.
	work.catch(() => undefined);
	try {
		return await Promise.race([work, expired]);
	} finally {
		abort.abort();
	}
}

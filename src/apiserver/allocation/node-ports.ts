/**
 * Which node ports a Service takes. All protocols of a port number are one port: another Service cannot have the UDP
 * side of it. Source: initNodePorts, updateNodePorts, updateHealthCheckNodePort in
 * pkg/registry/core/service/storage/alloc.go of Kubernetes 1.36.
 */
import type { ServicePort, ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { newInternalError, newUnknownError } from "../../apimachinery/status-error.ts";
import { allocatesNodePorts, needsHealthCheck, needsNodePort } from "../registry/core/service-fields.ts";

/** Ports that one write takes. */
export interface PortTaker {
	/** Takes this port; the reason if it cannot be had. */
	take(port: number): string | undefined;
	/** Takes a free port; undefined if there is none. */
	takeNext(): number | undefined;
	/** Fails the write: this port of the spec cannot be had. */
	refuse(index: number, port: number, why: string): never;
}

/** The spec with all its ports. */
export function withNodePorts(spec: ServiceSpec, old: ServiceSpec | undefined, taker: PortTaker): ServiceSpec {
	if (!needsNodePort(spec)) return spec;
	const ports = old === undefined ? newPorts(spec, taker) : changedPorts(spec, old, taker);
	const changed: ServiceSpec = ports.length === 0 ? spec : { ...spec, ports };
	return withHealthCheckPort(changed, old, taker);
}

/** Ports of a new Service: of one number, whatever the protocol, share a node port unless they name their own. */
function newPorts(spec: ServiceSpec, taker: PortTaker): readonly ServicePort[] {
	const { ports = [] } = spec;
	const byPort = new Map<number, number>();
	return ports.map((port, index) => {
		const { port: number, nodePort } = port;
		if (nodePort === undefined && !allocatesNodePorts(spec)) return port;
		const shared = byPort.get(number);
		if (shared !== undefined) {
			if (nodePort !== undefined && nodePort !== shared) take(taker, index, nodePort);
			return { ...port, nodePort: nodePort ?? shared };
		}
		const asked = nodePort ?? ports.find((other) => other.port === number && other.nodePort !== undefined)?.nodePort;
		if (asked !== undefined) take(taker, index, asked);
		const taken = asked ?? next(taker);
		byPort.set(number, taken);
		return { ...port, nodePort: nodePort ?? taken };
	});
}

/** Ports of a Service that was there before: those that it had are its own. */
function changedPorts(spec: ServiceSpec, old: ServiceSpec, taker: PortTaker): readonly ServicePort[] {
	const { ports = [] } = spec;
	const own = new Set((old.ports ?? []).map(({ nodePort }) => nodePort));
	const used = new Set<string>();
	return ports.map((port, index) => {
		if (port.nodePort === undefined && !allocatesNodePorts(spec)) return port;
		const nodePort = port.nodePort ?? next(taker);
		if (port.nodePort !== undefined && !own.has(nodePort)) {
			take(taker, index, nodePort);
			own.add(nodePort);
		}
		const identity = `{${port.protocol} ${nodePort}}`;
		if (used.has(identity)) throw newUnknownError(`duplicate nodePort: ${identity}`);
		used.add(identity);
		return { ...port, nodePort };
	});
}

function take(taker: PortTaker, index: number, port: number): void {
	const why = taker.take(port);
	if (why !== undefined) taker.refuse(index, port, why);
}

function next(taker: PortTaker): number {
	const port = taker.takeNext();
	if (port === undefined) throw newInternalError("failed to allocate a nodePort: range is full");
	return port;
}

function withHealthCheckPort(spec: ServiceSpec, old: ServiceSpec | undefined, taker: PortTaker): ServiceSpec {
	if (!needsHealthCheck(spec) || (old !== undefined && needsHealthCheck(old))) return spec;
	const { healthCheckNodePort: asked } = spec;
	if (asked !== undefined) {
		const why = taker.take(asked);
		if (why !== undefined) throw newInternalError(`failed to allocate requested HealthCheck NodePort ${asked}: ${why}`);
		return spec;
	}
	const port = taker.takeNext();
	if (port === undefined) throw newInternalError("failed to allocate a HealthCheck NodePort 0: range is full");
	return { ...spec, healthCheckNodePort: port };
}

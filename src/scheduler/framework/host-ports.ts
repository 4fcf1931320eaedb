/**
 * The host ports of a node. Two pods may share a port number if protocol or address differ; 0.0.0.0 means every address.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";

export interface HostPort {
	/** "0.0.0.0" if the pod names none. */
	readonly ip: string;
	readonly protocol: string;
	readonly port: number;
}

const everyAddress = "0.0.0.0";

/** The host ports that a pod asks for: of its containers and its sidecars. */
export function hostPortsOf({ spec }: Pod): readonly HostPort[] {
	const sidecars = spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === "Always") ?? [];
	const ports: HostPort[] = [];
	for (const container of [...(spec?.containers ?? []), ...sidecars]) {
		for (const { hostPort = 0, hostIP, protocol } of container.ports ?? []) {
			if (hostPort <= 0) continue;
			ports.push({ ip: hostIP === undefined || hostIP === "" ? everyAddress : hostIP, protocol: protocol || "TCP", port: hostPort });
		}
	}
	return ports;
}

/** Whether two pods with these ports cannot share a node. */
export function hostPortsConflict(a: readonly HostPort[], b: readonly HostPort[]): boolean {
	return a.some((left) => b.some((right) => overlap(left, right)));
}

function overlap(a: HostPort, b: HostPort): boolean {
	return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === everyAddress || b.ip === everyAddress);
}

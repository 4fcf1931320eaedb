/**
 * The control plane's machine in the simulated network: what the Service `kubernetes` leads to, and nodes' kubeconfigs name. It listens at one
 * port, and hands what comes there to the API server, with the certificate that the client showed.
 */
import type { PortStream } from "../../apimachinery/node-connector.ts";
import { LoopbackNetwork, tlsServer } from "../../host/index.ts";
import { portStream } from "../node-connector.ts";

/** Who sent a connection to the API server, as that sees it. */
export interface ApiClient {
	readonly address: string;
	readonly port: number;
	/** PEM: what it shows of itself; undefined: nothing. */
	readonly certificate: string | undefined;
}

/** The API server, for whoever is in the simulated network. */
export interface ApiServerPort {
	/** PEM: what it shows of itself. */
	readonly certificates: string;
	/** Speaks HTTP on one connection; resolves when that is over. */
	serve(stream: PortStream, client: ApiClient): Promise<void>;
}

export function apiServerMachine(address: string, port: number, { certificates, serve }: ApiServerPort): LoopbackNetwork {
	const machine = new LoopbackNetwork(address);
	machine.listen(
		port,
		tlsServer(certificates, (connection) => {
			const { remoteAddress, remotePort, peerCertificates } = connection;
			return serve(portStream(connection), { address: remoteAddress, port: remotePort, certificate: peerCertificates[0]?.toString() });
		}),
	);
	return machine;
}

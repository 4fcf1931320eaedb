/** gRPC's text for a socket where nobody answers. */
export function dialError(endpoint: string, why: string): string {
	const path = endpoint.replace(/^unix:\/\//, "");
	return `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${path}: connect: ${why}"`;
}

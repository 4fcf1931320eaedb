/** TCP ports on 127.0.0.1 that nobody uses at the moment, and that nobody is given by chance before they are listened on. */
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

/**
 * Below Linux' range for outgoing connections (32768 and up, ip_local_port_range): a port from there may become the near end of
 * some other test's connection before the server that it was meant for starts. Above 10000, where few services listen.
 */
const first = 10_000;
const end = 32_768;

export async function freePorts(count: number): Promise<readonly number[]> {
	const servers: Server[] = [];
	while (servers.length < count) {
		const server = await listen(randomInt(first, end));
		if (server !== undefined) servers.push(server);
	}
	const ports = servers.map(portOf);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}

export async function freePort(): Promise<number> {
	const [port = 0] = await freePorts(1);
	return port;
}

/** Undefined if the port is in use. */
function listen(port: number): Promise<Server | undefined> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", () => resolve(undefined));
		server.listen(port, "127.0.0.1", () => resolve(server));
	});
}

function portOf(server: Server): number {
	const address = server.address();
	return typeof address === "object" && address !== null ? address.port : 0;
}

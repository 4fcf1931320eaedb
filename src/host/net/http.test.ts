import { expect, test } from "vitest";
import { BrokenPipeError } from "../stream.ts";
import { httpRequest } from "./http.ts";
import type { Connection, NetworkStack } from "./network.ts";

test("a server that ends before it was asked anything resets the connection", async () => {
	const connection: Connection = {
		remoteAddress: "10.0.0.1",
		remotePort: 80,
		read: async () => undefined,
		write: () => Promise.reject(new BrokenPipeError()),
		end: () => undefined,
		destroy: () => undefined,
	};
	const network: Pick<NetworkStack, "connect"> = { connect: async () => connection };
	const asked = httpRequest(network as NetworkStack, { host: "10.0.0.1", port: 80, target: "/" });
	await expect(asked).rejects.toMatchObject({ name: "NetworkError", code: "ECONNRESET" });
});

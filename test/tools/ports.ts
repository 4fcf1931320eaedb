import { type AddressInfo, createServer } from "node:net";

/** A port of this machine that is in use until it is given back. */
export async function takePort(): Promise<{ readonly port: number } & AsyncDisposable> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		port: (server.address() as AddressInfo).port,
		[Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
	};
}

/** Asks a server of ours for something (control-server.ts). */
import { request } from "node:http";
import { CliError, messageOf } from "../errors.ts";

/** Rejects with a `CliError`: what the server says, or that it does not answer. */
export async function callServer<T>(socket: string, method: string, params: Readonly<Record<string, unknown>> = {}): Promise<T> {
	const text = await post(socket, JSON.stringify({ method, params })).catch((error: unknown) => {
		throw new CliError(`the server does not answer on ${socket}: ${messageOf(error)}`, {
			hint: "Does it run? kubesim status tells.",
			cause: error,
		});
	});
	const { result, error } = JSON.parse(text) as { readonly result?: T; readonly error?: { readonly message: string } };
	if (error !== undefined) throw new CliError(error.message);
	return result as T;
}

function post(socketPath: string, body: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const call = request({ socketPath, path: "/", method: "POST", headers: { "content-type": "application/json" } }, (response) => {
			const chunks: Buffer[] = [];
			response.on("data", (chunk: Buffer) => chunks.push(chunk));
			response.once("end", () => resolve(Buffer.concat(chunks).toString()));
			response.once("error", reject);
		});
		call.once("error", reject);
		call.end(body);
	});
}

/** busybox' `nc`: TCP, one connection, as a client or with -l as a server. */
import type { ProcessContext, Program } from "../../machine.ts";
import { type Connection, isPort, NetworkError } from "../../net/network.ts";
import { writeText } from "../../stream.ts";
import { parseOptions } from "../options.ts";
import { Limit, secondsOf } from "./transfer.ts";

export const nc: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "zvuw:nlkp:");
	const fail = async (text: string) => {
		await writeText(context.stderr, `nc: ${text}\n`);
		return 1;
	};
	if (flags.has("u")) return fail("UDP is not simulated");
	if (flags.has("l")) return listen(context, Number(values.get("p") ?? operands.at(-1)), fail);
	const [host = "", portText = ""] = operands;
	const port = Number(portText);
	if (!isPort(port)) return fail(`bad port '${portText}'`);
	const limit = new Limit(context, secondsOf(values.get("w")));
	try {
		const connection = await limit.within(context.machine.network.connect(host, port, limit.signal));
		if (flags.has("v")) await writeText(context.stderr, `${host} (${connection.remoteAddress}:${port}) open\n`);
		if (flags.has("z")) {
			connection.destroy();
			return 0;
		}
		await relay(context, connection);
		return 0;
	} catch (error) {
		if (limit.hasExpired) return fail("timed out");
		if (!(error instanceof NetworkError)) throw error;
		if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") return fail(`bad address '${host}'`);
		return flags.has("v") || !flags.has("z") ? fail(`${host} (${host}:${port}): ${error.message}`) : 1;
	} finally {
		limit.end();
	}
};

async function listen(context: ProcessContext, port: number, fail: (text: string) => Promise<number>): Promise<number> {
	const { machine, process } = context;
	const { promise, resolve } = Promise.withResolvers<Connection | undefined>();
	const done = Promise.withResolvers<void>();
	try {
		const listener = machine.network.listen(
			port,
			async (connection) => {
				resolve(connection);
				await done.promise;
			},
			process,
		);
		process.ended.addEventListener("abort", () => resolve(undefined), { once: true });
		const connection = await promise;
		listener.close();
		if (connection !== undefined) await relay(context, connection);
		done.resolve();
		return 0;
	} catch (error) {
		done.resolve();
		if (error instanceof NetworkError) return fail(`bind: ${error.message}`);
		throw error;
	}
}

/** Until the other end is done. */
async function relay({ stdin, stdout, process }: ProcessContext, connection: Connection): Promise<void> {
	process.ended.addEventListener("abort", () => connection.destroy(), { once: true });
	void (async () => {
		for (let chunk = await stdin.read(); chunk !== undefined; chunk = await stdin.read()) await connection.write(chunk);
		connection.end();
	})().catch(() => connection.destroy());
	for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) await stdout.write(chunk);
}

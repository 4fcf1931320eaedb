/** GNU `wget`, as Debian has it: HTTP alone, one URL. Source: wget(1), EXIT STATUS; texts of wget 1.25 in the C locale. */
import type { ProcessContext, Program } from "../../machine.ts";
import { type ClientResponse, HttpError, httpRequest } from "../../net/http.ts";
import { isIpv4, NetworkError } from "../../net/network.ts";
import { writeText } from "../../stream.ts";
import { baseName, resolvePath } from "../../vfs/path.ts";
import { parseOptions } from "../options.ts";
import { headersOf, Limit, parseUrl, secondsOf } from "./transfer.ts";

const networkFailure = 4;
const serverError = 8;
/** For rates of what took no time: what its clock can tell apart, seconds. */
const shortestSeconds = 1e-6;

export const gnuWget: Program = async (context) => {
	const { flags, values, lists, operands } = parseOptions(context.argv.slice(1), "qO:T:St:U:P:", [
		"quiet",
		"no-verbose",
		"output-document:",
		"timeout:",
		"tries:",
		"header:",
		"post-data:",
		"user-agent:",
		"spider",
		"server-response",
		"no-check-certificate",
	]);
	const [url] = operands;
	if (url === undefined) {
		await writeText(context.stderr, "wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n");
		return 1;
	}
	const quiet = flags.has("q") || flags.has("quiet");
	const say = (text: string) => (quiet ? Promise.resolve() : writeText(context.stderr, text));
	const target = parseUrl(url);
	if (target === undefined || target === "port") {
		await writeText(context.stderr, `${url}: Bad port number.\n`);
		return 1;
	}
	if (target.scheme !== "http") {
		await writeText(context.stderr, `${url}: Unsupported scheme '${target.scheme}' (the simulated wget speaks HTTP).\n`);
		return 1;
	}
	const { host, port, path } = target;
	const stamp = () => new Date(context.machine.clock.now()).toISOString().slice(0, 19).replace("T", " ");
	const full = `http://${host}${port === 80 ? "" : `:${port}`}${path}`;
	const limitMs = secondsOf(values.get("T") ?? values.get("timeout"));
	const tries = Math.max(1, Number(values.get("t") ?? values.get("tries") ?? 20) || 20);
	const body = values.get("post-data");
	const request = {
		method: body === undefined ? "GET" : "POST",
		host,
		port,
		target: path,
		headers: {
			"User-Agent": values.get("U") ?? values.get("user-agent") ?? "Wget/1.25.0",
			Accept: "*/*",
			...headersOf(lists.get("header") ?? []),
		},
		...(body === undefined ? {} : { body: Buffer.from(body) }),
	};
	for (let attempt = 1; ; attempt++) {
		const limit = new Limit(context, limitMs);
		await say(attempt === 1 ? `--${stamp()}--  ${full}\n` : `--${stamp()}--  (try:${String(attempt).padStart(2)})  ${full}\n`);
		try {
			const address = await resolveHost(context, host, attempt === 1 ? say : () => Promise.resolve(), limit);
			if (address === undefined) {
				await say(`wget: unable to resolve host address '${host}'\n`);
				return networkFailure;
			}
			await say(`Connecting to ${isIpv4(host) ? `${host}:${port}` : `${host} (${host})|${address}|:${port}`}... `);
			const connection = await limit.within(context.machine.network.connect(address, port, limit.signal));
			await say("connected.\nHTTP request sent, awaiting response... ");
			const response = await limit.within(httpRequest({ connect: async () => connection }, request, limit.signal));
			await say(`${response.status} ${response.statusText}\n`);
			if (response.status >= 400) {
				await say(`${stamp()} ERROR ${response.status}: ${response.statusText}.\n\n`);
				return serverError;
			}
			if (flags.has("spider")) {
				await say("Remote file exists.\n\n");
				return 0;
			}
			return await save(context, response, values.get("O") ?? values.get("output-document"), path, say, stamp);
		} catch (error) {
			if (!(error instanceof NetworkError) && !(error instanceof HttpError)) throw error;
			const isTimeout = limit.hasExpired || (error instanceof NetworkError && error.code === "ETIMEDOUT");
			const isReset = error instanceof HttpError || error.code === "ECONNRESET";
			if (isReset) await say(error instanceof HttpError ? "No data received.\n" : "Read error (Connection reset by peer) in headers.\n");
			else await say(`failed: ${isTimeout ? "Connection timed out" : error.message}.\n`);
			if ((!isTimeout && !isReset) || attempt >= tries) {
				if (attempt >= tries && (isTimeout || isReset)) await say("Giving up.\n\n");
				return networkFailure;
			}
			await say("Retrying.\n\n");
		} finally {
			limit.end();
		}
	}
};

async function resolveHost(
	{ machine }: ProcessContext,
	host: string,
	say: (text: string) => Promise<void>,
	limit: Limit,
): Promise<string | undefined> {
	if (isIpv4(host)) return host;
	await say(`Resolving ${host} (${host})... `);
	try {
		const addresses = await limit.within(machine.network.resolve(host));
		await say(`${addresses.join(", ")}\n`);
		return addresses[0];
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await say(`failed: ${error.code === "EAI_AGAIN" ? error.message : "Name or service not known"}.\n`);
		return undefined;
	}
}

async function save(
	context: ProcessContext,
	{ body, headers }: ClientResponse,
	file: string | undefined,
	path: string,
	say: (text: string) => Promise<void>,
	stamp: () => string,
): Promise<number> {
	const name = file ?? (baseName(path.split("?")[0] ?? "") || "index.html");
	const type = headers.get("content-type")?.split(";")[0];
	const size = body.byteLength;
	await say(`Length: ${size}${type === undefined ? "" : ` [${type}]`}\nSaving to: '${name === "-" ? "STDOUT" : name}'\n\n`);
	if (name === "-") await context.stdout.write(body);
	else context.files.writeFile(resolvePath(context.cwd, name), body);
	const { short, long } = rateOf(size);
	await say(`     0K ${" ".repeat(50)}  100% ${short.padStart(5)}=0s\n\n`);
	const end = name === "-" ? `written to stdout [${size}/${size}]` : `'${name}' saved [${size}/${size}]`;
	await say(`${stamp()} (${long}) - ${end}\n\n`);
	return 0;
}

function rateOf(bytes: number): { readonly short: string; readonly long: string } {
	let rate = bytes / shortestSeconds;
	let unit = 0;
	for (; rate >= 1024 && unit < 3; unit++) rate /= 1024;
	const digits = rate.toPrecision(3);
	return { short: `${digits}${["", "K", "M", "G"][unit]}`, long: `${digits} ${["B", "KB", "MB", "GB"][unit]}/s` };
}

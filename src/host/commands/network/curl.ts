/**
 * `curl`, over the machine's simulated network: HTTP alone. Exit codes and texts are those of curl 8.14.
 * Source: curl(1), EXIT CODES.
 */
import type { ProcessContext, Program } from "../../machine.ts";
import { type ClientResponse, HttpError, httpRequest } from "../../net/http.ts";
import { NetworkError } from "../../net/network.ts";
import { writeText } from "../../stream.ts";
import { resolvePath } from "../../vfs/path.ts";
import { type ParsedOptions, parseOptions } from "../options.ts";
import { headersOf, Limit, parseUrl, secondsOf, type Target } from "./transfer.ts";

const maxRedirects = 50;

export const curl: Program = async (context) => {
	const options = parseOptions(context.argv.slice(1), "sSfLivIkgX:d:H:o:m:w:A:u:O46", [
		"silent",
		"show-error",
		"fail",
		"location",
		"include",
		"verbose",
		"head",
		"insecure",
		"request:",
		"data:",
		"header:",
		"output:",
		"max-time:",
		"connect-timeout:",
		"write-out:",
		"retry:",
		"resolve:",
		"user-agent:",
		"data-raw:",
		"max-redirs:",
	]);
	const has = (letter: string, long: string) => options.flags.has(letter) || options.flags.has(long);
	const url = options.operands[0] ?? "";
	const fail = async (code: number, text: string) => {
		if (!has("s", "silent") || has("S", "show-error")) await writeText(context.stderr, `curl: (${code}) ${text}\n`);
		return code;
	};
	const parsed = parseUrl(url);
	if (parsed === undefined || url === "") {
		await writeText(context.stderr, "curl: (2) no URL specified\n");
		return 2;
	}
	if (parsed === "port") return fail(3, "URL rejected: Port number was not a decimal number between 0 and 65535");
	if (parsed.scheme !== "http") return fail(1, `Protocol "${parsed.scheme}" not supported by the simulated curl`);
	const transfer: Transfer = {
		target: parsed,
		startMs: context.machine.clock.now(),
		phase: "resolving",
		limit: limitOf(context, options, true),
	};
	try {
		let response = await curlRequest(context, transfer, options);
		for (let hops = 0; has("L", "location") && response.status >= 300 && response.status < 400; hops++) {
			const location = response.headers.get("location");
			if (location === undefined) break;
			if (hops >= maxRedirects) return await fail(47, `Maximum (${maxRedirects}) redirects followed`);
			const next = location.startsWith("/") ? { ...transfer.target, path: location } : parseUrl(location);
			if (next === undefined || next === "port") return await fail(3, "URL rejected: Malformed input to a URL function");
			transfer.target = next;
			response = await curlRequest(context, transfer, options);
		}
		if (has("f", "fail") && response.status >= 400) return await fail(22, `The requested URL returned error: ${response.status}`);
		await printResponse(context, transfer, response, options);
		return 0;
	} catch (error) {
		const failure = curlFailure(error, transfer, context.machine.clock.now() - transfer.startMs);
		await writeOut(context, options, 0, 0);
		return await fail(...failure);
	} finally {
		transfer.limit.end();
	}
};

/** What is being fetched, and how far that has come. */
interface Transfer {
	target: Target;
	readonly startMs: number;
	phase: "resolving" | "connecting" | "connected";
	limit: Limit;
	address?: string;
}

/** The limit of all, or of the time until there is a connection. */
function limitOf(context: ProcessContext, { values }: ParsedOptions, untilConnected: boolean): Limit {
	const whole = secondsOf(values.get("m") ?? values.get("max-time"));
	const connecting = untilConnected ? secondsOf(values.get("connect-timeout")) : undefined;
	const shortest = Math.min(whole ?? Number.POSITIVE_INFINITY, connecting ?? Number.POSITIVE_INFINITY);
	return new Limit(context, Number.isFinite(shortest) ? shortest : undefined);
}

async function curlRequest(context: ProcessContext, transfer: Transfer, options: ParsedOptions): Promise<ClientResponse> {
	const { flags, values, lists } = options;
	const { network } = context.machine;
	const { host, port, path } = transfer.target;
	const data = ["d", "data", "data-raw"].flatMap((name) => lists.get(name) ?? []);
	const method =
		values.get("X") ?? values.get("request") ?? (flags.has("I") || flags.has("head") ? "HEAD" : data.length > 0 ? "POST" : "GET");
	const { limit } = transfer;
	const given = lists.get("resolve")?.find((each) => each.startsWith(`${host}:${port}:`));
	transfer.address = given?.split(":")[2] ?? (await limit.within(network.resolve(host)))[0] ?? host;
	transfer.phase = "connecting";
	const connection = await limit.within(network.connect(transfer.address, port, limit.signal));
	transfer.phase = "connected";
	if (options.values.has("connect-timeout")) transfer.limit = limitOf(context, options, false);
	const request = {
		method,
		host,
		port,
		target: path,
		headers: {
			"User-Agent": values.get("A") ?? values.get("user-agent") ?? "curl/8.14.1",
			Accept: "*/*",
			...(data.length > 0 ? { "Content-Type": "application/x-www-form-urlencoded" } : {}),
			...headersOf([...(lists.get("H") ?? []), ...(lists.get("header") ?? [])]),
		},
		...(data.length > 0 ? { body: Buffer.from(data.join("&")) } : {}),
	};
	return transfer.limit.within(httpRequest({ connect: async () => connection }, request, transfer.limit.signal));
}

function curlFailure(error: unknown, { target, phase, limit }: Transfer, afterMs: number): readonly [code: number, text: string] {
	const { host, port } = target;
	if (limit.hasExpired) {
		const what = { resolving: "Resolving", connecting: "Connection", connected: "Operation" }[phase];
		return [28, `${what} timed out after ${afterMs} milliseconds${phase === "connected" ? " with 0 bytes received" : ""}`];
	}
	if (error instanceof HttpError) return error.message === "EOF" ? [52, "Empty reply from server"] : [56, `Recv failure: ${error.message}`];
	if (!(error instanceof NetworkError)) throw error;
	switch (error.code) {
		case "ENOTFOUND":
		case "EAI_AGAIN":
			return [6, `Could not resolve host: ${host}`];
		case "ECONNRESET":
			return [56, "Recv failure: Connection reset by peer"];
		default:
			return [
				error.code === "ETIMEDOUT" ? 28 : 7,
				`Failed to connect to ${host} port ${port} after ${afterMs} ms: Could not connect to server`,
			];
	}
}

async function printResponse(context: ProcessContext, transfer: Transfer, response: ClientResponse, options: ParsedOptions): Promise<void> {
	const { flags, values } = options;
	const withHead = ["i", "include", "I", "head"].some((name) => flags.has(name));
	const head = [
		`HTTP/1.1 ${response.status} ${response.statusText}`,
		...[...response.headers].map(([name, value]) => `${titled(name)}: ${value}`),
		"",
		"",
	].join("\r\n");
	if (flags.has("v") || flags.has("verbose")) {
		const { host, port, path } = transfer.target;
		const method = withHead && (flags.has("I") || flags.has("head")) ? "HEAD" : (values.get("X") ?? values.get("request") ?? "GET");
		const sent = `${method} ${path} HTTP/1.1\nHost: ${host}${port === 80 ? "" : `:${port}`}\nUser-Agent: curl/8.14.1\nAccept: */*\n`;
		await writeText(
			context.stderr,
			`*   Trying ${transfer.address}:${port}...\n* Connected to ${host} (${transfer.address}) port ${port}\n${sent.trimEnd().replace(/^/gm, "> ")}\n> \n* Request completely sent off\n${head.trimEnd().replace(/^/gm, "< ")}\n< \n`,
		);
	}
	const body = withHead ? Buffer.concat([Buffer.from(head), response.body]) : response.body;
	const file = values.get("o") ?? values.get("output");
	if (file === undefined) await context.stdout.write(body);
	else if (file !== "/dev/null") context.files.writeFile(resolvePath(context.cwd, file), body);
	await writeOut(context, options, response.status, response.body.byteLength, transfer);
}

/** What `-w` asks for. @param status 0: there was no answer */
async function writeOut(
	{ stdout, machine }: ProcessContext,
	{ values }: ParsedOptions,
	status: number,
	sizeBytes: number,
	transfer?: Transfer,
): Promise<void> {
	const format = values.get("w") ?? values.get("write-out");
	if (format === undefined) return;
	const code = String(status).padStart(3, "0");
	const seconds = transfer === undefined ? 0 : (machine.clock.now() - transfer.startMs) / 1000;
	const variables: Readonly<Record<string, string>> = {
		http_code: code,
		response_code: code,
		size_download: String(sizeBytes),
		time_total: seconds.toFixed(6),
		remote_ip: transfer?.address ?? "",
		remote_port: String(transfer?.target.port ?? 0),
		num_connects: transfer === undefined ? "0" : "1",
	};
	const text = format.replaceAll(/%\{(\w+)\}/g, (whole, name: string) => variables[name] ?? whole);
	await writeText(stdout, text.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
}

function titled(name: string): string {
	return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** busybox' `wget`: HTTP, and HTTPS as busybox has it, which believes every certificate and says so. Texts are those of busybox 1.37. */
import type { ProcessContext, Program } from "../../machine.ts";
import { type ClientResponse, HttpError, httpRequest } from "../../net/http.ts";
import { NetworkError } from "../../net/network.ts";
import { NotTlsError, startTls } from "../../net/tls.ts";
import { writeText } from "../../stream.ts";
import { baseName, resolvePath } from "../../vfs/path.ts";
import { type ParsedOptions, parseOptions } from "../options.ts";
import { headersOf, Limit, parseUrl, secondsOf, type Target } from "./transfer.ts";

/** Source: busybox' -T, "Network read timeout is SEC seconds". */
const defaultTimeoutMs = 900_000;

export const wget: Program = async (context) => {
	const options = parseOptions(context.argv.slice(1), "qO:T:ScSY:P:t:U:", [
		"timeout:",
		"header:",
		"post-data:",
		"user-agent:",
		"output-document:",
		"spider",
		"no-check-certificate",
		"tries:",
		"quiet",
	]);
	const [url] = options.operands;
	const target = parseUrl(url ?? "");
	const fail = async (text: string) => {
		await writeText(context.stderr, `wget: ${text}\n`);
		return 1;
	};
	if (url === undefined || target === undefined) return fail("missing URL");
	if (target === "port") return fail(`bad port spec '${/^(?:\w+:\/\/)?([^/]+)/.exec(url)?.[1] ?? url}'`);
	if (target.scheme !== "http" && target.scheme !== "https") return fail(`not an http or ftp url: ${url}`);
	const limit = new Limit(context, secondsOf(options.values.get("T") ?? options.values.get("timeout")) ?? defaultTimeoutMs);
	let address = target.host;
	try {
		address = (await limit.within(context.machine.network.resolve(target.host)))[0] ?? address;
		return await download(context, target, address, options, limit, fail);
	} catch (error) {
		if (limit.hasExpired) return fail("download timed out");
		if (error instanceof HttpError || error instanceof NotTlsError) return fail("error getting response");
		if (!(error instanceof NetworkError)) throw error;
		if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") return fail(`bad address '${target.host}'`);
		if (error.code === "ECONNRESET") return fail(`error getting response: ${error.message}`);
		return fail(`can't connect to remote host (${address}): ${error.message}`);
	} finally {
		limit.end();
	}
};

async function download(
	context: ProcessContext,
	target: Target,
	address: string,
	options: ParsedOptions,
	limit: Limit,
	fail: (text: string) => Promise<number>,
): Promise<number> {
	const { flags, values, lists } = options;
	const quiet = flags.has("q") || flags.has("quiet");
	const say = (text: string) => (quiet ? Promise.resolve() : writeText(context.stderr, text));
	await say(`Connecting to ${target.host} (${address}:${target.port})\n`);
	const isSecure = target.scheme === "https";
	const { network } = context.machine;
	const plain = await limit.within(network.connect(address, target.port, limit.signal));
	limit.signal.addEventListener("abort", () => plain.destroy(), { once: true });
	if (isSecure && !flags.has("no-check-certificate"))
		await writeText(context.stderr, "wget: note: TLS certificate validation not implemented\n");
	const connection = isSecure ? await limit.within(startTls(plain, { serverName: target.host, certificates: "" })) : plain;
	const body = values.get("post-data");
	const request = {
		method: body === undefined ? "GET" : "POST",
		host: target.host,
		port: target.port,
		usualPort: isSecure ? 443 : 80,
		target: target.path,
		headers: { "User-Agent": values.get("U") ?? values.get("user-agent") ?? "Wget", ...headersOf(lists.get("header") ?? []) },
		...(body === undefined ? {} : { body: Buffer.from(body) }),
	};
	const response = await limit.within(httpRequest({ connect: async () => connection }, request, limit.signal));
	if (flags.has("S")) await writeText(context.stderr, headText(response));
	if (response.status >= 400) return fail(`server returned error: HTTP/1.1 ${response.status} ${response.statusText}`);
	if (flags.has("spider")) {
		await say("remote file exists\n");
		return 0;
	}
	const file = values.get("O") ?? values.get("output-document");
	const name = file ?? (baseName(target.path.split("?")[0] ?? "") || "index.html");
	if (name === "-") {
		await say("writing to stdout\n");
		await context.stdout.write(response.body);
		await say(`${progress("-", response)}written to stdout\n`);
		return 0;
	}
	await say(`saving to '${name}'\n`);
	context.files.writeFile(resolvePath(context.cwd, name), response.body);
	await say(`${progress(name, response)}'${name}' saved\n`);
	return 0;
}

function headText({ status, statusText, headers }: ClientResponse): string {
	return [`HTTP/1.1 ${status} ${statusText}`, ...[...headers].map(([name, value]) => `${name}: ${value}`), ""]
		.map((line) => `  ${line}\n`)
		.join("");
}

function progress(name: string, { body }: ClientResponse): string {
	return `${name.padEnd(20)} 100% |********************************| ${String(body.byteLength).padStart(5)}  0:00:00 ETA\n`;
}

/**
 * `curl`, over the machine's simulated network: HTTP and HTTPS, HTTP/1.1 alone, one URL. Exit codes and texts are those of curl 8.14 with
 * OpenSSL 3.5. A body is printed as it comes, so a watch of the API goes on until somebody ends it.
 * Source: curl(1), EXIT CODES.
 */
import type { ProcessContext, Program } from "../../machine.ts";
import { type ClientRequest, type StreamedResponse, sendRequest } from "../../net/http.ts";
import type { Connection } from "../../net/network.ts";
import { isForHost, startTls, untrustedBecause } from "../../net/tls.ts";
import { readAll, writeText } from "../../stream.ts";
import { FsError } from "../../vfs/inode.ts";
import { resolvePath } from "../../vfs/path.ts";
import { type ParsedOptions, parseOptions } from "../options.ts";
import { hasKeyOf, readAuthorities, readOwnCertificates } from "./client-tls.ts";
import { CurlError, curlFailure, Report, type Transfer } from "./curl-report.ts";
import { headersOf, Limit, parseUrl, secondsOf, type Target } from "./transfer.ts";

const maxRedirects = 50;

/** Long names of options, by the letter that stands for them here. */
const longNames: Readonly<Record<string, string>> = {
	silent: "s",
	"show-error": "S",
	fail: "f",
	location: "L",
	include: "i",
	verbose: "v",
	head: "I",
	insecure: "k",
	globoff: "g",
	"no-buffer": "N",
	get: "G",
	ipv4: "4",
	ipv6: "6",
	request: "X",
	header: "H",
	output: "o",
	"max-time": "m",
	"write-out": "w",
	"user-agent": "A",
	user: "u",
	cert: "E",
};
const longFlags: readonly string[] = ["http1.1", "no-progress-meter", "compressed", "fail-with-body"];
const longValues: readonly string[] = [
	"data:",
	"data-ascii:",
	"data-binary:",
	"data-raw:",
	"json:",
	"connect-timeout:",
	"retry:",
	"resolve:",
	"max-redirs:",
	"cacert:",
	"key:",
	"oauth2-bearer:",
	"url:",
];
const letters = "sSfLivIkgGNX:d:H:o:m:w:A:u:E:O046";

/** What was asked for, by letter where there is one. */
class CurlOptions {
	readonly #parsed: ParsedOptions;

	constructor(args: readonly string[]) {
		const named = Object.entries(longNames).map(([name, letter]) => (letters.includes(`${letter}:`) ? `${name}:` : name));
		this.#parsed = parseOptions(args, letters, [...named, ...longFlags, ...longValues]);
	}

	get unknown(): string | undefined {
		return this.#parsed.unknown[0];
	}

	get url(): string {
		return this.#parsed.operands[0] ?? this.value("url") ?? "";
	}

	has(letter: string): boolean {
		return namesOf(letter).some((name) => this.#parsed.flags.has(name));
	}

	value(name: string): string | undefined {
		return this.list(name).at(-1);
	}

	list(name: string): readonly string[] {
		return namesOf(name).flatMap((each) => this.#parsed.lists.get(each) ?? []);
	}
}

function namesOf(letter: string): readonly string[] {
	return [letter, ...Object.keys(longNames).filter((name) => longNames[name] === letter)];
}

export const curl: Program = async (context) => {
	const options = new CurlOptions(context.argv.slice(1));
	const { unknown, url } = options;
	if (unknown !== undefined) {
		await writeText(context.stderr, `curl: option ${unknown}: is unknown\ncurl: try 'curl --help' for more information\n`);
		return 2;
	}
	const fail = async (code: number, text: string) => {
		if (!options.has("s") || options.has("S")) await writeText(context.stderr, `curl: (${code}) ${text}\n`);
		return code;
	};
	const target = parseUrl(url);
	if (target === undefined || url === "") {
		await writeText(context.stderr, "curl: (2) no URL specified\n");
		return 2;
	}
	if (target === "port") return fail(3, "URL rejected: Port number was not a decimal number between 0 and 65535");
	const transfer: Transfer = {
		target,
		startMs: context.machine.clock.now(),
		phase: "resolving",
		receivedBytes: 0,
		limit: limitOf(context, options, true),
	};
	const report = new Report(context, options, transfer);
	let connection: Connection | undefined;
	try {
		for (let hops = 0; ; hops++) {
			const request = await requestOf(context, options, transfer.target);
			connection = await connect(context, options, transfer, report);
			await report.asked(request);
			const response = await transfer.limit.within(sendRequest(connection, request));
			const next = options.has("L") ? redirectOf(response, transfer.target) : undefined;
			if (next === undefined) {
				await receive(options, transfer, response, report);
				return 0;
			}
			connection.destroy();
			if (hops >= maxRedirects) throw new CurlError(47, `Maximum (${maxRedirects}) redirects followed`);
			transfer.target = next;
		}
	} catch (error) {
		const failure = curlFailure(error, transfer, context.machine.clock.now() - transfer.startMs);
		await report.end(transfer.status ?? 0);
		return await fail(...failure);
	} finally {
		connection?.destroy();
		transfer.limit.end();
	}
};

/** The limit of all, or of the time until there is a connection. */
function limitOf(context: ProcessContext, options: CurlOptions, untilConnected: boolean): Limit {
	const whole = secondsOf(options.value("m"));
	const connecting = untilConnected ? secondsOf(options.value("connect-timeout")) : undefined;
	const shortest = Math.min(whole ?? Number.POSITIVE_INFINITY, connecting ?? Number.POSITIVE_INFINITY);
	return new Limit(context, Number.isFinite(shortest) ? shortest : undefined);
}

async function connect(context: ProcessContext, options: CurlOptions, transfer: Transfer, report: Report): Promise<Connection> {
	const { network } = context.machine;
	const { scheme, host, port } = transfer.target;
	if (scheme !== "http" && scheme !== "https") throw new CurlError(1, `Protocol "${scheme}" not supported by the simulated curl`);
	const given = options.list("resolve").find((each) => each.startsWith(`${host}:${port}:`));
	transfer.phase = "resolving";
	transfer.address = given?.split(":")[2] ?? (await transfer.limit.within(network.resolve(host)))[0] ?? host;
	transfer.phase = "connecting";
	await report.trying();
	const { limit } = transfer;
	const plain = await limit.within(network.connect(transfer.address, port, limit.signal));
	limit.signal.addEventListener("abort", () => plain.destroy(), { once: true });
	const connection = scheme === "https" ? await secure(context, options, transfer, plain, report) : plain;
	transfer.phase = "connected";
	await report.connected();
	if (options.value("connect-timeout") === undefined) return connection;
	transfer.limit = limitOf(context, options, false);
	transfer.limit.signal.addEventListener("abort", () => plain.destroy(), { once: true });
	return connection;
}

async function secure(
	context: ProcessContext,
	options: CurlOptions,
	{ target, limit }: Transfer,
	plain: Connection,
	report: Report,
): Promise<Connection> {
	const trustFile = options.value("cacert");
	const authorities = readAuthorities(context, trustFile, ["CURL_CA_BUNDLE", "SSL_CERT_FILE"]);
	if (authorities === undefined) throw new CurlError(77, `error adding trust anchors from file: ${trustFile}`);
	const certificates = ownCertificates(context, options);
	const connection = await limit.within(startTls(plain, { serverName: target.host, certificates }));
	const [certificate] = connection.peerCertificates;
	const distrust = untrustedBecause(connection.peerCertificates, authorities, context.machine.clock.now());
	await report.shown(certificate, distrust);
	if (options.has("k")) return connection;
	if (distrust !== undefined) throw new CurlError(60, `SSL certificate problem: ${distrust}${untrustedHint}`);
	if (isForHost(certificate, target.host)) return connection;
	const what = `${/^[\d.]+$/.test(target.host) ? "ipv4 address" : "hostname"} '${target.host}'`;
	throw new CurlError(60, `SSL: no alternative certificate subject name matches target ${what}${untrustedHint}`);
}

const untrustedHint = `
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the webpage mentioned above.`;

/** PEM; "" where there are none to show. */
function ownCertificates(context: ProcessContext, options: CurlOptions): string {
	const file = options.value("E");
	if (file === undefined) return "";
	const certificates = readOwnCertificates(context, file);
	if (certificates === undefined) {
		throw new CurlError(
			58,
			`could not load PEM client certificate from ${file}, OpenSSL error error:0480006C:PEM routines::no start line, (no key found, wrong passphrase, or wrong file format?)`,
		);
	}
	const keyFile = options.value("key") ?? file;
	if (!hasKeyOf(context, keyFile, certificates)) throw new CurlError(58, `unable to set private key file: '${keyFile}' type PEM`);
	return certificates;
}

async function requestOf(context: ProcessContext, options: CurlOptions, { scheme, host, port, path }: Target): Promise<ClientRequest> {
	const parts: string[] = [];
	const dataOptions = ["d", "data", "data-ascii", "data-binary", "data-raw", "json"];
	for (const name of dataOptions) for (const value of options.list(name)) parts.push(await dataOf(context, name, value));
	const isJson = options.value("json") !== undefined;
	const data = parts.length === 0 ? undefined : parts.join(isJson ? "" : "&");
	const body = options.has("G") ? undefined : data;
	const query = options.has("G") && data !== undefined ? `${path.includes("?") ? "&" : "?"}${data}` : "";
	const token = options.value("oauth2-bearer");
	const user = options.value("u");
	const headers = {
		...(user === undefined ? {} : { Authorization: `Basic ${Buffer.from(user).toString("base64")}` }),
		...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
		"User-Agent": options.value("A") ?? "curl/8.14.1",
		Accept: isJson ? "application/json" : "*/*",
		...(body === undefined ? {} : { "Content-Type": isJson ? "application/json" : "application/x-www-form-urlencoded" }),
	};
	return {
		method: options.value("X") ?? (options.has("I") ? "HEAD" : body === undefined ? "GET" : "POST"),
		host,
		port,
		usualPort: scheme === "https" ? 443 : 80,
		target: `${path}${query}`,
		headers: withOwn(headers, headersOf(options.list("H"))),
		...(body === undefined ? {} : { body: Buffer.from(body, "latin1") }),
	};
}

/** Names are the same whatever their case. */
function withOwn(usual: Readonly<Record<string, string>>, own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
	const replaced = new Set(Object.keys(own).map((name) => name.toLowerCase()));
	return { ...Object.fromEntries(Object.entries(usual).filter(([name]) => !replaced.has(name.toLowerCase()))), ...own };
}

/** What an option brings, a byte a character: `@FILE` and `@-` are read, but by `--data-raw`. */
async function dataOf(context: ProcessContext, option: string, value: string): Promise<string> {
	if (option === "data-raw" || !value.startsWith("@")) return Buffer.from(value).toString("latin1");
	const path = value.slice(1);
	let bytes: Uint8Array;
	try {
		bytes = path === "-" ? await readAll(context.stdin) : context.files.readBytes(resolvePath(context.cwd, path));
	} catch (error) {
		if (error instanceof FsError) throw new CurlError(26, `Failed to open ${path}`);
		throw error;
	}
	const text = Buffer.from(bytes).toString("latin1");
	return option === "data-binary" || option === "json" ? text : text.replaceAll(/[\r\n\0]/g, "");
}

/** Where the answer leads; undefined if it is the last one. */
function redirectOf({ status, headers }: StreamedResponse, target: Target): Target | undefined {
	const location = headers.get("location");
	if (status < 300 || status >= 400 || location === undefined) return undefined;
	const next = location.startsWith("/") ? { ...target, path: location } : parseUrl(location);
	if (next === undefined || next === "port") throw new CurlError(3, "URL rejected: Malformed input to a URL function");
	return next;
}

async function receive(options: CurlOptions, transfer: Transfer, response: StreamedResponse, report: Report): Promise<void> {
	const { status } = response;
	transfer.status = status;
	if (options.has("f") && status >= 400) throw new CurlError(22, `The requested URL returned error: ${status}`);
	await report.answered(response);
	const body = response.body[Symbol.asyncIterator]();
	for (;;) {
		const { value, done } = await transfer.limit.within(body.next());
		if (done === true) break;
		transfer.receivedBytes += value.byteLength;
		await report.body(value);
	}
	report.save();
	await report.end(status);
	if (options.has("fail-with-body") && status >= 400) throw new CurlError(22, `The requested URL returned error: ${status}`);
}

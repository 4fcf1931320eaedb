/** GNU `wget`, as Debian has it (with GnuTLS): HTTP and HTTPS, one URL. Source: wget(1), EXIT STATUS; texts of wget 1.25 in the C locale. */
import type { ProcessContext, Program } from "../../machine.ts";
import { type ClientResponse, HttpError, httpRequest } from "../../net/http.ts";
import { type Connection, isIpv4, NetworkError } from "../../net/network.ts";
import { type Distrust, isForHost, NotTlsError, startTls, untrustedBecause } from "../../net/tls.ts";
import { writeText } from "../../stream.ts";
import { baseName, resolvePath } from "../../vfs/path.ts";
import { parseOptions } from "../options.ts";
import { readAuthorities } from "./client-tls.ts";
import { headersOf, Limit, parseUrl, secondsOf } from "./transfer.ts";

const networkFailure = 4;
const verificationFailure = 5;
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
		"ca-certificate:",
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
	const { scheme } = target;
	if (scheme !== "http" && scheme !== "https") {
		await writeText(context.stderr, `${url}: Unsupported scheme '${scheme}'.\n`);
		return 1;
	}
	const { host, port, path } = target;
	const stamp = () => new Date(context.machine.clock.now()).toISOString().slice(0, 19).replace("T", " ");
	const usualPort = scheme === "https" ? 443 : 80;
	const full = `${scheme}://${host}${port === usualPort ? "" : `:${port}`}${path}`;
	const verification = {
		host,
		authorityFile: values.get("ca-certificate"),
		isChecked: !flags.has("no-check-certificate"),
	};
	const limitMs = secondsOf(values.get("T") ?? values.get("timeout"));
	const tries = Math.max(1, Number(values.get("t") ?? values.get("tries") ?? 20) || 20);
	const body = values.get("post-data");
	const request = {
		method: body === undefined ? "GET" : "POST",
		host,
		port,
		usualPort,
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
			limit.signal.addEventListener("abort", () => connection.destroy(), { once: true });
			await say("connected.\n");
			const spoken = scheme === "https" ? await limit.within(secure(context, connection, verification, say)) : connection;
			if (spoken === undefined) return verificationFailure;
			await say("HTTP request sent, awaiting response... ");
			const response = await limit.within(httpRequest({ connect: async () => spoken }, request, limit.signal));
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
			if (error instanceof NotTlsError) {
				await say("GnuTLS: An unexpected TLS packet was received.\nUnable to establish SSL connection.\n");
				return networkFailure;
			}
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

interface Verification {
	readonly host: string;
	/** Default: the system's. */
	readonly authorityFile: string | undefined;
	readonly isChecked: boolean;
}

/** Undefined: the other end is not to be trusted, which has been said. */
async function secure(
	context: ProcessContext,
	connection: Connection,
	{ host, authorityFile, isChecked }: Verification,
	say: (text: string) => Promise<void>,
): Promise<Connection | undefined> {
	const secured = await startTls(connection, { serverName: host, certificates: "" });
	const authorities = readAuthorities(context, authorityFile, ["SSL_CERT_FILE"]) ?? [];
	const complaints = complaintsOf(untrustedBecause(secured.peerCertificates, authorities, context.machine.clock.now()));
	const level = isChecked ? "ERROR" : "WARNING";
	for (const complaint of complaints) await say(`${level}: The certificate of '${host}' ${complaint}.\n`);
	const isNamed = isForHost(secured.peerCertificates[0], host);
	if (!isNamed) await say(`The certificate's owner does not match hostname '${host}'\n`);
	return isChecked && (complaints.length > 0 || !isNamed) ? undefined : secured;
}

function complaintsOf(distrust: Distrust | undefined): readonly string[] {
	switch (distrust) {
		case undefined:
			return [];
		case "certificate has expired":
			return ["is not trusted", "has expired"];
		case "certificate is not yet valid":
			return ["is not trusted", "is not yet activated"];
		case "self-signed certificate":
		case "self-signed certificate in certificate chain":
		case "unable to get local issuer certificate":
			return ["is not trusted", "doesn't have a known issuer"];
		default:
			return distrust satisfies never;
	}
}

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

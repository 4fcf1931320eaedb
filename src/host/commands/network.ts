/** `wget`, `curl`, `nc`, `nslookup`: over the machine's simulated network; nothing here reaches the real one. */
import { sleep } from "../../apimachinery/clock/clock.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { type ClientResponse, HttpError, httpRequest } from "../net/http.ts";
import { isIpv4, NetworkError } from "../net/network.ts";
import { writeText } from "../stream.ts";
import { baseName, resolvePath } from "../vfs/path.ts";
import { type ParsedOptions, parseOptions } from "./options.ts";

const maxRedirects = 20;

interface Target {
	readonly scheme: string;
	readonly host: string;
	readonly port: number;
	readonly path: string;
}

function parseUrl(text: string): Target | undefined {
	const match = /^(?:([a-z]+):\/\/)?([^/:?#]+)(?::(\d+))?([^#]*)/i.exec(text);
	if (match === null) return undefined;
	const scheme = (match[1] ?? "http").toLowerCase();
	const path = match[4] ?? "";
	return {
		scheme,
		host: match[2] ?? "",
		port: Number(match[3] ?? (scheme === "https" ? 443 : 80)),
		path: path.startsWith("/") ? path : `/${path}`,
	};
}

/** Rejects with ETIMEDOUT after `limitMs` of cluster time. */
async function within<T>({ machine, process }: ProcessContext, limitMs: number | undefined, work: Promise<T>): Promise<T> {
	if (limitMs === undefined) return work;
	const abort = new AbortController();
	process.ended.addEventListener("abort", () => abort.abort(), { once: true });
	const expired = sleep(machine.clock, limitMs, abort.signal).then(() => {
		throw new NetworkError("ETIMEDOUT");
	});
	expired.catch(() => undefined);
	try {
		return await Promise.race([work, expired]);
	} finally {
		abort.abort();
	}
}

function request(
	context: ProcessContext,
	target: Target,
	options: { method: string; headers: Record<string, string>; body?: Uint8Array; limitMs: number | undefined },
) {
	const { method, headers, body, limitMs } = options;
	const sent = { method, host: target.host, port: target.port, target: target.path, headers, ...(body === undefined ? {} : { body }) };
	return within(context, limitMs, httpRequest(context.machine.network, sent));
}

export const wget: Program = async (context) => {
	const options = parseOptions(context.argv.slice(1), "qO:T:ScSY:P:t:", [
		"timeout:",
		"header:",
		"post-data:",
		"spider",
		"no-check-certificate",
		"tries:",
		"quiet",
	]);
	const target = parseUrl(options.operands[0] ?? "");
	if (target === undefined || options.operands.length === 0) {
		await writeText(context.stderr, "wget: missing URL\n");
		return 1;
	}
	const fail = async (text: string) => {
		await writeText(context.stderr, `wget: ${text}\n`);
		return 1;
	};
	if (target.scheme !== "http") return fail(`not an http url: ${options.operands[0]}`);
	try {
		return await download(context, target, options, fail);
	} catch (error) {
		if (error instanceof NetworkError && error.code === "ENOTFOUND") return fail(`bad address '${target.host}'`);
		if (error instanceof NetworkError && error.code === "ETIMEDOUT") return fail("download timed out");
		if (error instanceof NetworkError) return fail(`can't connect to remote host (${target.host}): ${error.message}`);
		if (error instanceof HttpError) return fail("error getting response");
		throw error;
	}
};

async function download(
	context: ProcessContext,
	target: Target,
	options: ParsedOptions,
	fail: (text: string) => Promise<number>,
): Promise<number> {
	const { flags, values, lists } = options;
	const quiet = flags.has("q") || flags.has("quiet");
	const address = (await context.machine.network.resolve(target.host))[0] ?? target.host;
	if (!quiet)
		await writeText(
			context.stderr,
			`Connecting to ${target.host}${isIpv4(target.host) ? "" : ` (${address}:${target.port})`}${isIpv4(target.host) ? ` (${address}:${target.port})` : ""}\n`,
		);
	const seconds = values.get("T") ?? values.get("timeout");
	const body = values.get("post-data");
	const response = await request(context, target, {
		method: body === undefined ? "GET" : "POST",
		headers: { "User-Agent": "Wget", ...headersOf(lists.get("header") ?? []) },
		...(body === undefined ? {} : { body: Buffer.from(body) }),
		limitMs: seconds === undefined ? undefined : Number(seconds) * 1000,
	});
	if (response.status >= 400) return fail(`server returned error: HTTP/1.1 ${response.status} ${response.statusText}`);
	if (flags.has("spider")) {
		if (!quiet) await writeText(context.stderr, "remote file exists\n");
		return 0;
	}
	const name = values.get("O") ?? (baseName(target.path.split("?")[0] ?? "") || "index.html");
	if (name === "-") {
		if (!quiet) await writeText(context.stderr, "writing to stdout\n");
		await context.stdout.write(response.body);
		if (!quiet) await writeText(context.stderr, `${progress("-", response)}written to stdout\n`);
		return 0;
	}
	if (!quiet) await writeText(context.stderr, `saving to '${name}'\n`);
	context.files.writeFile(resolvePath(context.cwd, name), response.body);
	if (!quiet) await writeText(context.stderr, `${progress(name, response)}'${name}' saved\n`);
	return 0;
}

function progress(name: string, { body }: ClientResponse): string {
	return `${name.padEnd(20)} 100% |********************************| ${String(body.byteLength).padStart(5)}  0:00:00 ETA\n`;
}

function headersOf(lines: readonly string[]): Record<string, string> {
	return Object.fromEntries(lines.map((line) => [line.split(":")[0]?.trim() ?? "", line.slice(line.indexOf(":") + 1).trim()]));
}

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
	]);
	const has = (letter: string, long: string) => options.flags.has(letter) || options.flags.has(long);
	const url = options.operands[0] ?? "";
	const fail = async (code: number, text: string) => {
		if (!has("s", "silent") || has("S", "show-error")) await writeText(context.stderr, `curl: (${code}) ${text}\n`);
		return code;
	};
	let target = parseUrl(url);
	if (target === undefined || url === "") {
		await writeText(context.stderr, "curl: (2) no URL specified\n");
		return 2;
	}
	if (target.scheme !== "http") return fail(1, `Protocol "${target.scheme}" not supported by the simulated curl`);
	try {
		let response = await curlRequest(context, target, options);
		for (let hops = 0; has("L", "location") && response.status >= 300 && response.status < 400 && hops < maxRedirects; hops++) {
			const location = response.headers.get("location");
			if (location === undefined) break;
			target = location.startsWith("/") ? { ...target, path: location } : (parseUrl(location) ?? target);
			response = await curlRequest(context, target, options);
		}
		if (has("f", "fail") && response.status >= 400) return await fail(22, `The requested URL returned error: ${response.status}`);
		await printResponse(context, target, response, options);
		return 0;
	} catch (error) {
		const failure = curlFailure(error, target, options);
		await writeOut(context, options, 0);
		return await fail(...failure);
	}
};

function curlRequest(context: ProcessContext, target: Target, { flags, values, lists }: ParsedOptions): Promise<ClientResponse> {
	const data = [...(lists.get("d") ?? []), ...(lists.get("data") ?? [])];
	const seconds = values.get("m") ?? values.get("max-time") ?? values.get("connect-timeout");
	const method =
		values.get("X") ?? values.get("request") ?? (flags.has("I") || flags.has("head") ? "HEAD" : data.length > 0 ? "POST" : "GET");
	return request(context, target, {
		method,
		headers: {
			"User-Agent": values.get("A") ?? "curl/8.14.1",
			Accept: "*/*",
			...(data.length > 0 ? { "Content-Type": "application/x-www-form-urlencoded" } : {}),
			...headersOf([...(lists.get("H") ?? []), ...(lists.get("header") ?? [])]),
		},
		...(data.length > 0 ? { body: Buffer.from(data.join("&")) } : {}),
		limitMs: seconds === undefined ? undefined : Number(seconds) * 1000,
	});
}

function curlFailure(error: unknown, { host, port }: Target, { values }: ParsedOptions): readonly [code: number, text: string] {
	if (error instanceof HttpError) return [52, "Empty reply from server"];
	if (!(error instanceof NetworkError)) throw error;
	const limit = values.get("m") ?? values.get("max-time") ?? values.get("connect-timeout");
	switch (error.code) {
		case "ENOTFOUND":
			return [6, `Could not resolve host: ${host}`];
		case "ETIMEDOUT":
			return [28, `Connection timed out after ${Number(limit) * 1000} milliseconds`];
		case "EHOSTUNREACH":
			return [7, `Failed to connect to ${host} port ${port} after 0 ms: No route to host`];
		default:
			return [7, `Failed to connect to ${host} port ${port} after 0 ms: Could not connect to server`];
	}
}

async function printResponse(context: ProcessContext, target: Target, response: ClientResponse, options: ParsedOptions): Promise<void> {
	const { flags, values } = options;
	const withHead = ["i", "include", "I", "head"].some((name) => flags.has(name));
	const head = [
		`HTTP/1.1 ${response.status} ${response.statusText}`,
		...[...response.headers].map(([name, value]) => `${titled(name)}: ${value}`),
		"",
		"",
	].join("\r\n");
	if (flags.has("v") || flags.has("verbose")) {
		await writeText(
			context.stderr,
			`* Connected to ${target.host} port ${target.port}\n> GET ${target.path} HTTP/1.1\n> Host: ${target.host}\n> \n${head.trimEnd().replace(/^/gm, "< ")}\n< \n`,
		);
	}
	const body = withHead ? Buffer.concat([Buffer.from(head), response.body]) : response.body;
	const file = values.get("o") ?? values.get("output");
	if (file === undefined) await context.stdout.write(body);
	else if (file !== "/dev/null") context.files.writeFile(resolvePath(context.cwd, file), body);
	await writeOut(context, options, response.status);
}

/** What `-w` asks for. @param status 0: there was no answer */
async function writeOut({ stdout }: ProcessContext, { values }: ParsedOptions, status: number): Promise<void> {
	const format = values.get("w") ?? values.get("write-out");
	if (format === undefined) return;
	const code = String(status).padStart(3, "0");
	await writeText(stdout, format.replaceAll(/%\{(?:http|response)_code\}/g, code).replaceAll("\\n", "\n"));
}

function titled(name: string): string {
	return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

export const nc: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "zvuw:nl:p:");
	const [host = "", port = ""] = operands;
	const seconds = values.get("w");
	try {
		const connection = await within(
			context,
			seconds === undefined ? undefined : Number(seconds) * 1000,
			context.machine.network.connect(host, Number(port)),
		);
		if (flags.has("v")) await writeText(context.stderr, `${host} (${connection.remoteAddress}:${port}) open\n`);
		if (flags.has("z")) {
			connection.destroy();
			return 0;
		}
		void (async () => {
			for (let chunk = await context.stdin.read(); chunk !== undefined; chunk = await context.stdin.read()) await connection.write(chunk);
			connection.end();
		})().catch(() => connection.destroy());
		for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) await context.stdout.write(chunk);
		return 0;
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		if (error.code === "ENOTFOUND") await writeText(context.stderr, `nc: bad address '${host}'\n`);
		else if (flags.has("v") || !flags.has("z")) await writeText(context.stderr, `nc: ${host} (${host}:${port}): ${error.message}\n`);
		return 1;
	}
};

/** What /etc/resolv.conf says. Source: resolv.conf(5). */
function resolverOf({ machine }: ProcessContext): { readonly server: string; readonly search: readonly string[] } {
	const text = machine.files.exists("/etc/resolv.conf") ? machine.files.readText("/etc/resolv.conf") : "";
	return {
		server: /^nameserver (\S+)/m.exec(text)?.[1] ?? "127.0.0.1",
		search: /^search (.*)/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [],
	};
}

/** Prints the name that was found in full, as the search list completes it. */
export const nslookup: Program = async (context) => {
	const name = context.argv.slice(1).find((arg) => !arg.startsWith("-")) ?? "";
	const { server, search } = resolverOf(context);
	await writeText(context.stdout, `Server:\t\t${server}\nAddress:\t${server}:53\n\n`);
	const candidates = name.endsWith(".") || isIpv4(name) ? [name] : [...search.map((domain) => `${name}.${domain}`), name];
	for (const candidate of candidates) {
		try {
			const addresses = await context.machine.network.resolve(candidate);
			const found = candidate.replace(/\.$/, "");
			await writeText(context.stdout, `${addresses.map((address) => `Name:\t${found}\nAddress: ${address}\n`).join("")}\n`);
			return 0;
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
		}
	}
	await writeText(context.stdout, `** server can't find ${name}: NXDOMAIN\n\n`);
	return 1;
};

/** What `curl` prints, as the transfer goes on: the answer, what `-i` and `-v` add, what `-w` asks for, and what went wrong. */
import type { X509Certificate } from "node:crypto";
import type { ProcessContext } from "../../machine.ts";
import { type ClientRequest, CutOffError, HttpError, type ResponseHead } from "../../net/http.ts";
import { NetworkError } from "../../net/network.ts";
import { type Distrust, NotTlsError } from "../../net/tls.ts";
import { type OutputStream, writeText } from "../../stream.ts";
import { resolvePath } from "../../vfs/path.ts";
import type { Limit, Target } from "./transfer.ts";

/** What is being fetched, and how far that has come. */
export interface Transfer {
	target: Target;
	readonly startMs: number;
	phase: "resolving" | "connecting" | "connected";
	limit: Limit;
	address?: string;
	/** Of the last answer; undefined: none has begun. */
	status?: number;
	/** Of its body. */
	receivedBytes: number;
}

/** It ends with this exit code, and says so. */
export class CurlError extends Error {
	readonly exitCode: number;

	constructor(exitCode: number, message: string) {
		super(message);
		this.exitCode = exitCode;
	}
}

/** What is wanted of the report, by curl's letters. */
export interface ReportOptions {
	has(letter: string): boolean;
	value(letter: string): string | undefined;
}

export class Report {
	readonly #context: ProcessContext;
	readonly #options: ReportOptions;
	readonly #transfer: Transfer;
	readonly #output: string | undefined;
	/** For a file: it is written when all is there. */
	readonly #parts: Uint8Array[] = [];

	constructor(context: ProcessContext, options: ReportOptions, transfer: Transfer) {
		this.#context = context;
		this.#options = options;
		this.#transfer = transfer;
		this.#output = options.value("o");
	}

	trying(): Promise<void> {
		return this.#note(`*   Trying ${this.#transfer.address}:${this.#transfer.target.port}...\n`);
	}

	async shown(certificate: X509Certificate | undefined, distrust: Distrust | undefined): Promise<void> {
		if (certificate === undefined || (distrust !== undefined && !this.#options.has("k"))) return;
		const { subject, issuer, validFrom, validTo } = certificate;
		const verdict =
			distrust === undefined ? "SSL certificate verify ok." : `SSL certificate verify result: ${distrust}, continuing anyway.`;
		const facts = [
			`subject: ${lined(subject)}`,
			`start date: ${validFrom}`,
			`expire date: ${validTo}`,
			`issuer: ${lined(issuer)}`,
			verdict,
		];
		await this.#note(["Server certificate:", ...facts.map((fact) => ` ${fact}`)].map((line) => `* ${line}\n`).join(""));
	}

	connected(): Promise<void> {
		const { target, address } = this.#transfer;
		return this.#note(`* Connected to ${target.host} (${address}) port ${target.port}\n`);
	}

	asked({ method = "GET", target, host, port, usualPort, headers = {} }: ClientRequest): Promise<void> {
		const all = Object.entries({ Host: port === usualPort ? host : `${host}:${port}`, ...headers });
		const lines = [`${method} ${target} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`), ""];
		return this.#note(`${lines.map((line) => `> ${line}\n`).join("")}* Request completely sent off\n`);
	}

	async answered(response: ResponseHead): Promise<void> {
		const { status, statusText, headers } = response;
		const lines = [`HTTP/1.1 ${status} ${statusText}`, ...[...headers].map(([name, value]) => `${titled(name)}: ${value}`), ""];
		await this.#note(lines.map((line) => `< ${line}\n`).join(""));
		if (this.#options.has("i") || this.#options.has("I")) await this.body(Buffer.from(`${lines.join("\r\n")}\r\n`));
	}

	async body(bytes: Uint8Array): Promise<void> {
		if (this.#output === undefined || this.#output === "-") await this.#context.stdout.write(bytes);
		else if (this.#output !== "/dev/null") this.#parts.push(bytes);
	}

	/** Writes the file that the answer is for. */
	save(): void {
		const output = this.#output;
		if (output === undefined || output === "-" || output === "/dev/null") return;
		this.#context.files.writeFile(resolvePath(this.#context.cwd, output), Buffer.concat(this.#parts));
	}

	/** What `-w` asks for. @param status 0: there was no answer */
	async end(status: number): Promise<void> {
		const format = this.#options.value("w");
		if (format === undefined) return;
		const { address, target, receivedBytes, startMs } = this.#transfer;
		const isAnswered = status !== 0;
		const seconds = isAnswered ? (this.#context.machine.clock.now() - startMs) / 1000 : 0;
		const code = String(status).padStart(3, "0");
		const variables: Readonly<Record<string, string>> = {
			http_code: code,
			response_code: code,
			size_download: String(receivedBytes),
			time_total: seconds.toFixed(6),
			remote_ip: isAnswered ? (address ?? "") : "",
			remote_port: String(isAnswered ? target.port : 0),
			num_connects: isAnswered ? "1" : "0",
		};
		const text = format.replaceAll(/%\{(\w+)\}/g, (whole, name: string) => variables[name] ?? whole);
		await writeText(this.#context.stdout, text.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
	}

	async #note(text: string): Promise<void> {
		const stderr: OutputStream = this.#context.stderr;
		if (this.#options.has("v")) await writeText(stderr, text);
	}
}

/** @param afterMs since the transfer began */
export function curlFailure(error: unknown, transfer: Transfer, afterMs: number): readonly [code: number, text: string] {
	const { host, port } = transfer.target;
	if (error instanceof CurlError) return [error.exitCode, error.message];
	if (transfer.limit.hasExpired) {
		const what = { resolving: "Resolving", connecting: "Connection", connected: "Operation" }[transfer.phase];
		const received = transfer.phase === "connected" ? ` with ${transfer.receivedBytes} bytes received` : "";
		return [28, `${what} timed out after ${afterMs} milliseconds${received}`];
	}
	if (error instanceof NotTlsError) return [35, "TLS connect error: error:0A0000C6:SSL routines::packet length too long"];
	if (error instanceof CutOffError) return [18, error.message];
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

/** `CN=a\nO=b`, as Node has it, as curl has it. */
function lined(name: string): string {
	return name.split("\n").join("; ");
}

function titled(name: string): string {
	return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** RESP2, the protocol of redis: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
import type { Connection } from "../../host/index.ts";

/** An error reply. */
export class RespError extends Error {}

/** null is the nil bulk string; a status is a simple string. */
export type Reply = null | string | number | RespError | { readonly status: string } | readonly Reply[];

/** A command or reply over this is refused. */
const maxMessageBytes = 8 * 1024 * 1024;

export function encodeCommand(words: readonly string[]): Uint8Array {
	return Buffer.from(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
}

export function encodeReply(reply: Reply): Uint8Array {
	return Buffer.from(replyText(reply));
}

function replyText(reply: Reply): string {
	if (reply === null) return "$-1\r\n";
	if (typeof reply === "string") return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
	if (typeof reply === "number") return `:${reply}\r\n`;
	if (reply instanceof RespError) return `-${reply.message}\r\n`;
	if ("status" in reply) return `+${reply.status}\r\n`;
	return `*${reply.length}\r\n${reply.map(replyText).join("")}`;
}

/** Cuts a byte stream at lines and lengths. */
class ByteReader {
	readonly #connection: Connection;
	#buffer: Buffer = Buffer.alloc(0);

	constructor(connection: Connection) {
		this.#connection = connection;
	}

	/** Undefined at the end of the stream. */
	async line(): Promise<string | undefined> {
		let end = this.#buffer.indexOf("\n");
		while (end === -1) {
			if (!(await this.#more())) return undefined;
			end = this.#buffer.indexOf("\n");
		}
		return this.#take(end + 1)
			.toString()
			.replace(/\r?\n$/, "");
	}

	async bytes(length: number): Promise<string> {
		if (length > maxMessageBytes) throw new RespError("ERR Protocol error: invalid bulk length");
		while (this.#buffer.length < length + 2) if (!(await this.#more())) throw new RespError("ERR Protocol error: unexpected EOF");
		const text = this.#take(length).toString();
		this.#take(2);
		return text;
	}

	async #more(): Promise<boolean> {
		const chunk = await this.#connection.read();
		if (chunk === undefined || this.#buffer.length > maxMessageBytes) return false;
		this.#buffer = Buffer.concat([this.#buffer, chunk]);
		return true;
	}

	#take(length: number): Buffer {
		const taken = this.#buffer.subarray(0, length);
		this.#buffer = this.#buffer.subarray(length);
		return taken;
	}
}

export class RespReader {
	readonly #bytes: ByteReader;

	constructor(connection: Connection) {
		this.#bytes = new ByteReader(connection);
	}

	/** The words of the next command, sent as an array or as an inline line; undefined at the end. */
	async readCommand(): Promise<readonly string[] | undefined> {
		const line = await this.#bytes.line();
		if (line === undefined) return undefined;
		if (!line.startsWith("*")) return line.trim().split(/\s+/);
		const words: string[] = [];
		for (let count = Number(line.slice(1)); count > 0; count--) {
			const head = await this.#bytes.line();
			if (head === undefined) return undefined;
			words.push(await this.#bytes.bytes(Number(head.slice(1))));
		}
		return words;
	}
}

export class ReplyReader {
	readonly #bytes: ByteReader;

	constructor(connection: Connection) {
		this.#bytes = new ByteReader(connection);
	}

	async read(): Promise<Reply> {
		const line = await this.#bytes.line();
		const rest = line?.slice(1) ?? "";
		switch (line?.charAt(0)) {
			case "+":
				return { status: rest };
			case "-":
				return new RespError(rest);
			case ":":
				return Number(rest);
			case "$":
				return Number(rest) < 0 ? null : this.#bytes.bytes(Number(rest));
			case "*": {
				const items: Reply[] = [];
				for (let count = Number(rest); count > 0; count--) items.push(await this.read());
				return items;
			}
			default:
				return new RespError("Error: Server closed the connection");
		}
	}
}

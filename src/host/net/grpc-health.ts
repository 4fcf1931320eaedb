/**
 * gRPC's health checking, both ends, on simulated connections: as much of HTTP/2 as one call needs. Header fields are written as literals
 * without Huffman coding and read in that form only, so simulated programs and the kubelet understand each other, and a foreign client
 * (grpcurl behind a port-forward) is sent away with COMPRESSION_ERROR. Not simulated: Watch, TLS, several calls on one connection at once.
 * Source: RFC 9113, RFC 7541; https://github.com/grpc/grpc/blob/master/doc/health-checking.md and PROTOCOL-HTTP2.md
 */
import type { Connection, ConnectionHandler } from "./network.ts";

export type HealthStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

const statuses: readonly HealthStatus[] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const checkPath = "/grpc.health.v1.Health/Check";
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const frameTypes = { data: 0, headers: 1, settings: 4, ping: 6, goAway: 7 } as const;
const endStream = 1;
const endHeaders = 4;
const acknowledged = 1;
const compressionError = 9;
/** Of gRPC. */
const codes = { notFound: 5, unimplemented: 12 } as const;
const codeNames: Readonly<Record<number, string>> = { [codes.notFound]: "NotFound" };
/** Settings allow no larger frame. */
const maxFrameBytes = 16_384;

export type HealthAnswer =
	| { readonly type: "status"; readonly status: HealthStatus }
	/** The server has no such service. */
	| { readonly type: "unimplemented"; readonly message: string }
	| { readonly type: "error"; readonly code: string; readonly message: string }
	/** The other end does not speak HTTP/2. */
	| { readonly type: "foreign" };

interface Frame {
	readonly type: number;
	readonly flags: number;
	readonly stream: number;
	readonly payload: Buffer;
}

type Fields = ReadonlyMap<string, string>;

/** Asks for the health of a service; "" is the server as a whole. @param authority `10.0.0.7:5000`. Rejects if the connection breaks */
export async function checkGrpcHealth(connection: Connection, authority: string, service: string): Promise<HealthAnswer> {
	const name = Buffer.from(service);
	const request = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
	const fields = new Map([
		[":method", "POST"],
		[":scheme", "http"],
		[":path", checkPath],
		[":authority", authority],
		["content-type", "application/grpc"],
		["te", "trailers"],
	]);
	await connection.write(
		Buffer.concat([
			preface,
			frame(frameTypes.settings, 0, 0),
			frame(frameTypes.headers, endHeaders, 1, encodeFields(fields)),
			frame(frameTypes.data, endStream, 1, message(request)),
		]),
	);
	const reader = new FrameReader(connection);
	let status: HealthStatus = "UNKNOWN";
	let isFirst = true;
	for (;;) {
		const next = await reader.read();
		if (next === undefined || (isFirst && next.type !== frameTypes.settings)) return { type: "foreign" };
		isFirst = false;
		if (next.type === frameTypes.settings && (next.flags & acknowledged) === 0)
			await connection.write(frame(frameTypes.settings, acknowledged, 0));
		if (next.type === frameTypes.data) status = statuses[next.payload[6] ?? 0] ?? "UNKNOWN";
		if (next.type !== frameTypes.headers || (next.flags & endStream) === 0) continue;
		const trailers = decodeFields(next.payload);
		const code = Number(trailers?.get("grpc-status") ?? 2);
		const text = decodeURIComponent(trailers?.get("grpc-message") ?? "");
		if (code === 0) return { type: "status", status };
		return code === codes.unimplemented
			? { type: "unimplemented", message: text }
			: { type: "error", code: codeNames[code] ?? "Unknown", message: text };
	}
}

/** Serves health checks. @param statusOf undefined: there is no such service */
export function grpcHealthServer(statusOf: (service: string) => HealthStatus | undefined): ConnectionHandler {
	return async (connection) => {
		const reader = new FrameReader(connection);
		if (!(await reader.skip(preface))) return;
		await connection.write(frame(frameTypes.settings, 0, 0));
		const paths = new Map<number, string>();
		for (let next = await reader.read(); next !== undefined; next = await reader.read()) {
			const { type, flags, stream, payload } = next;
			if (type === frameTypes.settings && (flags & acknowledged) === 0) await connection.write(frame(frameTypes.settings, acknowledged, 0));
			else if (type === frameTypes.ping && (flags & acknowledged) === 0)
				await connection.write(frame(frameTypes.ping, acknowledged, 0, payload));
			else if (type === frameTypes.headers) {
				const fields = decodeFields(payload);
				if (fields === undefined) {
					const last = Buffer.alloc(8);
					last.writeUInt32BE(compressionError, 4);
					await connection.write(frame(frameTypes.goAway, 0, 0, last));
					return;
				}
				paths.set(stream, fields.get(":path") ?? "");
			} else if (type === frameTypes.data && (flags & endStream) !== 0) {
				await connection.write(answer(stream, paths.get(stream) ?? "", payload, statusOf));
				paths.delete(stream);
			}
		}
	};
}

function answer(stream: number, path: string, body: Buffer, statusOf: (service: string) => HealthStatus | undefined): Buffer {
	const [, service = "", method = ""] = path.split("/");
	const head = frame(
		frameTypes.headers,
		endHeaders,
		stream,
		encodeFields(
			new Map([
				[":status", "200"],
				["content-type", "application/grpc"],
			]),
		),
	);
	const end = (code: number, text = "") =>
		frame(
			frameTypes.headers,
			endHeaders | endStream,
			stream,
			encodeFields(new Map([["grpc-status", String(code)], ...(text === "" ? [] : [["grpc-message", encodeURIComponent(text)] as const])])),
		);
	if (service !== "grpc.health.v1.Health") return Buffer.concat([head, end(codes.unimplemented, `unknown service ${service}`)]);
	if (path !== checkPath) return Buffer.concat([head, end(codes.unimplemented, `unknown method ${method} for service ${service}`)]);
	const status = statusOf(body.subarray(7).toString());
	if (status === undefined) return Buffer.concat([head, end(codes.notFound, "unknown service")]);
	const reply = Buffer.from([0x08, statuses.indexOf(status)]);
	return Buffer.concat([head, frame(frameTypes.data, 0, stream, message(reply)), end(0)]);
}

/** A message of gRPC: not compressed, with its length. */
function message(bytes: Buffer): Buffer {
	const head = Buffer.alloc(5);
	head.writeUInt32BE(bytes.length, 1);
	return Buffer.concat([head, bytes]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
	const head = Buffer.alloc(9);
	head.writeUIntBE(payload.length, 0, 3);
	head[3] = type;
	head[4] = flags;
	head.writeUInt32BE(stream, 5);
	return Buffer.concat([head, payload]);
}

function encodeFields(fields: Fields): Buffer {
	const parts: Buffer[] = [];
	for (const [name, value] of fields) parts.push(Buffer.from([0]), encodeText(name), encodeText(value));
	return Buffer.concat(parts);
}

/** A string of at most 126 bytes. */
function encodeText(text: string): Buffer {
	const bytes = Buffer.from(text).subarray(0, 126);
	return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** Undefined: in a form that is not read here. */
function decodeFields(bytes: Buffer): Fields | undefined {
	const fields = new Map<string, string>();
	for (let at = 0; at < bytes.length; ) {
		const [kind = 1, nameBytes = 0x80] = bytes.subarray(at, at + 2);
		const valueAt = at + 2 + nameBytes;
		const valueBytes = bytes[valueAt] ?? 0x80;
		if (kind !== 0 || nameBytes > 126 || valueBytes > 126) return undefined;
		at = valueAt + 1 + valueBytes;
		fields.set(bytes.subarray(valueAt - nameBytes, valueAt).toString(), bytes.subarray(valueAt + 1, at).toString());
	}
	return fields;
}

/** Cuts frames out of a byte stream. */
class FrameReader {
	readonly #connection: Connection;
	#buffer: Buffer = Buffer.alloc(0);

	constructor(connection: Connection) {
		this.#connection = connection;
	}

	/** Whether the stream begins with these bytes, which are then gone. */
	async skip(expected: Buffer): Promise<boolean> {
		return (await this.#take(expected.length))?.equals(expected) === true;
	}

	/** Undefined at the end, and after what is no frame. */
	async read(): Promise<Frame | undefined> {
		const head = await this.#take(9);
		const length = head?.readUIntBE(0, 3) ?? Number.POSITIVE_INFINITY;
		if (head === undefined || length > maxFrameBytes) return undefined;
		const payload = await this.#take(length);
		return payload === undefined ? undefined : { type: head[3] ?? 0, flags: head[4] ?? 0, stream: head.readUInt32BE(5), payload };
	}

	async #take(bytes: number): Promise<Buffer | undefined> {
		while (this.#buffer.length < bytes) {
			const chunk = await this.#connection.read();
			if (chunk === undefined) return undefined;
			this.#buffer = Buffer.concat([this.#buffer, chunk]);
		}
		const taken = this.#buffer.subarray(0, bytes);
		this.#buffer = this.#buffer.subarray(bytes);
		return taken;
	}
}

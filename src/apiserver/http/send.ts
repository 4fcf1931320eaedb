/**
 * Sends answers: small ones whole, with their length; large ones in pieces as the client takes them, gzipped if it
 * accepts that.
 * Source: k8s.io/apiserver/pkg/endpoints/handlers/responsewriters (gzip above 128 KiB, level 1).
 */
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Answer } from "./answer.ts";
import { acceptsGzip } from "./media-types.ts";

/** Answers of more than this are gzipped for who accepts it, and sent in pieces. */
const wholeAnswerBytes = 128 * 1024;

/** Sends `answer` as the body of `reply`. */
export async function sendAnswer(reply: FastifyReply, code: number, answer: Answer): Promise<FastifyReply> {
	const iterator = answer.pieces[Symbol.iterator]();
	const start = takeBytes(iterator, wholeAnswerBytes + 1);
	reply.code(code).header("content-type", answer.contentType);
	if (start.length <= wholeAnswerBytes) return reply.send(start);
	const body = Readable.from(counted(reply.request, chunks(start, iterator)), { objectMode: false });
	if (!acceptsGzip(reply.request.headers["accept-encoding"])) return reply.send(body);
	const { createGzip } = await import("node:zlib");
	reply.header("content-encoding", "gzip").header("vary", "Accept-Encoding");
	return reply.send(body.pipe(createGzip({ level: 1 })));
}

/** Adds up what is sent: an answer in pieces has no length beforehand. */
function* counted(request: FastifyRequest, pieces: Iterable<Buffer>): Generator<Buffer> {
	for (const piece of pieces) {
		request.sentBytes += piece.length;
		yield piece;
	}
}

function* chunks(start: Buffer, rest: Iterator<Buffer | string>): Generator<Buffer> {
	yield start;
	for (;;) {
		const chunk = takeBytes(rest, wholeAnswerBytes);
		if (chunk.length === 0) return;
		yield chunk;
	}
}

/** Joins pieces until there are at least `count` bytes, or no more pieces. */
function takeBytes(pieces: Iterator<Buffer | string>, count: number): Buffer {
	const taken: Buffer[] = [];
	let sizeBytes = 0;
	while (sizeBytes < count) {
		const next = pieces.next();
		if (next.done === true) break;
		const piece = typeof next.value === "string" ? Buffer.from(next.value) : next.value;
		taken.push(piece);
		sizeBytes += piece.length;
	}
	const [only] = taken;
	return taken.length === 1 && only !== undefined ? only : Buffer.concat(taken, sizeBytes);
}

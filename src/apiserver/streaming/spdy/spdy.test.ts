import { duplexPair } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readText } from "../byte-queue.ts";
import { headerDictionary } from "./dictionary.ts";
import { controlFrame, controlTypes, dataFrame, type Frame, FrameParser, flagFin, words } from "./frames.ts";
import { HeaderCodec, type Headers } from "./headers.ts";
import { SpdySession, type SpdyStream } from "./session.ts";

test("the dictionary is the protocol's, to the byte", () => {
	expect(headerDictionary.length).toBe(1423);
	// Adler-32 of the dictionary, which every header block names: draft 3 gives 0xe3c6a7c2.
	let a = 1;
	let b = 0;
	for (const byte of headerDictionary) {
		a = (a + byte) % 65521;
		b = (b + a) % 65521;
	}
	expect((((b << 16) | a) >>> 0).toString(16)).toBe("e3c6a7c2");
});

test("frames survive any cutting of the stream", () => {
	const frame = fc.oneof(
		fc.record({
			form: fc.constant("data" as const),
			stream: fc.integer({ min: 0, max: 0x7fff_ffff }),
			flags: fc.nat(255),
			payload: fc.uint8Array(),
		}),
		fc.record({ form: fc.constant("control" as const), type: fc.nat(0xffff), flags: fc.nat(255), payload: fc.uint8Array() }),
	);
	fc.assert(
		fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 20 })), (frames, cuts) => {
			const stream = Buffer.concat(
				frames.map((item) =>
					item.form === "data" ? dataFrame(item.stream, item.flags, item.payload) : controlFrame(item.type, item.flags, item.payload),
				),
			);
			const parser = new FrameParser();
			const parsed: Frame[] = [];
			for (let offset = 0, turn = 0; offset < stream.length; turn++) {
				const size = cuts[turn % Math.max(cuts.length, 1)] ?? stream.length;
				parsed.push(...parser.push(stream.subarray(offset, offset + size)));
				offset += size;
			}
			expect(parsed).toEqual(frames.map((item) => ({ ...item, payload: Buffer.from(item.payload) })));
		}),
	);
});

test("a frame of another version, or an endless one, is refused", () => {
	expect(() => [...new FrameParser().push(dataFrame(1, 0, Buffer.alloc(2 * 1024 * 1024)))]).toThrow(
		"SPDY frame of 2097152 bytes is too large",
	);
	const other = controlFrame(1, 0, Buffer.alloc(0));
	other.writeUInt16BE(0x8002, 0);
	expect(() => [...new FrameParser().push(other)]).toThrow("SPDY version 2 is not supported");
});

test("header blocks share one compression context", async () => {
	const [sender, receiver] = [new HeaderCodec(), new HeaderCodec()];
	const blocks: Headers[] = [
		new Map([
			["streamtype", ["error"]],
			["port", ["80"]],
		]),
		new Map([
			["streamtype", ["data"]],
			["port", ["80"]],
			["x", ["a", "b"]],
		]),
		new Map(),
	];
	for (const headers of blocks) expect(await receiver.decode(await sender.encode(headers))).toEqual(headers);
	await expect(receiver.decode(Buffer.from("nonsense"))).rejects.toThrow();
	sender.close();
	receiver.close();
});

/** A client on the other end of a connection, frame by frame. */
function connect(onStream: (stream: SpdyStream) => void) {
	const [ours, theirs] = duplexPair();
	const session = new SpdySession(theirs, onStream);
	const running = session.run();
	const codec = new HeaderCodec();
	const parser = new FrameParser();
	const received: Frame[] = [];
	ours.on("data", (chunk: Buffer) => received.push(...parser.push(chunk)));
	const open = async (id: number, headers: Headers, flags = 0) => {
		ours.write(controlFrame(controlTypes.synStream, flags, Buffer.concat([words(id, 0), Buffer.alloc(2), await codec.encode(headers)])));
	};
	/** Waits for a frame that fits. */
	const expectFrame = async (fits: (frame: Frame) => boolean): Promise<Frame> => {
		for (;;) {
			const found = received.find(fits);
			if (found !== undefined) return found;
			await new Promise(setImmediate);
		}
	};
	return { connection: ours, session, running, open, expectFrame, codec };
}

test("a stream: accepted, read to its end, answered and ended", async () => {
	const { connection, session, running, open, expectFrame, codec } = connect(async (stream) => {
		await stream.write(Buffer.from(`${stream.header("streamtype")}: ${await readText(stream.input)}`));
		await stream.end();
	});
	await open(1, new Map([["streamtype", ["stdin"]]]));
	const reply = await expectFrame((frame) => frame.form === "control" && frame.type === controlTypes.synReply);
	expect(reply.payload.readUInt32BE(0)).toBe(1);
	expect(await codec.decode(reply.payload.subarray(4))).toEqual(new Map());
	connection.write(dataFrame(1, 0, Buffer.from("hel")));
	connection.write(dataFrame(1, flagFin, Buffer.from("lo")));
	expect((await expectFrame((frame) => frame.form === "data")).payload.toString()).toBe("stdin: hello");
	await expectFrame((frame) => frame.form === "data" && frame.flags === flagFin);
	connection.write(controlFrame(controlTypes.ping, 0, words(7)));
	await expectFrame((frame) => frame.form === "control" && frame.type === controlTypes.ping && frame.payload.readUInt32BE(0) === 7);
	await session.close();
	await expectFrame((frame) => frame.form === "control" && frame.type === controlTypes.goAway && frame.payload.readUInt32BE(0) === 1);
	connection.end();
	await running;
});

test("data of an unknown stream is reset, and a broken connection ends every stream", async () => {
	const texts: string[] = [];
	const { connection, running, open, expectFrame } = connect(async (stream) => {
		texts.push(await readText(stream.input));
	});
	connection.write(dataFrame(9, 0, Buffer.from("x")));
	const reset = await expectFrame((frame) => frame.form === "control" && frame.type === controlTypes.rstStream);
	expect([reset.payload.readUInt32BE(0), reset.payload.readUInt32BE(4)]).toEqual([9, 2]);
	await open(1, new Map());
	await expectFrame((frame) => frame.form === "control" && frame.type === controlTypes.synReply);
	connection.write(dataFrame(1, 0, Buffer.from("half")));
	connection.end();
	await running;
	await new Promise(setImmediate);
	expect(texts).toEqual(["half"]);
});

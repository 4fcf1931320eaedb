import fc from "fast-check";
import { expect, test } from "vitest";
import { type Entry, type Message, membershipOf } from "../raft/index.ts";
import { encodeMessage, MalformedMessageError, MessageReader } from "./message-codec.ts";

const number = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const addressed = { from: fc.constant("a"), to: fc.constant("b") };
const data = fc.uint8Array({ maxLength: 300 });
const context = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));
const change = fc.record({
	type: fc.constant("change" as const),
	transition: fc.constantFrom("auto" as const, "jointImplicit" as const),
	changes: fc.array(fc.record({ type: fc.constantFrom("addVoter" as const, "remove" as const), id: fc.constant("c") })),
	context,
});
const entries = fc.tuple(fc.nat(1000), fc.array(fc.oneof(data, change), { maxLength: 5 })).map(([first, list]) =>
	list.map((item, offset): Entry => {
		const place = { term: 3, index: first + offset };
		return item instanceof Uint8Array ? { ...place, type: "normal", data: item } : { ...place, type: "config", change: item };
	}),
);
const position = fc.record({ term: number, index: number });
const messages = fc.oneof(
	fc.record({ type: fc.constant("append"), ...addressed, term: number, previous: position, entries, commit: number }),
	fc.record({ type: fc.constant("heartbeat"), ...addressed, term: number, commit: number, readSequence: number }),
	fc.record({ type: fc.constant("vote"), ...addressed, term: number, last: position, transfer: fc.boolean() }),
	fc.record({ type: fc.constant("propose"), ...addressed, proposal: fc.record({ type: fc.constant("normal"), data }) }),
	fc.record({ type: fc.constant("propose"), ...addressed, proposal: fc.record({ type: fc.constant("config"), change }) }),
	fc.record({ type: fc.constant("readIndex"), ...addressed, context: fc.string() }),
) as fc.Arbitrary<Message>;

test("messages come out as they went in, however the bytes are cut", () => {
	fc.assert(
		fc.property(fc.array(messages, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sent, cuts) => {
			const bytes = Buffer.concat(sent.map(encodeMessage));
			const reader = new MessageReader();
			const received: Message[] = [];
			for (let begin = 0, turn = 0; begin < bytes.length; turn++) {
				const end = begin + (cuts[turn % cuts.length] ?? 1);
				received.push(...reader.push(bytes.subarray(begin, end)));
				begin = end;
			}
			expect(received).toEqual(sent);
			expect(reader.rest.length).toBe(0);
		}),
	);
});

test("a snapshot's data stay behind its message", () => {
	const metadata = { term: 2, index: 7, membership: membershipOf(["a"]) };
	const message: Message = { type: "snapshot", from: "a", to: "b", term: 2, snapshot: { metadata, data: new Uint8Array() } };
	const reader = new MessageReader();
	expect(reader.push(Buffer.concat([encodeMessage(message), Buffer.from("the data")]))).toEqual([message]);
	expect(reader.rest.toString()).toBe("the data");
});

test("what is no message is refused, before much is waited for", () => {
	expect(() => new MessageReader().push(Buffer.from("GET / HTTP/1.1\r\n"))).toThrow(MalformedMessageError);
	expect(() => new MessageReader().push(Buffer.from([0, 0, 0, 4, 0, 0, 0, 9]))).toThrow(MalformedMessageError);
});

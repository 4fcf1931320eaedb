import { expect, test } from "vitest";
import { ByteQueue, readText } from "./byte-queue.ts";

const bytes = (text: string) => Buffer.from(text);

test("what is pushed comes out, in order, until the end", async () => {
	const queue = new ByteQueue();
	void queue.push(bytes("a"));
	const reading = readText(queue);
	await queue.push(bytes("b"));
	queue.end();
	void queue.push(bytes("late"));
	expect(await reading).toBe("ab");
});

test("a full queue holds the pusher until somebody reads", async () => {
	const queue = new ByteQueue();
	let isTaken = false;
	const pushing = queue.push(Buffer.alloc(2 * 1024 * 1024)).then(() => {
		isTaken = true;
	});
	await new Promise(setImmediate);
	expect(isTaken).toBe(false);
	const reader = queue[Symbol.asyncIterator]();
	await reader.next();
	await pushing;
	expect(isTaken).toBe(true);
});

test("a reader that goes away holds nobody", async () => {
	const queue = new ByteQueue();
	const reader = queue[Symbol.asyncIterator]();
	const first = reader.next();
	void queue.push(bytes("a"));
	await first;
	const stuck = queue.push(Buffer.alloc(2 * 1024 * 1024));
	await reader.return?.(undefined);
	await stuck;
});

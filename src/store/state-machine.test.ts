import { expect, test } from "vitest";
import { silentLog } from "../apimachinery/log.ts";
import { MemoryBackend } from "./backend/memory-backend.ts";
import { MvccState } from "./mvcc/state.ts";
import { StateMachine } from "./state-machine.ts";
import { CompactedError } from "./store.ts";

/** @param values put at revisions 2, 3 … */
async function machineWith(values: readonly string[]): Promise<StateMachine> {
	const machine = new StateMachine({ backend: new MemoryBackend(), state: new MvccState(), isBehindLog: true, log: silentLog });
	for (const value of values) await machine.execute({ type: "put", request: { key: "k", value: Buffer.from(value) } });
	return machine;
}

function listenTo(machine: StateMachine) {
	const heard: string[] = [];
	machine.watch(
		{ key: "k", startRevision: 2 },
		{
			onEvents: (events) => heard.push(...events.map(({ kv }) => `${kv.modRevision} ${Buffer.from(kv.value)}`)),
			onEnd: (error) => heard.push(`end: ${error?.message}`),
		},
	);
	return heard;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("watches go on at the machine that takes another's place, without gap or duplicate; reads wait for it", async () => {
	const old = await machineWith(["a", "b"]);
	const heard = listenTo(old);
	await turn();
	expect(heard).toEqual(["2 a", "3 b"]);
	const { promise, resolve } = Promise.withResolvers<StateMachine>();
	const replaced = old.replaceBy(() => promise);
	const read = old.range({ key: "k" });
	const late = listenTo(old);
	await turn();
	expect(late).toEqual([]);
	resolve(machineWith(["a", "b", "c", "d"]));
	const machine = await replaced;
	expect(Buffer.from((await read).kvs[0]?.value ?? []).toString()).toBe("d");
	await machine.execute({ type: "put", request: { key: "k", value: Buffer.from("e") } });
	await turn();
	expect(heard).toEqual(["2 a", "3 b", "4 c", "5 d", "6 e"]);
	expect(late).toEqual(heard);
});

test("what the new machine has no history of ends a watch as compacted", async () => {
	const old = await machineWith(["a"]);
	const heard = listenTo(old);
	await turn();
	await old.replaceBy(async () => {
		const machine = await machineWith(["a", "b", "c", "d"]);
		await machine.execute({ type: "compact", revision: 5 });
		return machine;
	});
	await turn();
	expect(heard).toEqual(["2 a", `end: ${new CompactedError(5).message}`]);
});

test("if there is no machine to take its place, watches and reads end with why", async () => {
	const old = await machineWith(["a"]);
	const heard = listenTo(old);
	await turn();
	const replaced = old.replaceBy(() => Promise.reject(new Error("disk full")));
	await expect(old.range({ key: "k" })).rejects.toThrow("disk full");
	await expect(replaced).rejects.toThrow("disk full");
	expect(heard).toEqual(["2 a", "end: disk full"]);
});

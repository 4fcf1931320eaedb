import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { StoreClosedError, StoreFailedError } from "../errors.ts";
import { createMemoryStore, type MaintainedStore, type StoreWatchSink } from "../index.ts";
import { FailoverStore } from "./failover-store.ts";

const clock = new VirtualClock();

/** A member that answers as told; `asked` counts its writes. */
async function member(failure?: Error) {
	const store = await createMemoryStore({ clock });
	const sinks: StoreWatchSink[] = [];
	const told = { asked: 0, sinks };
	const overrides: Partial<MaintainedStore> = {
		put: (request) => {
			told.asked++;
			return failure === undefined ? store.put(request) : Promise.reject(failure);
		},
		watch: (_, sink) => {
			sinks.push(sink);
			if (failure !== undefined) queueMicrotask(() => sink.onEnd(failure));
			return { cancel: () => undefined };
		},
	};
	const proxy = new Proxy(store, {
		get: (target, name) => {
			const value: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name, target);
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
	return { store: proxy as MaintainedStore, told };
}

function over(...members: readonly { readonly store: MaintainedStore }[]): FailoverStore {
	return new FailoverStore({ running: () => members.map(({ store }) => store), clock, close: async () => undefined });
}

const failed = new StoreFailedError("no space left on device");
const put = { key: "k", value: new Uint8Array() };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a watch ends with the failure of the only member, rather than asking it again and again", async () => {
	const only = await member(failed);
	const ends: unknown[] = [];
	over(only).watch({ key: "k" }, { onEvents: () => undefined, onEnd: (error) => ends.push(error) });
	await turn();
	expect(ends).toEqual([failed]);
	expect(only.told.sinks).toHaveLength(1);
});

test("a watch goes on at another member when one has failed, though nobody has stopped that one", async () => {
	const [broken, well] = [await member(failed), await member()];
	const ends: unknown[] = [];
	over(broken, well).watch({ key: "k" }, { onEvents: () => undefined, onEnd: (error) => ends.push(error) });
	await turn();
	expect(ends).toEqual([]);
	expect([broken.told.sinks.length, well.told.sinks.length]).toEqual([1, 1]);
});

test.each([
	["was not taken up by a member that is closed: it is asked again", new StoreClosedError(), 1],
	["may have been passed on by a member that failed: it is not asked again", failed, 0],
])("a write %s", async (_, failure, askedElsewhere) => {
	const [broken, well] = [await member(failure), await member()];
	const store = over(broken, well);
	const outcome = await store.put(put).catch((error: unknown) => error);
	expect(well.told.asked).toBe(askedElsewhere);
	if (askedElsewhere === 0) expect(outcome).toBe(failure);
	// The next one goes elsewhere in any case.
	await store.put(put);
	expect(broken.told.asked).toBe(1);
});

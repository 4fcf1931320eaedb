/**
 * The process that durability.test.ts kills: `node durability-writer.ts DIRECTORY ROUND`. Eight writers put keys of
 * their own, again and again, and delete them now and then; each answered write is reported as one line on stdout,
 * "KEY REVISION VALUE" or "KEY REVISION -" for a delete.
 */
import { writeSync } from "node:fs";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { openLevelStore } from "../index.ts";

const [directory = "", round = ""] = process.argv.slice(2);
const store = await openLevelStore({ directory, clock: new WallClock() });

async function write(key: string): Promise<never> {
	for (let count = 0; ; count++) {
		if (count % 5 === 4) {
			const { revision } = await store.deleteRange({ key });
			writeSync(1, `${key} ${revision} -\n`);
		} else {
			const value = `${round}/${count}`;
			const { revision } = await store.put({ key, value: Buffer.from(value) });
			writeSync(1, `${key} ${revision} ${value}\n`);
		}
		if (count % 40 === 39 && key === "k0") await store.compact(store.status().revision - 20);
	}
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => write(`k${writer}`)));

import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { createMemoryStore } from "../../store/index.ts";
import { encodeForStorage } from "../encoding.ts";
import { Cacher } from "./cacher.ts";

test("who observes is told once of each change, of caches from before and after", async () => {
	const clock = new VirtualClock();
	const store = await createMemoryStore({ clock });
	const cacher = new Cacher({ store, clock, log: silentLog, onLost: () => undefined });
	const told: string[] = [];
	cacher.cache("/registry/configmaps/");
	cacher.observe((prefix, { type }) => told.push(`${prefix} ${type}`));
	cacher.cache("/registry/secrets/");
	await cacher.start();
	for (const resource of ["configmaps", "secrets"]) {
		const value = encodeForStorage({ apiVersion: "v1", kind: "X", metadata: { namespace: "default", name: "a" } });
		await store.put({ key: `/registry/${resource}/default/a`, value });
	}
	await clock.advance(1);
	expect(told).toEqual(["/registry/configmaps/ ADDED", "/registry/secrets/ ADDED"]);
	await store.close();
});

import { expect, test } from "vitest";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { MemoryBackend } from "../backend/memory-backend.ts";
import type { Snapshot } from "../raft/index.ts";
import { idText } from "../roster.ts";
import { MemoryLog } from "./durable-log.ts";
import { LinkFaults } from "./link-faults.ts";
import { LocalNetwork } from "./local-network.ts";
import { usualLogLimits } from "./log-compactor.ts";
import { foundingIdentity } from "./member-identity.ts";
import { loadBackend } from "./member-storage.ts";
import { openMember } from "./open-member.ts";

class FullDiskLog extends MemoryLog {
	isClosed = false;

	override compact(): Promise<void> {
		return Promise.reject(new Error("no space left on device"));
	}

	override async close(): Promise<void> {
		this.isClosed = true;
	}
}

/** A member that is alone, and compacts its log with every command or two. */
async function openAlone(makeLog: (founding: Snapshot) => MemoryLog) {
	const clock = new WallClock();
	const random = new SeededRandom("compaction");
	const identity = foundingIdentity("default", [{ name: "default", peerUrls: ["http://localhost:2380"] }], "token");
	let log: MemoryLog | undefined;
	const opened = await openMember({
		identity,
		storage: {
			isImmediate: true,
			open: async (founding) => {
				log = makeLog(founding);
				return { ...(await loadBackend(new MemoryBackend())), log };
			},
			replace: () => Promise.reject(new Error("nobody sends a snapshot")),
		},
		transport: new LocalNetwork(clock, new LinkFaults(random)).transport(idText(identity.memberId)),
		clock,
		machineClock: clock,
		random,
		log: silentLog,
		logLimits: { ...usualLogLimits, compactEntries: 1 },
	});
	opened.replica.campaign();
	await opened.replica.whenReady();
	return { ...opened, log };
}

test("a compaction that fails ends the member, and its log is closed with it", async () => {
	const { store, replica, log } = await openAlone((founding) => new FullDiskLog(founding));
	await store.put({ key: "a", value: Buffer.from("1") });
	expect(await replica.ended).toContain("no space left on device");
	await expect(store.put({ key: "a", value: Buffer.from("2") })).rejects.toThrow("no space left on device");
	await store.close();
	expect((log as FullDiskLog).isClosed).toBe(true);
});

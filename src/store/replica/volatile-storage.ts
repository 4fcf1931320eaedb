/**
 * A member's storage in memory: outlives the member's stop, not the process.
 */
import { MemoryBackend } from "../backend/memory-backend.ts";
import type { Snapshot } from "../raft/index.ts";
import { snapshotMutations } from "../snapshot/restore.ts";
import { MemoryLog } from "./durable-log.ts";
import { type LoadedBackend, loadBackend, type MemberStorage, type OpenedStorage } from "./member-storage.ts";

export class VolatileStorage implements MemberStorage {
	readonly isImmediate = true;
	#backend = new MemoryBackend();
	#log: MemoryLog | undefined;

	async open(founding: Snapshot): Promise<OpenedStorage> {
		this.#log ??= new MemoryLog(founding);
		return { ...(await loadBackend(this.#backend)), log: this.#log };
	}

	async replace({ data, metadata: { index, term } }: Snapshot): Promise<LoadedBackend> {
		const backend = new MemoryBackend();
		await backend.write(snapshotMutations(data), { index, term });
		this.#backend = backend;
		return await loadBackend(backend);
	}
}

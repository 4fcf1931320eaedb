/**
 * A member's storage on a simulated disk: the log, down to its bytes, and the engine; each step of directory-storage.ts that
 * a crash can come after is a step here.
 */
import type { Random } from "../../../src/apimachinery/random.ts";
import { StoreCorruptError } from "../../../src/store/errors.ts";
import { LoadedLog, type Snapshot, type SnapshotMetadata, type StorageWrite } from "../../../src/store/raft/index.ts";
import type { DurableLog } from "../../../src/store/replica/durable-log.ts";
import {
	finishInstallation,
	type LoadedBackend,
	loadBackend,
	type MemberStorage,
	mismatchOf,
	type OpenedStorage,
} from "../../../src/store/replica/member-storage.ts";
import { snapshotMutations } from "../../../src/store/snapshot/restore.ts";
import { SimDisk } from "../world/sim-disk.ts";
import type { Timers } from "../world/timers.ts";
import { SimEngine } from "./sim-engine.ts";
import type { SimMachine } from "./sim-machine.ts";

/** What there is besides the machines that use it. */
export class SimStorage {
	readonly log: SimDisk;
	engine: SimEngine;
	/** Nothing can be written any more: the disk is full, say. */
	isBroken = false;
	/** Snapshots installed. */
	installed = 0;
	/** Logs compacted. */
	compacted = 0;
	#maxDelayMs = 5;
	readonly #random: Random;

	constructor(timers: Timers, random: Random, founding: Snapshot) {
		this.#random = random;
		this.log = new SimDisk(timers, random.fork("log"), founding);
		this.engine = new SimEngine(random);
	}

	/** Of a sync, and about that of an engine's trip to the disk. */
	set maxDelayMs(value: number) {
		this.#maxDelayMs = value;
		this.log.maxSyncMs = value;
		this.engine.maxDelayMs = Math.ceil(value / 2);
	}

	/** @param power whether it was the power that failed, and not only the process that ended. */
	crash(power: boolean): void {
		this.log.crash();
		if (power) this.engine.losePower();
		this.isBroken = false;
	}

	/** As `machine` sees it. */
	mount(machine: SimMachine): MemberStorage {
		return {
			open: async (): Promise<OpenedStorage> => {
				await machine.sleep(1);
				const loaded = await loadBackend(this.engine.open(machine, () => this.isBroken));
				const log = new SimLog(this, machine);
				await finishInstallation(this.engine.madeOf, log);
				const mismatch = mismatchOf(loaded.applied, log);
				if (mismatch !== undefined) throw new StoreCorruptError("simulated", mismatch);
				return { ...loaded, log };
			},
			isImmediate: false,
			replace: async (snapshot): Promise<LoadedBackend> => {
				await this.delay(machine);
				this.engine = new SimEngine(this.#random, snapshot.metadata, snapshotMutations(snapshot.data));
				this.engine.maxDelayMs = Math.ceil(this.#maxDelayMs / 2);
				this.installed++;
				await this.delay(machine);
				return await loadBackend(this.engine.open(machine, () => this.isBroken));
			},
		};
	}

	delay(machine: SimMachine): Promise<void> {
		return machine.sleep(this.#random.int(2 * this.#maxDelayMs + 1));
	}
}

/** raft/log-store.ts over a simulated file. */
class SimLog extends LoadedLog implements DurableLog {
	readonly #disk: SimStorage;
	readonly #machine: SimMachine;
	#isBusy = false;

	constructor(disk: SimStorage, machine: SimMachine) {
		super(disk.log.recover());
		this.#disk = disk;
		this.#machine = machine;
	}

	async save(write: StorageWrite): Promise<void> {
		await this.#exclusively(async () => {
			const machine = this.#machine;
			await new Promise<void>((resolve) => this.#disk.log.write(write, () => machine.do(resolve)));
			if (this.#disk.isBroken) throw new Error("no space left on device");
			this.storage.save(write);
		});
	}

	async compact(metadata: SnapshotMetadata, index: number): Promise<void> {
		await this.#exclusively(async () => {
			this.storage.setSnapshot({ metadata, data: new Uint8Array() });
			this.storage.compact(index);
			await this.#disk.delay(this.#machine);
			this.#disk.log.checkpoint(this.storage);
			this.#disk.compacted++;
			await this.#disk.delay(this.#machine);
		});
	}

	sizeBytes(): number {
		return this.#disk.log.sizeBytes;
	}

	async close(): Promise<void> {
		await this.#exclusively(async () => undefined);
	}

	async #exclusively(work: () => Promise<void>): Promise<void> {
		if (this.#isBusy) throw new Error("one write to the log at a time");
		this.#isBusy = true;
		try {
			await work();
		} finally {
			this.#isBusy = false;
		}
	}
}

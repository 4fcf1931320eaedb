/** One member of the simulated group: its disk, which lasts, and the store that runs on it, which does not. */
import type { VirtualClock } from "../../../src/apimachinery/clock/virtual-clock.ts";
import type { Logger } from "../../../src/apimachinery/log.ts";
import type { Random } from "../../../src/apimachinery/random.ts";
import type { MemberId } from "../../../src/store/raft/index.ts";
import type { LogLimits } from "../../../src/store/replica/log-compactor.ts";
import type { MemberIdentity } from "../../../src/store/replica/member-identity.ts";
import { foundingSnapshot, type OpenedMember, openMember } from "../../../src/store/replica/open-member.ts";
import { idText } from "../../../src/store/roster.ts";
import { SimMachine } from "./sim-machine.ts";
import { SimStorage } from "./sim-storage.ts";
import type { SimSwitch } from "./sim-transport.ts";

export interface SimHostOptions {
	readonly identity: MemberIdentity;
	readonly time: VirtualClock;
	readonly random: Random;
	readonly network: SimSwitch;
	readonly logLimits: LogLimits;
	readonly trace: (line: string) => void;
	/** It has started, or stopped, or follows another leader. */
	readonly changed: (host: SimHost) => void;
	/** What must never be. */
	readonly failed: (error: unknown) => void;
}

/** Of two ticks, and of an election, as etcd's relation of both, at half the time. */
const timing = { tickMs: 50, electionTicks: 5 };

export class SimHost {
	readonly id: MemberId;
	readonly name: string;
	readonly memberId: bigint;
	readonly disk: SimStorage;
	/** While it runs and serves. */
	member: OpenedMember | undefined;
	machine: SimMachine | undefined;
	/** It is no member any more. */
	isRemoved = false;
	starts = 0;
	/** Its disk broke while it ran, or it was told that it is no member: nothing it has is served any more. */
	hasFailed = false;
	readonly #options: SimHostOptions;
	readonly #random: Random;

	constructor(options: SimHostOptions) {
		this.#options = options;
		this.#random = options.random;
		this.id = idText(options.identity.memberId);
		this.name = options.identity.name;
		this.memberId = options.identity.memberId;
		const timers = { after: (delayMs: number, run: () => void) => void options.time.setTimeout(run, delayMs) };
		this.disk = new SimStorage(timers, options.random.fork("disk"), foundingSnapshot(options.identity));
	}

	get store() {
		return this.member?.store;
	}

	start(): void {
		if (this.machine !== undefined || this.isRemoved) return;
		const { time, identity, network, trace, logLimits } = this.#options;
		const machine = new SimMachine(time, 0.8 + 0.4 * this.#random.next());
		this.machine = machine;
		this.hasFailed = false;
		this.starts++;
		trace(`${this.name} starts`);
		openMember({
			identity,
			storage: this.disk.mount(machine),
			transport: network.transport(this.id, machine),
			clock: machine.clusterClock,
			machineClock: machine.machineClock,
			random: this.#random.fork(`start ${this.starts}`),
			log: this.#log(),
			timing,
			logLimits,
		}).then(
			(member) => {
				if (this.machine !== machine) return;
				this.member = member;
				member.replica.onLeaderChanged = () => this.#options.changed(this);
				this.#options.changed(this);
				if (identity.founders === undefined) void this.#publish(member);
			},
			(error: unknown) => this.#options.failed(error),
		);
	}

	/** @param power whether it was the power that failed, and not only the process that ended. */
	crash(power: boolean): void {
		const { machine } = this;
		if (machine === undefined) return;
		this.#options.trace(`${this.name} ${power ? "loses power" : "crashes"}`);
		machine.switchOff();
		this.machine = undefined;
		this.member = undefined;
		this.disk.crash(power);
		this.#options.changed(this);
	}

	/** In order. */
	async stop(): Promise<void> {
		const { machine, member } = this;
		if (machine === undefined || member === undefined) return;
		this.#options.trace(`${this.name} stops`);
		this.member = undefined;
		this.#options.changed(this);
		await member.store.close().catch((error: unknown) => {
			if (!this.hasFailed) this.#options.failed(error);
		});
		if (this.machine !== machine) return;
		this.#options.trace(`${this.name} has stopped`);
		machine.switchOff();
		this.machine = undefined;
	}

	/** Who joined says that it has started, as a member in earnest does. */
	async #publish(member: OpenedMember): Promise<void> {
		while (this.member === member) {
			try {
				await member.store.group.publish([]);
				return;
			} catch (error) {
				this.#options.trace(`${this.name} could not say that it has started: ${error instanceof Error ? error.message : String(error)}`);
				await this.machine?.sleep(100);
			}
		}
	}

	#log(): Logger {
		const say = (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
			const { error } = fields;
			const cause = error instanceof Error ? `: ${error.message}` : "";
			this.#options.trace(`${this.name}: ${message.replaceAll(/[0-9a-f]{16}/g, (id) => id.slice(0, 4))}${cause}`);
		};
		return {
			debug: say,
			info: say,
			warn: say,
			error: (message, fields) => {
				if (message.startsWith("a member of the store has stopped")) this.hasFailed = true;
				say(message, fields);
			},
		};
	}
}

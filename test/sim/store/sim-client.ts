/** Those who use the store: one operation at a time, at a member or at whichever serves, and patience for a while. */
import type { VirtualClock } from "../../../src/apimachinery/clock/virtual-clock.ts";
import type { Random } from "../../../src/apimachinery/random.ts";
import { KeyNotFoundError, NoSpaceError, StoreClosedError, StoreFailedError, TooManyRequestsError } from "../../../src/store/errors.ts";
import { GroupError } from "../../../src/store/group.ts";
import {
	CompactedError,
	FutureRevisionError,
	type KeyValue,
	LeaseExistsError,
	LeaseNotFoundError,
	type MaintainedStore,
	type RangeResponse,
} from "../../../src/store/store.ts";
import type { History, Operation } from "../world/history.ts";
import { type Chronicle, StoreViolation, textOf } from "./chronicle.ts";
import type { LeaseDiary } from "./lease-diary.ts";

export interface Endpoint {
	readonly name: string;
	readonly store: MaintainedStore;
	/** Does something there: when its machine is awake. */
	readonly enter: (run: () => void) => void;
}

/** What all clients share. */
export interface ClientWorld {
	readonly time: VirtualClock;
	/** Members that serve, and the store over all of them. */
	readonly endpoints: () => readonly Endpoint[];
	readonly chronicle: Chronicle;
	readonly history: History;
	readonly leases: LeaseDiary;
	/** Counts the calls and answers of all, so that it is known which came first. */
	readonly moment: () => number;
	/** The newest revision that anybody was answered with. */
	floor: number;
	readonly trace: (line: string) => void;
	/** What must never be. */
	readonly failed: (error: unknown) => void;
}

export const registers = ["a", "b", "c"];
const patienceMs = 1500;
const maxPauseMs = 120;

/** What became of a request. Refused: it did not happen and never will. Unknown: it may have happened, or may yet. */
export type Outcome<T> = { readonly type: "answered"; readonly response: T } | { readonly type: "refused" } | { readonly type: "unknown" };

export class SimClient {
	isActive = true;
	readonly #name: string;
	readonly #world: ClientWorld;
	readonly #random: Random;
	#count = 0;
	/** What it saw of each key last. */
	readonly #seen = new Map<string, KeyValue | undefined>();
	/** Revisions that a store has shown to those who ask for no more than it has. */
	readonly #shown = new WeakMap<MaintainedStore, number>();

	constructor(name: string, world: ClientWorld, random: Random) {
		this.#name = name;
		this.#world = world;
		this.#random = random;
	}

	async run(): Promise<void> {
		while (this.isActive) {
			await this.#pause(this.#random.int(maxPauseMs));
			const endpoint = this.#endpoint();
			if (endpoint === undefined) continue;
			await this.#next(endpoint);
		}
	}

	async #next(endpoint: Endpoint): Promise<void> {
		const key = this.#pick(registers);
		const dice = this.#random.next();
		if (dice < 0.28) await this.#read(endpoint, key);
		else if (dice < 0.34) await this.#readAll(endpoint);
		else if (dice < 0.42) await this.#readHere(endpoint, key);
		else if (dice < 0.47) await this.#readBack(endpoint, key);
		else if (dice < 0.66) await this.#put(endpoint, key);
		else if (dice < 0.72) await this.#delete(endpoint, key);
		else if (dice < 0.86) await this.#compareAndSet(endpoint, key);
		else if (dice < 0.89) await this.#compact(endpoint);
		else await this.#lease();
	}

	async #read(endpoint: Endpoint, key: string): Promise<void> {
		const operation = this.#invoke(key, { type: "read" });
		const floor = this.#world.floor;
		const outcome = await this.#ask(endpoint, `reads ${key}`, (store) => store.range({ key }));
		if (outcome.type !== "answered") return this.#withdraw(operation);
		const { response } = outcome;
		const [kv] = response.kvs;
		this.#return(operation, { value: kv === undefined ? undefined : textOf(kv.value) });
		this.#sawAll(response, [key], floor);
		this.#seen.set(key, kv);
	}

	async #readAll(endpoint: Endpoint): Promise<void> {
		const floor = this.#world.floor;
		const outcome = await this.#ask(endpoint, "reads all", (store) => store.range({ key: "\0", rangeEnd: "\0" }));
		if (outcome.type === "answered") this.#sawAll(outcome.response, registers, floor);
	}

	/** What this member has; old, perhaps, but true, and never older than before. */
	async #readHere(endpoint: Endpoint, key: string): Promise<void> {
		const outcome = await this.#ask(endpoint, `reads ${key} there`, (store) => store.range({ key, serializable: true }));
		if (outcome.type !== "answered") return;
		const shown = endpoint.name === "all" ? 0 : (this.#shown.get(endpoint.store) ?? 0);
		this.#saw(outcome.response, key);
		if (outcome.response.revision < shown)
			throw new StoreViolation(`${endpoint.name} showed revision ${outcome.response.revision} after ${shown}`);
		this.#shown.set(endpoint.store, outcome.response.revision);
	}

	/** As it was. */
	async #readBack(endpoint: Endpoint, key: string): Promise<void> {
		const revision = Math.max(1, this.#world.floor - this.#random.int(20));
		const outcome = await this.#ask(endpoint, `reads ${key} at ${revision}`, (store) => store.range({ key, revision }));
		if (outcome.type !== "answered") return;
		const [kv] = outcome.response.kvs;
		this.#world.chronicle.saw({ who: this.#name, key, revision, kv });
	}

	async #put(endpoint: Endpoint, key: string): Promise<void> {
		const value = this.#newValue();
		const operation = this.#invoke(key, { type: "put", value });
		const floor = this.#world.floor;
		const outcome = await this.#ask(endpoint, `puts ${key}=${value}`, (store) => store.put({ key, value: Buffer.from(value) }));
		if (outcome.type === "refused") return this.#withdraw(operation);
		if (outcome.type === "unknown") return;
		this.#return(operation, { set: true });
		this.#wrote(value, outcome.response.revision, floor);
	}

	async #delete(endpoint: Endpoint, key: string): Promise<void> {
		const operation = this.#invoke(key, { type: "put", value: undefined });
		const floor = this.#world.floor;
		const outcome = await this.#ask(endpoint, `deletes ${key}`, (store) => store.deleteRange({ key }));
		if (outcome.type === "refused") return this.#withdraw(operation);
		if (outcome.type === "unknown") return;
		this.#return(operation, { set: true });
		this.#notBefore(outcome.response.revision, floor + (outcome.response.deleted > 0 ? 1 : 0));
	}

	async #compareAndSet(endpoint: Endpoint, key: string): Promise<void> {
		const value = this.#newValue();
		const seen = this.#seen.get(key);
		const expected = seen === undefined ? undefined : textOf(seen.value);
		const operation = this.#invoke(key, { type: "cas", expected, value });
		const floor = this.#world.floor;
		const outcome = await this.#ask(endpoint, `sets ${key}=${value} after ${seen?.modRevision ?? 0}`, (store) =>
			store.txn({
				compare: [{ key, target: "mod", result: "=", value: seen?.modRevision ?? 0 }],
				success: [{ type: "put", request: { key, value: Buffer.from(value) } }],
				failure: [{ type: "range", request: { key } }],
			}),
		);
		if (outcome.type === "refused") return this.#withdraw(operation);
		if (outcome.type === "unknown") return;
		const { succeeded, revision, responses } = outcome.response;
		this.#return(operation, { set: succeeded });
		if (succeeded) this.#wrote(value, revision, floor);
		else this.#notBefore(revision, floor);
		const [first] = responses;
		if (first?.type === "range") this.#saw({ ...first.response, revision }, key);
	}

	async #compact(endpoint: Endpoint): Promise<void> {
		const revision = this.#world.floor - this.#random.int(30);
		if (revision > 1) await this.#ask(endpoint, `compacts ${revision}`, (store) => store.compact(revision));
	}

	/** Holds a lease with keys for a while; then gives it back, or forgets it. */
	async #lease(): Promise<void> {
		const ttlSeconds = 1 + this.#random.int(3);
		const lease = this.#world.leases.open(`${this.#name}.${this.#count++}`, ttlSeconds);
		const beganMs = this.#world.time.now();
		const granted = await this.#askSome(`takes lease ${lease.id} of ${ttlSeconds} s`, (store) => store.grantLease(ttlSeconds, lease.id));
		if (granted?.type !== "answered") return;
		lease.renewed(beganMs);
		for (let i = this.#random.int(3); i >= 0; i--) {
			const value = this.#newValue();
			const key = `lease/${lease.name}/${i}`;
			const put = await this.#askSome(`puts ${key}=${value}`, (store) => store.put({ key, value: Buffer.from(value), lease: lease.id }));
			if (put?.type === "answered") this.#world.chronicle.answered(value, put.response.revision);
			lease.keys.add(key);
		}
		for (let rounds = this.#random.int(5); rounds > 0 && this.isActive; rounds--) {
			await this.#pause(this.#random.int(ttlSeconds * 600));
			const sinceMs = this.#world.time.now();
			const kept = await this.#askSome(`keeps lease ${lease.id}`, (store) => store.keepAliveLease(lease.id));
			if (kept?.type === "answered") lease.renewed(sinceMs);
		}
		if (this.#random.next() < 0.7) return;
		lease.isGivenBack = true;
		await this.#askSome(`gives lease ${lease.id} back`, (store) => store.revokeLease(lease.id));
	}

	/** Somewhere; undefined if nobody serves. */
	async #askSome<T>(what: string, ask: (store: MaintainedStore) => Promise<T>): Promise<Outcome<T> | undefined> {
		const endpoint = this.#endpoint();
		return endpoint === undefined ? undefined : await this.#ask(endpoint, what, ask);
	}

	async #ask<T>(endpoint: Endpoint, what: string, ask: (store: MaintainedStore) => Promise<T>): Promise<Outcome<T>> {
		const { time, trace } = this.#world;
		const number = ++this.#count;
		trace(`${this.#name} ${number} at ${endpoint.name}: ${what}`);
		const outcome = await new Promise<Outcome<T>>((resolve) => {
			const timer = time.setTimeout(() => resolve({ type: "unknown" }), patienceMs);
			const settle = (settled: Outcome<T>) => {
				timer.cancel();
				resolve(settled);
			};
			const refused = (error: unknown) => {
				trace(`${this.#name} ${number}: ${error instanceof Error ? error.message : String(error)}`);
				settle({ type: this.#isRefusal(error) ? "refused" : "unknown" });
			};
			endpoint.enter(() => ask(endpoint.store).then((response) => settle({ type: "answered", response }), refused));
		});
		trace(`${this.#name} ${number}: ${outcome.type}`);
		return outcome;
	}

	#isRefusal(error: unknown): boolean {
		const refusals = [CompactedError, FutureRevisionError, KeyNotFoundError, LeaseNotFoundError, LeaseExistsError, StoreClosedError];
		if (refusals.some((type) => error instanceof type) || error instanceof TooManyRequestsError || error instanceof NoSpaceError)
			return true;
		if (!(error instanceof GroupError) && !(error instanceof StoreFailedError)) this.#world.failed(error);
		return false;
	}

	#sawAll(response: RangeResponse, keys: readonly string[], floor: number): void {
		for (const key of keys) this.#saw(response, key);
		this.#notBefore(response.revision, floor);
	}

	#saw({ kvs, revision }: RangeResponse, key: string): void {
		this.#world.chronicle.saw({ who: this.#name, key, revision, kv: kvs.find((kv) => kv.key === key) });
	}

	#wrote(value: string, revision: number, floor: number): void {
		this.#world.chronicle.answered(value, revision);
		this.#notBefore(revision, floor + 1);
	}

	/** What was answered after another answer is not older. */
	#notBefore(revision: number, floor: number): void {
		if (revision < floor) throw new StoreViolation(`${this.#name} was answered at revision ${revision}, when ${floor} was the least`);
		this.#world.floor = Math.max(this.#world.floor, revision);
	}

	#invoke(key: string, action: Operation["action"]): Operation {
		return this.#world.history.invoke({ client: this.#name, key, action, invokedAt: this.#world.moment() });
	}

	#return(operation: Operation, result: NonNullable<Operation["result"]>): void {
		operation.result = result;
		operation.returnedAt = this.#world.moment();
	}

	#withdraw(operation: Operation): void {
		this.#world.history.withdraw(operation);
	}

	#newValue(): string {
		return `${this.#name}.${++this.#count}`;
	}

	/** Half of them go to one member, as long as there is one. */
	#endpoint(): Endpoint | undefined {
		const endpoints = this.#world.endpoints();
		return endpoints.length === 0 ? undefined : this.#pick(endpoints);
	}

	#pause(durationMs: number): Promise<void> {
		return new Promise((resolve) => void this.#world.time.setTimeout(resolve, durationMs));
	}

	#pick<T>(choices: readonly T[]): T {
		const choice = choices[this.#random.int(choices.length)];
		if (choice === undefined) throw new Error("nothing to choose from");
		return choice;
	}
}

/**
 * The etcd API of each of the store's members, on a port of its own. A member that stops closes its port, as an etcd that
 * ends does; when it starts again it has the same one.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { EtcdApi, EtcdApiOptions } from "../store/etcd-api/index.ts";
import type { LocalGroup, MaintainedStore } from "../store/index.ts";

export interface EtcdListenersOptions {
	/** The one store, where there is no group of members. */
	readonly store: MaintainedStore;
	readonly group: LocalGroup | undefined;
	readonly clock: Clock;
	readonly log: Logger;
	readonly host: string;
	/** The first member's; the others take the next free ones. 0 is any free port. */
	readonly port: number;
	/** Ports after `port` to try while they are taken. */
	readonly furtherPorts: number;
	readonly tls: NonNullable<EtcdApiOptions["tls"]>;
}

interface Listener {
	readonly api: EtcdApi;
	readonly store: MaintainedStore;
}

export class EtcdListeners {
	readonly #options: EtcdListenersOptions;
	/** By member. */
	readonly #open = new Map<string, Listener>();
	/** Where a member listens, or did before it stopped. */
	readonly #ports = new Map<string, number>();
	#work: Promise<void> = Promise.resolve();
	#isClosed = false;

	private constructor(options: EtcdListenersOptions) {
		this.#options = options;
	}

	/** Rejects with the system's error if no port is to be had. */
	static async open(options: EtcdListenersOptions): Promise<EtcdListeners> {
		const listeners = new EtcdListeners(options);
		await listeners.#follow();
		if (options.group !== undefined) options.group.onMembersChanged = () => listeners.#changed();
		return listeners;
	}

	/** Where each member listens, by name; of one that does not run, where it will. */
	get urls(): ReadonlyMap<string, string> {
		const { host } = this.#options;
		const name = host.includes(":") ? `[${host}]` : host;
		return new Map([...this.#ports].map(([member, port]) => [member, `https://${name}:${port}`]));
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		await this.#work;
		await Promise.all([...this.#open.values()].map(({ api }) => api.close()));
	}

	#changed(): void {
		this.#work = this.#work
			.then(() => this.#follow())
			.catch((error: unknown) => this.#options.log.error("a member's etcd API could not be opened", { error }));
	}

	/** Opens and closes what is due; one after the other, so that ports come in the order of the members. */
	async #follow(): Promise<void> {
		if (this.#isClosed) return;
		const running = this.#running();
		for (const [name, { api, store }] of this.#open) {
			if (running.get(name) === store) continue;
			this.#open.delete(name);
			await api.close();
		}
		for (const name of this.#ports.keys()) if (!this.#members().includes(name)) this.#ports.delete(name);
		for (const [name, store] of running) if (!this.#open.has(name)) await this.#listen(name, store);
	}

	async #listen(name: string, store: MaintainedStore): Promise<void> {
		const { serveEtcdApi } = await import("../store/etcd-api/index.ts");
		const { clock, host, tls, furtherPorts } = this.#options;
		const known = this.#ports.get(name);
		const next = this.#options.port === 0 ? 0 : Math.max(this.#options.port, ...[...this.#ports.values()].map((port) => port + 1));
		const api = await serveEtcdApi({ store, clock, host, tls, port: known ?? next, furtherPorts: known === undefined ? furtherPorts : 0 });
		this.#open.set(name, { api, store });
		this.#ports.set(name, api.port);
	}

	#members(): readonly string[] {
		const { group, store } = this.#options;
		return group === undefined ? [store.group.name] : group.members().map(({ name }) => name);
	}

	#running(): ReadonlyMap<string, MaintainedStore> {
		const { group, store } = this.#options;
		if (group === undefined) return new Map([[store.group.name, store]]);
		return new Map(group.members().flatMap((member) => (member.store === undefined ? [] : [[member.name, member.store] as const])));
	}
}

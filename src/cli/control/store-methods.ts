/**
 * What commands may ask of the store of a cluster that runs: `kubesim store …`. Members go by name.
 */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import {
	type Cluster,
	type EtcdEndpoint,
	idText,
	type LocalGroup,
	type MaintainedStore,
	type StoreMember,
	storeMembers,
} from "../../cluster/index.ts";
import type { ControlMethods } from "./control-server.ts";

/** One line of `kubesim store status`. */
export interface MemberReport extends StoreMember {
	readonly clientUrl: string;
}

export interface StoreReport {
	readonly clusterId: string;
	readonly members: readonly MemberReport[];
	/** In words. */
	readonly faults: readonly string[];
}

/** What a client of etcd needs: URLs and paths of PEM files. */
export interface StoreEnvironment {
	readonly endpoints: readonly string[];
	readonly caFile: string;
	readonly certFile: string;
	readonly keyFile: string;
}

export interface StoreMethodsOptions {
	readonly cluster: Cluster;
	/** Undefined while it is not open, or off. */
	readonly etcd: () => EtcdEndpoint | undefined;
	/** Where the client's certificate lies. */
	readonly files: Omit<StoreEnvironment, "endpoints">;
}

export function storeMethods({ cluster, etcd, files }: StoreMethodsOptions): ControlMethods {
	const store = (): MaintainedStore => {
		const own = cluster.ownStore;
		if (own === undefined) throw new Error("this cluster's store is an etcd of its own: use etcdctl on that");
		return own;
	};
	const group = (): LocalGroup => {
		store();
		if (cluster.storeGroup === undefined)
			throw new Error("this cluster keeps everything in memory, in a store of one member that can't be changed");
		return cluster.storeGroup;
	};
	return {
		"store.status": () => report(store(), cluster.storeGroup, etcd()),
		"store.members": () =>
			store()
				.group.members()
				.map(({ id, ...member }) => ({ id: idText(id), ...member })),
		"store.environment": (): StoreEnvironment => {
			store();
			const endpoint = etcd();
			if (endpoint === undefined) throw new Error("the store's etcd API is off");
			return { endpoints: [...endpoint.urls().values()], ...files };
		},
		"store.add": () => group().addMember(),
		"store.remove": ({ member }) => group().removeMember(String(member)),
		"store.start": ({ member }) => group().startMember(String(member)),
		"store.stop": ({ member }) => group().stopMember(String(member)),
		"store.isolate": ({ member }) => group().isolateMember(String(member)),
		"store.heal": ({ member }) => group().heal(member === undefined ? undefined : String(member)),
		"store.link": ({ from, to, isCut, delayMs, dropPercent }) =>
			group().setLink(String(from), String(to), {
				...(isCut === true ? { isCut } : {}),
				...(typeof delayMs === "number" ? { delayMs } : {}),
				...(typeof dropPercent === "number" ? { dropPercent } : {}),
			}),
		"store.moveLeader": ({ member }) => group().moveLeader(String(member)),
		"store.compact": async ({ revision }) => {
			const upTo = typeof revision === "number" ? revision : store().status().revision;
			await store().compact(upTo);
			return upTo;
		},
		"store.defragment": () => store().defragment(),
		"store.saveSnapshot": ({ file }) => saveSnapshot(store(), String(file)),
	};
}

function report(store: MaintainedStore, group: LocalGroup | undefined, etcd: EtcdEndpoint | undefined): StoreReport {
	const urls = etcd?.urls() ?? new Map<string, string>();
	return {
		clusterId: idText(store.group.clusterId),
		members: storeMembers(store, group).map((member) => ({ ...member, clientUrl: urls.get(member.name) ?? "" })),
		faults: group?.describeFaults() ?? [],
	};
}

/** The file is there as a whole or not at all. @returns its size, and the store's revision. */
export async function saveSnapshot(store: MaintainedStore, path: string): Promise<{ readonly bytes: number; readonly revision: number }> {
	const { revision } = store.status();
	const partial = `${path}.part`;
	let file: FileHandle | undefined;
	let bytes = 0;
	try {
		file = await open(partial, "w", 0o600);
		for await (const chunk of store.snapshot()) {
			await file.writeFile(chunk);
			bytes += chunk.length;
		}
		await file.sync();
		await file.close();
		await rename(partial, path);
	} catch (error) {
		await file?.close().catch(() => undefined);
		await rm(partial, { force: true });
		throw error;
	}
	return { bytes, revision };
}

/** What the members of a store's group say of themselves: for commands and screens. */
import type { LocalGroup, MaintainedStore } from "../store/index.ts";
import { idText } from "../store/roster.ts";

export interface StoreMember {
	readonly name: string;
	/** 16 hexadecimal digits, as etcdctl prints it. */
	readonly id: string;
	readonly state: "leader" | "follower" | "candidate" | "learner" | "stopped";
	readonly term: number;
	/** Of the log: committed, and applied here. */
	readonly index: number;
	readonly applied: number;
	readonly revision: number;
	readonly dbSizeBytes: number;
	readonly alarms: readonly string[];
}

/** A store that is alone is a group of one. */
export function storeMembers(store: MaintainedStore, group: LocalGroup | undefined): readonly StoreMember[] {
	const members = group?.members() ?? [{ name: store.group.name, id: store.group.memberId, store }];
	return members.map((member) => storeMember(member.name, member.id, member.store));
}

function storeMember(name: string, id: bigint, store: MaintainedStore | undefined): StoreMember {
	const base = { name, id: idText(id) };
	if (store === undefined) return { ...base, state: "stopped", term: 0, index: 0, applied: 0, revision: 0, dbSizeBytes: 0, alarms: [] };
	const { leader, term, index, applied, isLearner } = store.group.status();
	const { revision, dbSizeBytes } = store.status();
	const state = isLearner ? "learner" : leader === id ? "leader" : leader === 0n ? "candidate" : "follower";
	return { ...base, state, term, index, applied, revision, dbSizeBytes, alarms: store.alarms() };
}

/** The members of the store's Raft group, and the newest of what is in it. */
import { storeMembers } from "../../../cluster/index.ts";
import { type Line, plain, table, truncate } from "../../text/styled-text.ts";
import type { Pane } from "./pane.ts";

export const storePane: Pane = {
	id: "raft",
	title: { zh: "Raft", en: "Raft" },
	read: async ({ session, word }) => {
		const { cluster } = session.cluster;
		const { ownStore } = cluster;
		const members = ownStore === undefined ? [] : storeMembers(ownStore, cluster.storeGroup);
		const faults = cluster.storeGroup?.describeFaults() ?? [];
		const newest = session.cluster.timeline.entries.slice(-200);
		return (width, height) => {
			const rows = members.map(({ name, state, term, index, applied, revision }) => [
				state === "leader" ? "★" : state === "stopped" ? "□" : "●",
				name,
				state,
				String(term),
				String(index),
				String(applied),
				String(revision),
			]);
			const heads = ["", word("member"), word("role"), word("term"), word("committed"), word("applied"), word("revisionColumn")];
			const lines: Line[] = [
				...table(heads, rows, width),
				...faults.map((fault) => plain(truncate(`! ${fault}`, width), { color: "yellow" })),
			];
			const room = height - lines.length - 1;
			if (room <= 0) return lines.slice(0, height);
			const log = newest.slice(-room).map(({ revision, type, kind, namespace, name }) => {
				const path = namespace === "" ? name : `${namespace}/${name}`;
				return plain(truncate(`${revision} ${type === "DELETED" ? "DELETE" : "PUT"} ${kind} ${path}`, width), { dim: true });
			});
			return [...lines, plain(word("log"), { bold: true }), ...log];
		};
	},
};

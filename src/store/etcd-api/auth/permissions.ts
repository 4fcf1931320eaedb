/**
 * What a role may do with which keys. A range is allowed if the permissions together cover it; they need not be one.
 * Source: https://etcd.io/docs/v3.6/op-guide/authentication/rbac/
 */
import { intervalOf } from "../../mvcc/interval.ts";
import { Type } from "../generated/messages.ts";

export interface Permission {
	/** `Type.READ`, `WRITE` or `READWRITE`. */
	readonly permType: number;
	readonly key: string;
	/** "" is the key alone, "\0" everything from it on. */
	readonly rangeEnd: string;
}

export type Access = "read" | "write";

interface KeyRange {
	readonly key: string;
	readonly rangeEnd?: string;
}

function gives(permission: Permission, access: Access): boolean {
	return permission.permType === Type.READWRITE || permission.permType === (access === "read" ? Type.READ : Type.WRITE);
}

export function isCovered(permissions: Iterable<Permission>, access: Access, range: KeyRange): boolean {
	const wanted = intervalOf(range.key, range.rangeEnd);
	const intervals = [...permissions]
		.filter((permission) => gives(permission, access))
		.map(({ key, rangeEnd }) => intervalOf(key, rangeEnd))
		.sort((a, b) => (a.from < b.from ? -1 : Number(a.from > b.from)));
	let reached = wanted.from;
	for (const { from, to } of intervals) {
		if (from > reached) return false;
		if (to === undefined) return true;
		if (to > reached) reached = to;
		if (wanted.to !== undefined && reached >= wanted.to) return true;
	}
	return false;
}

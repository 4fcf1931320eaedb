/** Who a process is for the files and for the kernel: user, group, and further groups. */
export interface Credentials {
	readonly uid: number;
	readonly gid: number;
	/** Without `gid`. */
	readonly groups: readonly number[];
}

export const root: Credentials = { uid: 0, gid: 0, groups: [] };

/** `nobody` of 65534; of 0 always `root`; the number where the text knows no name. @param passwd the text of /etc/passwd or /etc/group */
export function nameOfId(passwd: string, id: number): string {
	for (const line of passwd.split("\n")) {
		const [name = "", , number] = line.split(":");
		if (number === String(id)) return name;
	}
	return id === 0 ? "root" : String(id);
}

/** An account of /etc/passwd by its name or number; undefined if there is none. */
export function accountOf(passwd: string, user: string): { readonly uid: number; readonly gid: number; readonly home: string } | undefined {
	for (const line of passwd.split("\n")) {
		const [name = "", , uid, gid, , home = "/"] = line.split(":");
		if (name !== "" && (name === user || uid === user)) return { uid: Number(uid), gid: Number(gid), home };
	}
	return undefined;
}

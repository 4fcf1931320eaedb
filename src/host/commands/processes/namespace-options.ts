/** What `nsenter` and `unshare` have in common: their options for namespaces, and who may use them. */
import { hasCapability } from "../../capabilities.ts";
import type { ProcessContext } from "../../machine.ts";
import type { NamespaceType } from "../../namespaces.ts";

export const letters: Readonly<Record<string, NamespaceType>> = {
	m: "mnt",
	u: "uts",
	i: "ipc",
	n: "net",
	p: "pid",
	U: "user",
	C: "cgroup",
	T: "time",
};

export const longNames: Readonly<Record<string, NamespaceType>> = {
	mount: "mnt",
	uts: "uts",
	ipc: "ipc",
	net: "net",
	pid: "pid",
	user: "user",
	cgroup: "cgroup",
	time: "time",
};

export function maySwitch({ process }: ProcessContext): boolean {
	const capabilities = process.machine.facts?.capabilities;
	return process.credentials.uid === 0 && (capabilities === undefined || hasCapability(capabilities, "SYS_ADMIN"));
}

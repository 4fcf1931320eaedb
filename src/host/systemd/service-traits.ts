/**
 * What systemd sets for a service's process beside its program: its cgroup, user, limits and its place before the out-of-memory killer.
 * Source: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html (User, LimitNOFILE …, OOMScoreAdjust, Nice)
 */
import { accountOf } from "../credentials.ts";
import type { Machine } from "../machine.ts";
import type { ProcessTraits } from "../process.ts";
import { type Rlimit, rlimitKinds } from "../rlimits.ts";
import type { Unit } from "./unit.ts";

const mebibyte = 1024 * 1024;

/** What daemons that everybody has take by themselves: memory in bytes, and cores. */
const footprints: Readonly<Record<string, { readonly memoryBytes: number; readonly cores: number }>> = {
	containerd: { memoryBytes: 62 * mebibyte, cores: 0.012 },
	kubelet: { memoryBytes: 96 * mebibyte, cores: 0.025 },
	"systemd-journald": { memoryBytes: 15 * mebibyte, cores: 0.0004 },
	sshd: { memoryBytes: 9 * mebibyte, cores: 0 },
	cron: { memoryBytes: 3 * mebibyte, cores: 0 },
	chronyd: { memoryBytes: 4 * mebibyte, cores: 0.0001 },
};

/** @param path of its program; @param startMs Unix ms */
export function serviceTraits(machine: Machine, { name, definition: { settings } }: Unit, path: string, startMs: number): ProcessTraits {
	const user = settings.last("Service", "User");
	const passwd = machine.files.exists("/etc/passwd") ? machine.files.readText("/etc/passwd") : "";
	const account = user === undefined ? undefined : accountOf(passwd, user);
	const footprint = footprints[path.split("/").at(-1) ?? ""];
	const oomScoreAdj = Number(settings.last("Service", "OOMScoreAdjust") ?? 0);
	const nice = Number(settings.last("Service", "Nice") ?? 0);
	const rlimits = new Map<string, Rlimit>();
	for (const { name: limit } of rlimitKinds) {
		const text = settings.last("Service", `Limit${limit}`);
		const parsed = text === undefined ? undefined : parseLimits(text);
		if (parsed !== undefined) rlimits.set(limit, parsed);
	}
	return {
		cgroup: `/${settings.last("Service", "Slice") ?? "system.slice"}/${name}`,
		...(account === undefined ? {} : { credentials: { uid: account.uid, gid: account.gid, groups: [] } }),
		...(oomScoreAdj === 0 ? {} : { oomScoreAdj }),
		...(nice === 0 ? {} : { nice }),
		...(rlimits.size === 0 ? {} : { rlimits }),
		...(footprint === undefined
			? {}
			: { ownMemoryBytes: footprint.memoryBytes, cpuMs: () => (machine.clock.now() - startMs) * footprint.cores }),
	};
}

/** `infinity`, `64K`, `1024:4096`. Undefined: it cannot be read, and systemd ignores it. */
function parseLimits(text: string): Rlimit | undefined {
	const [soft, hard] = text.split(":").map(parseLimit);
	return soft === undefined ? undefined : { soft, hard: hard ?? soft };
}

function parseLimit(text: string): number | undefined {
	if (text === "infinity") return Number.POSITIVE_INFINITY;
	const match = /^(\d+)([KMGT]?)$/.exec(text);
	return match === null ? undefined : Number(match[1]) * 1024 ** " KMGT".indexOf(match[2] || " ");
}

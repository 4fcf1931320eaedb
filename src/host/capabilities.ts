/**
 * Capabilities of processes, as bits of the masks in /proc/PID/status.
 * Source: include/uapi/linux/capability.h of Linux 6.12; what a container has by default: containerd's oci.defaultUnixCaps
 */
const names: readonly string[] = (
	"CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN " +
	"NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME " +
	"SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON " +
	"BPF CHECKPOINT_RESTORE"
).split(" ");

export const allCapabilities: bigint = (1n << BigInt(names.length)) - 1n;

export const defaultCapabilities: bigint = maskOf(
	"CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE".split(" "),
);

/** Of names with or without `CAP_`; `ALL` is all of them. */
export function maskOf(wanted: readonly string[]): bigint {
	let mask = 0n;
	for (const name of wanted) {
		const short = name.toUpperCase().replace(/^CAP_/, "");
		if (short === "ALL") return allCapabilities;
		const bit = names.indexOf(short);
		if (bit !== -1) mask |= 1n << BigInt(bit);
	}
	return mask;
}

/** `CAP_CHOWN`, in the kernel's order. */
export function capabilityNames(mask: bigint): string[] {
	return names.filter((_, bit) => (mask & (1n << BigInt(bit))) !== 0n).map((name) => `CAP_${name}`);
}

export function hasCapability(mask: bigint, name: string): boolean {
	return (mask & maskOf([name])) !== 0n;
}

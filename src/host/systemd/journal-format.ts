/** How journalctl writes an entry. Source: journalctl(1), `--output=` */
import type { JournalEntry } from "./journal.ts";
import { formatSyslogTime } from "./times.ts";

/** The default, `short`: `Nov 29 01:46:53 node-1 kubelet[738]: text`. */
export function formatJournalLine(entry: JournalEntry, hostname: string): string {
	return withTime(entry, hostname, formatSyslogTime(entry.atMs));
}

function withTime({ identifier, pid, message }: JournalEntry, hostname: string, time: string): string {
	return `${time} ${hostname} ${identifier}${pid === undefined ? "" : `[${pid}]`}: ${message}`;
}

/** By name of the format; undefined if there is no such format, or it is not simulated. */
export function journalFormat(
	name: string,
	hostname: string,
	bootIdOf: (boot: number) => string,
): ((entry: JournalEntry) => string) | undefined {
	const iso = (atMs: number) => new Date(atMs).toISOString();
	switch (name) {
		case "short":
			return (entry) => formatJournalLine(entry, hostname);
		case "short-iso":
			return (entry) => withTime(entry, hostname, `${iso(entry.atMs).slice(0, 19)}+00:00`);
		case "short-iso-precise":
			return (entry) => withTime(entry, hostname, iso(entry.atMs).replace("Z", "000+00:00"));
		case "short-precise":
			return (entry) => withTime(entry, hostname, `${formatSyslogTime(entry.atMs)}.${iso(entry.atMs).slice(20, 23)}000`);
		case "short-unix":
			return (entry) => withTime(entry, hostname, (entry.atMs / 1000).toFixed(6));
		case "cat":
			return ({ message }) => message;
		case "json":
			return (entry) => JSON.stringify(fieldsOf(entry, hostname, bootIdOf));
		case "json-pretty":
			return (entry) => JSON.stringify(fieldsOf(entry, hostname, bootIdOf), null, "\t");
		default:
			return undefined;
	}
}

function fieldsOf(entry: JournalEntry, hostname: string, bootIdOf: (boot: number) => string) {
	const { atMs, unit, identifier, pid, priority, message, boot } = entry;
	return {
		__REALTIME_TIMESTAMP: String(atMs * 1000),
		_BOOT_ID: bootIdOf(boot).replaceAll("-", ""),
		_HOSTNAME: hostname,
		_TRANSPORT: identifier === "kernel" ? "kernel" : "stdout",
		SYSLOG_IDENTIFIER: identifier,
		PRIORITY: String(priority),
		...(pid === undefined ? {} : { _PID: String(pid) }),
		...(unit === "" ? {} : identifier === "systemd" ? { UNIT: unit, _SYSTEMD_UNIT: "init.scope" } : { _SYSTEMD_UNIT: unit }),
		MESSAGE: message,
	};
}

/** Lines as the kubelet and containerd write them. Source: k8s.io/klog/v2 (structured text), containerd's logrus text format */

export type KlogSeverity = "I" | "W" | "E";

/** `E1129 01:46:53.000000     738 run.go:72] "command failed" err="…"`. @param values strings are quoted as Go does */
export function klogLine(
	severity: KlogSeverity,
	atMs: number,
	pid: number,
	source: string,
	message: string,
	values: Readonly<Record<string, unknown>> = {},
): string {
	const iso = new Date(atMs).toISOString();
	const stamp = `${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11, 23)}000`;
	const pairs = Object.entries(values).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
	return `${severity}${stamp} ${String(pid).padStart(7)} ${source}] ${JSON.stringify(message)}${pairs.join("")}`;
}

/** `time="2026-11-29T01:46:53.000000000Z" level=info msg="…"`. */
export function containerdLine(
	level: "info" | "warning" | "error",
	atMs: number,
	message: string,
	values: Readonly<Record<string, string>> = {},
): string {
	const time = new Date(atMs).toISOString().replace("Z", "000000Z");
	const pairs = Object.entries(values).map(([key, value]) => ` ${key}=${/^[\w./:-]+$/.test(value) ? value : JSON.stringify(value)}`);
	return `time="${time}" level=${level} msg=${JSON.stringify(message)}${pairs.join("")}`;
}

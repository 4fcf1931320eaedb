/**
 * `kubesim certs`: when the control plane's certificates end, and new ones, as `kubeadm certs` has it.
 * Source of form and words: cmd/kubeadm/app/cmd/certs.go.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { formatTime } from "../../apimachinery/time.ts";
import {
	type CertificateExpiration,
	certificateExpirations,
	certificateNames,
	type Expirations,
	PkiError,
	renewCertificate,
} from "../../cluster/index.ts";
import { ClockFile } from "../clock-file.ts";
import { ClusterDirectory } from "../cluster-directory.ts";
import { commandOn } from "../cluster-name.ts";
import { CliError } from "../errors.ts";
import { formatTable } from "../table.ts";

export interface CertsOptions {
	readonly name: string;
	readonly pkiDir?: string;
	readonly output?: "json";
}

interface Place {
	readonly directory: string;
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
}

export async function checkExpiration(options: CertsOptions): Promise<void> {
	const { directory, nowMs } = placeOf(options);
	const expirations = await explained(certificateExpirations(directory));
	process.stdout.write(options.output === "json" ? asJson(expirations, nowMs) : asTables(expirations, nowMs));
}

/** @param which a certificate's name, or `all` */
export async function renew(which: string, options: CertsOptions): Promise<void> {
	if (which !== "all" && !certificateNames.includes(which)) {
		throw new CliError(`there is no certificate ${which}`, {
			hint: `It must be all, or one of ${certificateNames.join(", ")}.`,
			exitCode: 2,
		});
	}
	const { directory, nowMs } = placeOf(options);
	for (const name of which === "all" ? certificateNames : [which]) {
		const { purpose, outcome } = await explained(renewCertificate(directory, name, nowMs));
		const words = {
			renewed: `${purpose} renewed`,
			missing: `MISSING! ${purpose}`,
			external: `Detected external authority, ${purpose} can't be renewed`,
		};
		process.stdout.write(`${words[outcome]}\n`);
	}
	process.stdout.write(
		`\nDone renewing certificates. You must restart the cluster, so that it can use the new certificates: ${commandOn(options.name, "stop")}; ${commandOn(options.name, "start")}\n`,
	);
}

function placeOf({ name, pkiDir }: CertsOptions): Place {
	const machine = new WallClock();
	if (pkiDir !== undefined) return { directory: existing(resolve(pkiDir)), nowMs: machine.now() };
	const config = ClusterDirectory.existing(name).config();
	if (config === undefined || config.ephemeral) throw new CliError(`cluster ${name} keeps its certificates in memory`);
	const directory = existing(config.pkiDir ?? join(config.dataDir, "pki"));
	return { directory, nowMs: config.speed === 1 ? machine.now() : new ClockFile(config.dataDir).startMs(machine) };
}

function existing(directory: string): string {
	if (existsSync(directory)) return directory;
	throw new CliError(`there are no certificates in ${directory}`, { hint: "kubesim start makes them." });
}

async function explained<T>(work: Promise<T>): Promise<T> {
	try {
		return await work;
	} catch (error) {
		throw error instanceof PkiError ? new CliError(error.message, { cause: error }) : error;
	}
}

function asTables({ certificates, authorities }: Expirations, nowMs: number): string {
	const external = ({ isExternal }: CertificateExpiration) => (isExternal ? "yes" : "no");
	const time = ({ notAfterMs }: CertificateExpiration) =>
		notAfterMs === undefined ? ["", ""] : [formatDate(notAfterMs), residual(notAfterMs - nowMs)];
	const nameOf = ({ name, notAfterMs }: CertificateExpiration) => (notAfterMs === undefined ? `!MISSING! ${name}` : name);
	const rows = certificates.map((entry) => {
		const rest = entry.notAfterMs === undefined ? ["", ""] : [entry.authority ?? "", external(entry)];
		return [nameOf(entry), ...time(entry), ...rest];
	});
	const authorityRows = authorities.map((entry) => [nameOf(entry), ...time(entry), entry.notAfterMs === undefined ? "" : external(entry)]);
	const tables = [
		formatTable(["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"], rows),
		formatTable(["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"], authorityRows),
	];
	return tables.join("\n");
}

/** `Jan 02, 2006 15:04 UTC`. */
function formatDate(timeMs: number): string {
	const date = new Date(timeMs);
	const month = date.toLocaleString("en-US", { month: "short", timeZone: "UTC" });
	const two = (value: number) => String(value).padStart(2, "0");
	return `${month} ${two(date.getUTCDate())}, ${date.getUTCFullYear()} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())} UTC`;
}

/** In its largest unit. Source: k8s.io/apimachinery/pkg/util/duration (ShortHumanDuration). */
function residual(durationMs: number): string {
	const seconds = Math.trunc(durationMs / 1000);
	if (seconds < -1) return "<invalid>";
	if (seconds < 60) return `${Math.max(seconds, 0)}s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
	if (seconds < 24 * 3600) return `${Math.floor(seconds / 3600)}h`;
	const days = Math.floor(seconds / (24 * 3600));
	return days < 365 ? `${days}d` : `${Math.floor(days / 365)}y`;
}

/** kubeadm's output.kubeadm.k8s.io/v1alpha3; residual times in seconds. */
function asJson({ certificates, authorities }: Expirations, nowMs: number): string {
	const entry = ({ name, authority, notAfterMs, isExternal }: CertificateExpiration) => ({
		name,
		expirationDate: notAfterMs === undefined ? null : formatTime(notAfterMs),
		residualTime: notAfterMs === undefined ? 0 : Math.max(0, Math.floor((notAfterMs - nowMs) / 1000)),
		externallyManaged: isExternal,
		...(authority === undefined ? {} : { caName: authority }),
		missing: notAfterMs === undefined,
	});
	const info = {
		kind: "CertificateExpirationInfo",
		apiVersion: "output.kubeadm.k8s.io/v1alpha3",
		certificates: certificates.map(entry),
		certificateAuthorities: authorities.map(entry),
	};
	return `${JSON.stringify(info, null, 4)}\n`;
}

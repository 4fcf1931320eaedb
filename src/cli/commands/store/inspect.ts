/** `kubesim store status|members|env`: looking at a cluster's store. */

import { askCluster } from "../../control/running-server.ts";
import type { MemberReport, StoreEnvironment, StoreReport } from "../../control/store-methods.ts";
import { formatTable } from "../../table.ts";

interface OutputOptions {
	readonly name: string;
	readonly output?: "json";
}

export async function storeStatus({ name, output }: OutputOptions): Promise<void> {
	const report = await askCluster<StoreReport>(name, "store.status");
	if (output === "json") {
		print(`${JSON.stringify(report)}\n`);
		return;
	}
	print(statusTable(report.members));
	for (const fault of report.faults) print(`fault: ${fault}\n`);
}

/** Within 80 columns as long as nothing is wrong. IDs and URLs are in `members`, and in JSON. */
function statusTable(members: readonly MemberReport[]): string {
	const hasAlarm = members.some(({ alarms }) => alarms.length > 0);
	const head = ["NAME", "STATE", "TERM", "COMMITTED", "APPLIED", "REVISION", "DB SIZE"];
	return formatTable(
		hasAlarm ? [...head, "ALARMS"] : head,
		members.map((member) => (hasAlarm ? [...row(member), member.alarms.join(",") || "<none>"] : row(member))),
	);
}

function row({ name, state, term, index, applied, revision, dbSizeBytes }: MemberReport): readonly string[] {
	const numbers = state === "stopped" ? ["-", "-", "-", "-", "-"] : [term, index, applied, revision, sizeText(dbSizeBytes)].map(String);
	return [name, state, ...numbers];
}

/** As etcdctl prints sizes: decimal units, two digits. */
function sizeText(bytes: number): string {
	const units = ["B", "kB", "MB", "GB"];
	const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
	return `${Number((bytes / 1000 ** power).toPrecision(2))} ${units[power]}`;
}

interface ListedMember {
	readonly id: string;
	readonly name: string;
	readonly peerUrls: readonly string[];
	readonly clientUrls: readonly string[];
	readonly isLearner: boolean;
}

export async function storeMembers({ name, output }: OutputOptions): Promise<void> {
	const members = await askCluster<readonly ListedMember[]>(name, "store.members");
	if (output === "json") {
		print(`${JSON.stringify(members)}\n`);
		return;
	}
	const rows = members.map(({ id, name: member, peerUrls, clientUrls, isLearner }) => [
		member || "<unstarted>",
		id,
		isLearner ? "true" : "false",
		peerUrls.join(","),
		clientUrls.join(",") || "<none>",
	]);
	print(formatTable(["NAME", "ID", "LEARNER", "PEER URLS", "CLIENT URLS"], rows));
}

/** Lines for a shell to evaluate. */
export async function storeEnv({ name, output }: OutputOptions): Promise<void> {
	const environment = await askCluster<StoreEnvironment>(name, "store.environment");
	const variables = {
		ETCDCTL_API: "3",
		ETCDCTL_ENDPOINTS: environment.endpoints.join(","),
		ETCDCTL_CACERT: environment.caFile,
		ETCDCTL_CERT: environment.certFile,
		ETCDCTL_KEY: environment.keyFile,
	};
	if (output === "json") print(`${JSON.stringify(variables)}\n`);
	else for (const [variable, value] of Object.entries(variables)) print(`export ${variable}=${quoted(value)}\n`);
}

function quoted(value: string): string {
	return /^[\w@%+=:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

function print(text: string): void {
	process.stdout.write(text);
}

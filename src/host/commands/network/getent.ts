/** `getent`: hosts, by libc's own way of looking them up, and accounts. Source: getent(1). */
import type { Program } from "../../machine.ts";
import { NetworkError } from "../../net/network.ts";
import { writeText } from "../../stream.ts";

const keyNotFound = 2;
const addressWidth = 15;

export const getent: Program = async ({ argv, stdout, stderr, machine }) => {
	const [, database = "", key] = argv;
	if (database === "passwd" || database === "group") {
		const path = `/etc/${database}`;
		const lines = machine.files.exists(path) ? machine.files.readText(path).split("\n") : [];
		const found = lines.filter((line) => line !== "" && (key === undefined || [line.split(":")[0], line.split(":")[2]].includes(key)));
		await writeText(stdout, found.map((line) => `${line}\n`).join(""));
		return found.length > 0 ? 0 : keyNotFound;
	}
	if (!["hosts", "ahosts", "ahostsv4"].includes(database)) {
		await writeText(stderr, `Unknown database: ${database}\nTry \`getent --help' or \`getent --usage' for more information.\n`);
		return 1;
	}
	if (key === undefined) {
		await writeText(stdout, machine.files.exists("/etc/hosts") ? machine.files.readText("/etc/hosts") : "");
		return 0;
	}
	try {
		const { canonical, addresses } = await machine.network.lookUp(key);
		const isOld = database === "hosts";
		const kinds = isOld ? [""] : ["STREAM", "DGRAM", "RAW"];
		const lines = addresses.flatMap((address, index) =>
			kinds.map((kind, at) => {
				const shown = isOld || (index === 0 && at === 0) ? canonical : "";
				return `${address.padEnd(addressWidth)} ${isOld ? shown : `${kind.padEnd(6)} ${shown}`}`.trimEnd();
			}),
		);
		await writeText(stdout, lines.map((line) => `${line}\n`).join(""));
		return 0;
	} catch (error) {
		if (error instanceof NetworkError) return keyNotFound;
		throw error;
	}
};

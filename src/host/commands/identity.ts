/** `id`, `whoami`, `groups`, `hostname`: who and where one is. Source: id(1) of coreutils, hostname(1) */

import { hasCapability } from "../capabilities.ts";
import { accountOf, nameOfId } from "../credentials.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { parseOptions } from "./options.ts";

function textOf({ files }: ProcessContext, path: string): string {
	return files.exists(path) ? files.readText(path) : "";
}

export const id: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "ugGnr");
	const passwd = textOf(context, "/etc/passwd");
	const groupFile = textOf(context, "/etc/group");
	const own = context.process.credentials;
	const account = operands[0] === undefined ? undefined : accountOf(passwd, operands[0]);
	if (operands[0] !== undefined && account === undefined) {
		await writeText(context.stderr, `id: '${operands[0]}': no such user\n`);
		return 1;
	}
	const { uid, gid, groups } = account === undefined ? own : { ...account, groups: [] };
	const all = [gid, ...groups.filter((group) => group !== gid)];
	// The kernel keeps them in order.
	const ordered = all.toSorted((a, b) => a - b);
	const userName = (number: number) => (flags.has("n") ? nameOfId(passwd, number) : String(number));
	const groupName = (number: number) => (flags.has("n") ? nameOfId(groupFile, number) : String(number));
	if (flags.has("u")) await writeText(context.stdout, `${userName(uid)}\n`);
	else if (flags.has("g")) await writeText(context.stdout, `${groupName(gid)}\n`);
	else if (flags.has("G")) await writeText(context.stdout, `${all.map(groupName).join(" ")}\n`);
	else {
		const named = (file: string, number: number) => {
			const name = nameOfId(file, number);
			return name === String(number) ? name : `${number}(${name})`;
		};
		await writeText(
			context.stdout,
			`uid=${named(passwd, uid)} gid=${named(groupFile, gid)} groups=${ordered.map((group) => named(groupFile, group)).join(",")}\n`,
		);
	}
	return 0;
};

export const whoami: Program = async (context) => {
	const { uid } = context.process.credentials;
	const name = nameOfId(textOf(context, "/etc/passwd"), uid);
	if (name !== String(uid)) {
		await writeText(context.stdout, `${name}\n`);
		return 0;
	}
	await writeText(context.stderr, `whoami: cannot find name for user ID ${uid}: No such file or directory\n`);
	return 1;
};

/** Shows the name, or sets that of the UTS namespace. */
export const hostname: Program = async ({ argv, machine, process, stdout, stderr }) => {
	const { flags, operands } = parseOptions(argv.slice(1), "isfIdFa", ["fqdn", "short", "ip-address"]);
	const [name] = operands;
	if (name !== undefined) {
		const capabilities = process.machine.facts?.capabilities;
		if (process.credentials.uid !== 0 || (capabilities !== undefined && !hasCapability(capabilities, "SYS_ADMIN"))) {
			await writeText(stderr, "hostname: sethostname: Operation not permitted\n");
			return 1;
		}
		machine.hostname = name;
		return 0;
	}
	const shown =
		flags.has("i") || flags.has("I") || flags.has("ip-address")
			? machine.network.address
			: flags.has("s") || flags.has("short")
				? (machine.hostname.split(".")[0] ?? "")
				: machine.hostname;
	await writeText(stdout, `${shown}\n`);
	return 0;
};

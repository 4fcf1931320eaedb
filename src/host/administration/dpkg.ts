/** `dpkg` and `dpkg-query` as far as they show what is installed. Source: dpkg(1), dpkg-query(1) */
import { parseOptions } from "../commands/options.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import type { Package, Packages } from "./packages.ts";

const head = [
	"Desired=Unknown/Install/Remove/Purge/Hold",
	"| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend",
	"|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)",
];

export function dpkg(packages: Packages): Program {
	return async (context) => {
		const { flags, operands } = parseOptions(context.argv.slice(1), "lLsS", ["list", "listfiles", "status", "search", "get-selections"]);
		const installed = packages.all().filter(({ name }) => packages.installedVersion(name) !== undefined);
		if (flags.has("l") || flags.has("list")) return list(packages, context, installed, operands);
		if (flags.has("get-selections")) {
			for (const { name } of installed)
				await writeText(context.stdout, `${name.padEnd(47)} ${packages.held.has(name) ? "hold" : "install"}\n`);
			return 0;
		}
		if (flags.has("S") || flags.has("search")) return search(packages, context, operands);
		let status = 0;
		for (const name of operands) {
			const found = installed.find((each) => each.name === name);
			if (found === undefined) {
				await writeText(context.stderr, `dpkg-query: package '${name}' is not installed\n`);
				status = 1;
			} else if (flags.has("L") || flags.has("listfiles")) await writeText(context.stdout, `/.\n${found.programs.join("\n")}\n`);
			else if (flags.has("s") || flags.has("status"))
				await writeText(
					context.stdout,
					`Package: ${name}\nStatus: install ok installed\nInstalled-Size: ${found.sizeKb}\nArchitecture: amd64\nVersion: ${packages.installedVersion(name)}\nDescription: ${found.description}\n`,
				);
		}
		if (flags.size > 0) return status;
		await writeText(context.stderr, "dpkg: error: need an action option\n");
		return 2;
	};
}

async function list(
	packages: Packages,
	{ stdout, stderr }: ProcessContext,
	installed: readonly Package[],
	names: readonly string[],
): Promise<number> {
	const chosen = names.length === 0 ? installed : installed.filter(({ name }) => names.includes(name));
	const missing = names.filter((name) => !chosen.some((each) => each.name === name));
	if (chosen.length > 0) {
		const widths = [
			Math.max(14, ...chosen.map(({ name }) => name.length)),
			Math.max(12, ...chosen.map(({ name }) => (packages.installedVersion(name) ?? "").length)),
		];
		const row = (mark: string, [a = "", b = "", c = "", d = ""]: readonly string[]) =>
			`${mark} ${a.padEnd(widths[0] ?? 0)} ${b.padEnd(widths[1] ?? 0)} ${c.padEnd(12)} ${d}`.trimEnd();
		const rule = `+++-${"=".repeat(widths[0] ?? 0)}-${"=".repeat(widths[1] ?? 0)}-${"=".repeat(12)}-${"=".repeat(33)}`;
		const rows = chosen.map(({ name, description }) =>
			row(packages.held.has(name) ? "hi " : "ii ", [name, packages.installedVersion(name) ?? "", "amd64", description]),
		);
		await writeText(stdout, `${[...head, row("||/", ["Name", "Version", "Architecture", "Description"]), rule, ...rows].join("\n")}\n`);
	}
	for (const name of missing) await writeText(stderr, `dpkg-query: no packages found matching ${name}\n`);
	return missing.length > 0 ? 1 : 0;
}

async function search(packages: Packages, { stdout, stderr }: ProcessContext, paths: readonly string[]): Promise<number> {
	let status = 0;
	for (const path of paths) {
		const owner = packages.ownerOf(path);
		if (owner !== undefined) await writeText(stdout, `${owner}: ${path}\n`);
		else {
			await writeText(stderr, `dpkg-query: no path found matching pattern ${path}\n`);
			status = 1;
		}
	}
	return status;
}

/** `lsns`: the namespaces in which processes are. Source: lsns(8) of util-linux 2.41 */
import type { Program } from "../../machine.ts";
import { type NamespaceType, namespaceTypes } from "../../namespaces.ts";
import { writeText } from "../../stream.ts";
import { parseOptions } from "../options.ts";
import { type ProcessRow, readProcessTable } from "./process-table.ts";

export const lsns: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "t:p:o:nlr", ["type:", "task:", "output:", "noheadings", "list"]);
	const { rows } = readProcessTable(context);
	const type = values.get("t") ?? values.get("type");
	const task = values.get("p") ?? values.get("task");
	if (type !== undefined && !namespaceTypes.includes(type as NamespaceType)) {
		await writeText(context.stderr, `lsns: unknown namespace type: ${type}\n`);
		return 1;
	}
	const ofTask = task === undefined ? undefined : rows.find(({ pid }) => String(pid) === task)?.process;
	if (task !== undefined && ofTask === undefined) {
		await writeText(context.stderr, `lsns: can't open /proc/${task}: No such file or directory\n`);
		return 1;
	}
	// A user other than root sees its own alone.
	const { uid } = context.process.credentials;
	const seen = new Map<string, { readonly type: NamespaceType; readonly inode: number; readonly rows: ProcessRow[] }>();
	for (const row of rows.filter(({ process }) => uid === 0 || process.credentials.uid === uid)) {
		for (const [kind, inode] of row.process.namespaceInodes()) {
			if (type !== undefined && kind !== type) continue;
			const key = `${kind}:${inode}`;
			const known = seen.get(key);
			if (known === undefined) seen.set(key, { type: kind, inode, rows: [row] });
			else known.rows.push(row);
		}
	}
	const found = [...seen.values()].filter(
		({ type: kind, inode }) =>
			(ofTask === undefined || ofTask.namespaceInode(kind) === inode) && (operands[0] === undefined || operands[0] === String(inode)),
	);
	found.sort((a, b) => a.inode - b.inode);
	const titles = ["NS", "TYPE", "NPROCS", "PID", "USER", "COMMAND"] as const;
	const lines = found.map(({ type: kind, inode, rows: members }) => {
		const [first] = members;
		return [String(inode), kind, String(members.length), String(first?.pid ?? ""), first?.user ?? "", first?.command ?? ""] as const;
	});
	const isHeadless = flags.has("n") || flags.has("noheadings");
	await writeText(context.stdout, formatTable(titles, lines, isHeadless));
	return 0;
};

/** NS, NPROCS and PID stand to the right. */
function formatTable(titles: readonly string[], lines: readonly (readonly string[])[], isHeadless: boolean): string {
	const all = isHeadless ? lines : [titles, ...lines];
	const widths = titles.map((title, index) => Math.max(isHeadless ? 0 : title.length, ...lines.map((line) => line[index]?.length ?? 0)));
	return all
		.map((line) =>
			line
				.map((text, index) => {
					const width = widths[index] ?? 0;
					if (index === line.length - 1) return text;
					return index === 0 || index === 2 || index === 3 ? text.padStart(width) : text.padEnd(width);
				})
				.join(" ")
				.trimEnd(),
		)
		.map((line) => `${line}\n`)
		.join("");
}

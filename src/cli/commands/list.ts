/** `kubesim list`: one line a cluster. */
import { listClusters } from "../cluster-directory.ts";
import { statusOf } from "../cluster-status.ts";

export async function list(options: { readonly output?: "json" }): Promise<void> {
	const clusters = await Promise.all(listClusters().map(statusOf));
	if (options.output === "json") {
		process.stdout.write(`${JSON.stringify(clusters)}\n`);
		return;
	}
	if (clusters.length === 0) {
		process.stderr.write("There are no clusters. kubesim start makes one.\n");
		return;
	}
	const rows = clusters.map(({ name, state, nodes, server = "-", context }) => [name, state, String(nodes), server, context]);
	process.stdout.write(formatTable([["NAME", "STATE", "NODES", "SERVER", "CONTEXT"], ...rows]));
}

/** Columns as wide as their widest cell, three blanks between them, as kubectl prints. */
function formatTable(rows: readonly (readonly string[])[]): string {
	const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
	const format = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   ");
	return rows.map((row) => `${format(row).trimEnd()}\n`).join("");
}

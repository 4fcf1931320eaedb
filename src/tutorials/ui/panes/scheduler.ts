/** Why the scheduler put the newest pods where they are, or nowhere. */
import { pods } from "../../../client/resources.ts";
import type { PodExplanation } from "../../../cluster/index.ts";
import { asCached } from "../../engine/look.ts";
import { type Line, plain, truncate, wrap } from "../../text/styled-text.ts";
import type { Pane } from "./pane.ts";

/** How many pods are explained, the newest. */
const maxPods = 3;

export const schedulerPane: Pane = {
	id: "scheduler",
	title: { zh: "调度", en: "Scheduler" },
	read: async ({ session, word }) => {
		const { client, cluster } = session.cluster.lookout;
		const { items } = await client.resource(pods).list(undefined, asCached);
		const newest = items
			.filter(({ metadata }) => metadata?.namespace !== "kube-system")
			.sort((a, b) => Date.parse(b.metadata?.creationTimestamp ?? "") - Date.parse(a.metadata?.creationTimestamp ?? ""))
			.slice(0, maxPods);
		const explained = await Promise.all(
			newest.map(({ metadata }) => cluster.explainPod(metadata?.namespace ?? "", metadata?.name ?? "").catch(() => undefined)),
		);
		return (width, height) => {
			const lines = explained.flatMap((each) => (each === undefined ? [] : linesOf(each, width)));
			return lines.length === 0 ? [plain(word("nothingYet"), { dim: true })] : lines.slice(0, height);
		};
	},
};

function linesOf({ pod, nodeName, notScheduled, attempts, now }: PodExplanation, width: number): Line[] {
	const attempt = nodeName === "" ? (now ?? attempts.at(-1)) : attempts.at(-1);
	const head: Line = [
		{ text: truncate(pod, Math.max(8, width - 24)), bold: true },
		{ text: nodeName === "" ? "  → ?" : `  → ${nodeName}` },
	];
	const said = notScheduled ?? attempt?.message ?? "";
	const lines: Line[] = [head, ...(said === "" ? [] : wrap(plain(`  ${said}`, { color: "yellow" }), width, 2))];
	for (const { name, rejectedBy, total, scores } of attempt?.nodes ?? []) {
		const verdict =
			rejectedBy === undefined
				? `${total === undefined ? "" : `${total}  `}${scores
						.filter(({ normalized, weight }) => normalized * weight > 0)
						.map(({ plugin, normalized, weight }) => `${plugin} ${normalized}×${weight}`)
						.join(", ")}`
				: `${rejectedBy.plugin}: ${rejectedBy.reasons.join(", ")}`;
		const isOut = rejectedBy !== undefined;
		lines.push(plain(truncate(`  ${isOut ? "✗" : name === nodeName ? "●" : "·"} ${name}  ${verdict}`, width), isOut ? { dim: true } : {}));
	}
	return lines;
}

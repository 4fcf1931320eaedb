/** The controllers' work queues. */
import { plain, table } from "../../text/styled-text.ts";
import type { Pane } from "./pane.ts";

export const controllersPane: Pane = {
	id: "controllers",
	title: { zh: "控制器", en: "Controllers" },
	read: async ({ session, word }) => {
		const all = session.cluster.cluster.controllers.list().map(({ name, state, queues }) => ({
			name,
			state,
			depth: sum(queues.map((queue) => queue.depth)),
			adds: sum(queues.map((queue) => queue.adds)),
			retries: sum(queues.map((queue) => queue.retries)),
		}));
		// Who does not run, then who has had most to do.
		const sorted = all.toSorted((a, b) => Number(b.state !== "running") - Number(a.state !== "running") || b.adds - a.adds);
		return (width, height) => {
			const rows = sorted.slice(0, Math.max(0, height - 1)).map(({ name, state, depth, adds, retries }) => {
				const isRunning = state === "running";
				return [isRunning ? "●" : "□", String(depth), String(adds), String(retries), isRunning ? name : `${name} (${state})`];
			});
			if (rows.length === 0) return [plain(word("nothingYet"), { dim: true })];
			return table(["", word("queued"), word("added"), word("retried"), word("controller")], rows, width);
		};
	},
};

function sum(numbers: readonly number[]): number {
	return numbers.reduce((total, each) => total + each, 0);
}

/** `kubesim explain pod NAME`: why a pod is where it is, or why it is nowhere. */
import type { AttemptExplanation, GroupExplanation, NodeExplanation, PodExplanation } from "../../cluster/index.ts";
import { askCluster } from "../control/running-server.ts";
import { formatTable, screenWidth } from "../table.ts";

interface ExplainOptions {
	readonly name: string;
	readonly namespace: string;
	readonly output?: "json";
}

export async function explainPod(pod: string, { name, namespace, output }: ExplainOptions): Promise<void> {
	const explanation = await askCluster<PodExplanation>(name, "scheduler.explain", { namespace, name: pod });
	process.stdout.write(output === "json" ? `${JSON.stringify(explanation)}\n` : describe(explanation));
}

function describe({ pod, nodeName, schedulerName, notScheduled, attempts, now, group }: PodExplanation): string {
	const parts = [
		`Pod ${pod} ${nodeName === "" ? "has no node" : `is on ${nodeName}`}; its scheduler is ${schedulerName}.\n`,
		...(notScheduled === undefined ? [] : [`Nobody schedules it: ${notScheduled}\n`]),
		...(group === undefined ? [] : [describeGroup(group)]),
		...attempts.map((attempt, index) => section(`Attempt ${index + 1} of ${attempts.length} on record, ${attempt.at}`, attempt)),
		...(now === undefined ? [] : [section("An attempt at this moment", now)]),
	];
	const isUnknown = attempts.length === 0 && now === undefined && notScheduled === undefined;
	return [...parts, ...(isUnknown ? ["No attempt for it is on record any more.\n"] : [])].join("\n");
}

function describeGroup({ name, minCount, pods, scheduled, fits }: GroupExplanation): string {
	const what = minCount === undefined ? `the group ${name}` : `the gang ${name}, of which ${minCount} must fit together`;
	const others = pods - scheduled;
	return `It is one of ${what}: of ${pods} pods ${scheduled} have a node, and ${fits} of the other ${others} would find one now.\n`;
}

function section(title: string, attempt: AttemptExplanation): string {
	const { result, nodeName, message, preFilter, nodes, isBrief, postFilter, preemption, binding } = attempt;
	const outcome = result === "Scheduled" ? `Scheduled on ${nodeName}.` : `${result}: ${message}${afterwards(attempt)}`;
	const lines = [
		`${title}: ${outcome}\n`,
		...preFilter.map(({ plugin, reasons }) => `PreFilter of ${plugin}: ${reasons.join(", ")}\n`),
		...(isBrief ? ["The cluster has too many nodes for everything that was said of each to be written down.\n"] : []),
		...(nodes.length === 0 ? [] : [nodeTable(nodes, nodeName)]),
		...postFilter
			.filter(({ reasons }) => reasons.length > 0)
			.map(({ plugin, reasons }) => `PostFilter of ${plugin}: ${reasons.join(", ")}\n`),
		...(preemption.length === 0
			? []
			: [
					formatTable(
						["PREEMPTION ON", "VICTIMS", "BUDGETS VIOLATED"],
						preemption.map(({ nodeName: on, victims, budgetViolations }) => [on, victims.join(","), String(budgetViolations)]),
						screenWidth(),
					),
				]),
		...binding
			.filter(({ code }) => code !== "Success" && code !== "Skip")
			.map(({ point, plugin, code, reasons }) => `${point} of ${plugin}: ${code === "Wait" ? "wait" : reasons.join(", ")}\n`),
	];
	return lines.join("");
}

/** What an attempt that failed has to do with a node all the same. */
function afterwards({ nodeName, preemption }: AttemptExplanation): string {
	if (nodeName === "") return "";
	return preemption.length > 0 ? ` ${nodeName} is kept for it until its victims are gone.` : ` ${nodeName} had been chosen for it.`;
}

/** Scores as `normalised×weight`; what the plugin gave before is in brackets where it is another number. */
function nodeTable(nodes: readonly NodeExplanation[], chosen: string): string {
	const plugins = [...new Set(nodes.flatMap(({ scores }) => scores.map(({ plugin }) => plugin)))];
	const rows = nodes.map(({ name, rejectedBy, total, scores }) => [
		name === chosen ? `* ${name}` : `  ${name}`,
		rejectedBy === undefined ? "fits" : `${rejectedBy.plugin}: ${rejectedBy.reasons.join(", ")}`,
		total === undefined ? "-" : String(total),
		...plugins.map((plugin) => {
			const score = scores.find((each) => each.plugin === plugin);
			if (score === undefined) return "-";
			const raw = score.raw === score.normalized ? "" : ` (${score.raw})`;
			return `${score.normalized}×${score.weight}${raw}`;
		}),
	]);
	return formatTable(["  NODE", "VERDICT", "TOTAL", ...plugins.map((plugin) => plugin.toUpperCase())], rows, screenWidth());
}

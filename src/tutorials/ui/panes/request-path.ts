/** What was asked of the API server, and the way that the newest request took through it. */
import type { AuditEvent } from "../../../cluster/index.ts";
import { isOfCompletion } from "../../engine/kubectl-completion.ts";
import { type Line, plain, truncate, wrap } from "../../text/styled-text.ts";
import type { Pane, PaneContext } from "./pane.ts";

export const requestPath: Pane = {
	id: "request",
	title: { zh: "请求", en: "Request" },
	read: async ({ session, word }) => {
		const { requests, timeline } = session.cluster;
		const byPeople = requests.filter((event) => !isOfCompletion(event) && !(event.user.username ?? "").startsWith("system:"));
		const newest = byPeople.at(-1);
		const revision = newest === undefined ? undefined : revisionOf(newest, timeline.entries);
		return (width, height) => {
			if (newest === undefined) return [plain(word("nothingYet"), { dim: true })];
			const path = pathOf(newest, revision, word).flatMap((line) => wrap(line, width, 4));
			const room = Math.max(0, height - path.length - 1);
			const others = byPeople
				.slice(0, -1)
				.slice(-room)
				.map((event) => plain(truncate(summary(event), width), { dim: true }));
			return [...others, plain(truncate(summary(newest), width), { bold: true }), ...path].slice(-height);
		};
	},
};

function summary({ verb, requestURI, responseStatus }: AuditEvent): string {
	return `${responseStatus?.code ?? "…"} ${verb} ${requestURI.split("?")[0]}`;
}

function pathOf(event: AuditEvent, revision: number | undefined, word: PaneContext["word"]): Line[] {
	const { user, userAgent = "", annotations = {}, responseStatus } = event;
	const stage = (name: string, text: string): Line => [{ text: "  ↓ " }, { text: `${name}: `, bold: true }, { text }];
	const code = responseStatus?.code ?? 0;
	const decision = annotations["authorization.k8s.io/decision"];
	const reason = annotations["authorization.k8s.io/reason"];
	const admission = Object.entries(annotations).filter(([key]) => !key.startsWith("authorization.k8s.io/"));
	const lines = [
		stage(word("client"), userAgent.split(" ")[0] ?? ""),
		stage(word("authentication"), `${user.username} (${(user.groups ?? []).join(", ")})`),
	];
	if (decision !== undefined)
		lines.push(stage(word("authorization"), reason === undefined || reason === "" ? decision : `${decision}: ${reason}`));
	if (decision === "forbid") return [...lines, outcome(event)];
	if (admission.length > 0) lines.push(stage(word("admission"), admission.map(([key, value]) => `${key}=${value}`).join(" ")));
	if (revision !== undefined && code < 300) {
		lines.push(stage(word("store"), `${word("revision")} ${revision}`));
		lines.push(stage(word("watchers"), word("watchersSee")));
	}
	return [...lines, outcome(event)];
}

function outcome({ responseStatus, requestReceivedTimestamp, stageTimestamp }: AuditEvent): Line {
	const code = responseStatus?.code ?? 0;
	const tookMs = Date.parse(stageTimestamp) - Date.parse(requestReceivedTimestamp);
	const isRefused = code >= 400;
	const said = responseStatus?.message ?? responseStatus?.reason ?? "";
	const text = `  ${isRefused ? "✗" : "✓"} ${code}${said === "" ? "" : ` ${said}`} (${tookMs} ms)`;
	return plain(text, { color: isRefused ? "red" : "green" });
}

/** The revision that a write made, as the timeline tells it. */
function revisionOf(event: AuditEvent, entries: PaneContext["session"]["cluster"]["timeline"]["entries"]): number | undefined {
	const { objectRef, verb, user, stageTimestamp } = event;
	if (!["create", "update", "patch", "delete"].includes(verb) || objectRef === undefined) return undefined;
	const endMs = Date.parse(stageTimestamp);
	const name = objectRef.name;
	return entries.findLast(
		(entry) =>
			entry.resource === objectRef.resource &&
			entry.actor === user.username &&
			(name === undefined || entry.name === name) &&
			entry.namespace === (objectRef.namespace ?? "") &&
			Math.abs(entry.atMs - endMs) < 5_000,
	)?.revision;
}

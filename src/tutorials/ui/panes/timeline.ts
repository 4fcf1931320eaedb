/** Every change of every object, in order, and the clock. */
import { renderEntry } from "../../../cluster/index.ts";
import { type Line, plain, truncate } from "../../text/styled-text.ts";
import { clockTime } from "./clock-time.ts";
import type { Pane } from "./pane.ts";

export const timelinePane: Pane = {
	id: "timeline",
	title: { zh: "时间线", en: "Timeline" },
	read: async ({ session, word }) => {
		const { timeline, clock } = session.cluster;
		// Leases are renewed all the time, and events have a pane of their own.
		const entries = timeline.entries.slice(-1_000).filter(({ kind }) => kind !== "Lease" && kind !== "Event");
		const next = clock.nextMs();
		const { speed } = clock;
		const nowMs = clock.now();
		const startMs = timeline.entries[0]?.atMs ?? nowMs;
		return (width, height) => {
			const pace = speed === 0 ? `⏸ ${word("paused")}` : `▶ ${speed}x`;
			const due = next === undefined ? "" : `, ${word("nextDue")} +${Math.max(0, (next - nowMs) / 1000).toFixed(1)} s`;
			const head: Line = plain(truncate(`${clockTime(nowMs)}  ${pace}${due}`, width), { bold: true });
			const shown = entries.slice(-Math.max(0, height - 1)).map((entry) => plain(truncate(renderEntry(entry, startMs), width)));
			return [head, ...shown];
		};
	},
};

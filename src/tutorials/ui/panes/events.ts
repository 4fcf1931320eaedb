/** The cluster's events, the newest last. */
import type { CoreEvent } from "../../../apimachinery/schema/generated/types.ts";
import { events } from "../../../client/resources.ts";
import { asCached } from "../../engine/look.ts";
import { type Line, plain, truncate, wrap } from "../../text/styled-text.ts";
import { clockTime } from "./clock-time.ts";
import type { Pane } from "./pane.ts";

export const eventsPane: Pane = {
	id: "events",
	title: { zh: "事件", en: "Events" },
	read: async ({ session, word }) => {
		const { items } = await session.cluster.lookout.client.resource(events).list(undefined, asCached);
		const sorted = [...items].sort((a, b) => momentOf(a) - momentOf(b));
		return (width, height) => {
			if (sorted.length === 0) return [plain(word("nothingYet"), { dim: true })];
			return sorted
				.slice(-height)
				.flatMap((event) => eventLines(event, width))
				.slice(-height);
		};
	},
};

/** What is normal is told in a line; a warning is told in full. */
function eventLines(event: CoreEvent, width: number): Line[] {
	const { involvedObject, reason = "", message = "", count = 1, type } = event;
	const times = count > 1 ? ` (x${count})` : "";
	const object = `${involvedObject.kind}/${involvedObject.name}`;
	const text = `${clockTime(momentOf(event))} ${object} ${reason}${times}: ${message.replaceAll("\n", " ")}`;
	return type === "Warning" ? wrap(plain(`! ${text}`, { color: "yellow" }), width, 4) : [plain(truncate(`  ${text}`, width))];
}

function momentOf({ lastTimestamp, eventTime, metadata }: CoreEvent): number {
	return Date.parse(lastTimestamp ?? eventTime ?? metadata?.creationTimestamp ?? "") || 0;
}

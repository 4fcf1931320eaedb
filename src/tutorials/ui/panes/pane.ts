/** What one may look at beside a lesson: something of its cluster, as it is now. */
import type { LessonSession } from "../../engine/session.ts";
import type { Text } from "../../engine/text.ts";
import type { Line } from "../../text/styled-text.ts";
import type { ScreenWord } from "../words.ts";

export interface PaneContext {
	readonly session: LessonSession;
	readonly word: (word: ScreenWord) => string;
}

/** Lays out what was read. Never more lines than `height`, none wider than `width`. */
export type Layout = (width: number, height: number) => readonly Line[];

export interface Pane {
	readonly id: string;
	readonly title: Text;
	/** Looks at the cluster. Rejects while it is being taken back. */
	readonly read: (context: PaneContext) => Promise<Layout>;
}

import type { Text } from "./text.ts";

/** What the learner asked for cannot be done as things are. */
export class SessionError extends Error {
	override readonly name = "SessionError";
	readonly text: Text;

	constructor(text: Text) {
		super(text.en);
		this.text = text;
	}
}

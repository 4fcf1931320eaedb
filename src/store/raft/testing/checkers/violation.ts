import type { Entry } from "../../entry.ts";

/** A property of Raft does not hold. */
export class PropertyViolation extends Error {
	readonly property: string;
	constructor(property: string, detail: string) {
		super(`${property}: ${detail}`);
		this.name = "PropertyViolation";
		this.property = property;
	}
}

/** Equal for equal contents. */
export function digest(entry: Entry): string {
	return entry.type === "normal" ? Buffer.from(entry.data).toString("latin1") : JSON.stringify(entry.change);
}

import { describeChange } from "../../describe.ts";
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
	if (entry.type === "normal") return Buffer.from(entry.data).toString("latin1");
	const context = entry.change.type === "leave" ? "" : Buffer.from(entry.change.context).toString("latin1");
	return `${describeChange(entry.change)} ${context}`;
}

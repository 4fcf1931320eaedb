/**
 * ComponentStatus: whether a component answers; read-only and made up on each read. Deprecated since v1.19.
 */
import type { ComponentStatus } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { nameColumn, stringColumn } from "../printing/columns.ts";

const healthOf = ({ conditions }: ComponentStatus) => conditions?.find(({ type }) => type === "Healthy");

function formatHealth(component: ComponentStatus): string {
	const health = healthOf(component);
	if (health === undefined) return "Unknown";
	return health.status === "True" ? "Healthy" : "Unhealthy";
}

export const componentStatusKind = defineKind<ComponentStatus>({
	group: "",
	kind: "ComponentStatus",
	resource: "componentstatuses",
	singular: "componentstatus",
	shortNames: ["cs"],
	versions: ["v1"],
	storageVersion: "v1",
	columns: [
		nameColumn(),
		stringColumn("Status", "Status of the component conditions", formatHealth),
		stringColumn("Message", "Message of the component conditions", (component) => healthOf(component)?.message ?? ""),
		stringColumn("Error", "Error of the component conditions", (component) => healthOf(component)?.error ?? ""),
	],
	deprecated: "v1 ComponentStatus is deprecated in v1.19+",
});

/**
 * Binding: create-only; binds a Pod to a node. The endpoint acts and stores nothing under this name.
 */
import type { Binding } from "../../../apimachinery/schema/generated/types.ts";
import { fieldNotSupported } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";
import { validateRequired } from "../validation/primitives.ts";

export const bindingKind = defineKind<Binding>({
	group: "",
	kind: "Binding",
	resource: "bindings",
	singular: "binding",
	versions: ["v1"],
	storageVersion: "v1",
	validate: ({ target }) => {
		const kind = target?.kind ?? "";
		const isNode = kind === "" || kind === "Node";
		return [
			...(isNode ? [] : [fieldNotSupported("target.kind", kind, ["Node", "<empty>"])]),
			...validateRequired(target?.name, "target.name"),
		];
	},
	columns: [nameColumn(), createdAtColumn()],
});

import { expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { podKind } from "../registry/core/pod.ts";
import { TablePrinter } from "./table.ts";

const pods = { group: "", version: "v1", resource: "pods", subresource: "", kind: "Pod" };
const printer = new TablePrinter(pods as ConstructorParameters<typeof TablePrinter>[0], podKind, {
	apiVersion: "meta.k8s.io/v1",
	includeObject: "None",
});

const rowOf = (phase: string) => {
	const pod = { metadata: { name: "a" }, status: { phase } } as KubeObject;
	return (printer.table(pod, { nowMs: 0 }) as unknown as { rows: readonly { readonly conditions?: unknown }[] }).rows[0]?.conditions;
};

it.each([
	["Running", undefined],
	["Succeeded", [{ type: "Completed", status: "True", reason: "Succeeded", message: "The pod has completed successfully." }]],
	["Failed", [{ type: "Completed", status: "True", reason: "Failed", message: "The pod failed." }]],
])("the row of a Pod that is %s says whether it is completed", (phase, conditions) => {
	expect(rowOf(phase)).toEqual(conditions);
});

import { expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, kindOf, printed, problems, updateProblems } from "../testing/kind-probe.ts";
import { nodeKinds } from "./index.ts";

const kind = kindOf(nodeKinds, "runtimeclasses");
const runtimeClass = (handler: string): KubeObject => ({ metadata: { name: "gvisor", creationTimestamp: created }, handler }) as KubeObject;

it("prints a RuntimeClass, whose handler is a label and stays", () => {
	expect(printed(kind, runtimeClass("runsc"))).toBe("NAME | HANDLER | AGE\ngvisor | runsc | 5m");
	expect(problems(kind, runtimeClass("runsc"))).toEqual([]);
	expect(problems(kind, runtimeClass("run.sc"))).toEqual(['handler: Invalid value: "run.sc": must not contain dots']);
	expect(updateProblems(kind, runtimeClass("kata"), runtimeClass("runsc"))).toEqual(['handler: Invalid value: "kata": field is immutable']);
});

it("warns of node labels that have a new name", () => {
	const nodeSelector = { "beta.kubernetes.io/arch": "arm64", "kubernetes.io/os": "linux" };
	expect(kind.warnings?.({ ...runtimeClass("runsc"), scheduling: { nodeSelector } } as KubeObject)).toEqual([
		'scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/arch" instead',
	]);
});

/**
 * What tests ask of Pods: a sound one with something changed, and what is wrong with it. A row of a table is a change and
 * the errors it makes, in order.
 */
import { it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { podKind } from "../core/pod.ts";
import { problems } from "./kind-probe.ts";

export const app = { name: "app", image: "nginx" };

/** A change of a spec (or of a container, a probe …), and what is wrong then. */
export type Row = readonly [change: object, ...errors: string[]];

export const podOf = (spec: object, metadata: object = {}): KubeObject =>
	({
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name: "web", namespace: "default", ...metadata },
		spec: { containers: [app], ...spec },
	}) as KubeObject;

/** Errors of a Pod with this in its spec. */
export const specProblems = (change: object): readonly string[] => problems(podKind, podOf(change));

/** Errors of a Pod with this in its one container. */
export const containerProblems = (change: object): readonly string[] => specProblems({ containers: [{ ...app, ...change }] });

/** One test a row, named after its change. */
export function eachRow(rows: readonly Row[], check: (change: object, errors: readonly string[]) => void): void {
	it.each(rows.map(([change, ...errors]) => [JSON.stringify(change).slice(0, 160), change, errors] as const))("%s", (_, change, errors) => {
		check(change, errors);
	});
}

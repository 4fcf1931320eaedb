import { expect, test } from "vitest";
import type { Node, Pod } from "../../../apimachinery/schema/generated/types.ts";
import { mapLines } from "./cluster-map.ts";

const node: Node = { metadata: { name: "node-1" }, status: { conditions: [{ type: "Ready", status: "True" }] } as Node["status"] & object };

function pod(name: string, ready: boolean, nodeName?: string): Pod {
	const containerStatuses = [{ name: "c", ready, restartCount: ready ? 0 : 3, image: "", imageID: "" }];
	return {
		metadata: { name, namespace: name.includes("dns") ? "kube-system" : "default" },
		spec: { containers: [{ name: "c" }], ...(nodeName === undefined ? {} : { nodeName }) },
		status: nodeName === undefined ? { phase: "Pending" } : { phase: "Running", containerStatuses },
	} as Pod;
}

const shown = (pods: readonly Pod[], isBrief: boolean) =>
	mapLines([node], pods, { width: 60, isBrief, noNode: "on no node" }).map((line) => line.map(({ text }) => text).join(""));

test("states stand below each other; where there is no room, pods that are well are counted", () => {
	const pods = [pod("web", true, "node-1"), pod("dns-x", true, "node-1"), pod("bad", false, "node-1"), pod("waits", false)];
	expect(shown(pods, false)).toEqual([
		"■ node-1  Ready",
		"  ● web                Running 1/1",
		"  ● kube-system/dns-x  Running 1/1",
		"  ◐ bad                Running 0/1 ↻3",
		"on no node",
		"  ○ waits              Pending 0/1",
	]);
	expect(shown(pods, true)).toEqual([
		"■ node-1  Ready",
		"  ◐ bad                Running 0/1 ↻3",
		"  ● 2 Running",
		"on no node",
		"  ○ waits              Pending 0/1",
	]);
});

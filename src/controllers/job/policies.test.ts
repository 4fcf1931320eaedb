import { expect, test } from "vitest";
import type { Pod, PodFailurePolicyRule, SuccessPolicyRule } from "../../apimachinery/schema/generated/types.ts";
import { judgeFailure } from "./failure-policy.ts";
import { parseIndexes } from "./index-set.ts";
import { matchSuccessPolicy } from "./success-policy.ts";

/** A failed pod with two containers and an init container, and a condition. */
function failedPod(exitCodes: Readonly<Record<string, number | undefined>>, init = 0, condition = "DisruptionTarget"): Pod {
	const status = (name: string, exitCode: number | undefined) => ({
		name,
		image: "",
		imageID: "",
		ready: false,
		restartCount: 0,
		state: exitCode === undefined ? { running: {} } : { terminated: { exitCode } },
	});
	return {
		metadata: { namespace: "ns", name: "pod-x" },
		status: {
			phase: "Failed",
			containerStatuses: Object.entries(exitCodes).map(([name, exitCode]) => status(name, exitCode)),
			initContainerStatuses: [status("init", init)],
			conditions: [{ type: condition, status: "True" }],
		},
	};
}

const exit = (action: string, operator: string, values: number[], containerName?: string): PodFailurePolicyRule => ({
	action,
	onExitCodes: { operator, values, ...(containerName === undefined ? {} : { containerName }) },
});
const condition = (action: string, type: string, status?: string): PodFailurePolicyRule => ({
	action,
	onPodConditions: [{ type, ...(status === undefined ? {} : { status }) }],
});

test.each<[string, readonly PodFailurePolicyRule[], Pod, object]>([
	["no rule matches", [exit("Ignore", "In", [3])], failedPod({ a: 4 }), { counts: true }],
	["Ignore", [exit("Ignore", "In", [3, 4])], failedPod({ a: 4 }), { action: "Ignore", counts: false }],
	["Count", [exit("Count", "NotIn", [3])], failedPod({ a: 4 }), { action: "Count", counts: true }],
	["FailIndex", [exit("FailIndex", "In", [4])], failedPod({ a: 4 }), { action: "FailIndex", counts: true }],
	[
		"FailJob, with the first container that matches",
		[exit("Ignore", "In", [3]), exit("FailJob", "In", [4, 5])],
		failedPod({ a: 0, b: 5 }),
		{ action: "FailJob", counts: true, message: "Container b for pod ns/pod-x failed with exit code 5 matching FailJob rule at index 1" },
	],
	[
		"FailJob by a condition",
		[condition("FailJob", "DisruptionTarget", "True")],
		failedPod({ a: 1 }),
		{ action: "FailJob", counts: true, message: "Pod ns/pod-x has condition DisruptionTarget matching FailJob rule at index 0" },
	],
	["a success is no failure, whatever is not in the list", [exit("Ignore", "NotIn", [3])], failedPod({ a: 0 }), { counts: true }],
	["what runs has no exit code", [exit("Ignore", "NotIn", [3])], failedPod({ a: undefined }), { counts: true }],
	["only the container named", [exit("Ignore", "In", [4], "b")], failedPod({ a: 4, b: 0 }), { counts: true }],
	["init containers too", [exit("Ignore", "In", [7])], failedPod({ a: 0 }, 7), { action: "Ignore", counts: false }],
	["the first rule that matches", [exit("Count", "In", [4]), exit("Ignore", "In", [4])], failedPod({ a: 4 }), { action: "Count" }],
	["a condition's status is True by default", [condition("Ignore", "DisruptionTarget")], failedPod({ a: 1 }), { action: "Ignore" }],
	["a condition of another status", [condition("Ignore", "DisruptionTarget", "False")], failedPod({ a: 1 }), { counts: true }],
])("failure policy: %s", (_what, rules, pod, verdict) => {
	expect(judgeFailure({ rules }, pod)).toMatchObject(verdict);
});

test.each<[readonly SuccessPolicyRule[], string, string | undefined]>([
	[[{ succeededIndexes: "0,2" }], "0", undefined],
	[[{ succeededIndexes: "0,2" }], "0-2", "Matched rules at index 0"],
	[[{ succeededCount: 2 }], "1,4", "Matched rules at index 0"],
	[[{ succeededCount: 3 }], "1,4", undefined],
	[[{ succeededIndexes: "0-3", succeededCount: 2 }], "3-5", undefined],
	[[{ succeededIndexes: "0-3", succeededCount: 2 }], "2,3", "Matched rules at index 0"],
	[[{ succeededIndexes: "9" }, { succeededIndexes: "1" }], "1", "Matched rules at index 1"],
	[[{ succeededCount: 0 }], "", undefined],
])("success policy %j with %j succeeded: %j", (rules, succeeded, message) => {
	expect(matchSuccessPolicy({ rules }, 10, parseIndexes(succeeded, 10))).toBe(message);
});

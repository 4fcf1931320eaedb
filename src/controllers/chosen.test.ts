import { expect, test } from "vitest";
import { chosenControllers, controllerNamed } from "./chosen.ts";

const names = ["deployment", "replicaset", "namespace"];

test.each([
	[["*"], ["deployment", "replicaset", "namespace"]],
	[
		["*", "-deployment"],
		["replicaset", "namespace"],
	],
	[["namespace"], ["namespace"]],
	[[], []],
	// The first that speaks of it decides.
	[
		["-deployment", "deployment", "*"],
		["replicaset", "namespace"],
	],
])("%j chooses %j", (choice, chosen) => {
	expect(chosenControllers(names, choice)).toEqual(chosen);
});

test("a name that is none is refused, turned on or off", () => {
	expect(() => chosenControllers(names, ["*", "-pods"])).toThrow('"pods" is not in the list of known controllers');
});

test.each([
	["deployment-controller", "deployment-controller"],
	["deployment", "deployment-controller"],
	["csrsigning", "certificatesigningrequest-signing-controller"],
	["podgc", "pod-garbage-collector-controller"],
	["pod-garbage-collector", "pod-garbage-collector-controller"],
])("%s is %s", (name, found) => {
	const known = ["deployment-controller", "certificatesigningrequest-signing-controller", "pod-garbage-collector-controller"];
	expect(controllerNamed(known, name)).toBe(found);
	expect(chosenControllers(known, ["*", `-${name}`])).not.toContain(found);
});

test("a former name of a controller that is not there is refused", () => {
	expect(() => controllerNamed(["deployment-controller"], "podgc")).toThrow('"podgc" is not in the list of known controllers');
});

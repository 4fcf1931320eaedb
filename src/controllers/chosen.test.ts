import { expect, test } from "vitest";
import { chosenControllers } from "./chosen.ts";

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

import { describe, expect, it } from "vitest";
import { parseFeatureGates, readFeatureGates } from "./feature-gates.ts";

describe("feature gates", () => {
	it("are off by default, and read by Kubernetes' names", () => {
		expect(readFeatureGates({})).toEqual({ genericWorkload: false, gangScheduling: false });
		expect(readFeatureGates(parseFeatureGates("GenericWorkload=true, GangScheduling=true"))).toEqual({
			genericWorkload: true,
			gangScheduling: true,
		});
	});

	it.each([
		["Nope=true", "unrecognized feature gate: Nope; those that kubesim can switch are GangScheduling, GenericWorkload"],
		["toString=true", "unrecognized feature gate: toString; those that kubesim can switch are GangScheduling, GenericWorkload"],
		["GangScheduling=true", "GangScheduling is enabled, but depends on features that are disabled: [GenericWorkload]"],
		["GenericWorkload", "missing bool value for feature gate GenericWorkload"],
		["GenericWorkload=yes", 'invalid value of GenericWorkload=yes, err: strconv.ParseBool: parsing "yes": invalid syntax'],
	])("refuses %s", (text, expected) => {
		expect(() => readFeatureGates(parseFeatureGates(text))).toThrow(expected);
	});
});

import { describe, expect, it } from "vitest";
import { compileDeviceSelector, type SelectableDevice } from "./device-selector.ts";

const device: SelectableDevice = {
	driver: "dra.example.com",
	attributes: {
		model: { string: "a100" },
		"ext.example.com/family": { string: "ampere" },
		cores: { int: 108 },
		healthy: { bool: true },
		driverVersion: { version: "1.2.3" },
	},
	capacity: { memory: { value: "40Gi" }, "ext.example.com/slots": { value: "7" } },
	allowMultipleAllocations: false,
};

function evaluate(text: string): unknown {
	const compiled = compileDeviceSelector(text);
	if ("problem" in compiled) return compiled.problem;
	const result = compiled.matches(device);
	return typeof result === "boolean" ? result : `run: ${result.problem}`;
}

describe("selectors of devices", () => {
	// The forms of https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/ and of the API reference.
	it.each<[string, unknown]>([
		[`device.driver == "dra.example.com"`, true],
		[`device.attributes["dra.example.com"].model == "a100"`, true],
		[`device.attributes["dra.example.com"].model == "h100"`, false],
		[`device.attributes["ext.example.com"].family == "ampere"`, true],
		[`device.attributes["dra.example.com"].cores > 100`, true],
		[`device.attributes["dra.example.com"].healthy`, true],
		[`device.attributes["dra.example.com"].driverVersion.isGreaterThan(semver("1.2.0"))`, true],
		[`device.capacity["dra.example.com"].memory.compareTo(quantity("40Gi")) >= 0`, true],
		[`device.capacity["dra.example.com"].memory.compareTo(quantity("80Gi")) >= 0`, false],
		[`device.capacity["ext.example.com"].slots.isGreaterThan(quantity("7"))`, false],
		[`device.allowMultipleAllocations`, false],
		[`cel.bind(dra, device.attributes["dra.example.com"], dra.healthy && dra.cores == 108)`, true],
		// A domain that is not there is empty; a name that is not there is an error.
		[`device.attributes["other.example.com"].size() == 0`, true],
		[`"other.example.com" in device.attributes`, false],
		[`"dra.example.com" in device.attributes`, true],
		[`has(device.attributes["dra.example.com"].color)`, false],
		[`device.attributes["dra.example.com"].color == "red"`, "run: no such key: color"],
		[
			`device.attributes["dra.example.com"].model`,
			expect.stringContaining("run: CEL result of type string could not be converted to bool"),
		],
		// What is wrong before any device is there.
		["1", "must evaluate to bool or the unknown type, not int"],
		["device.color == 'red'", expect.stringContaining("compilation failed: ERROR: <input>:1:7: undefined field 'color'")],
		["device.attributes[", expect.stringContaining("compilation failed: ERROR: <input>:1:19: Syntax error")],
	])("%s", (text, expected) => {
		expect(evaluate(text)).toEqual(expected);
	});

	it("is limited in what it may cost, by what a device can hold", () => {
		const costOf = (text: string) => {
			const compiled = compileDeviceSelector(text);
			return "problem" in compiled ? compiled.problem : compiled.maxCost;
		};
		expect(costOf(`device.driver == "dra.example.com"`)).toBeLessThan(100);
		const nested = `device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, device.attributes.all(e, a != e)))))`;
		expect(costOf(nested)).toBeGreaterThan(1_000_000);
		expect(evaluate(nested)).toBe(false);
	});
});

/**
 * Selectors of devices: what expressions of DeviceClasses and ResourceClaims see of a device, and whether it fits.
 *
 *     device.driver == "gpu.example.com" && device.attributes["gpu.example.com"].model == "a100"
 *     device.capacity["gpu.example.com"].memory.compareTo(quantity("40Gi")) >= 0
 *
 * Attributes and capacities are grouped by domain, which is the driver's where the name has none. A domain that a device does not
 * have is an empty map; a name that it does not have in there is an error.
 * Source: k8s.io/dynamic-resource-allocation/cel/compile.go; CELDeviceSelector in the API reference.
 */
import type { DeviceAttribute, DeviceCapacity } from "../../schema/generated/types.ts";
import { estimateCost } from "../check/cost-estimate.ts";
import type { Range } from "../check/cost-range.ts";
import { compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { quantityOf, quantityType } from "../library/quantity.ts";
import { versionOf } from "../library/semver.ts";
import { boolType, dynType, formatType, mapType, objectType, stringType } from "../types/types.ts";
import { EvaluationError } from "../values/errors.ts";
import { CelMap, type CelValue, EntryMap, typeNameOf } from "../values/values.ts";

/** What one selector may cost, by estimate when it is written and when it runs. Source: CELSelectorExpressionMaxCost. */
export const maxSelectorCost = 1_000_000;

const maxDriverBytes = 63;
const maxDomainBytes = 63;
const maxIdBytes = 32;
const maxValueBytes = 64;
const maxEntries = 32;

const deviceType = objectType("kubernetes.DRADevice", {
	driver: stringType,
	attributes: mapType(stringType, mapType(stringType, dynType)),
	capacity: mapType(stringType, mapType(stringType, quantityType)),
	allowMultipleAllocations: boolType,
});

const environment = kubernetesEnvironment.extend({ variables: { device: deviceType }, hasBindings: true });

/** A device, as far as selectors look at it. */
export interface SelectableDevice {
	readonly driver: string;
	readonly attributes: Readonly<Record<string, DeviceAttribute>>;
	readonly capacity: Readonly<Record<string, DeviceCapacity>>;
	readonly allowMultipleAllocations: boolean;
}

export interface CompiledSelector {
	/** What it costs at most, by estimate. */
	readonly maxCost: number;
	/** Whether the device fits; or why that cannot be said. */
	matches(device: SelectableDevice): boolean | { readonly problem: string };
}

/** Or what is wrong with the expression, as field errors tell it. */
export function compileDeviceSelector(text: string): CompiledSelector | { readonly problem: string } {
	const compiled = compileExpression(text, environment);
	if ("problem" in compiled) return { problem: `compilation failed: ${compiled.problem}` };
	const { checked, program } = compiled;
	if (checked.type.kind !== "bool" && checked.type.kind !== "dyn")
		return { problem: `must evaluate to bool or the unknown type, not ${formatType(checked.type)}` };
	return {
		maxCost: estimateCost(checked, ([, ...path]) => sizeOf(path)).max,
		matches(device) {
			try {
				const value = deviceValue(device);
				const outcome = program.evaluate((name) => (name === "device" ? value : undefined), maxSelectorCost);
				if ("error" in outcome) return { problem: outcome.error };
				if (typeof outcome.value === "boolean") return outcome.value;
				const problem = `type conversion error from '${typeNameOf(outcome.value)}' to 'bool'`;
				return { problem: `CEL result of type ${typeNameOf(outcome.value)} could not be converted to bool: ${problem}` };
			} catch (error) {
				if (error instanceof EvaluationError) return { problem: error.message };
				throw error;
			}
		},
	};
}

const upTo = (max: number): Range => ({ min: 0, max });

/** Sizes of what a path below `device` leads to. */
function sizeOf([field, ...path]: readonly string[]): Range | undefined {
	if (field === undefined) return upTo(0);
	if (field === "driver") return path.length === 0 ? upTo(maxDriverBytes) : undefined;
	if (field !== "attributes" && field !== "capacity") return path.length === 0 ? upTo(0) : undefined;
	const keys = path.at(-1) === "@keys";
	switch (path.length) {
		case 0:
			return upTo(maxEntries);
		case 1:
			return upTo(keys ? maxDomainBytes : maxEntries);
		case 2:
			return upTo(keys ? maxIdBytes : field === "attributes" ? maxValueBytes : 0);
		default:
			return undefined;
	}
}

/** By domain; a domain that is not there is empty rather than missing. */
class DomainMap extends CelMap {
	readonly #domains: ReadonlyMap<string, EntryMap>;

	constructor(domains: ReadonlyMap<string, EntryMap>) {
		super();
		this.#domains = domains;
	}

	get size(): number {
		return this.#domains.size;
	}

	get(key: CelValue): CelValue | undefined {
		return typeof key === "string" ? (this.#domains.get(key) ?? noEntries) : undefined;
	}

	override has(key: CelValue): boolean {
		return typeof key === "string" && this.#domains.has(key);
	}

	keys(): readonly CelValue[] {
		return [...this.#domains.keys()];
	}
}

const noEntries = EntryMap.of([]);

function deviceValue({ driver, attributes, capacity, allowMultipleAllocations }: SelectableDevice): CelMap {
	return EntryMap.of(
		[
			["driver", driver],
			["attributes", byDomain(driver, attributes, attributeValue)],
			["capacity", byDomain(driver, capacity, ({ value }) => quantityOf(value))],
			["allowMultipleAllocations", allowMultipleAllocations],
		],
		deviceType.name,
	);
}

function byDomain<T>(driver: string, named: Readonly<Record<string, T>>, celValueOf: (item: T) => CelValue): DomainMap {
	const domains = new Map<string, [string, CelValue][]>();
	for (const [name, item] of Object.entries(named)) {
		const slash = name.indexOf("/");
		const domain = slash < 0 ? driver : name.slice(0, slash);
		const entries = domains.get(domain) ?? [];
		if (entries.length === 0) domains.set(domain, entries);
		entries.push([name.slice(slash + 1), celValueOf(item)]);
	}
	return new DomainMap(new Map([...domains].map(([domain, entries]) => [domain, EntryMap.of(new Map(entries))])));
}

function attributeValue({ int, bool, string, version }: DeviceAttribute): CelValue {
	if (int !== undefined) return BigInt(int);
	if (bool !== undefined) return bool;
	if (string !== undefined) return string;
	if (version !== undefined) return versionOf(version);
	throw new EvaluationError("unsupported attribute value");
}

/**
 * Constraints between the devices of a claim: an attribute that is the same for all, or different for each. They only ever get
 * tighter: what does not fit now will not fit with more devices.
 * Source: KEP-4381; DeviceConstraint in the API reference.
 */
import type { DeviceAttribute, DeviceConstraint } from "../../apimachinery/schema/generated/types.ts";
import type { PoolDevice } from "./device-pools.ts";

export interface Constraint {
	/** False: the device does not fit. True: it counts from now on. @param names the request's, and of a chosen alternative `request/alternative` */
	add(device: PoolDevice, names: readonly string[]): boolean;
	/** Takes back the last `add` that was true. */
	remove(names: readonly string[]): void;
}

/** Undefined for a constraint that is none of those known. */
export function constraintOf({ matchAttribute, distinctAttribute, requests = [] }: DeviceConstraint): Constraint | undefined {
	const attribute = matchAttribute ?? distinctAttribute;
	if (attribute === undefined) return undefined;
	const values: string[] = [];
	const fits =
		matchAttribute === undefined ? (value: string) => !values.includes(value) : (value: string) => (values[0] ?? value) === value;
	const concerns = (names: readonly string[]) => requests.length === 0 || names.some((name) => requests.includes(name));
	return {
		add(device, names) {
			if (!concerns(names)) return true;
			const value = attributeText(device, attribute);
			if (value === undefined || !fits(value)) return false;
			values.push(value);
			return true;
		},
		remove(names) {
			if (concerns(names)) values.pop();
		},
	};
}

/** The attribute's value with its type, as a text; a name without a domain has the driver's. */
function attributeText({ device, pool }: PoolDevice, attribute: string): string | undefined {
	const { attributes = {} } = device;
	const [domain, id = ""] = attribute.split("/");
	const found = attributes[attribute] ?? (domain === pool.driver ? attributes[id] : undefined);
	return found === undefined ? undefined : textOf(found);
}

function textOf({ string, int, bool, version }: DeviceAttribute): string | undefined {
	if (string !== undefined) return `string ${string}`;
	if (int !== undefined) return `int ${int}`;
	if (bool !== undefined) return `bool ${bool}`;
	return version === undefined ? undefined : `version ${version}`;
}

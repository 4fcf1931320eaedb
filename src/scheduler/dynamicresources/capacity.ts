/**
 * How much of a device's capacity a request takes: what it asks for, brought to what the device's policy allows. Pure.
 * Source: KEP-5075; CapacityRequirements, CapacityRequestPolicy and CapacityRequestPolicyRange in the API reference.
 */
import { compareQuantities, parseQuantity, type Quantity } from "../../apimachinery/quantity.ts";
import type {
	CapacityRequestPolicy,
	CapacityRequestPolicyRange,
	Device,
	DeviceCapacity,
} from "../../apimachinery/schema/generated/types.ts";

/** By name of the capacity, in nanos. */
export type Amounts = ReadonlyMap<string, bigint>;

/** What a request takes of each capacity; undefined: the device cannot give it, however much of it is free. */
export function consumption(
	{ capacity = {} }: Device,
	requests: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, Quantity> | undefined {
	if (Object.keys(requests).some((name) => !Object.hasOwn(capacity, name))) return undefined;
	const taken = new Map<string, Quantity>();
	for (const [name, offered] of Object.entries(capacity)) {
		const amount = amountOf(offered, requests[name]);
		if (violates(amount, offered.requestPolicy) || compareQuantities(amount, offered.value) > 0) return undefined;
		taken.set(name, amount);
	}
	return taken;
}

/** Whether the device has that much left besides what others have taken of it. */
export function isLeft(
	{ capacity = {} }: Device,
	wanted: ReadonlyMap<string, Quantity>,
	...taken: readonly (Amounts | undefined)[]
): boolean {
	for (const [name, { nanos }] of wanted) {
		const sum = taken.reduce((total, amounts) => total + (amounts?.get(name) ?? 0n), nanos);
		if (sum > parseQuantity(capacity[name]?.value ?? "0").nanos) return false;
	}
	return true;
}

function amountOf({ value, requestPolicy: policy }: DeviceCapacity, requested: string | undefined): Quantity {
	if (requested === undefined) return parseQuantity(policy?.default ?? value);
	const wanted = parseQuantity(requested);
	if (policy?.validRange !== undefined) return roundedUp(wanted, policy.validRange);
	const fitting = policy?.validValues?.find((valid) => compareQuantities(wanted, valid) <= 0);
	return fitting === undefined ? wanted : parseQuantity(fitting);
}

/** To the least, or to the next step from there. */
function roundedUp(wanted: Quantity, { min, step }: CapacityRequestPolicyRange): Quantity {
	const least = parseQuantity(min);
	if (compareQuantities(wanted, least) < 0) return least;
	if (step === undefined) return wanted;
	const { nanos: width, format } = parseQuantity(step);
	const steps = (wanted.nanos - least.nanos + width - 1n) / width;
	return { nanos: least.nanos + steps * width, format };
}

function violates(amount: Quantity, policy: CapacityRequestPolicy | undefined): boolean {
	if (policy === undefined) return false;
	const { validRange, validValues = [] } = policy;
	if (policy.default !== undefined && compareQuantities(amount, policy.default) === 0) return false;
	if (validRange !== undefined) {
		const { max, step, min } = validRange;
		if (max !== undefined && compareQuantities(amount, max) > 0) return true;
		return step !== undefined && (amount.nanos - parseQuantity(min).nanos) % parseQuantity(step).nanos !== 0n;
	}
	return validValues.length > 0 && !validValues.some((valid) => compareQuantities(amount, valid) === 0);
}

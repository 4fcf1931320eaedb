/** Amounts of resources. Source: k8s.io/apiserver/pkg/cel/library/quantity.go. */
import { addQuantities, compareQuantities, parseQuantity, type Quantity, QuantityError, subtractQuantities } from "../../quantity.ts";
import { boolType, doubleType, intType, objectType, stringType } from "../types/types.ts";
import { EvaluationError, noSuchOverload } from "../values/errors.ts";
import { asInt, asString, CelOpaque, type CelValue } from "../values/values.ts";
import { declare, type Library, member, overload } from "./function.ts";

const typeName = "kubernetes.Quantity";
export const quantityType = objectType(typeName);
const nanosPerUnit = 1_000_000_000n;

class CelQuantity extends CelOpaque {
	readonly typeName = typeName;
	readonly quantity: Quantity;

	constructor(quantity: Quantity) {
		super();
		this.quantity = quantity;
	}

	equals(other: CelOpaque): boolean {
		return other instanceof CelQuantity && compareQuantities(this.quantity, other.quantity) === 0;
	}
}

function tryParse(text: string): Quantity | QuantityError {
	try {
		return parseQuantity(text);
	} catch (error) {
		if (error instanceof QuantityError) return error;
		throw error;
	}
}

/** Throws EvaluationError for a text that is none. */
export function quantityOf(text: CelValue): CelValue {
	const parsed = tryParse(asString(text));
	if (parsed instanceof QuantityError) throw new EvaluationError(parsed.message);
	return new CelQuantity(parsed);
}

function asQuantity(value: CelValue): Quantity {
	if (!(value instanceof CelQuantity)) throw noSuchOverload();
	return value.quantity;
}

const isInteger = ({ nanos }: Quantity): boolean => {
	const units = nanos / nanosPerUnit;
	return nanos % nanosPerUnit === 0n && units < 2n ** 63n && units >= -(2n ** 63n);
};

function toInteger(quantity: Quantity): bigint {
	if (!isInteger(quantity)) throw new EvaluationError("cannot convert value to integer");
	return quantity.nanos / nanosPerUnit;
}

const operand = (value: CelValue): Quantity =>
	typeof value === "bigint" ? { nanos: asInt(value) * nanosPerUnit, format: "DecimalSI" } : asQuantity(value);

const pair = [quantityType, quantityType];
const withInt = [quantityType, intType];
const add = (a: CelValue, b: CelValue): CelValue => new CelQuantity(addQuantities(asQuantity(a), operand(b)));
const subtract = (a: CelValue, b: CelValue): CelValue => new CelQuantity(subtractQuantities(asQuantity(a), operand(b)));
const compare = (a: CelValue, b: CelValue): number => compareQuantities(asQuantity(a), asQuantity(b));

export const quantityLibrary: Library = {
	functions: [
		declare("quantity", [overload("string_to_quantity", [stringType], quantityType, quantityOf)]),
		declare("isQuantity", [
			overload("is_quantity_string", [stringType], boolType, (text) => !(tryParse(asString(text)) instanceof QuantityError)),
		]),
		declare("sign", [
			member("quantity_sign", [quantityType], intType, (value) => {
				const { nanos } = asQuantity(value);
				return nanos > 0n ? 1n : nanos < 0n ? -1n : 0n;
			}),
		]),
		declare("isGreaterThan", [member("quantity_is_greater_than", pair, boolType, (a, b) => compare(a, b) > 0)]),
		declare("isLessThan", [member("quantity_is_less_than", pair, boolType, (a, b) => compare(a, b) < 0)]),
		declare("compareTo", [member("quantity_compare_to", pair, intType, (a, b) => BigInt(Math.sign(compare(a, b))))]),
		declare("asApproximateFloat", [
			member("quantity_get_float", [quantityType], doubleType, (value) => {
				const { nanos } = asQuantity(value);
				return Number(nanos / nanosPerUnit) + Number(nanos % nanosPerUnit) / 1e9;
			}),
		]),
		declare("asInteger", [member("quantity_get_int", [quantityType], intType, (value) => toInteger(asQuantity(value)))]),
		declare("isInteger", [member("quantity_is_integer", [quantityType], boolType, (value) => isInteger(asQuantity(value)))]),
		declare("add", [member("quantity_add", pair, quantityType, add), member("quantity_add_int", withInt, quantityType, add)]),
		declare("sub", [member("quantity_sub", pair, quantityType, subtract), member("quantity_sub_int", withInt, quantityType, subtract)]),
	],
	typeNames: [[typeName, quantityType]],
};

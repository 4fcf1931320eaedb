/** Quantities of resources. Source: ValidateResourceQuantityValue in pkg/apis/core/validation/validation.go. */
import { parseQuantity, QuantityError } from "../../../apimachinery/quantity.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, NOT_NEGATIVE } from "../validation/primitives.ts";
import { isCounted } from "./resource-names.ts";

/** Not negative, and whole where pieces are counted: Go looks at thousandths. */
export function validateResourceQuantity(resource: string, quantity: string, path: string): FieldErrors {
	try {
		const { nanos } = parseQuantity(quantity);
		const isWhole = (nanos < 0n ? -nanos : nanos) % 1_000_000_000n === 0n;
		return [
			...(nanos < 0n ? [fieldInvalid(path, quantity, NOT_NEGATIVE)] : []),
			...(isCounted(resource) && !isWhole ? [fieldInvalid(path, quantity, "must be an integer")] : []),
		];
	} catch (error) {
		if (error instanceof QuantityError) return [fieldInvalid(path, quantity, error.message)];
		throw error;
	}
}

/** Sizes of volumes and claims. Source: validateBasicResource, ValidatePositiveQuantityValue in pkg/apis/core/validation. */
import { compareQuantities, QuantityError, quantityToInteger } from "../../../apimachinery/quantity.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, NO_ERRORS, POSITIVE } from "../validation/primitives.ts";

/** Not negative; the text shows the whole number that Go makes of the quantity. */
export function validateBasicQuantity(quantity: string, path: string): FieldErrors {
	return checked(quantity, path, () => {
		const value = quantityToInteger(quantity);
		return value < 0 ? [fieldInvalid(path, value, "must be a valid resource quantity")] : NO_ERRORS;
	});
}

export function validatePositiveQuantity(quantity: string, path: string): FieldErrors {
	return checked(quantity, path, () => (compareQuantities(quantity, "0") <= 0 ? [fieldInvalid(path, quantity, POSITIVE)] : NO_ERRORS));
}

/** Decoding has refused what is no quantity; hooks may still meet one. */
function checked(quantity: string, path: string, check: () => FieldErrors): FieldErrors {
	try {
		return check();
	} catch (error) {
		if (error instanceof QuantityError) return [fieldInvalid(path, quantity, error.message)];
		throw error;
	}
}

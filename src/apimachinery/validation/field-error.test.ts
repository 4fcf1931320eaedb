import { expect, it } from "vitest";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldInvalidAsWhole,
	fieldNotFound,
	fieldNotOneOf,
	fieldNotSupported,
	fieldRequired,
	fieldTooLong,
	fieldTooMany,
} from "./field-error.ts";

it.each<[FieldError, string]>([
	[fieldRequired("spec.a"), "spec.a: Required value"],
	[fieldRequired("spec.a", "must be set"), "spec.a: Required value: must be set"],
	[fieldInvalid("spec.a", -1, "must be positive"), "spec.a: Invalid value: -1: must be positive"],
	[fieldInvalid("spec.a", "x", ""), 'spec.a: Invalid value: "x"'],
	[fieldInvalid("spec.a", null, "bad"), "spec.a: Invalid value: null: bad"],
	[fieldInvalid("spec.a", { b: [1] }, "bad"), 'spec.a: Invalid value: {"b":[1]}: bad'],
	[fieldInvalidAsWhole("spec.a", "bad"), "spec.a: Invalid value: bad"],
	[fieldDuplicate("spec.a[1]", "x"), 'spec.a[1]: Duplicate value: "x"'],
	[fieldForbidden("spec.a", "may not be set"), "spec.a: Forbidden: may not be set"],
	[fieldNotFound("spec.a", "x"), 'spec.a: Not found: "x"'],
	[fieldTooLong("spec.a", 63), "spec.a: Too long: may not be more than 63 bytes"],
	[fieldTooMany("spec.a", 21, 20), "spec.a: Too many: 21: must have at most 20 items"],
	[fieldTooMany("spec.a", 2, 1), "spec.a: Too many: 2: must have at most 1 item"],
	[fieldNotSupported("spec.a", "x", ["b", "a"]), 'spec.a: Unsupported value: "x": supported values: "a", "b"'],
	[fieldNotOneOf("spec.a", "x", ["b", "a"]), 'spec.a: Unsupported value: "x": supported values: "b", "a"'],
])("%s", (error, text) => {
	expect(String(error)).toBe(text);
});

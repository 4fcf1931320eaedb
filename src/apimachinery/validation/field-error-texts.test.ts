import { expect, test } from "vitest";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotFound,
	fieldNotOneOf,
	fieldNotSupported,
	fieldRequired,
	fieldTooLong,
	fieldTooMany,
} from "./field-error.ts";

test.each<[FieldError, string]>([
	[fieldRequired("a"), "a: Required value"],
	[fieldRequired("a", "say why"), "a: Required value: say why"],
	[fieldInvalid("a", -1, "must be positive"), "a: Invalid value: -1: must be positive"],
	[fieldInvalid("a", 'x"y', "bad"), 'a: Invalid value: "x\\"y": bad'],
	[fieldInvalid("a", true, "bad"), "a: Invalid value: true: bad"],
	[fieldInvalid("a", null, "bad"), "a: Invalid value: null: bad"],
	[fieldInvalid("a", { b: 1 }, "bad"), 'a: Invalid value: {"b":1}: bad'],
	[fieldInvalid("a", ["x", "y"], "bad"), 'a: Invalid value: ["x","y"]: bad'],
	[fieldDuplicate("a[1]", "x"), 'a[1]: Duplicate value: "x"'],
	[fieldForbidden("a", "may not"), "a: Forbidden: may not"],
	[fieldNotFound("a", "x"), 'a: Not found: "x"'],
	[fieldNotFound("a", "x", "must be one of y"), 'a: Not found: "x": must be one of y'],
	[fieldTooLong("a", 63), "a: Too long: may not be more than 63 bytes"],
	[fieldTooLong("a", 1), "a: Too long: may not be more than 1 byte"],
	[fieldTooMany("a", 3, 2), "a: Too many: 3: must have at most 2 items"],
	[fieldTooMany("a", 2, 1), "a: Too many: 2: must have at most 1 item"],
	[fieldNotSupported("a", "x", ["B", "A"]), 'a: Unsupported value: "x": supported values: "A", "B"'],
	[fieldNotOneOf("a", "x", ["B", "A"]), 'a: Unsupported value: "x": supported values: "B", "A"'],
])("%s", (error, text) => {
	expect(String(error)).toBe(text);
});

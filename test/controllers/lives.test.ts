import { expect, test } from "vitest";
import { createControllers } from "../../src/controllers/controllers.ts";
import { lives } from "./lives/index.ts";

test("every built-in controller has a life", () => {
	const none = () => "";
	const names = createControllers({ rootCa: none, signCertificate: none, signServiceAccountToken: none }).map(({ name }) => name);
	expect(Object.keys(lives).sort()).toEqual([...names].sort());
});

import { expect, test } from "vitest";
import { clockAheadIn } from "./client-ages.ts";

test.each([
	["kubectl describe pod web", "", 60_000, 60_000],
	["kubectl -n shop events", "", -30_000, -30_000],
	["kubectl describe pod web", "", 1_999, 0],
	["kubectl get events", "12s", 60_000, 0],
	["kubectl get pods; echo describe", "", 60_000, 0],
	["./look.sh", "<invalid>  Normal", 60_000, 60_000],
])("%s, which says %j, with a clock %d ms ahead: %d", (command, output, aheadMs, told) => {
	expect(clockAheadIn({ command, output, exitCode: 0 }, 1_000_000 + aheadMs, 1_000_000)).toBe(told);
});

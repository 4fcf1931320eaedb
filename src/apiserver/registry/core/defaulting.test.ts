import { describe, expect, it } from "vitest";
import { onceComplete, withDefaults } from "./defaulting.ts";

describe("a function that completes a value once", () => {
	const counted = (defaults: Readonly<Record<string, unknown>>) => {
		const looked: object[] = [];
		const complete = onceComplete((value: object) => {
			looked.push(value);
			return withDefaults(value, defaults);
		});
		return { complete, looked };
	};

	it("does not look again at what lacks nothing", () => {
		const { complete, looked } = counted({ replicas: 1 });
		const value = { replicas: 2 };
		expect([complete(value), complete(value)]).toEqual([value, value]);
		expect(complete(value)).toBe(value);
		expect(looked).toEqual([value]);
	});

	it("looks again at what lacked something, at a copy, and at what cannot be noted", () => {
		const { complete, looked } = counted({ replicas: 1 });
		const lacking = {};
		expect([complete(lacking), complete(lacking)]).toEqual([{ replicas: 1 }, { replicas: 1 }]);
		expect(looked).toHaveLength(2);
		const whole = { replicas: 2 };
		complete(whole);
		complete({ ...whole });
		expect(looked).toHaveLength(4);
		const frozen = Object.freeze({ replicas: 3 });
		expect([complete(frozen), complete(frozen)]).toEqual([frozen, frozen]);
		expect(looked).toHaveLength(6);
	});

	it("knows nothing of what another one has looked at", () => {
		const [one, other] = [counted({ replicas: 1 }), counted({ paused: false })];
		const value = { replicas: 2 };
		expect([one.complete(value), other.complete(value)]).toEqual([{ replicas: 2 }, { replicas: 2, paused: false }]);
	});
});
